"""The checked config as frozen records. Durations are seconds as they stand in the file; the walk converts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

from ..money import Money
from ..routing import Rule
from ..trust import TrustedAction
from .dotted import zone_of
from .secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextRetention:
    """Whether, and for how long, an order waits for a person."""

    enabled: bool
    ttl_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfig:
    """One account at one gateway. ``options`` are its settings without ``gateway``, defaults filled in.

    Accounts whose callbacks carry a time also get ``callback_tolerance_seconds``, from ``timeouts`` unless their own.
    References are resolved to :class:`Secret` (lists of references to tuples of them), ``state`` of a mock account to
    a :class:`pathlib.Path`. ``callback_path`` stands behind ``callbacks.base_url``.
    """

    name: str
    gateway: str
    options: Mapping[str, Any]
    callback_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long payflow waits, in seconds."""

    connect_seconds: float
    read_seconds: float
    total_seconds: float
    payment_seconds: int
    barcode_seconds: int
    callback_tolerance_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """How long callers' keys are remembered, and after how long an unfinished request may be taken over."""

    retention_seconds: int
    lease_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """How the worker goes about its work."""

    batch: int
    lease_seconds: int
    max_tries: int
    first_check_seconds: int
    longest_check_seconds: int
    poll_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerConfig:
    """When a silent gateway is left alone. ``redis``: where all processes share what they know."""

    failures: int
    cool_down_seconds: float
    redis: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfig:
    """Where payflow remembers. ``url`` is kept as a secret, because it may hold a password: ``url.text()``.

    ``shown_url`` is the same with the password masked, for people and logs.
    """

    url: Secret
    shown_url: str
    pool_size: int
    busy_timeout_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerStoreConfig(StoreConfig):
    """Where the ledger of credit is kept, if not with the payments.

    ``lease_seconds``: how long what is prepared there and not decided is left alone.
    """

    lease_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackConfig:
    """How the gateways reach us. ``base_url`` has no slash at its end; ``None`` if it was not given."""

    base_url: str | None
    max_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerConfig:
    """A function of the host for the messages in ``on``. ``call`` is its dotted name, ``module:function``."""

    name: str
    on: tuple[str, ...]
    call: str

    def function(self) -> Callable[..., Any]:
        """The function itself, imported now. Raises ``CONFIG_UNKNOWN_FUNCTION``."""
        from .dotted import function_of

        return function_of(self.call, f"$.handlers: handler '{self.name}'")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackConfig:
    """Credit that is sold in one piece. ``price`` is money; lifetimes are days, ``None`` is for ever."""

    name: str
    unit: str
    credit: int
    price: Money
    bonus: int = 0
    expires_days: int | None = None
    bonus_expires_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateConfig:
    """What free amounts cost: ``credit`` units for every ``per`` minor units, between ``least`` and ``most``."""

    unit: str
    currency: str
    credit: int
    per: int
    least: int = 1
    most: int | None = None
    expires_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletConfig:
    """Credit: its units with their caps, what is sold, and how it is held."""

    units: Mapping[str, Mapping[str, int]]  # unit → per_spend, per_day, per_month
    packs: tuple[PackConfig, ...]
    rates: tuple[RateConfig, ...]
    hold_ttl_seconds: int
    over: str
    refills: tuple[Mapping[str, Any], ...] = ()  # policies, as they stand in the file
    store: LedgerStoreConfig | None = None  # None: with the payments


@dataclass(frozen=True, slots=True)
class EffectiveValue:
    """One value that is in force. ``source`` is ``file``, ``environment`` or ``default``; ``where`` names it.

    ``value`` is text to show: secrets appear as where they come from, passwords in URLs as ``***``.
    """

    path: str
    value: str
    source: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything ``payflow.json`` says, checked and ready to use. Immutable: a reload makes a new one."""

    environment: str
    auto_confirm_order: bool
    payment_gateway: str | None
    context_retention: ContextRetention
    trusted_actions: tuple[TrustedAction, ...]
    secret: Secret
    accounts: Mapping[str, AccountConfig]
    routes: tuple[Rule, ...]
    policies: Mapping[str, str]
    timeouts: Timeouts
    idempotency: Idempotency
    worker: WorkerConfig
    breakers: BreakerConfig
    store: StoreConfig
    callbacks: CallbackConfig
    handlers: tuple[HandlerConfig, ...]
    wallet: WalletConfig
    tables: Mapping[str, Any]
    time_zone: str
    log_level: str
    effective: tuple[EffectiveValue, ...]
    path: Path | None = None  # the file it was read from; None: it was given as a mapping

    def notify_url(self, account: str) -> str | None:
        """Where the gateway of ``account`` reaches us; ``None`` without ``callbacks.base_url``."""
        base = self.callbacks.base_url
        return None if base is None else base + self.accounts[account].callback_path

    @property
    def zone(self) -> tzinfo:
        """``time_zone`` as a ``tzinfo``."""
        return zone_of(self.time_zone)
