"""A shop whose bills are written by the test: a real store, a scripted gateway, a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from os import PathLike
from typing import Any

from payflow.clock import SECOND
from payflow.doctor import broken
from payflow.errors import InvalidRequest
from payflow.flow import Flow, Settings
from payflow.gateway import BillKind, BillOutcome, BillReading, BillRow, BillSummary, Event, EventKind
from payflow.gateways.bills.opening import paid_event
from payflow.money import Money
from payflow.reconcile import Day
from payflow.reconciling import Reconciler, Standing
from payflow.records import BillItem, Difference, Payment, Refund
from payflow.routing import Router, Rule
from payflow.stores import SqlStore, open_store
from payflow.stores.schema import TABLES as STORED
from payflow.tables import TABLES
from payflow.trust import Trust, TrustedAction
from tests.flow.scripted import Scripted

DAY = Day.of("2026-03-10")
NOON = DAY.start + 12 * 3600 * SECOND
NEXT = DAY.before(-1)


class PaperBills:
    """Bills as a list of rows for each day. ``trouble`` is what happens instead."""

    def __init__(self, account: str, merchant: str) -> None:
        self._account, self._merchant = account, merchant
        self.rows: dict[str, list[BillRow]] = {}
        self.trouble: Callable[[str], BillReading | None] | None = None
        self.asked: list[str] = []

    def ready_at(self, day: str) -> int:
        return Day.of(day).end

    def fetch(self, day: str) -> BillReading | None:
        self.asked.append(day)
        if self.trouble is not None:
            return self.trouble(day)
        return self.told(day) if self.rows.get(day) else None

    def read(self, path: str | PathLike[str], day: str) -> BillReading:
        if str(path) != "paper":
            raise InvalidRequest("There is no such file", code="INVALID_BILL")
        return self.told(day)

    def told(self, day: str) -> Iterator[BillRow | BillSummary]:
        rows = self.rows.get(day, [])
        for line, row in enumerate(rows, 1):
            yield replace(row, line=line)
        paid, back = ([row.amount for row in rows if row.kind == kind] for kind in ("payment", "refund"))
        yield BillSummary(
            gateway="mock", rows=len(rows), payments=len(paid), payment_amount=sum(paid), refunds=len(back),
            refund_amount=sum(back), stated={},
        )  # fmt: skip

    def paid(self, item: BillItem, app: str) -> Event:
        return paid_event(item, gateway="mock", account=self._account, merchant=self._merchant, app=app)


class Hand:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        return self.now


class World:
    """The shop. What is paid or refunded is put into the bill of ``DAY`` too, unless told otherwise."""

    def __init__(
        self, url: str, *, policies: dict[str, str] | None = None, accounts: tuple[str, ...] = ("main",)
    ) -> None:
        self.url, self.clock, self._count = url, Hand(), 0
        self.store: SqlStore = open_store(url)
        self.store.migrate()
        self.gateways = {name: Scripted(name) for name in accounts}
        self.main = self.gateways["main"]
        self.bills = PaperBills("main", self.main.merchant)
        for gateway in self.gateways.values():
            gateway.bills = self.bills  # type: ignore[attr-defined]  # what a gateway with bills has
        self._policies = policies or {"late_payment": "hold"}
        self.flow = self.another_flow()

    def another_flow(self) -> Flow:
        """A flow as it would be opened now."""
        return Flow(
            store=self.store, gateways=self.gateways, router=Router([Rule(name="all", account="main", fallback=True)]),
            trust=Trust([TrustedAction("buy")], auto_confirm=True), tables=TABLES, policies=self._policies,
            settings=Settings(secret=b"s" * 40), clock=self.clock,
        )  # fmt: skip

    @property
    def reconciler(self) -> Reconciler:
        return Reconciler(self.flow, batch=3)

    # -- what happened ------------------------------------------------------------------------------------------

    def pay(self, minor: int = 1250, account: str = "main", **more: Any) -> Payment:
        self._count += 1
        return self.flow.pay(
            amount=Money(minor, "CNY"), channel="qr", key=f"k-{self._count}", action="buy", account=account,
            **{"out_trade_no": f"ORDER{self._count:05d}", **more},
        ).payment  # fmt: skip

    def callback(self, payment: Payment, at: int | None = None, **other: Any) -> Payment:
        gateway = self.gateways[payment.account]
        event = gateway.event(payment, EventKind.PAID, happened_at=at or self.clock(), **other)
        self.flow.receive(gateway.callback(event))
        return self.flow.payment(payment.id)

    def paid(self, minor: int = 1250, *, at: int | None = None, billed: bool = True, account: str = "main") -> Payment:
        payment = self.callback(self.pay(minor, account), at)
        if billed:
            self.put(self.row(payment))
        return payment

    def refunded(self, payment: Payment, minor: int = 100, *, billed: bool = True, done: bool = True) -> Refund:
        kind = EventKind.REFUND_SUCCEEDED if done else EventKind.REFUND_PROCESSING
        self._count += 1
        gateway = self.gateways[payment.account]
        gateway.will("refund", lambda p, r: _answer(gateway.refunded(p, r, kind, source="answer")))
        refund = self.flow.refund(payment.id, key=f"r-{self._count}", amount=Money(minor, "CNY")).refund
        assert refund is not None
        if billed:
            self.put(self.refund_row(payment, refund))
        return refund

    # -- what the bill says -------------------------------------------------------------------------------------

    def row(self, payment: Payment, **other: Any) -> BillRow:
        facts: dict[str, Any] = {
            "gateway": "mock", "kind": BillKind.PAYMENT, "out_trade_no": payment.out_trade_no,
            "gateway_txn": payment.gateway_txn or f"txn-{payment.out_trade_no}", "out_refund_no": None,
            "gateway_refund": None, "amount": payment.amount, "incoming": True, "fee": 8, "fee_text": "0.08000",
            "fine_fee": 8000, "currency": "CNY", "happened_at": payment.paid_at or self.clock(), "status": "SUCCESS",
            "words": {}, "line": 0,
        }  # fmt: skip
        return BillRow(**{**facts, **other})

    def refund_row(self, payment: Payment, refund: Refund, **other: Any) -> BillRow:
        facts: dict[str, Any] = {
            "kind": BillKind.REFUND, "out_refund_no": refund.out_refund_no, "amount": refund.amount, "incoming": False,
            "fee": 0, "fee_text": "0.00", "fine_fee": 0, "outcome": BillOutcome.DONE,
        }  # fmt: skip
        return self.row(payment, **{**facts, **other})

    def put(self, *rows: BillRow, day: Day = DAY) -> None:
        self.bills.rows.setdefault(day.name, []).extend(rows)

    # -- the day after ------------------------------------------------------------------------------------------

    def reconcile(self, day: Day = DAY, **how: Any) -> Standing:
        self.clock.now = max(self.clock.now, day.end + 12 * 3600 * SECOND)
        return self.reconciler.run("main", day.name, **how)

    def differences(self, day: Day = DAY) -> list[Difference]:
        standing = self.reconciler.of("main", day.name)
        assert standing is not None
        return list(self.reconciler.differences(standing.run.id))

    def found(self, day: Day = DAY) -> list[tuple[str, str, int, int]]:
        """Kind, state, theirs and ours of each difference."""
        return [(one.kind, one.state, one.theirs, one.ours) for one in self.differences(day)]

    def incidents(self) -> list[tuple[str, str]]:
        rows = self.store.select("select kind, status from pf_incident order by id", 1000)
        return [(kind, status) for kind, status in rows]

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every stored row, but for what says only who was at a run and when."""
        held = {}
        for table in STORED:
            kept = [one for one in table.columns if table.name != "pf_recon_run" or one not in _WHO]
            held[table.name] = sorted(
                map(str, self.store.select(f"select {', '.join(kept)} from {table.name}", 10_000))
            )
        return held  # type: ignore[return-value]  # rows as texts, to be compared

    def holds(self) -> None:
        findings = broken(self.store)
        assert not findings, "\n".join(f"{one.invariant.number} {one.invariant.says}: {one.rows}" for one in findings)


_WHO = ("version", "updated_at", "runner", "lease_until", "tries", "next_try_at")


def _answer(event: Event) -> Any:
    from payflow.gateway import Answer, Outcome

    return Answer(Outcome.CONFIRMED, (event,))
