"""The fixture that other projects take: a sandbox on a free port, from one line in their conftest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HOST = """
from payflow.gateways.alipay import Alipay
from payflow.records import Payment
from payflow.transport import Surroundings


def paid(sandbox, number):
    gateway = Alipay.from_config("alipay", sandbox.account("alipay"), Surroundings())
    payment = Payment(
        id=number, gateway="alipay", account="alipay", merchant=gateway.merchant, app=gateway.app, channel="qr",
        out_trade_no=number, amount=1250, currency="CNY", status="pending", created_at=sandbox.clock(),
    )
    gateway.charge(payment)
    sandbox.pay(number)
    return [event.kind for event in gateway.query(payment).events]


def test_one(payflow_sandbox):
    assert paid(payflow_sandbox, "ORDER_0001") == ["paid"]


def test_two_has_a_sandbox_of_its_own(payflow_sandbox):
    assert payflow_sandbox.books.newest_orders() == []
    assert paid(payflow_sandbox, "ORDER_0001") == ["paid"]
"""


def test_a_host_takes_the_fixture_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["payflow.testing.plugin"]\n')
    (tmp_path / "test_host.py").write_text(HOST)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
