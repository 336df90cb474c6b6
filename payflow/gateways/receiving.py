"""What the gateways that so far only receive have in common: refused verbs, checked ids and times read strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Protocol

from ..clock import SECOND
from ..errors import CallbackRefused, Refused
from ..gateway import Answer
from ..records import Payment, Refund

#: As many bytes as a callback may have; genuine ones have one or two thousand.
MAX_BODY = 65_536
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_ID = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)
_DATE_AND_TIME = r"2[01][0-9]{2}-[0-9]{2}-[0-9]{2}%s[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
_LOCAL = re.compile(_DATE_AND_TIME % " ", re.ASCII)
_RFC3339 = re.compile(_DATE_AND_TIME % "T" + r"(?:Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII)
#: Longer texts for people are not what either gateway documents for any of its fields.
_MAX_WORD = 1024


class ReceivingOnly:
    """The verbs of a gateway whose sending half comes with a later release of payflow.

    ``capabilities.operations`` is empty, so the flow refuses every verb before it gets here; a direct call is refused
    with the same code. Callbacks of such a gateway settle payments that the host sent itself: see ``Flow.expect``.
    """

    kind: str

    def charge(self, payment: Payment) -> Answer:
        """Raises ``Refused``: ``OPERATION_UNSUPPORTED``."""
        raise self._unsupported("charge", payment)

    def query(self, payment: Payment) -> Answer:
        """Raises ``Refused``: ``OPERATION_UNSUPPORTED``."""
        raise self._unsupported("query", payment)

    def close(self, payment: Payment) -> Answer:
        """Raises ``Refused``: ``OPERATION_UNSUPPORTED``."""
        raise self._unsupported("close", payment)

    def refund(self, payment: Payment, refund: Refund) -> Answer:
        """Raises ``Refused``: ``OPERATION_UNSUPPORTED``."""
        raise self._unsupported("refund", payment, refund)

    def query_refund(self, payment: Payment, refund: Refund) -> Answer:
        """Raises ``Refused``: ``OPERATION_UNSUPPORTED``."""
        raise self._unsupported("query_refund", payment, refund)

    def _unsupported(self, operation: str, payment: Payment, refund: Refund | None = None) -> Refused:
        return Refused(
            f"The gateway {self.kind} only receives so far: it cannot {operation}", code="OPERATION_UNSUPPORTED",
            operation=operation, payment_id=payment.id, refund_id=refund.id if refund else None,
        )  # fmt: skip


class Revealing(Protocol):
    """A secret of the config."""

    def reveal(self) -> bytes: ...


def revealed(value: Revealing | bytes | str) -> bytes:
    """The bytes of a secret, whether the config wrapped it or a test gave it bare."""
    if isinstance(value, bytes):
        return value
    return value.encode("utf-8") if isinstance(value, str) else value.reveal()


def checked_id(value: Any, what: str) -> str:
    """``value`` if it is 1–64 visible ASCII characters; ``CALLBACK_MALFORMED`` otherwise.

    Ours are a subset of that, so nothing that could be about an order of ours is refused here.
    """
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise malformed(f"{what} is missing or not an id")
    return value


def optional_id(value: Any, what: str) -> str | None:
    """Like :func:`checked_id`, with ``None`` for what is absent or empty."""
    return None if value is None or value == "" else checked_id(value, what)


def words_of(said: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    """The gateway's own words under these names, kept verbatim for people; what is not a text is left out."""
    words: dict[str, str] = {}
    for name in names:
        value = said.get(name)
        if not value or not isinstance(value, str):
            continue
        if len(value) > _MAX_WORD:
            raise malformed(f"{name} is too long")
        words[name] = value
    return words


def beijing_instant(text: str | None) -> int | None:
    """``2019-08-15 15:56:24`` (fractions allowed), Beijing time, as an instant; ``None`` for anything else."""
    return _instant(text + "+08:00") if text and _LOCAL.fullmatch(text) else None


def rfc3339_instant(text: Any) -> int | None:
    """``2018-06-08T10:34:56+08:00`` as an instant; ``None`` for anything else, also where the offset is missing."""
    return _instant(text) if isinstance(text, str) and _RFC3339.fullmatch(text) else None


def _instant(text: str) -> int | None:
    """An instant between 2000 and 2199 whose form is known to be right; ``None`` for a day or an hour that is not."""
    try:
        since = datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        return None
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def escaped(body: bytes) -> str:
    """A body as the inside of a JSON string. A strict reader took it: its only control characters are white space."""
    body = body.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return body.replace(b"\n", b"\\n").replace(b"\r", b"\\r").replace(b"\t", b"\\t").decode("utf-8")


def malformed(why: str) -> CallbackRefused:
    """A message that does not say what it has to, or not in the documented form."""
    return CallbackRefused(why, code="CALLBACK_MALFORMED")


def too_large() -> CallbackRefused:
    """A message that no gateway sends."""
    return CallbackRefused("The callback is too large", code="CALLBACK_TOO_LARGE", status=413)


def unauthentic(why: str, code: str) -> CallbackRefused:
    """A message that proves nothing: 401."""
    return CallbackRefused(why, code=code, status=401)
