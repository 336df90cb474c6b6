"""The plugin's scripted faults and signed answers, from a host's view, in two processes at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from payflow.testing.faults import Crash, Faults, in_a_process

FAULTS = """
import os
import signal

import pytest

from payflow import Handlers, Money, PayflowError
from payflow.assembly import open_worker
from payflow.testing.faults import Crash, in_a_process


def bought(flow, key="k"):
    return flow.pay(amount=Money(1250), channel="qr", action="buy", key=key).payment


def told(flow):
    shipped = []
    handlers = Handlers()
    handlers.add("ship", ["payment.paid"], lambda message, transaction: shipped.append(message.payment_id))
    return open_worker(flow, handlers), shipped


def test_a_crash_before_the_write_leaves_nothing(payflow_opened, payflow_faults, payflow_notify, payflow_conserved):
    flow = payflow_opened()
    payment = bought(flow)
    payflow_faults.crash("before", "write")
    with pytest.raises(Crash):
        payflow_notify.to(flow)(payment)
    with pytest.raises(Crash):  # it stays dead
        bought(flow, "another")
    again = payflow_opened()
    assert again.payment(payment.id).status == "pending"
    assert [reply.status for reply in payflow_notify.to(again)(payment)] == [200]
    assert again.payment(payment.id).captured == 1250
    payflow_conserved()


def test_a_crash_after_the_write_loses_only_the_reply(payflow_opened, payflow_faults, payflow_notify,
                                                      payflow_conserved):
    flow = payflow_opened()
    payment = bought(flow)
    payflow_faults.crash("after", "write")
    with pytest.raises(Crash):
        payflow_notify.to(flow)(payment)
    again = payflow_opened()
    assert again.payment(payment.id).captured == 1250
    payflow_notify.to(again)(payment)
    assert again.payment(payment.id).captured == 1250
    payflow_conserved()


def test_a_crash_before_the_commit_rolls_back(payflow_opened, payflow_faults, payflow_notify):
    flow = payflow_opened()
    payment = bought(flow)
    payflow_faults.crash("before", "commit")
    with pytest.raises(Crash):
        payflow_notify.to(flow)(payment)
    assert payflow_opened().payment(payment.id).status == "pending"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_around_the_call_refunds_once(payflow_opened, payflow_faults, payflow_notify, payflow_clock,
                                              payflow_conserved, when):
    flow = payflow_opened()
    payment = bought(flow)
    bank = flow.gateways["mock"]
    bank.payer.pay(payment.out_trade_no)
    payflow_notify.to(flow).deliver(*bank.callbacks(payment.out_trade_no))
    payflow_faults.crash(when, "send")
    with pytest.raises(Crash):
        flow.refund(payment.id, amount=Money(500), key="r")
    again = payflow_opened()
    for _ in range(6):
        payflow_clock.forward(60)
        open_worker(again).round()
    assert again.payment(payment.id).refunded == 500
    assert [one.amount for one in again.gateways["mock"].trade(payment.out_trade_no).refunds] == [500]
    payflow_conserved()


def test_every_point_of_a_story(payflow_opened, payflow_faults, payflow_notify, payflow_clock, payflow_conserved):
    def story(key):
        flow = payflow_opened()
        payment = bought(flow, key)
        payflow_notify.to(flow)(payment, gateway_txn=f"T-{key}")
        return payment

    story("rehearsal")
    points = list(payflow_faults.passed)
    assert {"before write", "after commit", "before charge"} <= set(points)
    for number in range(1, len(points) + 1):
        payflow_faults.crash_at(number)
        with pytest.raises(Crash):
            story(f"k{number}")
        payflow_clock.forward(120)  # until then, its call to the gateway may still be under way
        assert payflow_opened().payment(story(f"k{number}").id).captured == 1250
    payflow_conserved()


def test_two_workers_meet_and_the_host_is_told_once(payflow_opened, payflow_faults, payflow_notify):
    one, other = payflow_opened(), payflow_opened()
    payment = bought(one)
    payflow_notify.to(one)(payment)
    (first, shipped), (second, shipped_too) = told(one), told(other)
    payflow_faults.meet("before", "claim_messages")
    payflow_faults.at_once(first.round, second.round)
    assert shipped + shipped_too == [payment.id]


def test_two_processes_decide_on_the_same_facts(payflow_opened, payflow_faults, payflow_notify, payflow_conserved):
    one, other = payflow_opened(), payflow_opened()
    payment = bought(one)
    callback = payflow_notify.made(payment)
    before = payflow_faults.passed.count("before write")
    payflow_faults.meet("before", "write")
    replies = payflow_faults.at_once(
        lambda: payflow_notify.to(one).deliver(callback), lambda: payflow_notify.to(other).deliver(callback)
    )
    assert [reply.status for (reply,) in replies] == [200, 200]
    assert payflow_faults.passed.count("before write") - before == 3  # who was second decided again
    assert one.payment(payment.id).captured == 1250
    payflow_conserved()


def test_reordered(payflow_flow, payflow_notify, payflow_conserved):
    payment = bought(payflow_flow)
    paid, closed = payflow_notify.made(payment), payflow_notify.made(payment, "closed")
    payflow_notify.deliver(paid, closed, paid)
    assert payflow_flow.payment(payment.id).status == "paid"
    payflow_conserved()


def test_a_worker_that_dies_with_a_handler_half_done(payflow_opened, payflow_faults, payflow_notify, payflow_clock):
    flow = payflow_opened()
    payment = bought(flow)
    payflow_notify.to(flow)(payment)
    worker, shipped = told(flow)
    payflow_faults.crash("before", "commit", number=2)  # the first is that of the claim
    with pytest.raises(Crash):
        worker.round()
    payflow_clock.forward(3600)
    worker, shipped = told(payflow_opened())
    worker.round()
    assert shipped == [payment.id]


def test_a_killed_process(payflow_opened, payflow_faults, payflow_notify, payflow_conserved):
    payment = bought(payflow_opened())

    def dies():
        payflow_faults.kill("before", "commit")
        payflow_notify.to(payflow_opened())(payment)

    assert in_a_process(dies) == signal.SIGKILL
    flow = payflow_opened()
    assert flow.payment(payment.id).status == "pending"
    payflow_notify.to(flow)(payment)
    assert flow.payment(payment.id).captured == 1250
    payflow_conserved()


def test_inside_the_hosts_transaction(payflow_opened, payflow_faults, tmp_path):
    import sqlite3
    flow = payflow_opened()
    connection = sqlite3.connect(tmp_path / "payflow.db", isolation_level=None)
    connection.execute("pragma foreign_keys = on")
    connection.execute("begin immediate")
    payflow_faults.crash("after", "write")
    with pytest.raises(Crash):
        bought(flow.joined(connection))
    connection.execute("rollback")
    assert payflow_opened().store.recent_payments(9) == []
"""

ANSWERS = """
import pytest
import requests
import responses

from payflow import Money

QR = {
    "alipay": ("https://qr.alipay.com/bax00001", lambda answers: answers.alipay(
        "trade.precreate", qr_code="https://qr.alipay.com/bax00001")),
    "wechat": ("weixin://wxpay/bizpayurl?pr=1", lambda answers: answers.wechat(
        "POST", "/v3/pay/transactions/native", code_url="weixin://wxpay/bizpayurl?pr=1")),
}


@pytest.fixture(params=["alipay", "wechat"])
def ordered(request, payflow_flow, payflow_answers):
    text, registered = QR[request.param]
    registered(payflow_answers)
    result = payflow_flow.pay(amount=Money(1250), channel="qr", account=request.param, action="buy", key="order-key",
                              description="latte")
    assert result.next_action.data == {"text": text}
    return result.payment


def asked(flow, worker, clock, payment):
    clock.forward(120)
    worker.round()
    return flow.payment(payment.id)


def test_paid_is_found_by_asking(ordered, payflow_flow, payflow_worker, payflow_answers, payflow_clock,
                                 payflow_conserved):
    payflow_answers.queried(ordered, "pending")
    assert asked(payflow_flow, payflow_worker, payflow_clock, ordered).status == "pending"
    payflow_answers.queried(ordered, "paid")
    assert asked(payflow_flow, payflow_worker, payflow_clock, ordered).captured == 1250
    payflow_answers.refunded(ordered, 500)
    assert payflow_flow.refund(ordered.id, amount=Money(500), key="r").refund.status == "succeeded"
    assert payflow_flow.payment(ordered.id).refunded == 500
    payflow_conserved()


@pytest.mark.parametrize("kind", ["missing", "closed"])
def test_what_else_it_may_say(ordered, kind, payflow_flow, payflow_worker, payflow_answers, payflow_clock):
    payflow_answers.queried(ordered, kind)
    found = asked(payflow_flow, payflow_worker, payflow_clock, ordered)
    assert found.captured == 0
    assert (found.status == "cancelled") == (kind == "closed")


def test_a_tampered_answer_is_not_believed(ordered, payflow_flow, payflow_worker, payflow_answers, payflow_clock):
    if ordered.gateway == "alipay":
        payflow_answers.alipay("trade.query", trade_status="TRADE_SUCCESS", trade_no="T1", total_amount="12.50",
                               tamper=lambda body: body.replace(b"12.50", b"12.51"))
    else:
        payflow_answers.wechat("GET", f"/v3/pay/transactions/out-trade-no/{ordered.out_trade_no}",
                               trade_state="SUCCESS", tamper=lambda body: body.replace(b"SUCC", b"SACC"))
    assert asked(payflow_flow, payflow_worker, payflow_clock, ordered).status == "pending"


def test_silence_is_not_failure(ordered, payflow_flow, payflow_worker, payflow_answers, payflow_clock):
    payflow_answers.queried(ordered, "paid")
    asked(payflow_flow, payflow_worker, payflow_clock, ordered)
    payflow_answers.silent(ordered.account)
    payflow_flow.refund(ordered.id, amount=Money(500), key="r")
    (attempt,) = [one for one in payflow_flow.store.history(ordered.id).attempts if one.op == "refund"]
    assert attempt.status == "unknown"
    assert payflow_flow.payment(ordered.id).reserved == 500
    payflow_answers.refunded(ordered, 500)


def test_a_refusal_of_wechat(payflow_flow, payflow_answers):
    payflow_answers.wechat("POST", "/v3/pay/transactions/native", status=400, code="PARAM_ERROR", message="no")
    payment = payflow_flow.pay(amount=Money(1250), channel="qr", account="wechat", action="buy", key="k",
                               description="latte").payment
    assert payment.status == "failed"


def test_nothing_is_registered_nothing_leaves(payflow_flow, payflow_answers):
    payment = payflow_flow.pay(amount=Money(1250), channel="qr", account="wechat", action="buy", key="k",
                               description="latte").payment
    assert payment.status == "pending"
    assert len(payflow_answers.mock.calls) > 0
    assert payflow_answers.mock.calls[0].request.url.startswith("https://api.mch.weixin.qq.com/v3/pay/")


def test_the_hosts_own_calls_are_mocked_beside_them(payflow_answers):
    payflow_answers.mock.add("GET", "https://stock.example/", json={"left": 3})
    assert requests.get("https://stock.example/", timeout=1).json() == {"left": 3}


def test_with_a_mock_of_the_hosts_own():
    from payflow.testing.answers import Answers
    with responses.RequestsMock() as mock:
        Answers(mock).wechat("GET", "/v3/certificates", data=[])
        answer = requests.get("https://api2.mch.weixin.qq.com/v3/certificates", timeout=1)
    assert "Wechatpay-Signature" in answer.headers
"""


#: A host that has databases of its own.
ELSEWHERE = """
import pytest
from payflow.testing import services

@pytest.fixture
def payflow_store_url():
    return services.fresh_database({server!r})
"""


def run(tmp_path: Path, program: str, *options: str, more: str = "") -> str:
    (tmp_path / "conftest.py").write_text(f'pytest_plugins = ["payflow.testing.plugin"]\n{more}')
    (tmp_path / "test_host.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(tmp_path)],
        check=False, cwd=Path(__file__).parents[2], capture_output=True, encoding="utf-8",
    )  # fmt: skip
    return done.stdout


def test_scripted_faults(tmp_path: Path) -> None:
    assert "12 passed" in (said := run(tmp_path, FAULTS, "-n", "2")), said


@pytest.mark.services
@pytest.mark.parametrize("server", ["postgres_server", "mariadb_server"])
def test_scripted_faults_on_other_databases(server: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    more = ELSEWHERE.format(server=request.getfixturevalue(server))
    said = run(tmp_path, FAULTS, "-n", "2", "-k", "not hosts_transaction", more=more)
    assert "11 passed" in said, said


def test_signed_answers(tmp_path: Path) -> None:
    assert "14 passed" in (said := run(tmp_path, ANSWERS, "-n", "2")), said


def test_what_never_happened_fails_the_test(tmp_path: Path) -> None:
    said = run(tmp_path, 'def test_it(payflow_flow, payflow_faults):\n    payflow_faults.crash("before", "refund")\n')
    assert "Never came to: before refund" in said
    assert "1 passed, 1 error" in said


def test_a_point_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no point"):
        Faults().crash("before", "lunch")


def test_a_meeting_nobody_comes_to_is_seen() -> None:
    class Store:
        def transaction(self): ...
        def together(self): ...
        def join(self, connection): ...
        def write(self, changes): ...

    class Flow:
        store = Store()
        gateways = {}

    faults = Faults()
    flow = faults.watch(Flow())
    faults.meet("before", "write", seconds=0.05)
    with pytest.raises(AssertionError, match="Not all 2 came before write"):
        flow.store.write(None)
    with pytest.raises(AssertionError, match="Never came to"):
        faults.check()


def test_what_a_call_raises_is_handed_over_and_the_others_go_on() -> None:
    def wrong() -> None:
        raise Crash("x")

    found = Faults.at_once(wrong, lambda: 7)
    assert isinstance(found[0], Crash)
    assert found[1] == 7


def test_a_process_that_raises_is_no_kill() -> None:
    assert in_a_process(lambda: None) == 0
    with pytest.raises(AssertionError, match="raised"):
        in_a_process(lambda: 1 / 0)
