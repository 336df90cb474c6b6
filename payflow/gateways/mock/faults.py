"""How the mock gateway is told to misbehave: by the amount, by a token, or by a fault that a test orders.

**By the amount.** The last two digits of the minor units, unless the payment carries tokens:

======  ======================  ====================================================================================
digits  token                   what happens
======  ======================  ====================================================================================
91      decline                 whatever the payer does, the bank declines: the trade ends in ``PAYERROR``
92      timeout_after_success   the order is stored, its answer never arrives: ``UNKNOWN``
93      lost                    the first request is lost on its way: nothing is stored, ``UNKNOWN``
94      lie                     the first callback of the payment claims an amount that is one minor unit lower
95      duplicate               every callback is sent three times
96      drop                    no callback is sent: only asking finds out
97      delay                   every callback is sent 30 seconds late
98      refund_fails            *of the refund's amount:* the refund ends in ``ABNORMAL``
99      refund_waits            *of the refund's amount:* the refund stays ``PROCESSING`` until it is asked about
======  ======================  ====================================================================================

**By a token** in the payment's metadata, ``{"mock": "drop"}``, several separated by spaces; all of the above, and:

======================  ===========================================================================================
token                   what happens
======================  ===========================================================================================
ok                      nothing in particular: switches the amounts off
instant                 paid as soon as it is ordered; refunds succeed in their answer
reject                  the order is refused: ``REJECTED``
never_sent              the first request does not leave this machine: ``NEVER_SENT``
late                    when the order is closed, its payer pays nevertheless, right afterwards
double_payment          the payer pays twice: two trade numbers, one order
bad_signature           the first delivery of the payment's first callback is signed wrongly; its repetition is right
reorder                 the first callback waits for the next one of its trade (at most a minute) and comes after it
======================  ===========================================================================================

**By order of a test**: :class:`Fault`, kept with the far side, so that it reaches every process that shares it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import InvalidRequest
from ...records import Payment
from .far_side import FarSide

if TYPE_CHECKING:
    import sqlite3

#: The last two digits of an amount → the token they stand for.
AMOUNTS: Mapping[int, str] = {
    91: "decline",
    92: "timeout_after_success",
    93: "lost",
    94: "lie",
    95: "duplicate",
    96: "drop",
    97: "delay",
    98: "refund_fails",
    99: "refund_waits",
}

#: Fault → the operation it strikes if nothing else is said, and every one it can strike.
_CALLS = ("charge", "query", "close", "refund", "query_refund")
KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "lost": ("charge", _CALLS),
    "never_sent": ("charge", _CALLS),
    "timeout_after_success": ("charge", _CALLS),
    "reject": ("charge", ("charge", "close", "refund")),
    "decline": ("pay", ("pay",)),
    "double_payment": ("pay", ("pay",)),
    "late": ("pay", ("pay", "close")),
    "refund_fails": ("refund", ("refund",)),
    "refund_waits": ("refund", ("refund",)),
    "drop": ("callback", ("callback",)),
    "delay": ("callback", ("callback",)),
    "duplicate": ("callback", ("callback",)),
    "reorder": ("callback", ("callback",)),
    "lie": ("callback", ("callback",)),
    "bad_signature": ("callback", ("callback",)),
}

TOKENS = frozenset(KINDS) | {"ok", "instant"}

#: Tokens that speak of the first time only; the walk must come through on the second.
_ONCE = frozenset({"lost", "never_sent", "timeout_after_success", "lie", "bad_signature", "reorder"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, ``times`` times (``None``: always), for one order or for all.

    ``op`` is ``charge``, ``query``, ``close``, ``refund``, ``query_refund``, ``pay`` or ``callback``; by default the
    one a fault is about. ``about`` narrows a callback fault to ``"trade"`` or ``"refund"`` callbacks. A ``late`` of
    ``pay`` lets the payer pay a closed order; a ``late`` of ``close`` makes them do it by themselves.

    ``per_mille`` strikes that many of a thousand, chosen by ``seed``, the order number and how often that operation was
    asked of it: the same run strikes the same calls, whatever the threads do.
    """

    kind: str
    op: str = ""
    times: int | None = 1
    out_trade_no: str | None = None
    about: str = ""
    delay_seconds: int = 30
    copies: int = 3
    changes: Mapping[str, Any] = field(default_factory=dict)  # what a lie claims; empty: one minor unit less
    per_mille: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        known = KINDS.get(self.kind)
        if known is None:
            raise InvalidRequest(f"There is no fault {self.kind!r}; there are {', '.join(sorted(KINDS))}")
        if not self.op:
            object.__setattr__(self, "op", known[0])
        if self.op not in known[1]:
            raise InvalidRequest(f"{self.kind} can strike {' or '.join(known[1])}, not {self.op!r}")
        if self.about not in ("", "trade", "refund"):
            raise InvalidRequest("about is 'trade', 'refund' or empty")
        if (self.times is not None and self.times < 1) or not 1 <= self.copies <= 100 or self.delay_seconds < 0:
            raise InvalidRequest("times and copies are at least 1, delay_seconds at least 0")


def by_token(kind: str, op: str) -> Fault:
    """The fault that a token stands for."""
    return Fault(kind=kind, op=op, times=None)


def tokens_of(payment: Payment) -> tuple[frozenset[str], bool]:
    """How a payment asks to be treated, and whether its amount (not its metadata) says so.

    Raises ``InvalidRequest`` for a token that does not exist: a misspelt one would make a test that tests nothing.
    """
    given = _metadata(payment).get("mock")
    if isinstance(given, str) and given.strip():
        tokens = frozenset(given.split())
        if not tokens <= TOKENS:
            unknown = ", ".join(sorted(tokens - TOKENS))
            raise InvalidRequest(f"No such mock token: {unknown[:80]}", code="MOCK_UNKNOWN_TOKEN")
        return tokens, False
    token = AMOUNTS.get(payment.amount % 100)
    return (frozenset() if token is None else frozenset({token})), True


def auth_code_of(payment: Payment) -> str:
    """The code on the payer's screen, for the channel ``barcode``; empty if the metadata has none."""
    given = _metadata(payment).get("auth_code")
    return given if isinstance(given, str) else ""


def _metadata(payment: Payment) -> Mapping[str, Any]:
    try:
        found = json.loads(payment.metadata)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class Faults:
    """The faults that are waiting to strike. They live with the far side and reach all who share it."""

    def __init__(self, far: FarSide, merchant: str) -> None:
        self._far = far
        self._merchant = merchant

    def add(self, fault: Fault) -> None:
        """Order a fault. Of several that fit, the oldest strikes."""
        with self._far.transaction() as sql:
            sql.execute(
                "INSERT INTO mock_fault (merchant, op, out_trade_no, times_left, fault) VALUES (?, ?, ?, ?, ?)",
                (self._merchant, fault.op, fault.out_trade_no, fault.times, json.dumps(asdict(fault))),
            )

    def waiting(self) -> list[Fault]:
        """Those that have not struck as often as they should yet; ``times`` is what is left."""
        with self._far.transaction() as sql:
            rows = sql.execute(
                "SELECT fault, times_left FROM mock_fault WHERE merchant = ? ORDER BY id", (self._merchant,)
            ).fetchall()
        return [Fault(**{**json.loads(text), "times": left}) for text, left in rows]

    def clear(self) -> None:
        """Everything works again. Tokens and amounts keep their meaning."""
        with self._far.transaction() as sql:
            sql.execute("DELETE FROM mock_fault WHERE merchant = ?", (self._merchant,))


def striking(
    sql: sqlite3.Connection, merchant: str, op: str, out_trade_no: str, tokens: frozenset[str], about: str = ""
) -> dict[str, Fault]:
    """What strikes this very call, by kind: the tokens that fit, and the oldest fault that was ordered."""
    count = _counted(sql, merchant, f"{op} {about}".strip(), out_trade_no)
    found: dict[str, Fault] = {}
    for token in sorted(tokens):
        if token in KINDS and op in KINDS[token][1] and _speaks(token, op, about, count):
            found[token] = by_token(token, op)
    ordered = _ordered(sql, merchant, op, out_trade_no, about, count)
    if ordered is not None:
        found[ordered.kind] = ordered
    return found


def _speaks(kind: str, op: str, about: str, count: int) -> bool:
    """Whether a token means this call: calls other than the order itself are not disturbed by tokens."""
    if kind == "late":
        return op == "close"  # its payer does it alone, at closing
    if op in _CALLS and op != KINDS[kind][0]:
        return False
    if kind in ("lie", "bad_signature", "reorder") and about == "refund":
        return False
    return kind not in _ONCE or count == 1


def _ordered(
    sql: sqlite3.Connection, merchant: str, op: str, out_trade_no: str, about: str, count: int
) -> Fault | None:
    rows = sql.execute(
        "SELECT id, fault, times_left FROM mock_fault WHERE merchant = ? AND op = ?"
        " AND (out_trade_no IS NULL OR out_trade_no = ?) ORDER BY id",
        (merchant, op, out_trade_no),
    ).fetchall()
    for number, text, left in rows:
        fault = Fault(**json.loads(text))
        if fault.about not in ("", about) or not _hits(fault, out_trade_no, count):
            continue
        if left == 1:
            sql.execute("DELETE FROM mock_fault WHERE id = ?", (number,))
        elif left is not None:
            sql.execute("UPDATE mock_fault SET times_left = times_left - 1 WHERE id = ?", (number,))
        return fault
    return None


def _hits(fault: Fault, out_trade_no: str, count: int) -> bool:
    if fault.per_mille >= 1000:
        return True
    name = f"{fault.seed} {fault.kind} {fault.op} {out_trade_no} {count}"
    drawn = int.from_bytes(hashlib.blake2b(name.encode("utf-8"), digest_size=8).digest(), "big")
    return drawn % 1000 < fault.per_mille


def _counted(sql: sqlite3.Connection, merchant: str, op: str, out_trade_no: str) -> int:
    """The how-manieth time this is, from 1."""
    row = sql.execute(
        "INSERT INTO mock_seen (merchant, op, out_trade_no, times) VALUES (?, ?, ?, 1)"
        " ON CONFLICT (merchant, op, out_trade_no) DO UPDATE SET times = times + 1 RETURNING times",
        (merchant, op, out_trade_no),
    ).fetchone()
    return int(row[0])
