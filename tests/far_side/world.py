"""One shop whose gateways are the sandbox: payflow as a host opens it, its callbacks over real HTTP, and one clock.

The clock runs as the machine's does and can be moved forward; the far side and payflow go by the same one, so that an
hour of waiting is one step for both.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import requests

import payflow
from payflow.clock import SECOND, system_clock
from payflow.doctor import broken
from payflow.flow import Flow, Result
from payflow.gateway import NextAction
from payflow.money import Money
from payflow.records import Message, Payment, Refund
from payflow.sandbox import Material, Sandbox
from payflow.sandbox.books import Order
from payflow.worker import Handlers
from payflow.wsgi import callbacks_app

ALIPAY = ("alipay", "alipay-certificate")
WECHAT = ("wechat", "wechat-public-key", "wechat-switch")
ACCOUNTS = ALIPAY + WECHAT

#: What each product needs to know of its payer.
PAYERS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "alipay": {
        "page": {"return_url": "http://127.0.0.1/thanks"},
        "wap": {"quit_url": "http://127.0.0.1/cart"},
        "app": {},
        "qr": {},
        "barcode": {"auth_code": "28763443825664390401"},
        "mini_program": {"buyer_id": "2088000000000002"},
    },
    "wechat": {
        "jsapi": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
        "mini_program": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
        "app": {},
        "h5": {"client_ip": "127.0.0.1", "h5_type": "Wap"},
        "qr": {},
        "barcode": {"auth_code": "130000000000000001", "store_id": "shop-1"},
    },
}


def kind_of(account: str) -> str:
    """The gateway behind an account."""
    return account.partition("-")[0]


class Hand:
    """The machine's clock, moved forward by hand."""

    def __init__(self) -> None:
        self._ahead = 0

    def __call__(self) -> int:
        return system_clock() + self._ahead

    def forward(self, seconds: float) -> None:
        self._ahead += int(seconds * SECOND)

    def until(self, at: int) -> None:
        self._ahead += max(0, at - self())


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nobody reads along."""


class World:
    """The shop, its worker, its door and the far side."""

    def __init__(self, folder: Path, material: Material, config: Mapping[str, Any] | None = None, **how: Any) -> None:
        accounts: Sequence[str] = how.pop("accounts", ACCOUNTS)
        change: Callable[[str, dict[str, Any]], None] | None = how.pop("change", None)
        self.clock = Hand()
        self.seed = how.get("seed", 1)
        self.sandbox = Sandbox(
            **{"clock": self.clock, "material": material, "refund_seconds": 0.05, "seed": self.seed, **how}
        ).start()
        self.books = self.sandbox.books
        self._door = make_server("127.0.0.1", 0, self._receive, _Threads, _Silent)
        self.door = f"http://127.0.0.1:{self._door.server_port}"
        threading.Thread(target=self._door.serve_forever, args=(0.02,), daemon=True).start()
        gateways: dict[str, dict[str, Any]] = {}
        for name in accounts:
            gateways[name] = dict(self.sandbox.account(name, folder=folder / "keys"))
            if change is not None:
                change(name, gateways[name])
        (folder / "secret").write_bytes(b"a secret that only this shop knows")
        self._database = folder / "payflow.db"
        written = {
            "version": 1,
            "secret": {"file": str(folder / "secret")},
            "auto_confirm_order": True,
            "trusted_actions": [
                {"action": "buy", "ceilings": {"CNY": {"per_payment": "100000.00", "per_day": "9000000.00"}}}
            ],
            "gateways": gateways,
            "routes": [{"name": "all", "fallback": True, "gateway": accounts[0]}],
            "policies": {"late_payment": "refund"},
            "timeouts": {"connect_seconds": 0.5, "read_seconds": 1, "total_seconds": 3},
            "callbacks": {"base_url": self.door},
            "worker": {"first_check_seconds": 1},
            "breakers": {"failures": 1000},
            "store": {"url": f"sqlite:///{self._database}"},
            **(config or {}),
        }
        (folder / "payflow.json").write_text(json.dumps(written))
        self.flow: Flow = payflow.open_flow(payflow.load(folder / "payflow.json"), clock=self.clock, migrate=True)
        self._app = callbacks_app(self.flow)
        self.told: list[Message] = []
        handlers = Handlers()
        handlers.add("remember", ("*",), lambda message, _: self.told.append(message))
        self.worker = payflow.open_worker(self.flow, handlers)
        self._count = 0

    def _receive(self, environ: Any, start_response: Any) -> Any:
        return self._app(environ, start_response)

    def stop(self) -> None:
        self.sandbox.delivery._stopping.set()
        self.sandbox.fault("delay")  # a change of the books wakes who sends callbacks; else stopping takes its nap
        self.sandbox.stop()
        self._door.shutdown()
        self._door.server_close()
        for gateway in self.flow.gateways.values():
            client = getattr(gateway, "_client", None)
            if client is not None:
                client._transport.close()
        self.flow.store.close()

    # -- what the host does -----------------------------------------------------------------------------------------

    def pay(self, account: str, channel: str = "qr", minor: int = 1250, **more: Any) -> Result:
        """A payment, sent at once. Its description is its own: orders at the far side can be counted by it."""
        self._count += 1
        note = {**PAYERS[kind_of(account)][channel], **more.pop("metadata", {})}
        said = {"description": f"drill {self._count:04d}", "action": "buy", "key": f"pay-{self._count}", **more}
        return self.flow.pay(amount=Money(minor, "CNY"), channel=channel, account=account, metadata=note, **said)

    def now(self, payment: Payment) -> Payment:
        return self.flow.payment(payment.id)

    def refund(self, payment: Payment, minor: int | None = None, key: str = "") -> Refund:
        amount = None if minor is None else Money(minor, "CNY")
        found = self.flow.refund(payment.id, key=key or f"back-{payment.id}-{minor}", amount=amount).refund
        assert found is not None
        return found

    def paid(self, account: str, channel: str = "qr", minor: int = 1250, **more: Any) -> Payment:
        """A payment that its payer has paid, and whose callback has come."""
        result = self.pay(account, channel, minor, **more)
        self.arrive(result.payment)
        if self.now(result.payment).status != "paid":
            self.payer_pays(result.payment)
            self.wait_for(lambda: self.now(result.payment).status == "paid")
        return self.now(result.payment)

    def arrive(self, payment: Payment) -> None:
        """The order is at the far side. On a busy machine the first call may have had no answer in time: then the
        worker asks and sends it again."""
        for _ in range(5):
            if self.books.find_orders(kind_of(payment.account), payment.out_trade_no):
                return
            self.clock.until(self.now(payment).next_check_at or 0)
            self.worker.round()

    # -- what a payer does ------------------------------------------------------------------------------------------

    def payer_pays(self, payment: Payment) -> Order:
        """The payer opens it and pays, and the callback goes out."""
        paid = self.sandbox.pay(payment.out_trade_no)
        self.sandbox.deliver()
        return paid

    def open_as_payer(self, action: NextAction) -> str:
        """What the payer's client does with a next action; the address of the cashier it ends at."""
        data: Mapping[str, Any] = action.data
        if action.kind in ("redirect", "qr") and str(data.get("url", data.get("text"))).startswith("http"):
            return self._browsed("GET", str(data.get("url", data.get("text"))))
        if action.kind == "form":
            return self._browsed(data["method"], data["url"], data["fields"])
        if action.kind == "qr":
            return self._client("/wechat/client", json.dumps({"code_url": data["text"]}))
        if "order_string" in data:
            return self._client("/sandbox/alipay/app", data["order_string"])
        if "params" in data and "tradeNO" not in data["params"]:
            return self._client("/wechat/client", json.dumps(data["params"]))
        order = self.books.order_of_number("alipay", "2088000000000001", data["trade_no"])
        assert order is not None
        return self.sandbox.sides["alipay"].cashier_address(order)  # type: ignore[attr-defined]  # both sides have it

    def _browsed(self, method: str, url: str, fields: Mapping[str, str] | None = None) -> str:
        page = requests.request(method, url, data=fields, timeout=5)
        assert page.status_code == 200, page.text
        return page.url

    def _client(self, path: str, body: str) -> str:
        answer = requests.post(self.sandbox.url + path, data=body.encode(), timeout=5)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["cashier_url"])

    def click(self, cashier: str, button: str = "pay") -> None:
        """A button of the cashier's."""
        address, _, query = cashier.partition("?")
        answer = requests.post(
            f"{address}/{button}{'?' + query if query else ''}", headers={"Origin": self.sandbox.url}, timeout=5
        )
        assert answer.status_code == 200, answer.text

    # -- time -------------------------------------------------------------------------------------------------------

    def wait_for(self, what: Callable[[], bool], seconds: float = 5.0) -> None:
        """Until ``what`` is true, in the machine's own time."""
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, "It did not come about"
            self.sandbox.deliver()
            time.sleep(0.01)

    def no_more_faults(self) -> None:
        for fault in self.books.faults():
            self.books.remove_fault(fault.id)

    def calm(self, rounds: int = 400) -> None:
        """No more faults; then everything that is due by and by, on both sides, until nothing is."""
        self.no_more_faults()
        for _ in range(rounds):
            self.sandbox.deliver()
            self.worker.round()
            due = self._next_due()
            if due is None:
                return
            self.clock.until(due)
        raise AssertionError(f"It does not end: {self.rows('select * from pf_payment where next_check_at > 0')}")

    def _next_due(self) -> int | None:
        theirs = self.sandbox.trades.next_due()
        ours = self.rows(
            "select min(at) from (select min(next_check_at) at from pf_payment"
            " union all select min(due_at) from pf_message where delivered_at is null)"
        )[0][0]
        found = [at for at in (ours, theirs) if at is not None]
        return min(found) if found else None

    # -- what is true -----------------------------------------------------------------------------------------------

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """A look into payflow's own tables."""
        with sqlite3.connect(self._database, timeout=30) as connection:
            return connection.execute(statement, values).fetchall()

    def payments(self) -> list[Payment]:
        return [self.flow.payment(name) for (name,) in self.rows("select id from pf_payment order by id")]

    def refunds_of(self, payment: Payment) -> list[Refund]:
        facts = self.flow.store.history(payment.id)
        assert facts is not None
        return list(facts.refunds)

    def incidents(self, payment: Payment | None = None) -> list[tuple[str, str]]:
        where = "" if payment is None else f" where payment_id = '{payment.id}'"
        return self.rows(f"select kind, status from pf_incident{where} order by id")

    def booked(self, payment: Payment) -> int:
        """What the ledger says the gateway holds for us of this payment."""
        found = self.rows(
            "select coalesce(sum(e.amount), 0) from pf_entry e join pf_journal j on j.id = e.journal_id"
            " where j.payment_id = ? and e.ledger_account like 'gateway:%'", payment.id,
        )  # fmt: skip
        return int(found[0][0])

    def calls(self, payment: Payment, operation: str) -> list[str]:
        """The faults of each call that arrived about a payment, oldest first."""
        found = self.books.newest_calls(10_000, payment.out_trade_no)
        return [",".join(call.faults) for call in reversed(found) if call.operation == operation]

    def agree(self, payments: Sequence[Payment] | None = None) -> None:
        """payflow and the far side say the same of every payment, and no invariant is broken."""
        findings = broken(self.flow.store)
        assert not findings, "\n".join(f"{one.invariant.number} {one.invariant.says}: {one.rows}" for one in findings)
        orders = self.books.newest_orders(100_000)
        for payment in payments if payments is not None else self.payments():
            self._agrees(self.now(payment), orders)
        keys = [message.key for message in self.told]
        assert len(keys) == len(set(keys)), "A handler was told twice"

    def _agrees(self, payment: Payment, orders: Sequence[Order]) -> None:
        same = [one for one in orders if (one.gateway, one.merchants_no) == (payment.gateway, payment.out_trade_no)]
        alike = [one for one in orders if one.subject == payment.description and not one.extra.get("second_of")]
        assert len(alike) <= 1, f"{payment.description} has {len(alike)} order numbers"
        first = next((one for one in same if not one.extra.get("second_of")), None)
        theirs = [(one.product, one.state, one.amount, one.refunded, one.number) for one in same]
        told = {
            "ours": (payment.account, payment.status, payment.captured, payment.refunded), "theirs": theirs,
            "booked": self.booked(payment), "incidents": self.incidents(payment),
            "callbacks": [
                (one.kind, one.state, one.last_status, one.tries, one.content.get("number"))
                for one in self.books.newest_callbacks(100_000) if one.out_trade_no == payment.out_trade_no
            ],
            "back": [(one.out_refund_no, one.amount, one.status) for one in self.refunds_of(payment)],
        }  # fmt: skip
        paid = [one for one in same if one.paid_at and not self._untold(payment, one)]
        cancelled = f"{payment.out_trade_no}_cancel"
        given_back = first is not None and (
            first.state == "reversed" or self.books.refund(first.gateway, first.merchant, cancelled) is not None
        )
        if given_back:  # paid between our question and our cancelling, which gives all of it back: see test_code_pay
            assert payment.channel == "barcode", told
            assert self.booked(payment) == 0 or "open" in {status for _, status in self.incidents(payment)}, told
            return
        assert self.booked(payment) == sum(one.amount - one.refunded for one in paid), told
        assert not payment.unresolved, told
        assert not payment.reserved, told
        if not paid:
            assert payment.status in ("cancelled", "failed"), told
            assert payment.captured == 0, told
        elif payment.captured:
            expected = (
                "refunded" if payment.refunded == payment.captured else
                "partially_refunded" if payment.refunded else "paid"
            )  # fmt: skip
            assert payment.status == expected, told
            assert any(one.number == payment.gateway_txn and one.refunded == payment.refunded for one in paid), told
        else:  # it came after we had closed it, and went back
            assert payment.status in ("cancelled", "failed"), told
            assert {kind for kind, _ in self.incidents(payment)} & {"late_payment"}, told
        self._refunds_agree(payment, same, told)

    def _untold(self, payment: Payment, order: Order) -> bool:
        """Whether nobody told us: of two payments of one order, of one after the closing, or of one that came after
        we had cancelled what Alipay could not close yet — with a callback that was lost. Only the bill tells of them.
        """
        second = bool(payment.captured) and order.number != payment.gateway_txn
        open_there = payment.status == "cancelled" and not order.closed_at and order.gateway == "alipay"
        if not (second or open_there or order.extra.get("late")):
            return False
        sent = [
            one for one in self.books.newest_callbacks(100_000)
            if (one.out_trade_no, one.content.get("number")) == (order.merchants_no, order.number)
        ]  # fmt: skip
        return all(one.state == "lost" for one in sent)

    def _refunds_agree(self, payment: Payment, orders: Sequence[Order], told: object) -> None:
        theirs = {
            back.out_refund_no: back for one in orders for back in self.books.refunds_of(one)
        } | {
            back.out_refund_no: back
            for one in orders if one.extra.get("second_of")
            for back in self.books.refunds_of(one)
        }  # fmt: skip
        ours = {back.out_refund_no: back for back in self.refunds_of(payment)}
        assert set(theirs) <= set(ours), f"{told}: refunds that nobody asked for"
        for number, back in ours.items():
            known = theirs.get(number)
            succeeded = known is not None and known.state == "succeeded"
            assert (back.status == "succeeded") == succeeded, (told, back.status, known and known.state)
            assert back.status in ("succeeded", "failed"), (told, back.status)
