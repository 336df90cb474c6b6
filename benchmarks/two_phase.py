"""What a ledger in a second database costs: top-ups and spends over two PostgreSQL servers, against the same in one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import count

from payflow.deciding.rules import Caps, CreditRules
from payflow.deciding.topup import Purchase
from payflow.doctor import broken
from payflow.flow import Flow, Settings
from payflow.gateway import Callback
from payflow.identifiers import new_id
from payflow.money import Money
from payflow.routing import Router, Rule
from payflow.stores import SqlStore, open_split_store, open_store
from payflow.tables import TABLES
from payflow.testing.services import fresh_database
from payflow.trust import Trust
from payflow.wallet import Wallet

from .material import AMOUNT, AlipayDesk, trade_number
from .measuring import Figure, Jobs, Scale, compare, slices
from .servers import postgres_server

CALLERS, OWNERS = 8, 100


class Counter:
    """A shop that sells credit, over one database or two."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        store.migrate()
        self.desk = AlipayDesk()
        self.flow = Flow(
            store=store, gateways={self.desk.account: self.desk.gateway()},
            router=Router([Rule(name="all", account=self.desk.account, fallback=True)]),
            trust=Trust([], auto_confirm=False), tables=TABLES, policies={"late_payment": "hold"},
            settings=Settings(secret=b"a secret of the benchmark's own, 40 bytes"),
            credit=CreditRules(units={"tokens": Caps()}),
        )  # fmt: skip
        self.wallet = Wallet(self.flow)
        self.keys = count()
        for number in range(OWNERS):
            self.wallet.grant(f"owner-{number}", "tokens", 1_000_000_000, key="given", kind="paid")

    def ordered(self, number: int) -> list[Callback]:
        """Fresh orders of credit, sent with another SDK, and the callback that tells that each is paid."""
        made = []
        for one in (next(self.keys) for _ in range(number)):
            name = new_id(one * 1000)
            self.flow._pay(
                amount=Money(AMOUNT), channel="page", key=name, action="", reference="", description="", metadata=None,
                out_trade_no=f"O{name}", extra=None, account=None, trace_id=None, scope="expect", expected=True,
                purchase=Purchase(account=f"owner-{one % OWNERS}/tokens", amount=1000),
            )  # fmt: skip
            made.append(self.desk.paid(f"O{name}", trade_number()).callback)
        return made

    def receive(self, callbacks: Sequence[Callback]) -> int:
        """Take callbacks one by one, as a server does."""
        for callback in callbacks:
            assert self.flow.receive(callback).body == b"success"
        return len(callbacks)

    def receive_at_once(self, callbacks: Sequence[Callback]) -> int:
        """The same from many threads."""
        parts = [callbacks[number::CALLERS] for number in range(CALLERS)]
        threads = [threading.Thread(target=self.receive, args=(part,)) for part in parts if part]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(callbacks)

    def spend(self, numbers: Sequence[int]) -> int:
        """Spends, one by one."""
        for one in numbers:
            self.wallet.spend(f"owner-{one % OWNERS}", "tokens", 3, key=f"s-{one}", use="chat")
        return len(numbers)

    def work(self, number: int) -> list[int]:
        return [next(self.keys) for _ in range(number)]

    def close(self) -> None:
        assert broken(self.store) == []
        self.store.close()


def two_phase_postgres(scale: Scale) -> list[Figure]:
    """PostgreSQL on two servers, each waiting for the disk at every commit."""
    with postgres_server() as first, postgres_server() as second:
        sides = [open_store(fresh_database(server), pool_size=2 * CALLERS) for server in (first, second)]
        one = Counter(open_store(fresh_database(first), pool_size=2 * CALLERS))
        two = Counter(open_split_store(*sides))
        try:
            return [
                compare(Figure(f"two_phase_{name}", says, target, unit=unit), scale.rounds, prepared(one, two, scale))
                for name, says, target, unit, prepared in _FIGURES
            ]
        finally:
            one.close()
            two.close()


def _topups(one: Counter, two: Counter, scale: Scale) -> Callable[[int], tuple[Jobs, Jobs]]:
    def prepare(_round: int) -> tuple[Jobs, Jobs]:
        number = scale.callbacks // 2
        return slices(one.ordered(number), one.receive), slices(two.ordered(number), two.receive)

    return prepare


def _topups_at_once(one: Counter, two: Counter, scale: Scale) -> Callable[[int], tuple[Jobs, Jobs]]:
    def prepare(_round: int) -> tuple[Jobs, Jobs]:
        number = scale.callbacks
        return slices(one.ordered(number), one.receive_at_once, 4), slices(two.ordered(number), two.receive_at_once, 4)

    return prepare


def _spends(one: Counter, two: Counter, scale: Scale) -> Callable[[int], tuple[Jobs, Jobs]]:
    def prepare(_round: int) -> tuple[Jobs, Jobs]:
        return slices(one.work(scale.callbacks), one.spend), slices(two.work(scale.callbacks), two.spend)

    return prepare


_FIGURES = (
    ("topup", "callbacks that credit, one by one, over two servers, against one", 0.4, "callbacks/s", _topups),
    ("topup_threads", f"the same from {CALLERS} threads", 0.5, "callbacks/s", _topups_at_once),
    ("spend", "spends, one by one: they touch the ledger alone", 0.8, "spends/s", _spends),
)
