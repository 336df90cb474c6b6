"""What every gateway has to be, as a suite that anybody can run over their own.

:class:`GatewayContract` is about what comes in: ``read``, the replies, the capabilities, and that verbs which are not
there say so. :class:`SignedByHeaders` adds what holds where headers prove a callback, and
:class:`payflow.testing.sending.SendingGatewayContract` the verbs. Subclass, give it a fixture and its hooks::

    class TestMine(SignedByHeaders, SendingGatewayContract):
        kinds = ("paid", "refund_succeeded")
        signing_headers = ("My-Signature",)

        @pytest.fixture
        def gateway(self): ...                                # a payflow.gateway.Gateway

        def signed_callback(self, kind, **told): ...          # a genuine Callback; ``told``: fields of callbacks.Told
        def strangers_callback(self, kind, **told): ...       # the same, signed with somebody else's key

The suite knows no format. Where it changes bytes, it demands of every outcome: refused as not genuine, or exactly the
same facts as before.
"""

from __future__ import annotations

import json
import random
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from typing import Any, ClassVar

import pytest

from ..clock import SECOND, system_clock
from ..deciding.events import digest
from ..errors import CallbackRefused, Refused
from ..gateway import Callback, EventKind, Gateway
from ..identifiers import new_id
from ..money import MAX_MINOR, exponent
from .callbacks import FACTS
from .material import HOSTILE_BODIES, HOSTILE_VALUES, a_payment, a_refund, call, facts_of, replaced, with_header

OPERATIONS = ("charge", "query", "close", "refund", "query_refund")
CHANNELS = frozenset({"page", "wap", "app", "qr", "barcode", "mini_program", "jsapi", "h5"})

_CODE = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)


class GatewayContract(ABC):
    """The receiving half of a gateway."""

    #: What this gateway tells by callback, as words of :class:`payflow.gateway.EventKind`.
    kinds: ClassVar[tuple[str, ...]] = ("paid",)
    #: The headers that prove a callback; empty where the proof is in the body. See :class:`SignedByHeaders`.
    signing_headers: ClassVar[tuple[str, ...]] = ()
    #: How far from now a callback may have been signed, in seconds; ``None`` for a gateway without such a window.
    tolerance: ClassVar[int | None] = 300
    #: The largest body that is taken, in bytes.
    largest_body: ClassVar[int] = 65_536
    #: Texts that must never be shown.
    secrets: ClassVar[tuple[bytes, ...]] = ()

    @pytest.fixture
    def now(self) -> int:
        """The instant at which callbacks are signed and read."""
        return system_clock() // SECOND * SECOND

    @abstractmethod
    def signed_callback(self, kind: str, **told: Any) -> Callback:
        """A genuine callback. ``told``: any fields of :class:`payflow.testing.callbacks.Told`, ``at`` among them."""

    @abstractmethod
    def strangers_callback(self, kind: str, **told: Any) -> Callback:
        """The same as :meth:`signed_callback`, signed with a key the gateway does not know."""

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """Run what asks for ``kind`` once for each kind, and so on."""
        for name, values in cls.parameters():
            if name in metafunc.fixturenames:
                hostile = name.startswith("hostile")
                ids = [f"{name}-{number}" if hostile else str(value) for number, value in enumerate(values)]
                metafunc.parametrize(name, values, ids=ids)

    @classmethod
    def parameters(cls) -> tuple[tuple[str, Sequence[Any]], ...]:
        """What tests may ask for, and its values."""
        return (("kind", cls.kinds), ("hostile_body", HOSTILE_BODIES), ("operation", OPERATIONS))

    # -- what it is -------------------------------------------------------------------------------------------------

    def test_it_is_a_gateway(self, gateway: Gateway) -> None:
        assert isinstance(gateway, Gateway)
        for name in (gateway.kind, gateway.account, gateway.merchant, gateway.app):
            assert isinstance(name, str)
            assert name

    def test_its_capabilities_are_in_our_words(self, gateway: Gateway) -> None:
        can = gateway.capabilities
        assert can.channels
        assert can.channels <= CHANNELS
        assert can.operations <= set(OPERATIONS)
        assert can.currencies
        assert [exponent(currency) for currency in can.currencies]
        assert 1 <= can.max_amount <= MAX_MINOR
        assert can.max_refunds >= 1

    def test_it_takes_the_numbers_we_make(self, gateway: Gateway, now: int) -> None:
        assert re.fullmatch(gateway.capabilities.order_number, new_id(now))

    def test_what_it_cannot_do_is_refused_with_the_code_for_that(self, gateway: Gateway, operation: str) -> None:
        if operation in gateway.capabilities.operations:
            assert callable(getattr(gateway, operation))
            return
        payment, refund = a_payment(gateway), a_refund(gateway)
        with pytest.raises(Refused) as refused:
            call(gateway, operation, payment, refund)
        assert refused.value.code == "OPERATION_UNSUPPORTED"
        assert not refused.value.money_may_have_moved

    # -- genuine ----------------------------------------------------------------------------------------------------

    def test_a_genuine_callback_states_one_fact(self, gateway: Gateway, kind: str, now: int) -> None:
        (event,) = gateway.read(self.signed_callback(kind, at=now), now)
        assert event.kind == EventKind(kind)
        assert (event.gateway, event.account, event.source) == (gateway.kind, gateway.account, "callback")
        assert event.out_trade_no == FACTS.out_trade_no
        assert event.currency in (FACTS.currency, None)
        assert event.merchant in (gateway.merchant, None)
        assert event.app in (gateway.app, None)

    def test_paid_names_everything_that_is_bound(self, gateway: Gateway, now: int) -> None:
        (event,) = gateway.read(self.signed_callback("paid", at=now), now)
        assert (event.merchant, event.app) == (gateway.merchant, gateway.app)
        assert (event.amount, event.currency) == (FACTS.amount, FACTS.currency)
        assert event.gateway_txn == FACTS.gateway_txn
        assert event.happened_at is not None
        assert event.out_refund_no is None

    def test_a_refund_names_its_number_and_never_the_payments_amount(
        self, gateway: Gateway, kind: str, now: int
    ) -> None:
        (event,) = gateway.read(self.signed_callback(kind, at=now), now)
        if kind.startswith("refund"):
            assert event.out_refund_no == FACTS.out_refund_no
            assert event.amount in (FACTS.refund_amount, None)
        else:
            assert event.out_refund_no is None
            assert event.gateway_refund is None
            assert event.amount == FACTS.amount

    def test_the_proof_holds_the_raw_body(self, gateway: Gateway, kind: str, now: int) -> None:
        callback = self.signed_callback(kind, at=now)
        (event,) = gateway.read(callback, now)
        assert json.loads(event.proof)["body"] == callback.body.decode("utf-8")

    def test_words_are_texts(self, gateway: Gateway, kind: str, now: int) -> None:
        (event,) = gateway.read(self.signed_callback(kind, at=now), now)
        assert event.words
        assert all(isinstance(key, str) and isinstance(value, str) for key, value in event.words.items())

    def test_an_event_cannot_be_changed(self, gateway: Gateway, now: int) -> None:
        (event,) = gateway.read(self.signed_callback("paid", at=now), now)
        with pytest.raises(FrozenInstanceError):
            event.amount = 1  # type: ignore[misc]  # that it cannot is what is tested

    def test_reading_is_pure(self, gateway: Gateway, kind: str, now: int) -> None:
        callback = self.signed_callback(kind, at=now)
        first = gateway.read(callback, now)
        gateway.read(self.signed_callback("paid", at=now, out_trade_no="ANOTHER-01"), now)
        with pytest.raises(CallbackRefused):
            gateway.read(replaced(callback, body=b"{}"), now)
        assert gateway.read(callback, now) == first

    def test_b013_headers_come_in_any_case(self, gateway: Gateway, kind: str, now: int) -> None:
        callback = self.signed_callback(kind, at=now)
        expected = gateway.read(callback, now)
        for spelled in (str.lower, str.upper, str.title):
            headers = [(spelled(name), value) for name, value in callback.headers]
            assert facts_of(gateway.read(replaced(callback, headers=headers), now)) == facts_of(expected)

    def test_other_headers_do_not_matter(self, gateway: Gateway, now: int) -> None:
        callback = self.signed_callback("paid", at=now)
        headers = [("Host", "a"), ("X-Forwarded-For", "b"), *reversed(callback.headers), ("X-A", "1"), ("X-A", "2")]
        assert facts_of(gateway.read(replaced(callback, headers=headers), now)) == facts_of(gateway.read(callback, now))

    def test_ids_are_exactly_as_received(self, gateway: Gateway, now: int) -> None:
        for number in ("aB-_09", "000000000000", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", "a" * 32):
            told = {"out_trade_no": number, "gateway_txn": "00" + number}
            (event,) = gateway.read(self.signed_callback("paid", at=now, **told), now)
            assert (event.out_trade_no, event.gateway_txn) == (number, "00" + number)

    def test_amounts_are_exact(self, gateway: Gateway, now: int) -> None:
        for amount in (1, 9, 10, 99, 100, 101, 1_00_00, 2**31 - 1, 2**31, 9_999_999_999, 10_000_000_000):
            (event,) = gateway.read(self.signed_callback("paid", at=now, amount=amount), now)
            assert event.amount == amount
            assert type(event.amount) is int

    def test_genuine_but_about_somebody_else_is_read_as_it_says(self, gateway: Gateway, now: int) -> None:
        callback = self.signed_callback("paid", at=now, merchant="2088999999999999", app="another-app")
        (event,) = gateway.read(callback, now)
        assert (event.merchant, event.app) == ("2088999999999999", "another-app")

    def test_another_currency_is_read_as_it_says(self, gateway: Gateway, now: int) -> None:
        (event,) = gateway.read(self.signed_callback("paid", at=now, currency="USD"), now)
        assert event.currency == "USD"

    # -- the key names the fact -------------------------------------------------------------------------------------

    def test_a_fact_that_is_told_again_has_the_same_key(self, gateway: Gateway, kind: str, now: int) -> None:
        (first,) = gateway.read(self.signed_callback(kind, at=now), now)
        later = now + 3600 * SECOND
        (second,) = gateway.read(self.signed_callback(kind, at=later), later)
        assert first.key == second.key
        assert digest(first) == digest(second)

    def test_every_kind_has_a_key_of_its_own(self, gateway: Gateway, now: int) -> None:
        keys = [gateway.read(self.signed_callback(kind, at=now), now)[0].key for kind in self.kinds]
        assert len(set(keys)) == len(keys)
        assert all(0 < len(key) <= 191 for key in keys)

    def test_the_key_does_not_depend_on_the_amount_but_the_content_does(self, gateway: Gateway, now: int) -> None:
        (right,) = gateway.read(self.signed_callback("paid", at=now), now)
        (wrong,) = gateway.read(self.signed_callback("paid", at=now, amount=FACTS.amount + 1), now)
        assert right.key == wrong.key
        assert digest(right) != digest(wrong)

    def test_another_transaction_is_another_fact(self, gateway: Gateway, now: int) -> None:
        (first,) = gateway.read(self.signed_callback("paid", at=now), now)
        (second,) = gateway.read(self.signed_callback("paid", at=now, gateway_txn="T" + FACTS.gateway_txn[1:]), now)
        assert first.key != second.key

    def test_another_order_is_another_fact(self, gateway: Gateway, kind: str, now: int) -> None:
        other = {"out_trade_no": "ANOTHER-01", "gateway_txn": "ANOTHER-T1", "out_refund_no": "ANOTHER-R1"}
        (first,) = gateway.read(self.signed_callback(kind, at=now), now)
        (second,) = gateway.read(self.signed_callback(kind, at=now, **other), now)
        assert first.key != second.key

    # -- not genuine ------------------------------------------------------------------------------------------------

    def test_hostile_bodies_are_refused(self, gateway: Gateway, hostile_body: bytes, now: int) -> None:
        self.refused(gateway, Callback(gateway.account, (("Content-Type", "application/json"),), hostile_body), now)

    def test_hostile_bodies_under_genuine_headers_are_refused(
        self, gateway: Gateway, hostile_body: bytes, now: int
    ) -> None:
        self.refused(gateway, replaced(self.signed_callback("paid", at=now), body=hostile_body), now)

    def test_a_body_without_any_header_is_refused_or_proves_itself(self, gateway: Gateway, kind: str, now: int) -> None:
        callback = self.signed_callback(kind, at=now)
        bare = replaced(callback, headers=())
        if self.signing_headers:
            self.refused(gateway, bare, now, status=401)
        else:
            assert facts_of(gateway.read(bare, now)) == facts_of(gateway.read(callback, now))

    def test_a_strangers_signature_is_refused(self, gateway: Gateway, kind: str, now: int) -> None:
        self.refused(gateway, self.strangers_callback(kind, at=now), now, status=401)

    def test_a_signature_of_another_body_is_refused(self, gateway: Gateway, now: int) -> None:
        mine = self.signed_callback("paid", at=now)
        other = self.signed_callback("paid", at=now, out_trade_no="ANOTHER-01")
        if self.signing_headers:
            self.refused(gateway, replaced(mine, body=other.body), now, status=401)
        else:
            self.same_or_refused(gateway, mine, replaced(mine, body=mine.body + other.body), now)

    def test_b024_a_changed_byte_is_refused_or_changes_nothing(self, gateway: Gateway, kind: str, now: int) -> None:
        callback = self.signed_callback(kind, at=now)
        for place in range(len(callback.body)):
            for flip in (0x01, 0x20):
                body = bytearray(callback.body)
                body[place] ^= flip
                self.same_or_refused(gateway, callback, replaced(callback, body=bytes(body)), now)

    def test_a_lost_byte_is_refused_or_changes_nothing(self, gateway: Gateway, now: int) -> None:
        callback = self.signed_callback("paid", at=now)
        for place in range(len(callback.body)):
            cut = callback.body[:place]
            self.same_or_refused(gateway, callback, replaced(callback, body=cut), now)
            without = callback.body[:place] + callback.body[place + 1 :]
            self.same_or_refused(gateway, callback, replaced(callback, body=without), now)

    def test_bytes_around_it_are_refused_or_change_nothing(self, gateway: Gateway, now: int) -> None:
        callback = self.signed_callback("paid", at=now)
        for more in (b" ", b"\n", b"\x00", b"\xef\xbb\xbf", b"&a=b", b"&", b"{}", callback.body, b"&total_amount=0.01"):
            for body in (more + callback.body, callback.body + more):
                self.same_or_refused(gateway, callback, replaced(callback, body=body), now)

    def test_b040_freshness(self, gateway: Gateway, kind: str, now: int) -> None:
        callback = self.signed_callback(kind, at=now)
        expected = facts_of(gateway.read(callback, now))
        if self.tolerance is None:
            assert facts_of(gateway.read(callback, now + 400 * 86_400 * SECOND)) == expected
            return
        limit = self.tolerance * SECOND
        assert facts_of(gateway.read(callback, now + limit)) == expected
        assert facts_of(gateway.read(callback, now - limit)) == expected
        for late in (now + limit + SECOND, now - limit - SECOND, 0, now + 400 * 86_400 * SECOND):
            error = self.refused(gateway, callback, late, status=401)
            assert error.code == "TIMESTAMP_SKEW"

    def test_too_large_is_refused_without_a_look(self, gateway: Gateway, now: int) -> None:
        callback = self.signed_callback("paid", at=now)
        large = replaced(callback, body=callback.body + b" " * self.largest_body)
        error = self.refused(gateway, large, now, status=413)
        assert error.code == "CALLBACK_TOO_LARGE"

    def test_whatever_comes_nothing_but_a_refusal_is_raised(self, gateway: Gateway, now: int) -> None:
        dice = random.Random(20260131)
        callback = self.signed_callback("paid", at=now)
        for _ in range(300):
            body = bytearray(callback.body)
            for _ in range(dice.randint(1, 8)):
                place = dice.randrange(len(body) + 1)
                body[place : place + dice.randint(0, 9)] = dice.randbytes(dice.randint(0, 9))
            headers = [
                (name, "".join(map(chr, dice.choices(range(0x250), k=9))) if dice.random() < 0.2 else value)
                for name, value in callback.headers
            ]
            self.same_or_refused(gateway, callback, Callback(gateway.account, headers, bytes(body)), now)

    # -- secrets ----------------------------------------------------------------------------------------------------

    def test_nothing_it_shows_holds_a_secret(self, gateway: Gateway, now: int) -> None:
        shown = [repr(gateway), str(gateway), f"{gateway}", repr(vars(gateway)), repr(gateway.capabilities)]
        for callback in (self.strangers_callback("paid", at=now), Callback(gateway.account, (), b"{}")):
            error = self.refused(gateway, callback, now)
            reply = gateway.refused(error.status, error.code, error.message)
            shown += [str(error), repr(error), repr(error.ids), repr(reply)]
        for secret in self.secrets:
            forms = (secret.decode("latin-1"), repr(secret)[2:-1], secret.hex())
            assert [text for text in shown for form in forms if form in text] == []

    # -- replies ----------------------------------------------------------------------------------------------------

    def test_accepted_is_always_the_same_success(self, gateway: Gateway) -> None:
        reply = gateway.accepted()
        assert 200 <= reply.status < 300
        assert isinstance(reply.body, bytes)
        assert gateway.accepted() == reply

    def test_refused_is_never_taken_for_accepted(self, gateway: Gateway) -> None:
        for status in (400, 401, 404, 413, 500, 503):
            reply = gateway.refused(status, "CALLBACK_MALFORMED", "No")
            assert reply.status == status
            assert reply.body != gateway.accepted().body

    def test_refused_carries_any_message_safely(self, gateway: Gateway) -> None:
        for message in ("", "拿铁", "a\r\nSet-Cookie: b", '"}', "\x00", "\ud800", "<script>", "x" * 10_000):
            reply = gateway.refused(400, "CALLBACK_MALFORMED", message)
            assert not any("\r" in text or "\n" in text for header in reply.headers for text in header)
            assert isinstance(reply.body, bytes)

    # -- threads ----------------------------------------------------------------------------------------------------

    def test_threads_share_it(self, gateway: Gateway, now: int) -> None:
        callbacks = [self.signed_callback("paid", at=now, out_trade_no=f"THREAD-{number:03}") for number in range(8)]
        expected = [gateway.read(callback, now) for callback in callbacks]

        def read(number: int) -> bool:
            if number % 5 == 0:
                with pytest.raises(CallbackRefused):
                    gateway.read(replaced(callbacks[number % 8], body=b"{}"), now)
            return gateway.read(callbacks[number % 8], now) == expected[number % 8]

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(read, range(200)))

    # -- saying it --------------------------------------------------------------------------------------------------

    def refused(self, gateway: Gateway, callback: Callback, now: int, status: int | None = None) -> CallbackRefused:
        """Assert that a callback is refused as it should be: with a code, and as the sender's own fault."""
        with pytest.raises(CallbackRefused) as caught:
            gateway.read(callback, now)
        error = caught.value
        assert 400 <= error.status < 500
        assert _CODE.fullmatch(error.code)
        if status is not None:
            assert error.status == status, error
        return error

    def same_or_refused(self, gateway: Gateway, genuine: Callback, other: Callback, now: int) -> None:
        """Assert that a changed callback is refused, or that what was changed says nothing."""
        try:
            events = gateway.read(other, now)
        except CallbackRefused as error:
            assert 400 <= error.status < 500  # noqa: PT017 -- to be refused is one of two right answers
        else:
            assert facts_of(events) == facts_of(gateway.read(genuine, now))


class SignedByHeaders(GatewayContract):
    """The receiving half of a gateway whose proof stands in headers: ``signing_headers`` names every one of them."""

    @classmethod
    def parameters(cls) -> tuple[tuple[str, Sequence[Any]], ...]:
        """As before, with each header and what strangers put into it."""
        return (*super().parameters(), ("signing_header", cls.signing_headers), ("hostile_value", HOSTILE_VALUES))

    def test_it_names_its_headers(self, now: int) -> None:
        names = {name.lower() for name, _ in self.signed_callback("paid", at=now).headers}
        assert self.signing_headers
        assert {name.lower() for name in self.signing_headers} <= names

    def test_b024_any_other_body_is_refused(self, gateway: Gateway, kind: str, now: int) -> None:
        callback = self.signed_callback(kind, at=now)
        whole = callback.body
        changed = [whole + b" ", whole + b"\n", b" " + whole, whole[:-1], whole + whole, whole.replace(b",", b", ", 1)]
        changed += [whole[:place] + bytes((whole[place] ^ 1,)) + whole[place + 1 :] for place in range(len(whole))]
        for body in changed:
            error = self.refused(gateway, replaced(callback, body=body), now, status=401)
            assert error.code == "SIGNATURE_INVALID"

    def test_a_missing_proof_is_refused(self, gateway: Gateway, signing_header: str, now: int) -> None:
        callback = self.signed_callback("paid", at=now)
        headers = [(name, value) for name, value in callback.headers if name.lower() != signing_header.lower()]
        assert len(headers) < len(callback.headers)
        self.refused(gateway, replaced(callback, headers=headers), now, status=401)

    def test_b014_a_proof_that_comes_twice_is_refused(self, gateway: Gateway, signing_header: str, now: int) -> None:
        callback = self.signed_callback("paid", at=now)
        for value in (callback.header(signing_header) or "", "other"):
            twice = (signing_header.lower(), value)
            for headers in ([*callback.headers, twice], [twice, *callback.headers]):
                error = self.refused(gateway, replaced(callback, headers=headers), now)
                assert error.code == "CALLBACK_DUPLICATE_FIELD"

    def test_a_hostile_proof_is_refused(
        self, gateway: Gateway, signing_header: str, hostile_value: str, now: int
    ) -> None:
        callback = self.signed_callback("paid", at=now)
        self.refused(gateway, with_header(callback, signing_header, hostile_value), now)

    def test_a_proof_in_another_spelling_is_refused_or_changes_nothing(
        self, gateway: Gateway, signing_header: str, now: int
    ) -> None:
        callback = self.signed_callback("paid", at=now)
        value = callback.header(signing_header) or ""
        for spelled in (value + " ", " " + value, value + "\n", value.swapcase(), value + "=", value[:-1], value * 2):
            self.same_or_refused(gateway, callback, with_header(callback, signing_header, spelled), now)
