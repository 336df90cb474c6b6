"""Every statement of the walk finds its rows by an index: what is quick with ten payments is quick with a million."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from payflow.records import Changes, Effect, IdempotencyKey, Incident, OperatorAction, replace
from payflow.store import Wants
from payflow.stores import SqlStore, open_store
from payflow.testing.store_records import NOW, message, paid, payment, stored, together

MANY = 600


class Recording:
    """A driver's cursor that remembers what it was asked."""

    def __init__(self, cursor: Any, asked: list[tuple[str, Any]]) -> None:
        self._cursor = cursor
        self._asked = asked

    def execute(self, sql: str, parameters: Any = None) -> Any:
        self._asked.append((sql, parameters))
        if parameters is None:
            self._cursor.execute(sql)
        else:
            self._cursor.execute(sql, parameters)
        return self

    def executemany(self, sql: str, rows: Any) -> Any:
        rows = list(rows)
        self._asked.append((sql, rows[0]))
        self._cursor.executemany(sql, rows)
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


@pytest.fixture
def store(store_url: str) -> Iterator[SqlStore]:
    made = open_store(store_url, pool_size=2)
    made.migrate()
    many = [payment(number, reference=f"r{number}", next_check_at=NOW + 10**9 + number) for number in range(MANY)]
    stored(made, *many)
    made.write(together(*(paid(one) for one in many)))
    made.write(Changes(messages=[message(one, 1) for one in many]))
    with made._cursor() as cursor:
        if made.dialect.name == "MariaDB":
            for table in ("payment", "receipt", "transition", "journal", "entry", "message"):
                cursor.execute(f"analyze table pf_{table}")
                cursor.fetchall()
        else:
            cursor.execute("analyze")
    yield made
    made.close()


def asked_by(store: SqlStore, monkeypatch: pytest.MonkeyPatch, call: Callable[[], object]) -> list[tuple[str, Any]]:
    """The statements a call executes."""
    asked: list[tuple[str, Any]] = []
    plain = store.dialect.cursor
    with monkeypatch.context() as patched:
        patched.setattr(store.dialect, "cursor", lambda connection: Recording(plain(connection), asked))
        call()
    return [one for one in asked if re.match(r"\s*(select|insert|update|delete|with)\b", one[0])]


def scans(store: SqlStore, sql: str, parameters: Any) -> list[str]:
    """What the plan of a statement would read from end to end, of payflow's tables."""
    with store._cursor() as cursor:
        if store.dialect.name == "SQLite":
            cursor.execute(f"explain query plan {sql}", parameters or ())
            names = {*re.findall(r"pf_\w+", sql), *(alias for _, alias in re.findall(r"(pf_\w+) (\w)\b", sql))}
            steps = [re.match(r"SCAN (\w+)(?! USING INDEX)", row[3]) for row in cursor.fetchall()]
            return [step[0] for step in steps if step and step[1] in names]
        if store.dialect.name == "PostgreSQL":
            cursor.execute(f"explain (format json) {sql}", parameters)
            return _postgres_scans(cursor.fetchone()[0])
        cursor.execute(f"explain {sql}", parameters)  # a table of a few rows is rightly read whole
        return [f"all of {row[2]}" for row in cursor.fetchall() if row[3] == "ALL" and int(row[8] or 0) > 200]


def _postgres_scans(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for part in node for found in _postgres_scans(part)]
    if not isinstance(node, dict):
        return []
    own = [str(node["Relation Name"])] if node.get("Node Type") == "Seq Scan" else []
    return own + [found for part in node.values() for found in _postgres_scans(part)]


def some(first: int, count: int) -> list[Any]:
    return [payment(number) for number in range(first, first + count)]


def read(count: int) -> Callable[[SqlStore], object]:
    def call(store: SqlStore) -> object:
        chosen = some(100, count)
        return store.gather(
            Wants(
                payments={one.id for one in some(300, count)},
                orders={(one.account, one.out_trade_no) for one in chosen},
                receipts={("main", f"paid:t-{one.id}") for one in chosen},
                keys={("pay", one.id) for one in chosen},
                allowances={("buy", "CNY", f"2026-01-{number + 1:02d}") for number in range(count)},
                incidents={("k", one.id) for one in chosen},
                incident_ids={one.id for one in chosen},
                refund_ids={one.id for one in chosen},
                refunds=True,
                attempts=True,
            )
        )

    return call


def write(count: int) -> Callable[[SqlStore], object]:
    def call(store: SqlStore) -> object:
        known = store.gather(Wants(payments={one.id for one in some(200, count)})).payments
        changes = Changes(payments={
            one.id: (one.version, replace(one, version=one.version + 1, told=9)) for one in known.values()
        })  # fmt: skip
        changes.messages = [message(one, one.version + 8) for one in known.values()]
        changes.repeats = {one.id: 1 for one in known.values()}
        return store.write(changes)

    return call


def history(store: SqlStore) -> object:
    return store.history(payment(7).id)


def work(store: SqlStore) -> object:
    store.claim_due(NOW + 10**9 + 50, 20, 10)
    claimed = store.claim_messages(NOW, 20, 10)
    assert len(claimed) == 20
    store.effects_of(claimed)
    store.finish_messages([replace(one, delivered_at=NOW) for one in claimed[:10]])
    store.finish_messages([replace(one, due_at=NOW + 9) for one in claimed[10:]])
    with store.transaction() as transaction:
        transaction.effect(Effect(handler="h", payment_id=claimed[0].payment_id, seq=1, at=NOW, dead=1))
    store.revive(payment_id=claimed[0].payment_id, now=NOW)
    return store.revive(handler="h", now=NOW)


def upkeep(store: SqlStore) -> object:
    many = some(0, 40)
    keys = [
        IdempotencyKey(scope="pay", key=one.id, fingerprint="f", entity="payment", entity_id=one.id, payment_id=one.id,
                       created_at=NOW, expires_at=NOW + number)
        for number, one in enumerate(many)
    ]  # fmt: skip
    incidents = [
        Incident(id=one.id, kind="k", ref=one.id, gateway="mock", account="main", payment_id=None, policy="hold",
                 status="resolved" if number % 8 else "open")
        for number, one in enumerate(many)
    ]  # fmt: skip
    store.write(Changes(keys={(key.scope, key.key): (None, key) for key in keys}))
    store.write(Changes(incidents={one.id: (True, one) for one in incidents}))
    store.recent_payments(10)
    store.recent_payments(10, before=payment(50).id)
    store.recent_payments(10, reference="r7")
    return store.forget_keys(NOW + 3, 10)


def desk(store: SqlStore) -> object:
    asked = [
        OperatorAction(
            id=one.id, operator="li", action="query", target_kind="payment", target=one.id, payment_id=one.id,
            request="{}", outcome="asked", at=NOW,
        )
        for one in some(0, 40)
    ]  # fmt: skip
    for action in asked:
        store.begin_action(action)
    store.end_action(replace(asked[3], outcome="done", ended_at=NOW))
    store.payments_named("r7", ["main", "other"])
    store.incidents_named([payment(3).id])
    store.dead_letters(10)
    store.action(asked[3].id)
    return store.actions(10, asked[20].id)


CALLS = {
    "gather one": read(1), "gather many": read(20), "write one": write(1), "write many": write(20),
    "history": history, "desk": desk, "work": work, "upkeep": upkeep,
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_nothing_is_read_from_end_to_end(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, call: Callable[[SqlStore], object]
) -> None:
    asked = asked_by(store, monkeypatch, lambda: call(store))
    assert asked
    found = {}
    for sql, parameters in asked:
        if "json_to_recordset" in sql or not sql.lstrip().startswith("insert"):
            read_whole = scans(store, sql, parameters)
            if read_whole:
                found[sql] = read_whole
    assert found == {}


@pytest.mark.parametrize("make", [read, write], ids=["gather", "write"])
def test_a_set_of_a_hundred_takes_as_many_statements_as_a_set_of_two(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, make: Callable[[int], Callable[[SqlStore], object]]
) -> None:
    two = asked_by(store, monkeypatch, lambda: make(2)(store))
    hundred = asked_by(store, monkeypatch, lambda: make(100)(store))
    assert len(two) == len(hundred)


def test_a_callback_is_two_round_trips_on_postgresql(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(postgres_url)
    store.migrate()
    stored(store, payment())

    def callback() -> None:
        store.gather(Wants(orders={("main", "order-1")}, receipts={("main", "f")}))
        store.write(paid(payment()))

    assert len(asked_by(store, monkeypatch, callback)) == 2
    store.close()
