"""The pytest plugin, from a host's view: genuine callbacks are taken, tampered ones refused, a lost unit is seen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HOST = """
import pytest

from payflow import Money


def made(flow, account, key="k"):
    order = f"ORDER_{key}"
    return flow.expect(amount=Money(1250), channel="qr", key=key, out_trade_no=order, account=account).payment


@pytest.mark.parametrize("account", ["alipay", "wechat", "mock"])
def test_paid_once_however_often_it_is_told(payflow_flow, payflow_notify, payflow_conserved, account):
    payment = made(payflow_flow, account)
    replies = payflow_notify(payment, times=3, at_once=2)
    assert {reply.status for reply in replies} <= {200, 204}
    assert len(replies) == 6
    assert payflow_flow.payment(payment.id).captured == 1250
    assert payflow_flow.store.open_incidents(9) == []
    payflow_conserved()


@pytest.mark.parametrize("account", ["alipay", "wechat", "mock"])
def test_tampered_moves_nothing(payflow_flow, payflow_notify, payflow_conserved, account):
    payment = made(payflow_flow, account)
    (reply,) = payflow_notify(payment, tamper=lambda body: body[:40] + bytes([body[40] ^ 1]) + body[41:])
    assert reply.status >= 400
    assert payflow_flow.payment(payment.id).status == "pending"
    payflow_conserved()


def test_the_wrong_amount_is_an_incident(payflow_flow, payflow_notify, payflow_conserved):
    payment = made(payflow_flow, "alipay")
    payflow_notify(payment, amount=1)
    assert [one.kind for one in payflow_flow.store.open_incidents(9)] == ["amount_mismatch"]
    payflow_conserved()


def test_late(payflow_flow, payflow_notify, payflow_clock, payflow_worker, payflow_conserved):
    payment = payflow_flow.pay(amount=Money(1250), channel="qr", action="buy", key="k").payment
    payflow_clock.forward(3600)
    payflow_worker.round()
    payflow_worker.round()
    assert payflow_flow.payment(payment.id).status == "cancelled"
    payflow_notify(payment, late_seconds=60)
    assert payflow_flow.payment(payment.id).status == "cancelled"
    assert len(payflow_flow.store.open_incidents(9)) == 1
    payflow_conserved()


def test_a_unit_that_is_lost_is_seen(payflow_flow, payflow_wallet, payflow_conserved):
    payflow_wallet.grant("ann", "tokens", 100, key="g")
    payflow_conserved()
    with payflow_flow.store.transaction() as transaction:
        transaction.connection.execute("update pf_account set balance = balance - 1")
    with pytest.raises(AssertionError, match="ann/tokens"):
        payflow_conserved()


def test_its_database_is_its_own(payflow_flow):
    assert payflow_flow.store.recent_payments(9) == []
"""


def test_a_host_takes_them_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["payflow.testing.plugin"]\n')
    (tmp_path / "test_host.py").write_text(HOST)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", str(tmp_path)],
        check=False, cwd=Path(__file__).parents[2], capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "10 passed" in done.stdout


def test_loading_it_loads_nothing_of_payflow() -> None:
    program = (
        "import sys, payflow.testing.plugin\n"
        "print(sorted(name for name in sys.modules if name.startswith('payflow.') and '.testing' not in name))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, encoding="utf-8")
    assert done.stdout.strip() == "['payflow._version']"
