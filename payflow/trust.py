"""May this action run without a person? And the token a person confirms with when it may not.

Pure: the amounts, the time and the secret are passed in. An action runs unattended only if the master switch
``auto_confirm_order`` is on, the action is declared, and the amount fits its ceilings in its own currency. Everything
else waits in ``created`` and is confirmed with a token that names one payment, one nonce and one end of validity.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .errors import ConfigError, TokenRefused
from .money import Money, text_from_minor

#: HMAC-SHA256 deserves a key as long as its result (RFC 2104 §3, https://www.rfc-editor.org/rfc/rfc2104#section-3).
MIN_SECRET_BYTES = 32

_VERSION = "pf1"
_MAX_TOKEN = 512
_MAC_TEXT = 43  # 32 bytes in base 64 without padding
_PART = re.compile(r"[0-9A-Za-z_\-]{1,64}", re.ASCII)
_INSTANT = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_CLAIMS = re.compile(rf"({_PART.pattern})\|({_PART.pattern})\|({_INSTANT.pattern})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What an action may spend unattended in one currency, in minor units. ``None``: that side has no ceiling."""

    per_payment: int | None = None
    per_day: int | None = None


@dataclass(frozen=True, slots=True)
class TrustedAction:
    """An action that may run without a person.

    ``ceilings`` maps a currency to its :class:`Ceiling`. ``None`` means that no ceiling was declared at all (any
    amount in any currency; ``payflow check`` warns). Once there are ceilings, a currency without one is not trusted.
    """

    action: str
    ceilings: Mapping[str, Ceiling] | None = None

    def __post_init__(self) -> None:
        if self.ceilings is not None:
            object.__setattr__(self, "ceilings", MappingProxyType(dict(self.ceilings)))


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of :meth:`Trust.decide`.

    reason: ``trusted``, ``auto_confirm_off``, ``not_trusted``, ``currency_not_trusted``, ``per_payment_ceiling`` or
    ``per_day_ceiling``. ``per_day_ceiling`` (minor units) is set whenever the action has one in that currency: the
    day's allowance must then be written together with the payment. ``text`` says it for people.
    """

    trusted: bool
    reason: str
    per_day_ceiling: int | None = None
    text: str = ""


class Trust:
    """The declared trusted actions, ready to be asked. Immutable, so it is shared between threads."""

    __slots__ = ("_actions", "_auto_confirm")

    def __init__(self, actions: Iterable[TrustedAction], *, auto_confirm: bool) -> None:
        """``auto_confirm`` is the config's ``auto_confirm_order``: off means that every payment waits for a person."""
        self._actions = {trusted.action: trusted for trusted in actions}
        self._auto_confirm = auto_confirm

    def decide(self, action: str, money: Money, used_today: int) -> Decision:
        """Whether ``action`` may pay ``money`` now, having spent ``used_today`` (minor units) today.

        Ceilings are inclusive: spending exactly the ceiling is allowed. A negative ``used_today`` is a programming
        error (``ValueError``): a wrong sum must never widen what is trusted.
        """
        if used_today < 0:
            raise ValueError("used_today is a sum of payments and cannot be negative")
        if not self._auto_confirm:
            return Decision(False, "auto_confirm_off", None, "auto_confirm_order is off: a person confirms")
        trusted = self._actions.get(action)
        if trusted is None:
            said = f"'{action}' is not one of the trusted actions" if action else "The payment names no action"
            return Decision(False, "not_trusted", None, said)
        if trusted.ceilings is None:
            return Decision(True, "trusted", None, f"'{action}' is trusted with any amount")
        ceiling = trusted.ceilings.get(money.currency)
        if ceiling is None:
            said = f"'{action}' has ceilings, but none in {money.currency}"
            return Decision(False, "currency_not_trusted", None, said)
        if ceiling.per_payment is not None and money.minor > ceiling.per_payment:
            limit = text_from_minor(ceiling.per_payment, money.currency)
            said = f"{money} is above what '{action}' may pay at once ({limit})"
            return Decision(False, "per_payment_ceiling", ceiling.per_day, said)
        if ceiling.per_day is not None and used_today + money.minor > ceiling.per_day:
            limit = text_from_minor(ceiling.per_day, money.currency)
            spent = text_from_minor(used_today, money.currency)
            said = f"{money} on top of {spent} is above what '{action}' may pay in a day ({limit})"
            return Decision(False, "per_day_ceiling", ceiling.per_day, said)
        return Decision(True, "trusted", ceiling.per_day, f"'{action}' is trusted with {money}")


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a genuine token says: this payment may be confirmed until ``expires_at`` (microseconds), once per nonce."""

    payment_id: str
    nonce: str
    expires_at: int


def issue_token(secret: bytes, payment_id: str, nonce: str, expires_at: int) -> str:
    """A confirmation token: ``pf1.<claims>.<HMAC-SHA256 of version and claims>``, safe in URLs and headers.

    The same arguments always make the same token, so a replayed request gets the token it got before. It is not
    secret what it says, only that we said it. Raises ``CONFIG_WEAK_SECRET`` for a secret under 32 bytes and
    ``ValueError`` for a payment id or nonce that is not 1 to 64 of ``0-9A-Za-z_-``.
    """
    if len(secret) < MIN_SECRET_BYTES:
        raise ConfigError(
            f"Confirmation tokens need a secret of at least {MIN_SECRET_BYTES} bytes",
            path="$.secret",
            code="CONFIG_WEAK_SECRET",
        )
    claims = f"{payment_id}|{nonce}|{expires_at}"
    if _CLAIMS.fullmatch(claims) is None:
        raise ValueError("A token takes a payment id and a nonce of 1 to 64 of 0-9A-Za-z_- and an instant")
    body = _unpadded(claims.encode("ascii"))
    mac = hmac.digest(secret, f"{_VERSION}|{claims}".encode("ascii"), "sha256")
    return f"{_VERSION}.{body}.{_unpadded(mac)}"


def read_token(secret: bytes, token: str, now: int) -> TokenClaims:
    """The claims of a genuine token that is still valid at ``now`` (microseconds).

    Raises ``TokenRefused``: ``TOKEN_FORGED`` for anything we did not issue letter by letter, ``TOKEN_EXPIRED`` for
    a genuine one from its last instant on. A forged token is never called expired. Whether it was used before, and
    whether it belongs to the payment at hand, is for the caller to check.
    """
    claims = _claims_of(token)
    if claims is None or len(secret) < MIN_SECRET_BYTES:
        raise TokenRefused("This is not a confirmation token of ours", code="TOKEN_FORGED")
    # What we would have issued for these claims is compared as a whole. No other spelling of the same bytes
    # (padding, trailing bits, other alphabets) can pass.
    genuine = issue_token(secret, claims.payment_id, claims.nonce, claims.expires_at)
    if not hmac.compare_digest(genuine.encode("ascii"), token.encode("ascii")):
        raise TokenRefused("This is not a confirmation token of ours", code="TOKEN_FORGED")
    if now >= claims.expires_at:
        raise TokenRefused(
            "This confirmation token is no longer valid; ask for the payment again",
            code="TOKEN_EXPIRED",
            payment_id=claims.payment_id,
        )
    return claims


def _claims_of(token: object) -> TokenClaims | None:
    """What the token claims, unproven; ``None`` when it cannot be one of ours."""
    if not isinstance(token, str) or len(token) > _MAX_TOKEN or not token.isascii():
        return None
    parts = token.split(".")
    if len(parts) != 3 or parts[0] != _VERSION or len(parts[2]) != _MAC_TEXT:
        return None
    try:
        text = base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    match = _CLAIMS.fullmatch(text)
    return TokenClaims(match[1], match[2], int(match[3])) if match else None


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
