"""What a store promises to workers and to people: claims, leases, effects, dead letters, lists, upkeep."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ..records import Changes, Effect, IdempotencyKey, replace
from ..store import Store, Wants
from .store_records import NOW, message, payment, stored, version


class WorkContract:
    """Claims, effects, lists and upkeep."""

    def test_f13_a_due_payment_is_given_to_one_worker(self, store: Store) -> None:
        stored(store, *(payment(number, next_check_at=NOW - number) for number in range(30)))
        stored(store, payment(99, next_check_at=NOW + 1), payment(98))
        with ThreadPoolExecutor(4) as pool:
            claimed = [name for part in pool.map(lambda _: store.claim_due(NOW, 10, 1000), range(8)) for name in part]
        assert len(claimed) == len(set(claimed)) <= 30
        rest = [*claimed, *store.claim_due(NOW, 100, 1000)]
        assert sorted(rest) == [f"{number:026d}" for number in range(30)]
        assert version(store, payment(1)) == 1

    def test_a_claim_comes_back_when_its_lease_is_over(self, store: Store) -> None:
        stored(store, payment(next_check_at=NOW))
        assert len(store.claim_due(NOW, 10, 50)) == 1
        assert store.claim_due(NOW + 49, 10, 50) == []
        assert len(store.claim_due(NOW + 50, 10, 50)) == 1

    def test_i44_messages_are_given_in_the_order_of_their_payment(self, store: Store) -> None:
        one, two = payment(1, told=3), payment(2, told=1)
        changes = Changes(payments={one.id: (None, one), two.id: (None, two)})
        changes.messages = [message(one, seq) for seq in (1, 2, 3)] + [message(two, 1)]
        store.write(changes)
        heads = store.claim_messages(NOW, 10, 100)
        assert sorted(head.key for head in heads) == [f"{one.id}.1", f"{two.id}.1"]
        assert {head.tries for head in heads} == {1}
        assert store.claim_messages(NOW + 1, 10, 100) == []
        store.finish_messages([replace(head, delivered_at=NOW) for head in heads])
        assert [head.key for head in store.claim_messages(NOW, 10, 100)] == [f"{one.id}.2"]

    def test_f53_a_stolen_lease_is_not_finished_by_its_former_holder(self, store: Store) -> None:
        one = payment()
        store.write(Changes(payments={one.id: (None, one)}, messages=[message(one, 1)]))
        [first] = store.claim_messages(NOW, 10, 100)
        [second] = store.claim_messages(NOW + 100, 10, 100)
        store.finish_messages([replace(first, due_at=NOW + 10**9)])
        assert store.claim_messages(NOW + 101, 10, 100) == []
        store.finish_messages([replace(second, delivered_at=NOW + 150)])
        history = store.history(one.id)
        assert history is not None
        assert history.messages[0].delivered_at == NOW + 150

    def test_a_dead_message_lets_the_next_one_go(self, store: Store) -> None:
        one = payment(told=2)
        store.write(Changes(payments={one.id: (None, one)}, messages=[message(one, 1), message(one, 2)]))
        [head] = store.claim_messages(NOW, 10, 100)
        store.finish_messages([replace(head, dead_at=NOW, last_error="坏")])
        assert [next_one.seq for next_one in store.claim_messages(NOW, 10, 100)] == [2]

    def test_i42_an_effect_happens_once(self, store: Store) -> None:
        one = payment()
        store.write(Changes(payments={one.id: (None, one)}, messages=[message(one, 1)]))
        effect = Effect(handler="ship", payment_id=one.id, seq=1, at=NOW)
        with store.transaction() as transaction:
            assert transaction.effect(effect)
        with store.transaction() as transaction:
            assert not transaction.effect(effect)
        assert store.effects_of([message(one, 1), message(one, 2)]) == {f"{one.id}.1": {"ship"}}

    def test_an_effect_that_breaks_off_did_not_happen(self, store: Store) -> None:
        one = payment()
        store.write(Changes(payments={one.id: (None, one)}, messages=[message(one, 1)]))
        with pytest.raises(ZeroDivisionError), store.transaction() as transaction:
            transaction.effect(Effect(handler="ship", payment_id=one.id, seq=1, at=NOW))
            raise ZeroDivisionError
        assert store.effects_of([message(one, 1)]) == {}

    def test_dead_letters_are_revived(self, store: Store) -> None:
        one = payment()
        store.write(Changes(payments={one.id: (None, one)}, messages=[message(one, 1)]))
        [head] = store.claim_messages(NOW, 10, 100)
        with store.transaction() as transaction:
            transaction.effect(Effect(handler="ship", payment_id=one.id, seq=1, at=NOW, dead=1, error="e"))
        store.finish_messages([replace(head, dead_at=NOW)])
        assert store.counts()["dead_letters"] == 1
        assert store.revive(handler="another", now=NOW) == 0
        assert store.revive(handler="ship", now=NOW + 5) == 1
        assert [again.tries for again in store.claim_messages(NOW + 5, 10, 100)] == [1]

    # -- lists and upkeep ---------------------------------------------------------------------------------------

    def test_payments_are_listed_newest_first_in_pages(self, store: Store) -> None:
        stored(store, *(payment(number, reference="r" if number % 2 else "s") for number in range(1, 8)))
        page = store.recent_payments(3)
        assert [int(one.id) for one in page] == [7, 6, 5]
        assert [int(one.id) for one in store.recent_payments(3, before=page[-1].id)] == [4, 3, 2]
        assert [int(one.id) for one in store.recent_payments(reference="s")] == [6, 4, 2]

    def test_keys_are_forgotten_in_portions(self, store: Store) -> None:
        for number in range(5):
            key = IdempotencyKey(
                scope="pay", key=f"k{number}", fingerprint="f", entity="payment", entity_id="x", payment_id="x",
                created_at=NOW, expires_at=NOW + number,
            )  # fmt: skip
            store.write(Changes(keys={("pay", key.key): (None, key)}))
        assert [store.forget_keys(NOW + 3, 3), store.forget_keys(NOW + 3, 3)] == [3, 1]
        assert store.gather(Wants(keys={("pay", "k4")})).keys

    def test_a_payment_nobody_knows_has_no_history(self, store: Store) -> None:
        assert store.history("x") is None

    def test_migrating_again_does_nothing(self, store: Store) -> None:
        assert store.migrate() == []
        store.check_schema()
