"""A shop that sells tokens: a store, a scripted gateway, a flow and a wallet over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from payflow.clock import SECOND
from payflow.deciding.rules import Caps, CreditRules, Schedule
from payflow.flow import Flow, Settings
from payflow.gateway import EventKind
from payflow.money import Money
from payflow.records import Payment
from payflow.routing import Router, Rule
from payflow.stores import SqlStore, open_store
from payflow.tables import TABLES
from payflow.trust import Trust, TrustedAction
from payflow.wallet import Pack, Rate, Shelf, Wallet
from payflow.worker import Handlers, Worker
from tests.flow.conftest import Hand
from tests.flow.scripted import Scripted

SHELF = Shelf(
    packs={
        "starter": Pack(name="starter", unit="tokens", credit=1000, price=Money(1000)),
        "gift": Pack(
            name="gift", unit="tokens", credit=1000, bonus=200, price=Money(999), bonus_expires_seconds=86_400
        ),
    },
    rates=(Rate(unit="tokens", currency="CNY", credit=3, per=2, least=2, most=100_000),),
)


class Purse:
    """Owners with tokens; the clock stands still until it is moved."""

    def __init__(
        self, url: str, *, store: SqlStore | None = None, policies: dict[str, str] | None = None,
        migrate: bool = True, take_over: bool = True, refills: Sequence[Mapping[str, Any]] = (), **credit: Any,
    ) -> None:  # fmt: skip
        self.url = url
        self.clock = Hand()
        self.store = store or open_store(url, pool_size=20, busy_timeout_seconds=20)
        if migrate:
            self.store.migrate()
        self.gateway = Scripted("main")
        self.flow = Flow(
            store=self.store,
            gateways={"main": self.gateway},
            router=Router([Rule(name="all", account="main", fallback=True)]),
            trust=Trust([TrustedAction("buy")], auto_confirm=True),
            tables=TABLES,
            policies={"late_payment": "hold", **(policies or {})},
            settings=Settings(secret=b"s" * 40),
            schedule=Schedule(first_check=10 * SECOND, longest_check=3600 * SECOND, call_lease=30 * SECOND),
            clock=self.clock,
            credit=CreditRules(**{"units": {"tokens": Caps(), "CNY": Caps()}, **credit}),
        )
        self.wallet = Wallet(self.flow, SHELF, refills)
        if take_over:
            self.wallet.policies.take_over()
        self.worker = Worker(self.flow, Handlers())

    def given(self, owner: str, amount: int, *, key: str = "welcome", kind: str = "paid", **more: Any) -> None:
        self.wallet.grant(owner, "tokens", amount, key=key, kind=kind, **more)

    def available(self, owner: str) -> int:
        return self.wallet.balance(owner, "tokens").available

    def buy(self, owner: str, *, key: str = "buy-1", **what: Any) -> Payment:
        what = what or {"pack": "starter"}
        return self.wallet.top_up(owner, "tokens", channel="qr", key=key, action="buy", **what).payment

    def pay(self, payment: Payment) -> Payment:
        """The payer pays, and the gateway tells."""
        self.flow.receive(self.gateway.callback(self.gateway.event(payment, EventKind.PAID)))
        return self.flow.payment(payment.id)

    def bought(self, owner: str, *, key: str = "buy-1", **what: Any) -> Payment:
        return self.pay(self.buy(owner, key=key, **what))
