"""What the far side still has to tell us: its queue of callbacks, and how they get here.

A callback is queued in the transaction that made it true, and sent when it is due: by ``MockGateway.pump`` or by its
background thread. Each delivery is signed afresh. Only status 200 is an acknowledgement; after anything else it comes
again after 15 s, 15 s, 30 s, 3 min, 10 min, 20 min, 3 × 30 min, 1 h, 3 × 3 h and 2 × 6 h, as WeChat Pay does it, and
then no more.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...clock import SECOND
from ...errors import CallbackRefused, ConfigError, PayflowError
from ...gateway import Callback, Reply
from .far_side import FarSide
from .faults import Fault, striking
from .signed import Mac
from .words import Trade, TradeRefund, paid_statement, refund_statement, statements

if TYPE_CHECKING:
    import sqlite3

logger = logging.getLogger("payflow.gateways")

#: Seconds from one refused delivery to the next.
RETRIES = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
#: The bytes that acknowledge a callback, with status 200.
OK = b"ok"

_LEASE = 60 * SECOND  # whoever took a callback to send it and died has lost it after this
_HELD = 60 * SECOND  # a callback that waits for the next one waits no longer than this


@dataclass(frozen=True, slots=True)
class MockCallback:
    """One delivery, as it goes over the wire; ``number`` and ``tries`` say which one of how many it is."""

    account: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    method: str = "POST"
    number: int = 0
    tries: int = 1

    def as_callback(self) -> Callback:
        """The same, as payflow receives it."""
        return Callback(self.account, self.headers, self.body, self.method)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A callback in the queue: what it says, when it is due, how it went."""

    number: int
    account: str
    out_trade_no: str
    body: bytes
    due_at: int
    tries: int
    ended_at: int | None  # acknowledged, dropped or given up
    last_status: int | None  # of the last delivery; 0: no answer; None: never delivered


@dataclass(frozen=True, slots=True)
class PumpReport:
    """What one pumping did: deliveries made, and how many of them were acknowledged."""

    sent: int = 0
    accepted: int = 0


Deliver = Callable[[MockCallback], int]


# -- ways of delivering --------------------------------------------------------------------------------------------


class InProcessDelivery:
    """Hands callbacks to ``flow.receive`` of this very process; returns the status a door would have answered with."""

    def __init__(self, receive: Callable[[Callback], Reply]) -> None:
        self._receive = receive

    def __call__(self, callback: MockCallback) -> int:
        try:
            return self._receive(callback.as_callback()).status
        except CallbackRefused as refused:
            return refused.status
        except PayflowError as error:
            return error.http_status


class HttpDelivery:
    """Posts callbacks to the host, as a gateway would: no redirects, no proxies, no retries of its own.

    ``url_for_account`` gives the http or https URL for an account's name; ``timeout`` is in seconds, to connect and to
    read.
    Anything but 200 with the body ``ok`` is a refusal; no answer at all is status 0.
    """

    def __init__(self, url_for_account: Callable[[str], str], timeout: tuple[int, int] = (3, 10)) -> None:
        import requests

        self._url_for_account = url_for_account
        self._timeout = timeout
        self._failed = requests.RequestException
        self._session = requests.Session()
        self._session.trust_env = False

    def __call__(self, callback: MockCallback) -> int:
        url = self._url_for_account(callback.account)
        if urlsplit(url).scheme not in ("http", "https"):
            raise ConfigError("Callbacks go to http or https addresses only", code="CONFIG_CALLBACK_URL")
        try:
            with self._session.post(
                url, data=callback.body, headers=dict(callback.headers), timeout=self._timeout, allow_redirects=False,
                stream=True,
            ) as response:  # fmt: skip
                told = response.raw.read(len(OK) + 1, decode_content=False)
                acknowledged = response.status_code == 200 and told == OK
                return 200 if acknowledged else (response.status_code if response.status_code != 200 else 0)
        except self._failed as error:
            logger.info("A mock callback found nobody (%s)", type(error).__name__)
            return 0


# -- queueing ------------------------------------------------------------------------------------------------------


def tell_trade(sql: sqlite3.Connection, trade: Trade, now: int) -> None:
    """Queue what the far side has to say about a trade as it is now: the last thing that happened to it."""
    said = paid_statement(trade, trade.captures[-1]) if trade.captures else statements(trade)[-1]
    _queue(sql, trade, said, "trade", now)


def tell_refund(sql: sqlite3.Connection, trade: Trade, refund: TradeRefund, now: int) -> None:
    """Queue how a refund of a trade ended."""
    _queue(sql, trade, refund_statement(trade, refund), "refund", now)


def _queue(sql: sqlite3.Connection, trade: Trade, said: Mapping[str, Any], about: str, now: int) -> None:
    faults = striking(sql, trade.merchant, "callback", trade.out_trade_no, trade.tokens, about)
    body = body_of(_lied(said, faults["lie"]) if "lie" in faults else said)
    due = now + faults["delay"].delay_seconds * SECOND if "delay" in faults else now
    held, flaw, ended = 0, "", None
    if "drop" in faults:
        flaw, ended = "drop", now
    elif "bad_signature" in faults:
        flaw = "bad_signature"
    if "reorder" in faults:
        held, due = 1, now + _HELD
    for _ in range(faults["duplicate"].copies if "duplicate" in faults else 1):
        sql.execute(
            "INSERT INTO mock_outgoing (merchant, account, out_trade_no, body, flaw, due_at, tries, held, ended_at)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)",
            (trade.merchant, trade.account, trade.out_trade_no, body.decode("utf-8"), flaw, due, held, ended),
        )
    if not held and ended is None:  # whatever waited for this one comes right after it
        sql.execute(
            "UPDATE mock_outgoing SET held = 2, due_at = ? WHERE merchant = ? AND out_trade_no = ? AND held = 1"
            " AND ended_at IS NULL",
            (due, trade.merchant, trade.out_trade_no),
        )


def _lied(said: Mapping[str, Any], fault: Fault) -> dict[str, Any]:
    return {**said, **(fault.changes or {"amount": said["amount"] - 1 or 2})}


def body_of(said: Mapping[str, Any]) -> bytes:
    """The body of a callback that states this. The same statement has the same ``id`` and the same bytes."""
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    notice = "MN" + hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=13).hexdigest().upper()
    return json.dumps({"id": notice, **said}, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def queued(sql: sqlite3.Connection, merchant: str, out_trade_no: str | None, limit: int) -> list[Outgoing]:
    """Callbacks of one order, or of all, in the order in which they were queued."""
    rows = sql.execute(
        "SELECT id, account, out_trade_no, body, due_at, tries, ended_at, last_status FROM mock_outgoing"
        " WHERE merchant = ? AND (? IS NULL OR out_trade_no = ?) ORDER BY id LIMIT ?",
        (merchant, out_trade_no, out_trade_no, limit),
    ).fetchall()
    return [Outgoing(number, account, order, body.encode(), *rest) for number, account, order, body, *rest in rows]


# -- sending -------------------------------------------------------------------------------------------------------


class Sender:
    """Sends one account's callbacks when they are due. Two senders never send the same one at the same time."""

    def __init__(self, far: FarSide, account: str, mac: Mac) -> None:
        self._far = far
        self._account = account
        self._mac = mac

    def signed(self, body: bytes, at: int) -> MockCallback:
        """A genuine callback with this body, signed at the instant ``at``."""
        return MockCallback(self._account, self._mac.headers(body, at, secrets.token_hex(16)), body)

    def pump(self, deliver: Deliver, now: int, limit: int) -> PumpReport:
        """Send what is due by ``now``, oldest first, at most ``limit`` deliveries."""
        sent = accepted = 0
        while sent < limit:
            taken = self._take(now)
            if taken is None:
                break
            status = self._deliver(deliver, taken)
            self._ended(taken, status, now)
            sent += 1
            accepted += status == 200
        return PumpReport(sent, accepted)

    def _take(self, now: int) -> MockCallback | None:
        with self._far.transaction() as sql:
            row = sql.execute(
                "SELECT id, body, flaw, tries FROM mock_outgoing WHERE account = ? AND ended_at IS NULL AND due_at <= ?"
                " AND (lease_until IS NULL OR lease_until <= ?) ORDER BY due_at, held, id LIMIT 1",
                (self._account, now, now),
            ).fetchone()
            if row is None:
                return None
            number, text, flaw, tries = row
            sql.execute(
                "UPDATE mock_outgoing SET lease_until = ?, tries = tries + 1 WHERE id = ?", (now + _LEASE, number)
            )
        body = text.encode("utf-8")
        wrong = flaw == "bad_signature" and tries == 0
        headers = self._mac.headers(body + b" " if wrong else body, now, secrets.token_hex(16))
        return MockCallback(self._account, headers, body, number=number, tries=tries + 1)

    def _deliver(self, deliver: Deliver, callback: MockCallback) -> int:
        try:
            return int(deliver(callback))
        except Exception:  # whatever breaks in the host, its gateway sends again
            logger.warning("Delivering a mock callback broke; it is sent again", exc_info=True)
            return 0

    def _ended(self, callback: MockCallback, status: int, now: int) -> None:
        last = status == 200 or callback.tries > len(RETRIES)
        due = now if last else now + RETRIES[callback.tries - 1] * SECOND
        with self._far.transaction() as sql:
            sql.execute(
                "UPDATE mock_outgoing SET lease_until = NULL, last_status = ?, due_at = ?, ended_at = ? WHERE id = ?",
                (status, due, now if last else None, callback.number),
            )
