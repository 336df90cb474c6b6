"""A gateway that also sends: its verbs, as a suite. :mod:`payflow.testing.gateways` says how to use it."""

from __future__ import annotations

import json
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from ..deciding.events import digest
from ..gateway import Answer, Callback, Event, EventKind, Gateway, Outcome
from ..records import Payment, replace
from .gateways import GatewayContract
from .material import a_payment, a_refund, call, facts_of, renamed


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
            wanted: tuple[set[str], ...] = {
                "none": (set(),), "wait": (set(),), "redirect": ({"url"},), "form": ({"url", "fields"},),
                "qr": ({"text"},), "sdk": ({"order_string"}, {"params"}), "mini_program": ({"params"},),
            }[action.kind]  # fmt: skip
            assert any(named <= set(action.data) for named in wanted)
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
