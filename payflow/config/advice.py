"""What is allowed and bites all the same: settings a person should look at before real money moves.

Pure: a config in, advice out. Anything that would be wrong in every installation is an error in ``meaning`` instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import address
from .settings import Config

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to look at: a stable code, the setting it is about, and why."""

    code: str
    path: str
    message: str


def advise(config: Config) -> tuple[Advice, ...]:
    """Everything in this config that bites in production, or says something it does not mean."""
    return (*_place(config), *_callbacks(config), *_trust(config), *_time(config), *_store(config), *_routes(config))


def _place(config: Config) -> Iterator[Advice]:
    if _by_default(config, "environment"):
        yield Advice(
            "ENVIRONMENT_DEFAULT", "environment",
            "is 'development' by default, so that the mock gateway, sandboxes and plain http are accepted; "
            "say 'production' where money moves",
        )  # fmt: skip
    mocks = [name for name, account in config.accounts.items() if account.gateway == "mock"]
    if mocks and config.environment == "development":
        yield Advice("MOCK_ENABLED", f"gateways.{mocks[0]}", "the mock gateway is enabled: it moves no money")
    for name, account in config.accounts.items():
        if account.options.get("sandbox"):
            said = "a sandbox account is enabled: it moves no money"
            yield Advice("SANDBOX_ENABLED", f"gateways.{name}.sandbox", said)
    if config.log_level == "DEBUG":
        yield Advice("LOG_LEVEL_DEBUG", "log_level", "DEBUG writes a lot and slows every payment; INFO tells the story")


def _callbacks(config: Config) -> Iterator[Advice]:
    url = config.callbacks.base_url
    real = [name for name, account in config.accounts.items() if account.gateway != "mock"]
    if url is None:
        if real:
            yield Advice(
                "NO_BASE_URL", "callbacks.base_url",
                f"is not set: {' and '.join(real)} cannot be told where to call back, and payments are only found paid "
                "by asking",
            )  # fmt: skip
        return
    if address.loopback(url):
        if real:
            said = "is a loopback address, which no real gateway reaches"
            yield Advice("UNREACHABLE_URL", "callbacks.base_url", said)
    elif address.plain_http(url) and config.environment != "test":
        yield Advice("INSECURE_URL", "callbacks.base_url", "is plain http: anybody on the way reads the callbacks")


def _trust(config: Config) -> Iterator[Advice]:
    if config.trusted_actions and not config.auto_confirm_order:
        yield Advice("TRUST_WITHOUT_EFFECT", "trusted_actions", "have no effect while auto_confirm_order is false")
    if config.auto_confirm_order and not config.trusted_actions:
        yield Advice("TRUST_WITHOUT_EFFECT", "auto_confirm_order", "has no effect without trusted_actions")
    for index, trusted in enumerate(config.trusted_actions):
        path = f"trusted_actions[{index}]"
        if trusted.ceilings is None:
            said = f"'{trusted.action}' has no ceiling: it may spend any amount without a person"
            yield Advice("TRUST_WITHOUT_CEILING", path, said)
        for currency, ceiling in (trusted.ceilings or {}).items():
            if ceiling.per_day is None:
                said = f"'{trusted.action}' has no ceiling per day in {currency}: many small payments have no end"
                yield Advice("TRUST_WITHOUT_DAY_CEILING", f"{path}.ceilings.{currency}", said)
            elif ceiling.per_payment is not None and ceiling.per_payment > ceiling.per_day:
                said = "per_payment is above per_day and never reached"
                yield Advice("CEILING_WITHOUT_EFFECT", f"{path}.ceilings.{currency}", said)
    if not config.context_retention.enabled:
        said = "is false: an action that is not trusted is refused, since no person can confirm it later"
        yield Advice("NO_CONFIRMATION", "context_retention.enabled", said)


def _time(config: Config) -> Iterator[Advice]:
    times = config.timeouts
    if times.read_seconds > 30:
        said = "is long: a silent gateway keeps a thread for all that time"
        yield Advice("LONG_TIMEOUT", "timeouts.read_seconds", said)
    if times.total_seconds > 60:
        said = "is long: a slow gateway keeps a thread for all that time"
        yield Advice("LONG_TIMEOUT", "timeouts.total_seconds", said)
    if times.callback_tolerance_seconds < 60:
        said = "is short: a clock that is a little off refuses genuine callbacks"
        yield Advice("SHORT_TOLERANCE", "timeouts.callback_tolerance_seconds", said)
    if config.context_retention.ttl_seconds > times.payment_seconds:
        said = "is longer than timeouts.payment_seconds: a person may take longer to confirm than then remains to pay"
        yield Advice("LONG_CONFIRMATION", "context_retention.ttl_seconds", said)
    if config.idempotency.retention_seconds < _DAY:
        said = "is under a day: a caller that repeats its request later than that pays again"
        yield Advice("SHORT_RETENTION", "idempotency.retention_seconds", said)
    if config.policies.get("late_payment") == "hold":
        said = "'hold' waits for a person: somebody has to look at payflow incidents"
        yield Advice("LATE_PAYMENT_HELD", "policies.late_payment", said)


def _store(config: Config) -> Iterator[Advice]:
    sqlite = config.store.shown_url.startswith("sqlite")
    if sqlite and config.environment == "production":
        said = "is SQLite: one writer, on one machine, and only as durable as its disk"
        yield Advice("SQLITE_IN_PRODUCTION", "store.url", said)
    if sqlite and (config.store.shown_url.endswith(("://", ":memory:"))):
        said = "lives in memory: every payment is forgotten when the process ends"
        yield Advice("STORE_IN_MEMORY", "store.url", said)
    if not sqlite and _by_default(config, "store.pool_size"):
        said = f"is {config.store.pool_size} by default: more threads than that wait for a connection"
        yield Advice("POOL_SIZE_DEFAULT", "store.pool_size", said)


def _routes(config: Config) -> Iterator[Advice]:
    routed = {rule.account for rule in config.routes}
    declared = [rule for rule in config.routes if rule.name != "payment_gateway" or not rule.fallback]
    if declared and config.payment_gateway is not None and config.payment_gateway not in routed:
        said = "is ignored, because there are routes and none leaves its gateway out"
        yield Advice("PAYMENT_GATEWAY_IGNORED", "payment_gateway", said)
    for name in config.accounts:
        if name not in routed:
            yield Advice("ACCOUNT_UNUSED", f"gateways.{name}", "no route leads to this account")


def _by_default(config: Config, path: str) -> bool:
    return any(value.path == path and value.source == "default" for value in config.effective)
