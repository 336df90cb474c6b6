"""``wallet.store`` in the config: what it opens, what is refused, what the commands say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import payflow
from payflow.cli import main
from payflow.errors import StoreError
from payflow.stores import SplitStore, open_split_store, open_store
from tests.config.documents import ENVIRON, loaded, problems, right

UNITS: dict[str, Any] = {"units": {"tokens": {}}}


def wallet(url: Any, **more: Any) -> dict[str, Any]:
    return {**UNITS, "store": {"url": url, **more}}


@pytest.mark.services
def test_it_opens_a_flow_over_both_and_the_worker_recovers(postgres_url: str, tmp_path: Path) -> None:
    config = loaded(wallet=wallet(postgres_url, lease_seconds=7), store={"url": f"sqlite:///{tmp_path}/pf.db"})
    flow = payflow.open_flow(config, migrate=True)
    assert isinstance(flow.store, SplitStore)
    assert flow.store.lease_seconds == 7
    payflow.open_wallet(flow).grant("ann", "tokens", 5, key="k")
    assert [one.balance for one in flow.store.ledger.accounts(["ann/tokens"])] == [5]
    assert flow.store.payments.accounts(["ann/tokens"]) == []
    assert payflow.open_worker(flow).round().chores == {"recover": 0, "sweep": 0, "refill": 1, "watch": 0}
    flow.store.close()


def test_without_it_the_ledger_is_kept_with_the_payments(tmp_path: Path) -> None:
    flow = payflow.open_flow(loaded(wallet=UNITS, store={"url": f"sqlite:///{tmp_path}/pf.db"}), migrate=True)
    assert not isinstance(flow.store, SplitStore)
    assert "recover" not in payflow.open_worker(flow).chores
    flow.after_commit()
    flow.store.close()


@pytest.mark.parametrize(
    ("url", "where", "code"),
    [
        ("sqlite:///ledger.db", "$.wallet.store.url", "CONFIG_VALUE"),
        ("postgresql://h/payments", "$.wallet.store.url", "CONFIG_VALUE"),
        ("oracle://h/x", "$.wallet.store.url", "CONFIG_VALUE"),
        ("postgresql://u:secret@h/ledger", "$.wallet.store.url", "CONFIG_LITERAL_SECRET"),
        ({"env": "NOT_THERE"}, "$.wallet.store.url", "CONFIG_MISSING_SECRET"),
        (None, "$.wallet.store.url", "CONFIG_TYPE"),
    ],
)
def test_an_address_that_cannot_be_the_ledgers_is_refused(url: Any, where: str, code: str) -> None:
    found = problems(wallet=wallet(url), store={"url": "postgresql://h/payments"})
    assert [(path, one.code) for path, one in found.items()] == [(where, code)]


def test_a_store_without_an_address_is_refused() -> None:
    found = problems(wallet={**UNITS, "store": {}})
    assert [(path, one.code) for path, one in found.items()] == [("$.wallet.store.url", "CONFIG_MISSING_FIELD")]


def test_no_password_of_either_database_is_shown() -> None:
    given = {"wallet": wallet({"env": "LEDGER"}), "store": {"url": {"env": "DB"}}}
    secrets = {"LEDGER": "postgresql://u:c4n4ry@h/ledger", "DB": "postgresql://u:c4n4ry@h/payments"}
    config = loaded(environ=secrets, **given)
    assert config.wallet.store is not None
    assert config.wallet.store.shown_url == "postgresql://u:***@h/ledger"
    shown = repr(config) + "".join(value.value for value in config.effective)
    assert "c4n4ry" not in shown


def test_a_ledger_on_sqlite_or_beside_payments_in_memory_is_refused(tmp_path: Path) -> None:
    file, memory = open_store(f"sqlite:///{tmp_path}/pf.db"), open_store("sqlite:///:memory:")
    with pytest.raises(StoreError) as refused:
        open_split_store(file, file)
    assert refused.value.code == "STORE_NO_TWO_PHASE"
    with pytest.raises(payflow.ConfigError):
        open_split_store(memory, open_store("postgresql://h/x"))


@pytest.fixture
def commanded(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    given = right(wallet=wallet(postgres_url), store={"url": f"sqlite:///{tmp_path}/pf.db"})
    (tmp_path / "payflow.json").write_text(json.dumps(given))
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    return lambda *words: CliRunner().invoke(main, [words[0], "-c", str(tmp_path / "payflow.json"), *words[1:]])


@pytest.mark.services
def test_the_commands_know_both(commanded: Callable[..., Any]) -> None:
    first = commanded("migrate")
    assert first.exit_code == 0, first.output
    assert first.output.count("pf.db") == first.output.count("postgresql://") == 1
    assert "Nothing is in doubt." in commanded("recover", "--lang", "en").output
    assert "没有悬而未决的事务" in commanded("recover", "--lang", "zh").output
    doctor = commanded("doctor")
    assert doctor.exit_code == 0, doctor.output
    assert "0 in doubt" in doctor.output


@pytest.mark.services
def test_recover_names_what_it_ended_and_what_waits(
    commanded: Callable[..., Any], postgres_url: str, tmp_path: Path
) -> None:
    commanded("migrate")
    store = open_split_store(open_store(f"sqlite:///{tmp_path}/pf.db"), open_store(postgres_url))
    name = store._new_name()
    with store.ledger.branch(name) as branch:
        branch.prepare()
    waiting = commanded("recover", "--lang", "en")
    assert (waiting.exit_code, waiting.output) == (1, f"left to its writer  {name}\n")
    ended = commanded("recover", "--lease", "0", "--json")
    assert (ended.exit_code, json.loads(ended.stdout)["rolled_back"]) == (0, [name])
    assert store.payments.verdict(name) == "abort"
    store.close()
