"""Whatever is asked of a store, in whatever order, it answers like the model: plain dictionaries behind one lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payflow.errors import StoreConflict
from payflow.records import Allowance, Attempt, Changes, Effect, IdempotencyKey, Incident, Payment, Refund, replace
from payflow.store import Wants
from payflow.stores import SqlStore, open_store
from payflow.stores.schema import TABLES
from payflow.testing.store_records import NOW, message, paid, payment

from ..model.memory_store import MemoryStore

PAYMENTS = 4
EVERYTHING = Wants(
    payments={f"{number:026d}" for number in range(PAYMENTS)},
    receipts={("main", f"paid:t-{number}") for number in range(6)},
    keys={("pay", f"k{number}") for number in range(3)},
    allowances={("buy", "CNY", f"day-{number}") for number in range(2)},
    incidents={("late", f"r{number}") for number in range(3)},
    refunds=True,
    attempts=True,
)
small = st.integers(0, 3)
Step = tuple[str, tuple[Any, ...]]


class Both:
    """The model and a store, asked the same."""

    def __init__(self, store: SqlStore) -> None:
        self.stores = (MemoryStore(), store)
        self.now = NOW
        self.number = 0

    def ask(self, call: Callable[[Any], Any]) -> Any:
        """What both answer; a conflict is an answer, too."""
        answers = []
        for store in self.stores:
            try:
                answers.append(call(store))
            except StoreConflict:
                answers.append("conflict")
        assert answers[0] == answers[1]
        return answers[0]

    def known(self) -> Any:
        return self.stores[0].gather(EVERYTHING)

    # -- steps --------------------------------------------------------------------------------------------------

    def create(self, number: int, order: int, key: int | None, day: int | None) -> None:
        self.number += 1
        one = payment(
            number, out_trade_no=f"order-{order}", created_at=NOW + self.number, next_check_at=self.now + order
        )
        changes = Changes(payments={one.id: (None, one)}, messages=[message(one, 1)])
        facts = self.known()
        if key is not None:
            name = ("pay", f"k{key}")
            made = IdempotencyKey(
                scope="pay", key=name[1], fingerprint="f", entity="payment", entity_id=one.id, payment_id=one.id,
                created_at=NOW + self.number, expires_at=NOW + key,
            )  # fmt: skip
            read = facts.keys.get(name) if order % 2 else None
            changes.keys[name] = (read, made)
        if day is not None:
            spent = ("buy", "CNY", f"day-{day % 2}")
            read_used = facts.allowances[spent].used if spent in facts.allowances and order != 3 else None
            used = Allowance(action="buy", currency="CNY", day=spent[2], used=(read_used or 0) + 1)
            changes.allowances[spent] = (read_used, used)
        self.ask(lambda store: store.write(changes))

    def pay(self, number: int, trade: int, stale: bool) -> None:
        one = self.known().payments.get(payment(number).id)
        if one is None:
            return
        if one.captured == 0:
            changes = paid(replace(one, version=one.version - stale), f"t-{trade}")
            self.ask(lambda store: store.write(changes))

    def touch(self, numbers: set[int], refund: bool, attempt: str, incident: int | None) -> None:
        facts = self.known()
        changes = Changes()
        for name, one in facts.payments.items():
            if int(name) not in numbers:
                continue
            self.number += 1
            told = one.told + 1
            changes.payments[name] = (one.version, replace(one, version=one.version + 1, told=told, checks=self.number))
            changes.messages.append(replace(message(one, told), due_at=self.now + int(name)))
            if refund and one.captured:
                _add_refund(changes, facts, one, self.number)
            _set_attempt(changes, facts, one, attempt, self.number)
        if incident is not None:
            ref = ("late", f"r{incident}")
            known = facts.incidents.get(ref)
            new = replace(known, count=known.count + 1) if known else Incident(
                id=f"i{self.number}-{incident}", kind="late", ref=ref[1], gateway="mock", account="main",
                payment_id=None, status="open", policy="hold",
            )  # fmt: skip
            changes.incidents[new.id] = (known is None, new)
        if changes:
            self.ask(lambda store: store.write(changes))

    def repeat(self, trade: int, times: int) -> None:
        for kept in self.known().receipts.values():
            if kept.key == f"paid:t-{trade}":
                self.ask(lambda store, name=kept.id: store.write(Changes(repeats={name: times + 1})))

    def deliver(self, outcome: str, limit: int) -> None:
        claimed = [
            sorted(store.claim_messages(self.now, 1000, 5), key=lambda one: one.key) for store in self.stores
        ]  # all of them: which come first is the store's affair
        assert claimed[0] == claimed[1]
        done = {
            "delivered": {"delivered_at": self.now}, "dead": {"dead_at": self.now, "last_error": "e"},
            "later": {"due_at": self.now + 3, "last_error": "later"}, "lost": None,
        }[outcome]  # fmt: skip
        if done is not None:
            told = [replace(one, **done) for one in claimed[0][: limit + 1]]
            self.ask(lambda store: store.finish_messages(told))

    def handle(self, number: int, seq: int, dead: bool) -> None:
        effect = Effect(handler=f"h{seq % 2}", payment_id=payment(number).id, seq=seq, at=self.now, dead=int(dead))

        def call(store: Any) -> bool:
            with store.transaction() as transaction:
                return bool(transaction.effect(effect))

        self.ask(call)

    def look(self, limit: int) -> None:
        claimed = [sorted(store.claim_due(self.now, 1000, 2 + limit)) for store in self.stores]
        assert claimed[0] == claimed[1]

    def wait(self, by: int) -> None:
        self.now += by

    def forget(self, _: int) -> None:
        self.ask(lambda store: store.forget_keys(self.now))

    # -- what can be seen ---------------------------------------------------------------------------------------

    def compare(self) -> None:
        self.ask(lambda store: store.gather(EVERYTHING))
        self.ask(lambda store: store.gather(Wants(orders={("main", f"order-{n}") for n in range(4)})).orders)
        self.ask(lambda store: store.open_incidents())
        self.ask(lambda store: store.recent_payments())
        self.ask(lambda store: store.recent_payments(reference=""))
        for name in sorted(EVERYTHING.payments):
            self.ask(lambda store, name=name: _told(store.history(name)))


def _add_refund(changes: Changes, facts: Any, one: Payment, number: int) -> None:
    known = next((kept for kept in facts.refunds.values() if kept.payment_id == one.id), None)
    new = replace(known, status="succeeded", seq=known.seq + 1, gateway_refund="g") if known else Refund(
        id=f"r{number}", payment_id=one.id, gateway="mock", account="main", out_refund_no=f"n{number}", amount=1,
        currency="CNY", status="requested",
    )  # fmt: skip
    changes.refunds[new.id] = (known is None, new)


def _set_attempt(changes: Changes, facts: Any, one: Payment, status: str, number: int) -> None:
    known = next((kept for kept in facts.attempts.values() if kept.payment_id == one.id), None)
    new = replace(known, status=status, lease_until=number) if known else Attempt(
        id=f"a{number}", payment_id=one.id, entity="payment", entity_id=one.id, op="charge", request_key="k",
        account="main", status=status,
    )  # fmt: skip
    changes.attempts[new.id] = (known is None, new)


def _told(history: Any) -> Any:
    """A history without the order of what happened at the same time."""
    if history is None:
        return None
    names = ("refunds", "attempts", "receipts", "transitions", "journals", "entries", "messages", "effects", "keys")
    return history.payment, {name: sorted(map(repr, getattr(history, name))) for name in names}


maybe = st.none() | small
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("create"), st.tuples(small, small, maybe, maybe)),
    st.tuples(st.just("pay"), st.tuples(small, st.integers(0, 5), st.booleans())),
    st.tuples(st.just("touch"), st.tuples(
        st.sets(small, min_size=1), st.booleans(), st.sampled_from(["prepared", "sent", "confirmed"]), maybe,
    )),
    st.tuples(st.just("repeat"), st.tuples(st.integers(0, 5), small)),
    st.tuples(st.just("deliver"), st.tuples(st.sampled_from(["delivered", "dead", "later", "lost"]), small)),
    st.tuples(st.just("handle"), st.tuples(small, small, st.booleans())),
    st.tuples(st.just("look"), st.tuples(small)),
    st.tuples(st.just("wait"), st.tuples(small)),
    st.tuples(st.just("forget"), st.tuples(small)),
)  # fmt: skip


def lived(store: SqlStore, steps: list[Step]) -> None:
    both = Both(store)
    for name, arguments in steps:
        getattr(both, name)(*arguments)
        both.compare()


@settings(max_examples=120, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_sqlite_answers_like_the_model(steps: list[Step]) -> None:
    store = open_store("sqlite:///:memory:")
    store.migrate()
    lived(store, steps)
    store.close()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=20))
def test_servers_answer_like_the_model(database: Callable[[str], str], kind: str, steps: list[Step]) -> None:
    store = _STORES.get(kind)
    if store is None:
        store = _STORES[kind] = open_store(database(kind))
        store.migrate()
    with store._cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"delete from {table.name}")
    lived(store, steps)


_STORES: dict[str, SqlStore] = {}


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Any:
    yield
    while _STORES:
        _STORES.popitem()[1].close()
