"""What a store promises about sets: written whole or not at all, compared, and read exactly as they were."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..errors import StoreConflict
from ..records import Allowance, Attempt, Changes, IdempotencyKey, Incident, Payment, Refund, replace
from ..store import Store, Wants
from .store_records import NOW, paid, payment, stored, version


class SetsContract:
    """``gather`` and ``write``."""

    # -- reading and writing sets -------------------------------------------------------------------------------

    def test_what_is_written_is_read_exactly(self, store: Store) -> None:
        one = payment(
            description="拿铁 ☕ 𠮷 '\";--", metadata='{"a":"\\u0000 as text"}', amount=9_007_199_254_740_991,
            expected=1, token_nonce="n", token_expires_at=2**62, expires_at=NOW, next_check_at=0, reference="订单/1",
        )  # fmt: skip
        stored(store, one)
        facts = store.gather(Wants(orders={("main", "order-1")}))
        assert facts.payments == {one.id: one}
        assert facts.orders == {("main", "order-1"): one.id}

    def test_what_is_not_there_is_not_found(self, store: Store) -> None:
        wants = Wants(
            payments={"x"}, orders={("main", "x")}, receipts={("main", "x")}, keys={("pay", "x")}, refund_ids={"x"},
            allowances={("a", "CNY", "2026-01-01")}, incidents={("k", "r")}, incident_ids={"x"}, refunds=True,
            attempts=True,
        )  # fmt: skip
        facts = store.gather(wants)
        assert not any((facts.payments, facts.orders, facts.receipts, facts.keys, facts.refunds, facts.attempts))
        assert not facts.incidents
        assert not facts.allowances

    def test_nothing_wanted_is_nothing_found(self, store: Store) -> None:
        assert store.gather(Wants()).payments == {}

    def test_a_callback_is_written_whole(self, store: Store) -> None:
        one = payment()
        stored(store, one)
        changes = paid(one)
        store.write(changes)
        history = store.history(one.id)
        assert history is not None
        assert history.payment == changes.payments[one.id][1]
        assert list(history.receipts) == changes.receipts
        assert list(history.transitions) == changes.transitions
        assert list(history.journals) == changes.journals
        assert list(history.entries) == changes.entries
        assert list(history.messages) == changes.messages

    def test_a_set_of_many_is_written_whole(self, store: Store) -> None:
        many = [payment(number) for number in range(1, 451)]
        stored(store, *many)
        together = Changes()
        for one in many:
            part = paid(one)
            together.payments |= part.payments
            for name in ("receipts", "transitions", "journals", "entries", "messages"):
                getattr(together, name).extend(getattr(part, name))
        store.write(together)
        facts = store.gather(
            Wants(
                orders={("main", one.out_trade_no) for one in many},
                receipts={(receipt.account, receipt.key) for receipt in together.receipts},
            )
        )
        assert {one.status for one in facts.payments.values()} == {"paid"}
        assert len(facts.payments) == len(facts.receipts) == 450

    def test_every_kind_of_record_comes_back_as_it_was(self, store: Store) -> None:
        one = payment(captured=100, reserved=30, status="paid", unresolved=1)
        refund = Refund(
            id="r1", payment_id=one.id, gateway="mock", account="main", out_refund_no="rn-1", amount=30, currency="CNY",
            status="requested", reason="冷了", gateway_refund=None, gateway_txn="t", incident_id=None, created_at=NOW,
        )  # fmt: skip
        attempt = Attempt(
            id="a1", payment_id=one.id, entity="refund", entity_id="r1", op="refund", request_key="rn-1",
            account="main", status="prepared", words='{"k":"v"}', lease_until=NOW,
        )  # fmt: skip
        incident = Incident(
            id="i1", kind="late_payment", ref="main:x", gateway="mock", account="main", payment_id=None, status="open",
            policy="hold", amount=5, currency="CNY", gateway_txn="t2",
        )  # fmt: skip
        key = IdempotencyKey(
            scope="pay", key="k", fingerprint="f", entity="payment", entity_id=one.id, payment_id=one.id,
            created_at=NOW, expires_at=NOW + 1,
        )  # fmt: skip
        allowance = Allowance(action="buy", currency="CNY", day="2026-01-01", used=7)
        store.write(
            Changes(
                payments={one.id: (None, one)},
                refunds={"r1": (True, refund)},
                attempts={"a1": (True, attempt)},
                incidents={"i1": (True, incident)},
                keys={("pay", "k"): (None, key)},
                allowances={("buy", "CNY", "2026-01-01"): (None, allowance)},
            )  # fmt: skip
        )
        facts = store.gather(
            Wants(
                refund_ids={"r1"},
                attempts=True,
                incidents={("late_payment", "main:x")},
                keys={("pay", "k")},
                allowances={("buy", "CNY", "2026-01-01")},
            )  # fmt: skip
        )
        assert facts.payments == {one.id: one}
        assert facts.refunds == {"r1": refund}
        assert facts.attempts == {"a1": attempt}
        assert facts.incidents == {("late_payment", "main:x"): incident}
        assert facts.keys == {("pay", "k"): key}
        assert facts.allowances == {("buy", "CNY", "2026-01-01"): allowance}

    def test_records_below_a_payment_change_with_it(self, store: Store) -> None:
        self.test_every_kind_of_record_comes_back_as_it_was(store)
        facts = store.gather(Wants(refund_ids={"r1"}, attempts=True, incident_ids={"i1"}))
        [one] = facts.payments.values()
        refund = replace(facts.refunds["r1"], status="succeeded", gateway_refund="g", finished_at=NOW)
        attempt = replace(facts.attempts["a1"], status="confirmed", lease_until=None, words="{}")
        [incident] = facts.incidents.values()
        incident = replace(incident, status="resolved", resolution="done", count=3)
        store.write(
            Changes(
                payments={one.id: (1, replace(one, version=2, reserved=0, refunded=30, unresolved=0))},
                refunds={"r1": (False, refund)},
                attempts={"a1": (False, attempt)},
                incidents={"i1": (False, incident)},
            )  # fmt: skip
        )
        after = store.gather(Wants(refund_ids={"r1"}, attempts=True, incident_ids={"i1"}))
        assert after.refunds == {"r1": refund}
        assert after.attempts == {}  # only unresolved ones are brought
        assert list(after.incidents.values()) == [incident]

    # -- compare and set ----------------------------------------------------------------------------------------

    def test_i04_a_fact_is_stored_once(self, store: Store) -> None:
        one, two = payment(1), payment(2)
        stored(store, one, two)
        store.write(paid(one, "same"))
        with pytest.raises(StoreConflict):
            store.write(paid(two, "same"))
        assert version(store, two) == 1

    def test_b156_a_stale_version_is_refused_and_nothing_is_written(self, store: Store) -> None:
        one = payment()
        stored(store, one)
        store.write(paid(one))
        with pytest.raises(StoreConflict):
            store.write(paid(one, "another"))
        history = store.history(one.id)
        assert history is not None
        assert len(history.receipts) == len(history.journals) == 1

    def test_one_stale_payment_refuses_the_whole_set(self, store: Store) -> None:
        one, two = payment(1), payment(2)
        stored(store, one, two)
        store.write(paid(two))
        both = paid(one)
        both.payments |= paid(two).payments
        with pytest.raises(StoreConflict):
            store.write(both)
        assert version(store, one) == 1

    def test_a_payment_that_vanished_is_a_conflict(self, store: Store) -> None:
        with pytest.raises(StoreConflict):
            store.write(paid(payment()))

    def test_i12_an_order_number_is_used_once_per_account(self, store: Store) -> None:
        stored(store, payment(1))
        with pytest.raises(StoreConflict):
            stored(store, payment(2, out_trade_no="order-1"))
        stored(store, payment(3, out_trade_no="order-1", account="other"))

    def test_b121_names_are_compared_byte_by_byte(self, store: Store) -> None:
        names = ["T1xxxx", "t1xxxx", "T1xxxx ", "straße", "strasse", "e\u0301xxxx", "\u00e9xxxx"]
        stored(store, *(payment(number, out_trade_no=name) for number, name in enumerate(names)))
        for number, name in enumerate(names):
            assert store.gather(Wants(orders={("main", name)})).payments.keys() == {f"{number:026d}"}

    def test_i13_a_trade_pays_one_payment(self, store: Store) -> None:
        one, two = payment(1), payment(2)
        stored(store, one, two)
        store.write(paid(one, "trade"))
        again = paid(two, "trade")
        again.receipts[0] = replace(again.receipts[0], key="another")
        with pytest.raises(StoreConflict):
            store.write(again)

    def test_i50_a_key_is_taken_once(self, store: Store) -> None:
        def take(number: int) -> Changes:
            one = payment(number)
            key = IdempotencyKey(
                scope="pay", key="k", fingerprint="f", entity="payment", entity_id=one.id, payment_id=one.id,
                created_at=NOW + number, expires_at=NOW,
            )  # fmt: skip
            return Changes(payments={one.id: (None, one)}, keys={("pay", "k"): (None, key)})

        store.write(take(1))
        with pytest.raises(StoreConflict):
            store.write(take(2))
        assert store.gather(Wants(payments={payment(2).id})).payments == {}
        read = store.gather(Wants(keys={("pay", "k")})).keys[("pay", "k")]
        third = take(3)
        third.keys[("pay", "k")] = (read, third.keys[("pay", "k")][1])
        store.write(third)
        late = take(4)
        late.keys[("pay", "k")] = (read, late.keys[("pay", "k")][1])
        with pytest.raises(StoreConflict):
            store.write(late)

    def test_an_allowance_is_compared_and_set(self, store: Store) -> None:
        name = ("buy", "CNY", "2026-01-01")

        def spend(number: int, was: int | None, used: int) -> Changes:
            one = payment(number)
            spent = Allowance(action="buy", currency="CNY", day="2026-01-01", used=used)
            return Changes(payments={one.id: (None, one)}, allowances={name: (was, spent)})

        store.write(spend(1, None, 10))
        store.write(spend(2, 10, 20))
        for stale in (spend(3, None, 10), spend(4, 10, 30)):
            with pytest.raises(StoreConflict):
                store.write(stale)
        assert store.gather(Wants(allowances={name})).allowances[name].used == 20

    def test_an_incident_is_kept_once(self, store: Store) -> None:
        def found(name: str) -> Changes:
            incident = Incident(
                id=name,
                kind="k",
                ref="r",
                gateway="mock",
                account="main",
                payment_id=None,
                status="open",
                policy="hold",
            )
            return Changes(incidents={name: (True, incident)})

        store.write(found("i1"))
        with pytest.raises(StoreConflict):
            store.write(found("i2"))
        assert [one.id for one in store.open_incidents()] == ["i1"]

    def test_repeats_are_counted(self, store: Store) -> None:
        one = payment()
        stored(store, one)
        changes = paid(one)
        store.write(changes)
        for _ in range(3):
            store.write(Changes(repeats={changes.receipts[0].id: 2}))
        facts = store.gather(Wants(receipts={("main", changes.receipts[0].key)}))
        assert [receipt.repeats for receipt in facts.receipts.values()] == [6]

    def test_racing_writers_of_one_payment_have_one_winner(self, store: Store) -> None:
        one = payment()
        stored(store, one)
        start = threading.Barrier(8)

        def race(number: int) -> bool:
            start.wait()
            try:
                store.write(paid(one, f"t-{number}"))
            except StoreConflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(race, range(8))) == 1

    def test_sets_in_opposite_orders_do_not_stand_in_each_others_way(self, store: Store) -> None:
        many = [payment(number) for number in range(20)]
        stored(store, *many)

        def touch(order: list[Payment]) -> None:
            for _ in range(20):
                facts = store.gather(Wants(payments={one.id for one in order}))
                changes = Changes()
                for one in order:
                    read = facts.payments[one.id]
                    changes.payments[one.id] = (read.version, replace(read, version=read.version + 1))
                try:
                    store.write(changes)
                except StoreConflict:
                    continue

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(touch, [many, many[::-1], many[10:] + many[:10], many[::2] + many[1::2]]))
        assert len({version(store, one) for one in many}) == 1
