"""What every gateway has to be, as a suite that anybody can run over their own.

:class:`GatewayContract` is about what comes in: ``read``, the replies, the capabilities, and that verbs which are not
there say so. :class:`SendingGatewayContract` adds the verbs. Subclass one, give it a fixture and its hooks::

    class TestMine(GatewayContract):
        kinds = ("paid", "refund_succeeded")
        signing_headers = ("My-Signature",)

        @pytest.fixture(scope="class")
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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import FrozenInstanceError
from typing import Any, ClassVar

import pytest

from ..clock import SECOND, system_clock
from ..deciding.events import digest
from ..errors import CallbackRefused, Refused
from ..gateway import Answer, Callback, Event, EventKind, Gateway, Outcome
from ..identifiers import new_id
from ..money import MAX_MINOR, exponent
from ..records import Payment, Refund, replace
from .callbacks import FACTS

OPERATIONS = ("charge", "query", "close", "refund", "query_refund")
CHANNELS = frozenset({"page", "wap", "app", "qr", "barcode", "mini_program", "jsapi", "h5"})

#: What strangers send to a callback URL.
HOSTILE_BODIES: tuple[bytes, ...] = (
    b"", b" ", b"\x00", b"null", b"true", b"0", b'""', b"[]", b"{}", b"[{}]", b"{", b'{"a":', b"=", b"&", b"a", b"a=b",
    b"a=b&a=b", b"%", b"a=%", b"a=%u4e2d", b"sign=&sign_type=RSA2", b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":1e999}',
    b'{"a":"\\ud800"}', b"\xff\xfe", b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b"[" * 60_000, b'{"a":' * 10_000,
    b"9" * 60_000, b"a=b&" * 15_000, b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
    b"\r\n\r\nGET / HTTP/1.1", b"x" * 65_537, b"{" + b'"a":1,' * 20_000 + b'"b":1}',
)  # fmt: skip

#: What strangers put into headers.
HOSTILE_VALUES: tuple[str, ...] = (
    "", " ", "\x00", "null", "0", "-1", "+1", "1e9", "0x10", "１７００００００００", "٣", "9" * 40, "a" * 65_536, "é",
    "\ud800", "a\r\nX: y", "a,b", "'", '"', "../../etc/passwd", "WECHATPAY/SIGNTEST/abc", "=" * 344, "AAAA", "A" * 344,
    "0" * 64,
)  # fmt: skip

_CODE = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)


def facts_of(events: Sequence[Event]) -> list[Event]:
    """Events without the envelope they came in: what must be the same however a fact arrives."""
    return [replace(event, proof="", words={}, source="", happened_at=None) for event in events]


class GatewayContract(ABC):
    """The receiving half of a gateway."""

    #: What this gateway tells by callback, as words of :class:`payflow.gateway.EventKind`.
    kinds: ClassVar[tuple[str, ...]] = ("paid",)
    #: The headers that prove a callback; empty where the proof is in the body.
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

    def told_secrets(self) -> tuple[bytes, ...]:
        """Every secret the gateway was given; by default :attr:`secrets`."""
        return self.secrets

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """Run what asks for ``kind`` once for each kind, and so on."""
        for name, values in (
            ("kind", cls.kinds),
            ("signing_header", cls.signing_headers),
            ("hostile_body", HOSTILE_BODIES),
            ("hostile_value", HOSTILE_VALUES),
            ("operation", OPERATIONS),
        ):
            if name in metafunc.fixturenames:
                hostile = name.startswith("hostile")
                ids = [f"{name}-{number}" if hostile else str(value) for number, value in enumerate(values)]
                metafunc.parametrize(name, values, ids=ids)

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
        for secret in self.told_secrets():
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


class SendingGatewayContract(GatewayContract):
    """A gateway that also sends. Its far side has to be at hand: the hooks move it."""

    #: The channels to order by; by default all that the gateway says it can do.
    channels: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def payer_pays(self, gateway: Any, payment: Payment) -> None:
        """The payer pays the order at the far side."""

    @abstractmethod
    def callbacks_about(self, gateway: Any, payment: Payment, now: int) -> list[Callback]:
        """Every callback the far side has made about the order so far, genuinely signed at ``now``."""

    def refunds_end(self, gateway: Any, payment: Payment) -> None:
        """Let the far side finish the refunds of a payment that are under way."""

    @abstractmethod
    def cut_off(self, gateway: Any) -> AbstractContextManager[None]:
        """While inside, no request reaches the far side, or no answer comes back."""

    def order(self, gateway: Gateway, number: str, **other: Any) -> Payment:
        """A payment to order with; ``other`` are its fields."""
        return a_payment(gateway, out_trade_no=number, **other)

    def paid(self, gateway: Gateway, number: str, **other: Any) -> Payment:
        """A payment that was ordered and paid."""
        payment = self.order(gateway, number, **other)
        assert gateway.charge(payment).outcome is Outcome.CONFIRMED
        self.payer_pays(gateway, payment)
        return payment

    def told_about(self, gateway: Gateway, payment: Payment, now: int) -> list[Event]:
        """What the far side's callbacks about an order say."""
        callbacks = self.callbacks_about(gateway, payment, now)
        return [event for callback in callbacks for event in gateway.read(callback, now)]

    # -- charge -----------------------------------------------------------------------------------------------------

    def test_an_order_is_taken_and_says_what_to_do(self, gateway: Gateway) -> None:
        for channel in self.channels or sorted(gateway.capabilities.channels):
            answer = gateway.charge(self.order(gateway, f"CHARGE-{channel}", channel=channel))
            assert answer.outcome is Outcome.CONFIRMED, channel
            action = answer.next_action
            assert action is not None
            wanted = {
                "none": set(), "wait": set(), "redirect": {"url"}, "form": {"url"}, "qr": {"text"},
                "sdk": {"order_string"}, "mini_program": {"params"},
            }[action.kind]  # fmt: skip
            assert wanted <= set(action.data)
            assert json.dumps(dict(action.data))

    def test_ordering_again_is_ordering_once(self, gateway: Gateway) -> None:
        payment = self.order(gateway, "AGAIN-0001")
        first, second = gateway.charge(payment), gateway.charge(payment)
        assert (first.outcome, second.outcome) == (Outcome.CONFIRMED, Outcome.CONFIRMED)
        assert first.next_action == second.next_action

    def test_a_number_with_other_facts_is_rejected(self, gateway: Gateway) -> None:
        payment = self.order(gateway, "OTHER-0001")
        gateway.charge(payment)
        answer = gateway.charge(replace(payment, amount=payment.amount + 1))
        assert answer.outcome is Outcome.REJECTED
        assert answer.words
        (event,) = gateway.query(payment).events
        assert event.amount == payment.amount

    def test_ordering_what_is_paid_takes_no_second_payment(self, gateway: Gateway) -> None:
        payment = self.paid(gateway, "PAIDAGAIN1")
        gateway.charge(payment)
        (event,) = gateway.query(payment).events
        assert event.kind is EventKind.PAID

    def test_parallel_orders_are_one(self, gateway: Gateway) -> None:
        payment = self.order(gateway, "PARALLEL-1")
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _: gateway.charge(payment), range(16)))
        assert {answer.outcome for answer in answers} == {Outcome.CONFIRMED}
        assert all(answer.next_action == answers[0].next_action for answer in answers)

    # -- query ------------------------------------------------------------------------------------------------------

    def test_an_unknown_number_is_not_found(self, gateway: Gateway) -> None:
        answer = gateway.query(self.order(gateway, "NOBODY-0001"))
        assert answer.outcome is Outcome.NOT_FOUND
        assert answer.events == ()

    def test_an_unpaid_order_is_pending(self, gateway: Gateway) -> None:
        payment = self.order(gateway, "PENDING-001")
        gateway.charge(payment)
        answer = gateway.query(payment)
        assert answer.outcome is Outcome.CONFIRMED
        assert [(event.kind, event.source) for event in answer.events] == [(EventKind.PENDING, "query")]

    def test_a_paid_order_is_paid_with_everything_that_is_bound(self, gateway: Gateway) -> None:
        payment = self.paid(gateway, "PAID-000001")
        (event,) = gateway.query(payment).events
        assert event.kind is EventKind.PAID
        assert (event.merchant, event.app) == (payment.merchant, payment.app)
        assert (event.amount, event.currency) == (payment.amount, payment.currency)
        assert event.gateway_txn
        assert event.happened_at is not None

    def test_a_callback_and_a_query_meet_at_one_key(self, gateway: Gateway, now: int) -> None:
        payment = self.paid(gateway, "MEET-000001")
        (asked,) = gateway.query(payment).events
        told = self.told_about(gateway, payment, now)
        assert facts_of(told) == facts_of([asked])
        assert digest(told[0]) == digest(asked)

    def test_asking_changes_nothing(self, gateway: Gateway) -> None:
        payment = self.paid(gateway, "ASK-0000001")
        assert facts_of(gateway.query(payment).events) == facts_of(gateway.query(payment).events)

    # -- close ------------------------------------------------------------------------------------------------------

    def test_an_unpaid_order_is_closed(self, gateway: Gateway) -> None:
        payment = self.order(gateway, "CLOSE-00001")
        gateway.charge(payment)
        answer = gateway.close(payment)
        assert answer.outcome is Outcome.CONFIRMED
        (asked,) = gateway.query(payment).events
        assert asked.kind is EventKind.CLOSED
        assert all(event.key == asked.key for event in answer.events)

    def test_closing_again_is_closing_once(self, gateway: Gateway) -> None:
        payment = self.order(gateway, "CLOSE-00002")
        gateway.charge(payment)
        assert [gateway.close(payment).outcome for _ in range(3)] == [Outcome.CONFIRMED] * 3

    def test_a_paid_order_is_not_closed_and_says_why(self, gateway: Gateway) -> None:
        payment = self.paid(gateway, "CLOSE-00003")
        answer = gateway.close(payment)
        assert answer.outcome is Outcome.REJECTED
        assert EventKind.CLOSED not in [event.kind for event in answer.events]
        (event,) = gateway.query(payment).events
        assert event.kind is EventKind.PAID

    def test_an_unknown_order_is_not_closed(self, gateway: Gateway) -> None:
        assert gateway.close(self.order(gateway, "NOBODY-0002")).outcome is Outcome.NOT_FOUND

    def test_a_closed_order_is_not_taken_again(self, gateway: Gateway) -> None:
        payment = self.order(gateway, "CLOSE-00004")
        gateway.charge(payment)
        gateway.close(payment)
        assert gateway.charge(payment).outcome is Outcome.REJECTED

    # -- refunds ----------------------------------------------------------------------------------------------------

    def test_a_refund_is_taken_and_ends(self, gateway: Gateway, now: int) -> None:
        payment = self.paid(gateway, "REFUND-0001")
        refund = a_refund(gateway, out_refund_no="REFUND-R001")
        answer = gateway.refund(payment, refund)
        assert answer.outcome is Outcome.CONFIRMED
        assert all(event.out_refund_no == refund.out_refund_no for event in answer.events)
        self.refunds_end(gateway, payment)
        (asked,) = gateway.query_refund(payment, refund).events
        assert asked.kind is EventKind.REFUND_SUCCEEDED
        assert asked.amount in (refund.amount, None)
        told = self.told_about(gateway, payment, now)
        assert [event.key for event in told if event.kind is EventKind.REFUND_SUCCEEDED] in ([], [asked.key])

    def test_refunding_again_under_one_number_is_refunding_once(self, gateway: Gateway) -> None:
        payment = self.paid(gateway, "REFUND-0002", amount=1000)
        refund = a_refund(gateway, out_refund_no="REFUND-R002", amount=600)
        assert [gateway.refund(payment, refund).outcome for _ in range(3)] == [Outcome.CONFIRMED] * 3
        rest = a_refund(gateway, out_refund_no="REFUND-R003", amount=400)
        assert gateway.refund(payment, rest).outcome is Outcome.CONFIRMED

    def test_a_refund_number_with_another_amount_is_rejected(self, gateway: Gateway) -> None:
        payment = self.paid(gateway, "REFUND-0003", amount=1000)
        refund = a_refund(gateway, out_refund_no="REFUND-R004", amount=100)
        gateway.refund(payment, refund)
        assert gateway.refund(payment, replace(refund, amount=101)).outcome is Outcome.REJECTED

    def test_more_than_was_paid_is_rejected(self, gateway: Gateway) -> None:
        payment = self.paid(gateway, "REFUND-0004", amount=1000)
        first = a_refund(gateway, out_refund_no="REFUND-R005", amount=700)
        more = a_refund(gateway, out_refund_no="REFUND-R006", amount=301)
        assert gateway.refund(payment, first).outcome is Outcome.CONFIRMED
        assert gateway.refund(payment, more).outcome is Outcome.REJECTED

    def test_an_unpaid_order_is_not_refunded(self, gateway: Gateway) -> None:
        payment = self.order(gateway, "REFUND-0005")
        gateway.charge(payment)
        answer = gateway.refund(payment, a_refund(gateway, out_refund_no="REFUND-R007"))
        assert answer.outcome is Outcome.REJECTED

    def test_parallel_refunds_never_return_more_than_was_paid(self, gateway: Gateway) -> None:
        payment = self.paid(gateway, "REFUND-0006", amount=1000)
        refunds = [a_refund(gateway, out_refund_no=f"REFUND-P{n:03}", amount=400) for n in range(12)]
        with ThreadPoolExecutor(6) as threads:
            answers = list(threads.map(lambda refund: gateway.refund(payment, refund), refunds))
        assert [answer.outcome for answer in answers].count(Outcome.CONFIRMED) == 2

    def test_an_unknown_refund_is_not_found(self, gateway: Gateway) -> None:
        payment = self.paid(gateway, "REFUND-0007")
        answer = gateway.query_refund(payment, a_refund(gateway, out_refund_no="NOBODY-R001"))
        assert answer.outcome is Outcome.NOT_FOUND
        assert answer.events == ()

    # -- never an exception for an outcome ---------------------------------------------------------------------------

    def test_whatever_it_is_given_there_is_an_answer(self, gateway: Gateway, operation: str) -> None:
        strange: tuple[dict[str, Any], ...] = (
            {"metadata": "not json"}, {"metadata": "[]"}, {"metadata": '{"mock": 1}'}, {"metadata": ""},
            {"out_trade_no": "x"}, {"out_trade_no": "a b c d e f"}, {"out_trade_no": "'; DROP TABLE x; --"},
            {"out_trade_no": "订单号订单号"}, {"out_trade_no": "A" * 1000}, {"amount": 0}, {"amount": -1},
            {"amount": 2**70}, {"currency": "XXX"}, {"currency": ""}, {"channel": "telepathy"},
            {"merchant": "another"}, {"app": "another"}, {"description": "\x00'\"拿铁\u202e"}, {"expires_at": 1},
        )  # fmt: skip
        for number, other in enumerate(strange):
            payment = self.order(gateway, **{"number": f"STRANGE-{number:03}", **renamed(other)})
            refund = a_refund(gateway, out_refund_no=f"STRANGE-R{number:02}")
            answer = call(gateway, operation, payment, refund)
            assert isinstance(answer, Answer), other
            assert isinstance(answer.outcome, Outcome)

    def test_silence_is_unknown(self, gateway: Gateway, operation: str) -> None:
        payment = self.paid(gateway, f"SILENT-{operation}")
        refund = a_refund(gateway, out_refund_no=f"SILENT-{operation}")
        with self.cut_off(gateway):
            answer = call(gateway, operation, payment, refund)
        assert answer.outcome in (Outcome.UNKNOWN, Outcome.NEVER_SENT)
        assert answer.events == ()

    def test_answers_say_their_words_in_texts(self, gateway: Gateway, operation: str) -> None:
        payment = self.paid(gateway, f"WORDS-{operation}")
        answer = call(gateway, operation, payment, a_refund(gateway, out_refund_no=f"WORDS-{operation}"))
        assert all(isinstance(key, str) and isinstance(value, str) for key, value in answer.words.items())


# -- material ------------------------------------------------------------------------------------------------------


def a_payment(gateway: Gateway, **other: Any) -> Payment:
    """A payment of this gateway, as the walk would hand it over."""
    number = str(other.get("out_trade_no", FACTS.out_trade_no))
    channels = gateway.capabilities.channels
    facts: dict[str, Any] = {
        "id": number, "gateway": gateway.kind, "account": gateway.account, "merchant": gateway.merchant,
        "app": gateway.app, "out_trade_no": number, "channel": "qr" if "qr" in channels else min(channels),
        "amount": FACTS.amount, "currency": "CNY", "status": "pending", "description": "latte",
        "metadata": '{"auth_code": "280000000000000080"}',
    }  # fmt: skip
    return Payment(**{**facts, **other})


def a_refund(gateway: Gateway, **other: Any) -> Refund:
    """A refund of this gateway."""
    number = str(other.get("out_refund_no", FACTS.out_refund_no))
    facts: dict[str, Any] = {
        "id": number, "payment_id": FACTS.out_trade_no, "gateway": gateway.kind, "account": gateway.account,
        "out_refund_no": number, "amount": FACTS.refund_amount, "currency": "CNY", "status": "requested",
    }  # fmt: skip
    return Refund(**{**facts, **other})


def call(gateway: Gateway, operation: str, payment: Payment, refund: Refund) -> Answer:
    """Call a verb by its name."""
    verb: Callable[..., Answer] = getattr(gateway, operation)
    return verb(payment, refund) if "refund" in operation else verb(payment)


def replaced(
    callback: Callback, *, headers: Sequence[tuple[str, str]] | None = None, body: bytes | None = None
) -> Callback:
    """The same callback with other headers or another body."""
    return Callback(
        callback.account,
        callback.headers if headers is None else headers,
        callback.body if body is None else body,
        callback.method,
    )


def with_header(callback: Callback, name: str, value: str) -> Callback:
    """The same callback with one header's value changed."""
    headers = [(key, value if key.lower() == name.lower() else kept) for key, kept in callback.headers]
    return replaced(callback, headers=headers)


def renamed(other: dict[str, Any]) -> dict[str, Any]:
    """``out_trade_no`` as the argument that names it."""
    return {"number" if key == "out_trade_no" else key: value for key, value in other.items()}


@contextmanager
def patched(thing: Any, name: str, value: Any) -> Iterator[None]:
    """For hooks: one attribute is another one while inside."""
    kept = getattr(thing, name)
    setattr(thing, name, value)
    try:
        yield
    finally:
        setattr(thing, name, kept)
