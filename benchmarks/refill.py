"""A scheduled refill of a million accounts: a run against one set-based pass of the database itself."""

from __future__ import annotations

import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from payflow.clock import SECOND
from payflow.deciding.rules import Caps, CreditRules
from payflow.doctor import broken
from payflow.flow import Flow, Settings
from payflow.routing import Router, Rule
from payflow.stores import SqlStore, open_store
from payflow.tables import TABLES
from payflow.trust import Trust
from payflow.wallet import Wallet

from .measuring import Figure, Scale

START = 1_780_000_000 * SECOND
DAY = 86_400 * SECOND
POLICY = {
    "name": "daily", "unit": "tokens", "mode": "add", "amount": 100, "every": {"days": 1},
    "anchor": "2026-01-01T00:00:00", "trigger": "scheduled",
}  # fmt: skip
_ACCOUNT = """insert into pf_account (id, owner, unit, balance, held, credit_limit, floor, version, seq, chain, buckets,
    activity, caps, tier, refill_policy, refill_version, refill_count, refill_payment, created_at, updated_at,
    next_refill_at) values (?, ?, 'tokens', 0, 0, 0, 0, 1, 0, '', '[]', '', '', 'ordinary', '', 0, 0, '', ?, ?, ?)"""
#: The same rows as payflow writes, by the database alone: no hashes, no decision, nothing compared.
_RAW = (
    """insert into pf_refill (account, policy, period_start, journal_id, amount, periods, available_before,
        available_after, cause_kind, cause_id, policy_version, at)
       select id, 'daily', ?1, 'refill:' || id || ':daily:' || ?1, 100, 1, balance, balance + 100, 'schedule', 'daily',
        1, ?1 from pf_account where next_refill_at <= ?1""",
    """insert into pf_journal (id, kind, ref, payment_id, cause_id, at, cause_kind, seq, account, used_for, memo,
        digest, hash)
       select 'refill:' || id || ':daily:' || ?1, 'refill', id || ':daily:' || ?1, '', 'daily', ?1, 'schedule', 0, id,
        '', 'daily', '', '' from pf_account where next_refill_at <= ?1""",
    """insert into pf_entry (journal_id, line, ledger_account, currency, amount, seq, balance, bucket, hash)
       select 'refill:' || id || ':daily:' || ?1, line, case line when 1 then id else 'issued:tokens' end, 'tokens',
        case line when 1 then 100 else -100 end, case line when 1 then seq + 1 end,
        case line when 1 then balance + 100 end, case line when 1 then 'refill' else '' end, ''
       from pf_account cross join (select 1 as line union all select 2) where next_refill_at <= ?1""",
    """update pf_account set balance = balance + 100, seq = seq + 1, version = version + 1, refilled_at = ?1,
        refill_count = refill_count + 1, next_refill_at = next_refill_at + 86400000000, updated_at = ?1,
        buckets = '[["refill","refill",' || (balance + 100) || ',0,null]]' where next_refill_at <= ?1""",
)


def refill_sqlite(scale: Scale) -> list[Figure]:
    """SQLite: a process of its own enrols and refills everybody, and a day later refills them again, which is timed."""
    _, number = scale.stored
    with tempfile.TemporaryDirectory(prefix="payflow-bench-") as folder:
        path = Path(folder) / "wallet.db"
        _fill(path, number)
        first = _in_a_process(path, START)
        raw_path = Path(folder) / "raw.db"
        shutil.copy(path, raw_path)
        raw = number / _raw(raw_path, START + DAY, number)
        raw_path.unlink()
        told = _in_a_process(path, START + DAY)
        store = open_store(f"sqlite:///{path}")
        assert broken(store) == []
        store.close()
    assert (told["granted"], told["units"]) == (number, 100 * number), told
    figure = Figure(
        "refill_sqlite", f"SQLite: {number:,} accounts refilled by a run, 500 in a transaction", 0.3, unit="accounts/s"
    )
    rate = number / told["seconds"]
    figure.ratios, figure.ours, figure.raw = [rate / raw], [rate], [raw]
    figure.notes.append("raw: one transaction of set-based statements that write the same rows, without chains")
    figure.notes.append(
        f"peak of the process {told['megabytes']:.0f} MB ({told['before']:.0f} MB before); the first run, which told "
        f"every account of the policy, took {first['seconds']:.0f} s; the doctor finds nothing"
    )
    return [figure]


def _fill(path: Path, number: int) -> None:
    store = open_store(f"sqlite:///{path}")
    store.migrate()
    store.close()
    with sqlite3.connect(path) as connection:
        connection.executemany(
            _ACCOUNT, ((f"owner-{one:07d}/tokens", f"owner-{one:07d}", START, START, START) for one in range(number))
        )
    connection.close()


def _raw(path: Path, now: int, number: int) -> float:
    """Seconds of the database's own pass, with the settings of a store."""
    store = open_store(f"sqlite:///{path}")
    assert isinstance(store, SqlStore)
    with store._connection() as connection:
        began = time.perf_counter()
        connection.execute("begin immediate")
        done = [connection.execute(statement, (now,)).rowcount for statement in _RAW]
        connection.execute("commit")
        took = time.perf_counter() - began
    assert done == [number, number, 2 * number, number], done
    store.close()
    return took


def _in_a_process(path: Path, now: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.refill", str(path), str(now)], check=True, capture_output=True, text=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _run(path: str, now: int) -> None:
    """Inside the process: one run, and what it took."""
    store = open_store(f"sqlite:///{path}")
    flow = Flow(
        store=store, gateways={}, router=Router([Rule(name="all", account="none", fallback=True)]),
        trust=Trust([], auto_confirm=False), tables=TABLES, policies={}, settings=Settings(secret=b"s" * 40),
        clock=lambda: now, credit=CreditRules(units={"tokens": Caps()}),
    )  # fmt: skip
    wallet = Wallet(flow, refills=[POLICY])
    wallet.policies.take_over()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.perf_counter()
    report = wallet.refills.run()
    print(json.dumps({
        "seconds": time.perf_counter() - began, "granted": report.granted, "units": report.units, "before": before,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))  # fmt: skip
    store.close()


if __name__ == "__main__":
    _run(sys.argv[1], int(sys.argv[2]))
