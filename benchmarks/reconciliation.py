"""A day of a million payments reconciled with its bill, in seconds and in megabytes, by a process of its own."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from payflow.clock import BEIJING, from_datetime
from payflow.gateways.bills import read_alipay_trade
from payflow.money import text_from_minor

from .material import AMOUNT, AlipayDesk, trade_number
from .measuring import Figure, Scale
from .world import World, open_bench_flow

#: Of each kind of difference there are so many in the bill.
ODD = 100
FEE = 8
_COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,"
    "支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)


def reconciliation(scale: Scale) -> list[Figure]:
    """SQLite: a bill with as many rows as the figure on volume has payments, some of them different from ours."""
    _, rows = scale.stored
    day = datetime.now(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    with tempfile.TemporaryDirectory(prefix="payflow-bench-") as folder:
        database, bill = Path(folder) / "day.db", Path(folder) / "bill.zip"
        began = time.perf_counter()
        _fill(f"sqlite:///{database}", rows, from_datetime(day))
        written = _write_bill(bill, database, day.strftime("%Y-%m-%d"))
        loaded = f"loaded {rows:,} payments of one day and wrote a bill of {written:,} rows"
        loaded += f", {bill.stat().st_size >> 20} MiB packed, in {time.perf_counter() - began:.0f} s"
        began = time.perf_counter()
        deque(read_alipay_trade(bill, day=day.strftime("%Y-%m-%d")), maxlen=1)
        read = time.perf_counter() - began
        told = _in_a_process(database, bill, day.strftime("%Y-%m-%d"))
    _check(told, written)
    says = f"a bill of {written:,} rows against {rows:,} payments and their ledger, on SQLite"
    took = Figure("reconcile_seconds", f"{says}: seconds", 150, at_most=True, unit="s", notes=[loaded])
    took.ratios, took.ours, took.raw = [told["seconds"]], [told["seconds"]], [read]
    took.notes.append("'raw' is reading the bill alone; " + ", ".join(f"{k} {v:.1f} s" for k, v in told["stages"]))
    again = f"the second run of the same day: {told['again']:.1f} s, and it changed nothing"
    took.notes.append(f"found {told['found']}; {again}")
    memory = Figure("reconcile_memory", f"{says}: peak of the process", 300, at_most=True, unit="MB")
    memory.ratios, memory.ours, memory.raw = [told["megabytes"]], [told["megabytes"]], [told["before"]]
    memory.notes.append("'raw' is the process before it began")
    return [took, memory]


def _fill(url: str, rows: int, start: int) -> None:
    """Paid payments spread over the day, and some that are still pending."""
    world = World.open(url, AlipayDesk())
    first = world.flow.payment(world.paid.payment_id)
    assert first.paid_at is not None
    # Copies keep the distances of the first one's times; its callback named a day of its own.
    world.loader.load(world.paid, rows, apart=86_000_000_000 // rows, start=start + first.created_at - first.paid_at)
    world.loader.load(world.pending, ODD, apart=1_000_000, start=start)
    world.close()


def _write_bill(path: Path, database: Path, day: str) -> int:
    """The bill of the day: every payment of ours, but for some that are different."""
    count = total = 0
    year, month, number = day.split("-")
    date, name = f"{year}年{month}月{number}日", f"20880000000000010156_{year}{month}{number}_业务明细.csv"
    head = ["#支付宝业务明细查询", "#账号：[20880000000000010156]"]
    head.append(f"#起始日期：[{date} 00:00:00]   终止日期：[{date} 23:59:59]")
    head += ["#----业务明细列表----", _COLUMNS]
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(name, "w", force_zip64=True) as member,
    ):
        member.write(_lines(head))
        for order, trade, amount, at in _rows(database):
            count, total = count + 1, total + amount
            when, yuan = f"{datetime.fromtimestamp(at // 1_000_000, BEIJING):%Y-%m-%d %H:%M:%S}", _yuan(amount)
            cells = [
                f"{trade}\t",
                f"{order}\t",
                "交易",
                "拿铁咖啡 中杯",
                when,
                when,
                "",
                "",
                "",
                "",
                "*某(159****1234)",
            ]
            cells += [yuan, yuan, *["0.00"] * 5, "", "0.00", "0.00", "", _yuan(-FEE), "0.00", ""]
            member.write(_lines([",".join(cells)]))
        member.write(_lines([
            "#----业务明细列表结束----",
            f"#交易合计：{count}笔，商家实收共{_yuan(total)}元",
            "#退款合计：0笔，商家实收退款共0.00元",
        ]))  # fmt: skip
    return count


def _lines(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("gb18030")


def _rows(database: Path) -> Iterator[tuple[str, str, int, int]]:
    """Order, trade, amount, instant: some of ours are left out, some have another amount, some are unknown to us."""
    connection = sqlite3.connect(database)
    paid = connection.execute(
        "select out_trade_no, gateway_txn, amount, paid_at from pf_payment where captured > 0 and paid_at is not null"
        " and account = ? order by id limit -1 offset 1", (AlipayDesk.account,),
    )  # fmt: skip
    last = 0
    (half,) = connection.execute("select count(*) / 2 from pf_payment").fetchone()
    for number, (order, trade, amount, at) in enumerate(paid):
        last = at
        odd = number - half  # around noon, where no other day's bill could have it
        if 0 <= odd < ODD:
            continue  # missing there
        yield order, trade, amount + (ODD <= odd < 2 * ODD), at
        if 2 * ODD <= odd < 3 * ODD:
            yield order, trade_number(at), amount, at  # paid twice
    for number in range(ODD):
        yield f"UNKNOWN{number:06d}", trade_number(last), AMOUNT, last
    for (order,) in connection.execute("select out_trade_no from pf_payment where captured = 0 limit ?", (ODD,)):
        yield order, trade_number(last), AMOUNT, last
    connection.close()


def _yuan(minor: int) -> str:
    return text_from_minor(minor, "CNY")


def _in_a_process(database: Path, bill: Path, day: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.reconciliation", str(database), str(bill), day],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _check(told: dict[str, Any], rows: int) -> None:
    expected = {"amount": ODD, "duplicate": ODD, "missing_here": ODD, "missing_there": ODD, "status": ODD}
    assert told["found"] == expected, told
    assert told["rows"] == rows, told


def _peak() -> float:
    """Peak memory in megabytes. (What `getrusage` says begins with that of the parent.)"""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1000


def _reconcile(database: str, bill: str, day: str) -> dict[str, Any]:
    """What the process does."""
    from payflow.reconciling import Reconciler
    from payflow.stores import open_store

    store = open_store(f"sqlite:///{database}")
    reconciler = Reconciler(open_bench_flow(store, AlipayDesk()))
    stages: dict[str, float] = {}
    last = [time.perf_counter()]

    def progress(stage: str, _done: int, _total: int | None) -> None:
        now = time.perf_counter()
        stages[stage] = stages.get(stage, 0.0) + now - last[0]
        last[0] = now

    before, began = _peak(), time.perf_counter()
    standing = reconciler.run(AlipayDesk.account, day, file=bill, progress=progress)
    took = time.perf_counter() - began
    began = time.perf_counter()
    again = reconciler.run(AlipayDesk.account, day)
    assert again.sums == standing.sums
    assert standing.run.state == "done", standing
    found: dict[str, int] = {}
    for _, kind, _, count, _, _ in standing.sums:
        found[kind] = found.get(kind, 0) + count
    told = {
        "seconds": took, "again": time.perf_counter() - began, "before": before, "megabytes": _peak(),
        "found": dict(sorted(found.items())), "rows": standing.run.bill_rows, "stages": sorted(stages.items()),
    }  # fmt: skip
    store.close()
    return told


if __name__ == "__main__":
    print(json.dumps(_reconcile(*sys.argv[1:])))
