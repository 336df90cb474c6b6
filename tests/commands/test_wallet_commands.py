"""What an operator types about credit: show, grant, adjust, change; refill policies and their run."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import payflow
from payflow.cli import main
from payflow.doctor import broken

ROOT = Path(__file__).parents[2]


class Counter:
    """A folder with a config that sells tokens, and a terminal."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "payflow.json"
        self.path.write_text(json.dumps({
            "secret": {"env": "COUNTER_SECRET"}, "payment_gateway": "mock",
            "gateways": {"mock": {"gateway": "mock", "secret": {"env": "COUNTER_MOCK_SECRET"}}},
            "wallet": {
                "units": {"tokens": {}},
                "refills": [{"name": "daily", "unit": "tokens", "mode": "add", "amount": 100, "every": {"days": 1}}],
            },
        }))  # fmt: skip
        for name in ("COUNTER_SECRET", "COUNTER_MOCK_SECRET"):
            monkeypatch.setenv(name, secrets.token_urlsafe(40))
        self.flow = payflow.open(self.path, migrate=True)
        self.wallet = payflow.open_wallet(self.flow)

    def type(self, *words: str) -> Result:
        return CliRunner().invoke(main, [words[0], "-c", str(self.path), "--lang", "en", *words[1:]])


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    return Counter(tmp_path, monkeypatch)


def test_an_operator_gives_corrects_and_changes_and_all_of_it_is_kept(counter: Counter) -> None:
    given = counter.type("credit", "grant", "ann/tokens", "500", "--key", "g-1", "--days", "30", "--operator", "ops")
    assert given.exit_code == 0, given.output
    again = counter.type("credit", "grant", "ann/tokens", "500", "--key", "g-1", "--days", "30", "--operator", "ops")
    assert "IDEMPOTENCY_CONFLICT" in again.output or "as before" in again.output
    taken = counter.type("credit", "adjust", "ann/tokens", "-20", "--key", "a-1", "--memo", "a typo")
    assert "-20 → 480" in taken.output
    changed = counter.type("credit", "change", "ann/tokens", "--tier", "heavy", "--credit-limit", "50", "--caps",
                           '{"per_day": 5}', "--reason", "a good customer", "--operator", "ops")  # fmt: skip
    assert changed.exit_code == 0, changed.output
    shown = json.loads(counter.type("credit", "show", "ann/tokens", "--json").output)
    assert (shown["balance"], shown["tier"], shown["credit_limit"]) == (480, "heavy", 50)
    assert "available: 480" in counter.type("credit", "ann/tokens").output
    kept = list(counter.flow.store.select("select what, changed_by, reason from pf_account_change order by what", 9))
    assert ("tier", "ops", "a good customer") in kept
    assert broken(counter.flow.store) == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["credit", "nobody/tokens"], "ACCOUNT_NOT_FOUND"), (["credit", "ann"], "INVALID_REFERENCE"),
        (["credit", "grant", "ann/gold", "5", "--key", "k"], "UNIT_UNKNOWN"),
        (["credit", "grant", "ann/tokens", "0", "--key", "k"], "CREDIT_INVALID_AMOUNT"),
        (["credit", "change", "nobody/tokens", "--tier", "x", "--reason", "r"], "ACCOUNT_NOT_FOUND"),
        (["refill", "show", "weekly"], "POLICY_NOT_FOUND"),
        (["refill", "set", "daily", "--body", "[]", "--reason", "r"], "REFILL_POLICY_INVALID"),
        (["refill", "set", "daily", "--body", '{"amount": 0}', "--reason", "r"], "REFILL_POLICY_INVALID"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line_with_its_code(counter: Counter, words: list[str], code: str) -> None:
    said = counter.type(*words)
    assert said.exit_code == 2
    assert code in said.output
    assert "Traceback" not in said.output


def test_policies_are_changed_at_run_time_and_a_run_goes_by_them(counter: Counter) -> None:
    for number in range(3):
        counter.wallet.open(f"owner-{number}", "tokens")
    assert "due now: 3" in counter.type("refill", "status").output
    ran = counter.type("refill", "run", "--batch", "2")
    assert "3 refilled with 300 units" in ran.output, ran.output
    assert counter.type("refill", "run", "--json").exit_code == 0
    body = '{"amount": 7, "every": {"hours": 1}}'
    done = counter.type("refill", "set", "daily", "--body", body, "--reason", "leaner", "--operator", "ops")
    assert "version 2" in done.output
    assert json.loads(counter.type("refill", "show", "daily").output)["amount"] == 7
    counter.type("refill", "disable", "daily", "--reason", "over", "--operator", "ops")
    history = counter.type("refill", "history", "daily").output
    assert [line.split()[0] for line in history.splitlines()] == ["3", "2", "1"]
    assert "ops: over" in history
    assert "off" in counter.type("refill", "policies").output


@pytest.mark.slow
def test_a_run_that_is_killed_has_done_whole_sets_and_the_next_goes_on(counter: Counter) -> None:
    number = 6000
    with counter.flow.store.transaction() as transaction:
        transaction.connection.executemany(
            "insert into pf_account (id, owner, unit, balance, held, credit_limit, floor, version, seq, chain, buckets,"
            " activity, caps, tier, refill_policy, refill_version, refill_count, refill_payment, created_at,"
            " updated_at, next_refill_at) values (?, ?, 'tokens', 0, 0, 0, 0, 1, 0, '', '[]', '', '', 'ordinary', '',"
            " 0, 0, '', 1, 1, 1)", [(f"o-{one:05d}/tokens", f"o-{one:05d}") for one in range(number)],
        )  # fmt: skip
    killed = 0
    for _ in range(6):
        run = subprocess.Popen(
            [sys.executable, "-m", "payflow.cli", "refill", "-c", str(counter.path), "run", "--batch", "50"],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(0.45)
        killed += run.poll() is None
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert broken(counter.flow.store) == []
    assert killed
    assert counter.type("refill", "run").exit_code == 0
    [(granted, units)] = counter.flow.store.select("select count(*), sum(amount) from pf_refill", 1)
    assert (granted, units) == (number, 100 * number)
    assert broken(counter.flow.store) == []
