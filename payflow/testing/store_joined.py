"""What a store promises inside a transaction of somebody else's: part of it, never its end."""

from __future__ import annotations

from typing import Any

import pytest

from ..errors import ConfigError, StoreConflict, StoreError
from ..records import Changes, Effect, replace
from ..store import Store, Wants
from .store_records import NOW, message, paid, payment, stored, together, version


class Broken(Exception):
    """What the host raises in these tests."""


class JoinedContract:
    """``transaction`` and ``join``."""

    def test_a_joined_store_says_so(self, store: Store) -> None:
        assert not store.joined
        with store.transaction() as transaction:
            assert store.join(transaction.connection).joined

    def test_what_a_joined_store_writes_is_committed_with_the_rest(self, store: Store) -> None:
        with store.transaction() as transaction:
            joined = store.join(transaction.connection)
            stored(joined, payment())
            assert joined.gather(Wants(orders={("main", "order-1")})).payments == {payment().id: payment()}
            transaction.effect(Effect(handler="h", payment_id=payment().id, seq=1, at=NOW))
        assert version(store, payment()) == 1
        assert store.effects_of([message(payment(), 1)]) == {f"{payment().id}.1": {"h"}}

    def test_f56_what_a_joined_store_writes_is_rolled_back_with_the_rest(self, store: Store) -> None:
        with pytest.raises(Broken), store.transaction() as transaction:
            joined = store.join(transaction.connection)
            stored(joined, payment())
            joined.write(paid(payment()))
            transaction.effect(Effect(handler="h", payment_id=payment().id, seq=1, at=NOW))
            raise Broken
        assert store.recent_payments() == []
        assert store.effects_of([message(payment(), 1)]) == {}

    def test_a_conflict_leaves_the_hosts_transaction_as_it_was(self, store: Store) -> None:
        one, two = payment(1), payment(2)
        stored(store, one)
        with store.transaction() as transaction:
            joined = store.join(transaction.connection)
            stored(joined, two)
            stale = together(paid(replace(one, version=7)), paid(two))
            for wrong in (stale, Changes(payments={one.id: (None, one)}), together(paid(two, "t"), paid(payment(3)))):
                with pytest.raises(StoreConflict):
                    joined.write(wrong)
            assert joined.gather(Wants(payments={two.id})).payments == {two.id: two}
            joined.write(paid(two))
        assert version(store, two) == 2
        assert version(store, one) == 1

    def test_a_refused_value_leaves_the_hosts_transaction_as_it_was(self, store: Store) -> None:
        with store.transaction() as transaction:
            joined = store.join(transaction.connection)
            stored(joined, payment(1))
            for wrong in (payment(2, amount=0), payment(2, reference="x" * 192), payment(2, description="\x00")):
                with pytest.raises(StoreError):
                    stored(joined, wrong)
        assert [one.id for one in store.recent_payments()] == [payment(1).id]

    def test_everything_works_joined(self, store: Store) -> None:
        one = payment(next_check_at=NOW)
        with store.transaction() as transaction:
            joined = store.join(transaction.connection)
            joined.write(Changes(payments={one.id: (None, one)}, messages=[message(one, 1)]))
            assert joined.claim_due(NOW, 5, 100) == [one.id]
            [head] = joined.claim_messages(NOW, 5, 100)
            with joined.transaction() as inner:
                assert inner.effect(Effect(handler="h", payment_id=one.id, seq=1, at=NOW))
            with pytest.raises(Broken), joined.transaction() as inner:
                inner.effect(Effect(handler="i", payment_id=one.id, seq=1, at=NOW))
                raise Broken
            joined.finish_messages([replace(head, delivered_at=NOW)])
            history = joined.history(one.id)
            assert history is not None
            assert [effect.handler for effect in history.effects] == ["h"]
            assert joined.counts()["waiting_messages"] == 0
            joined.check_schema()
            joined.close()
        assert store.effects_of([head]) == {head.key: {"h"}}

    @pytest.mark.parametrize("error", [OverflowError("x"), UnicodeError("x"), Broken(), KeyError("x")], ids=repr)
    def test_a_handlers_own_error_comes_through_as_it_was(self, store: Store, error: Exception) -> None:
        with pytest.raises(type(error)) as raised, store.transaction():
            raise error
        assert raised.value is error

    def test_a_handlers_own_database_error_comes_through_as_it_was(self, store: Store) -> None:
        with pytest.raises(Exception, match="no_such_table") as raised, store.transaction() as transaction:
            transaction.connection.cursor().execute("select * from no_such_table")
        assert not isinstance(raised.value, StoreError)
        stored(store, payment())  # the connection is as good as new

    def test_an_effect_that_exists_leaves_the_transaction_as_it_was(self, store: Store) -> None:
        one = payment()
        effect = Effect(handler="ship", payment_id=one.id, seq=1, at=NOW)
        with store.transaction() as transaction:
            assert transaction.effect(effect)
            assert not transaction.effect(replace(effect, dead=1))
            stored(store.join(transaction.connection), one)
        assert version(store, one) == 1

    @pytest.mark.parametrize("given", [Broken(), None, "connection"], ids=["object", "none", "text"])
    def test_what_is_no_connection_is_not_joined(self, store: Store, given: Any) -> None:
        with pytest.raises(ConfigError) as refused:
            store.join(given)
        assert refused.value.code == "CONFIG_FOREIGN_CONNECTION"
