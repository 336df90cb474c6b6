"""What a store promises about values: kept to the last byte, or refused, alike in every database."""

from __future__ import annotations

from typing import Any

import pytest

from ..errors import StoreError
from ..records import Attempt, Changes, Effect, IdempotencyKey, Incident, Refund, replace
from ..store import Store, Wants
from .store_records import NOW, message, paid, payment, stored, version

#: Texts that somebody's driver, database or escaping has trouble with.
HARD_TEXTS = (
    "拿铁 ☕ 𠮷 👩‍👩‍👧‍👦",
    "'; drop table pf_payment; --",
    "100%s %(name)s ? :name $1 {0} \\",
    "a\nb\r\n\tc",
    '"\\"\\\\u0000"',
    "\ufeffBOM",
    "\u202ertl\u200b",
    "e\u0301 é",
    " leading and trailing ",
    "\x01\x1f\x7f",
    "\uffff\U0010ffff",
)

ROUTING = ("gateway", "account", "merchant", "app", "token_nonce", "token_expires_at", "token_used_at")
MOVING = (
    "status", "next_action", "expires_at", "paid_at", "next_check_at", "checks", "unresolved", "gateway_txn",
)  # fmt: skip


class ValuesContract:
    """What goes in comes out."""

    def test_b083_nul_is_refused_by_every_store_alike(self, store: Store) -> None:
        one = payment()
        stored(store, one)
        changes = paid(one)
        changes.receipts[0] = replace(changes.receipts[0], proof="a\x00b")
        with pytest.raises(StoreError):
            store.write(changes)
        assert version(store, one) == 1

    def test_i14_amounts_out_of_range_are_refused_by_the_database_itself(self, store: Store) -> None:
        for wrong in ({"amount": 0}, {"amount": 2**53}, {"captured": -1}, {"refunded": 1}):
            with pytest.raises(StoreError):
                stored(store, payment(**wrong))
        assert store.recent_payments() == []

    @pytest.mark.parametrize("text", HARD_TEXTS, ids=lambda text: ascii(text)[:24])
    def test_b085_texts_are_kept_to_the_last_byte(self, store: Store, text: str) -> None:
        one = payment(description=text, metadata=text, reference=text, next_action=text, trace_id=text)
        stored(store, one)
        changes = paid(one)
        changes.receipts[0] = replace(changes.receipts[0], key=text, event=text, proof=text)
        changes.messages[0] = replace(changes.messages[0], body=text)
        store.write(changes)
        history = store.history(one.id)
        assert history is not None
        assert history.payment == changes.payments[one.id][1]
        assert list(history.receipts) == changes.receipts
        assert list(history.messages) == changes.messages
        assert store.gather(Wants(receipts={("main", text)})).receipts == {("main", text): changes.receipts[0]}
        assert store.recent_payments(reference=text) == [changes.payments[one.id][1]]

    @pytest.mark.parametrize("text", ["a\x00b", "\x00", "half \ud83d", "\udc00"], ids=ascii)
    @pytest.mark.parametrize("field", ["description", "reference", "metadata", "account", "id", "gateway_txn"])
    def test_b083_what_no_database_keeps_is_refused(self, store: Store, field: str, text: str) -> None:
        with pytest.raises(StoreError) as refused:
            stored(store, payment(1, **{field: text}))
        assert refused.value.code == "STORE_VALUE_REFUSED"
        assert not refused.value.retryable
        assert store.recent_payments() == []

    def test_b083_every_kind_of_record_is_looked_at(self, store: Store) -> None:
        one = payment(captured=100)
        stored(store, one)
        bad = "\x00"
        refund = Refund(
            id="r", payment_id=one.id, gateway="mock", account="main", out_refund_no="n", amount=1, currency="CNY",
            status="requested", reason=bad,
        )  # fmt: skip
        attempt = Attempt(
            id="a", payment_id=one.id, entity="payment", entity_id=one.id, op="charge", request_key="k", account="main",
            status="prepared", words=bad,
        )  # fmt: skip
        incident = Incident(
            id="i", kind="k", ref="r", gateway="mock", account="main", payment_id=None, status="open", policy="hold",
            event=bad,
        )  # fmt: skip
        key = IdempotencyKey(
            scope="pay", key="k", fingerprint=bad, entity="payment", entity_id=one.id, payment_id=one.id, created_at=1,
            expires_at=2,
        )  # fmt: skip
        for changes in (
            Changes(refunds={"r": (True, refund)}),
            Changes(attempts={"a": (True, attempt)}),
            Changes(incidents={"i": (True, incident)}),
            Changes(keys={("pay", "k"): (None, key)}),
            Changes(messages=[replace(message(one, 2), body=bad)]),
            Changes(payments={one.id: (1, replace(one, version=2, next_action=bad))}),
        ):
            with pytest.raises(StoreError):
                store.write(changes)
        history = store.history(one.id)
        assert history is not None
        assert history.payment == one
        kept = (history.refunds, history.attempts, history.incidents, history.keys, history.messages)
        assert not any(kept)

    def test_b123_a_name_has_191_characters_whatever_they_are(self, store: Store) -> None:
        longest = "𠮷" * 191
        one = payment(1, account=longest, out_trade_no=longest, reference=longest)
        stored(store, one)
        assert store.gather(Wants(orders={(longest, longest)})).payments == {one.id: one}
        for field in ("account", "out_trade_no", "reference", "status", "trace_id", "gateway_txn"):
            with pytest.raises(StoreError) as refused:
                stored(store, payment(2, **{field: "x" * 192}))
            assert refused.value.code == "STORE_VALUE_REFUSED"
        assert [kept.id for kept in store.recent_payments()] == [one.id]

    def test_a_long_text_is_kept(self, store: Store) -> None:
        one = payment(metadata="咖" * 100_000)
        stored(store, one)
        assert store.gather(Wants(payments={one.id})).payments == {one.id: one}

    @pytest.mark.parametrize("field", ["next_check_at", "created_at", "seq"])
    def test_a_number_of_more_than_64_bits_is_refused(self, store: Store, field: str) -> None:
        for number in (2**63, -(2**63) - 1, 10**30):
            with pytest.raises(StoreError) as refused:
                stored(store, payment(1, **{field: number}))
            assert refused.value.code == "STORE_VALUE_REFUSED"
        one = payment(**{field: 2**63 - 1})
        stored(store, one)
        assert store.gather(Wants(payments={one.id})).payments == {one.id: one}

    def test_a_name_that_cannot_be_kept_is_not_there(self, store: Store) -> None:
        stored(store, payment())
        for bad in ("\x00", "\ud800", "order-1\x00"):
            wants = Wants(payments={bad}, orders={("main", bad)}, receipts={("main", bad)}, refund_ids={bad})
            assert store.gather(wants).payments == {}
            assert store.history(bad) is None
            assert store.recent_payments(reference=bad) == []

    def test_what_a_handler_said_is_kept_readable(self, store: Store) -> None:
        one = payment()
        store.write(Changes(payments={one.id: (None, one)}, messages=[message(one, 1)]))
        said = "broke: \x00 \ud800 坏"
        [head] = store.claim_messages(NOW, 1, 100)
        with store.transaction() as transaction:
            transaction.effect(Effect(handler="ship", payment_id=one.id, seq=1, at=NOW, dead=1, error=said))
        store.finish_messages([replace(head, dead_at=NOW, last_error=said)])
        history = store.history(one.id)
        assert history is not None
        assert history.messages[0].last_error == history.effects[0].error == "broke: \\x00 \\ud800 坏"

    @pytest.mark.parametrize("field", [*ROUTING, *MOVING])
    def test_what_may_change_is_changed(self, store: Store, field: str) -> None:
        numbers = (
            "token_used_at",
            "token_expires_at",
            "expires_at",
            "checks",
            "unresolved",
            "next_check_at",
            "paid_at",
        )
        changed: Any = 7 if field in numbers else "changed"
        one = payment()
        stored(store, one)
        new = replace(one, version=2, **{field: changed})
        if field in MOVING:  # who takes the money does not change any more once the trade has its number
            new = replace(new, gateway_txn="t")
        store.write(Changes(payments={one.id: (1, new)}))
        assert store.gather(Wants(payments={one.id})).payments == {one.id: new}
