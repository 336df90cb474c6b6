"""The command and its reports: terminal, HTML, CSV; exit codes; nothing in them is markup or a formula (B-168)."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import payflow
from payflow.cli import main
from payflow.clock import SECOND
from payflow.gateways.mock import MockGateway
from payflow.money import Money
from payflow.reconcile import Day

from .world import DAY, World

NASTY = ["=HYPERLINK(1)", "<script>alert(1)</script>", "@SUM(A1)", "+1|cmd", "-2+3", 'a,b"c', "&amp;"]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def nasty(world: World) -> None:
    for number, text in enumerate(NASTY):
        world.put(world.row(world.pay(), out_trade_no=text, gateway_txn=f"t{number}"))
    world.paid(777, billed=False)
    world.reconcile(file="paper")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_html_is_one_file_and_escapes_whatever_it_is_given(world: World, lang: str) -> None:
    from payflow.cli.reconcile_report import as_html

    nasty(world)
    standing = world.reconciler.of("main", DAY.name)
    assert standing is not None
    page = "\n".join(as_html(standing, world.differences(), lang))
    reader = _Reader()
    reader.feed(page)
    assert "script" not in reader.tags
    assert {"link", "img", "iframe"} & set(reader.tags) == set()
    assert set(NASTY) <= set(reader.texts)
    assert page.count("<tr") == 1 + len(NASTY) + 1
    assert "7.77" in page
    assert ("差异" in page) is (lang == "zh")


def test_csv_has_every_difference_and_no_formula(world: World) -> None:
    from payflow.cli.reconcile_report import as_csv

    nasty(world)
    standing = world.reconciler.of("main", DAY.name)
    assert standing is not None
    rows = list(csv.DictReader(io.StringIO("\r\n".join(as_csv(standing, world.differences(), "en")))))
    assert len(rows) == len(NASTY) + 1
    told = [row["order"] for row in rows]
    assert {f"'{text}" for text in NASTY if text[0] in "=@+-"} | {"<script>alert(1)</script>", 'a,b"c', "&amp;"} <= set(
        told
    )
    for row in rows:
        assert not [
            name for name, cell in row.items() if name not in ("bill", "books") and cell[:1] in ("=", "+", "-", "@")
        ]
    assert {row["books"] for row in rows} == {"0.00", "7.77"}
    stored = world.store.select("select out_trade_no from pf_recon_item", 100)
    assert {text for (text,) in stored} >= set(NASTY)  # what is stored stays as the gateway wrote it


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_terminal_shows_some_of_each_kind_and_counts_the_rest(world: World, lang: str) -> None:
    from payflow.cli.reconcile_report import as_text

    for number in range(25):
        world.put(world.row(world.pay(), out_trade_no=f"STRANGER{number:03d}", gateway_txn=f"t{number}"))
    world.reconcile(file="paper")
    standing = world.reconciler.of("main", DAY.name)
    assert standing is not None
    text = "\n".join(as_text(standing, world.differences(), lang))
    assert text.count("STRANGER") == 20
    assert ("5 more" in text) is (lang == "en")
    assert ("另有 5 条" in text) is (lang == "zh")
    assert text.count("→") == 1


# -- the command ------------------------------------------------------------------------------------------------------


class Shop:
    """A config on disk whose mock gateway keeps its truth in a file: what a cron job finds."""

    def __init__(self, folder: Path) -> None:
        self.path, self.state = folder / "payflow.json", folder / "mock.db"
        (folder / "secret").write_text("known to nobody but this shop, 40 bytes")
        secret = {"file": str(folder / "secret")}
        self.path.write_text(json.dumps({
            "version": 1, "secret": secret, "auto_confirm_order": True,
            "trusted_actions": [{"action": "buy"}],
            "gateways": {"mock": {"gateway": "mock", "secret": secret, "state": str(self.state)}},
            "routes": [{"name": "all", "fallback": True, "gateway": "mock"}],
            "store": {"url": f"sqlite:///{folder / 'pf.db'}"},
        }))  # fmt: skip
        self.clock = Yesterday()
        self.flow = payflow.open_flow(payflow.load(self.path), clock=self.clock, migrate=True)
        gateway = self.flow.gateways["mock"]
        assert isinstance(gateway, MockGateway)
        self.gateway = gateway

    def paid(self, minor: int, *, told: bool = True) -> None:
        payment = self.flow.pay(amount=Money(minor, "CNY"), channel="qr", key=f"k{minor}", action="buy").payment
        self.gateway.payer.pay(payment.out_trade_no)
        if told:
            for callback in self.gateway.callbacks(payment.out_trade_no):
                self.flow.receive(callback.as_callback())

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(main, ["reconcile", words[0], "-c", str(self.path), *words[1:], "--lang", "en"])

    @property
    def day(self) -> str:
        return Day.at(self.clock()).name


class Yesterday:
    """Noon of yesterday, in Beijing: a clock that stands."""

    def __init__(self) -> None:
        from payflow.clock import system_clock

        self.now = Day.at(system_clock()).before().start + 12 * 3600 * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    made = Shop(tmp_path)
    yield made
    made.gateway.close_far_side()
    made.flow.store.close()


def test_a_day_that_agrees_is_exit_code_0(shop: Shop) -> None:
    shop.paid(1250)
    said = shop.run("run", "--account", "mock", "--day", shop.day)
    assert said.exit_code == 0, said.output
    assert "Gateway, payments and ledger agree." in said.output
    assert shop.run("run", "--account", "mock").exit_code == 0  # yesterday, when no day is named


def test_cron_runs_what_is_due(shop: Shop) -> None:
    shop.paid(1250)
    shop.paid(99, told=False)
    said = shop.run("run", "--due", "--days", "2", "--json")
    assert said.exit_code == 0, said.output
    told = [json.loads(line) for line in said.output.splitlines() if line.startswith("{")]
    assert [one["state"] for one in told] == ["done", "done"]
    assert [one["matched"] for one in told] == [0, 1]
    assert told[1]["differences"] == [
        {"side": "bill", "kind": "status", "state": "healed", "count": 1, "theirs": 99, "ours": 99}
    ]
    assert shop.run("run", "--due", "--days", "2").output.strip() == "Nothing is due."


def test_open_differences_are_exit_code_1_and_stand_in_the_reports(shop: Shop, tmp_path: Path) -> None:
    shop.paid(1250)
    with shop.gateway._far.transaction() as sql:
        sql.execute("update mock_capture set amount = 1300")
    said = shop.run("run", "--account", "mock", "--day", shop.day)
    assert said.exit_code == 1, said.output
    assert "another amount (1)" in said.output
    assert "Compare the order at the gateway" in said.output
    assert f"{shop.day}  mock" in shop.run("status").output
    for form in ("text", "html", "csv"):
        printed = shop.run("report", "--account", "mock", "--day", shop.day, "--format", form)
        assert printed.exit_code == 0
        assert "13.00" in printed.output
        file = tmp_path / form
        assert (
            shop.run("report", "--account", "mock", "--day", shop.day, "--format", form, "-o", str(file)).exit_code == 0
        )
        assert "13.00" in file.read_text(encoding="utf-8-sig")
    assert (tmp_path / "csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert shop.run("forget", "--before", "2099-01-01").exit_code == 0


def test_a_bill_that_is_not_believed_is_exit_code_3(shop: Shop) -> None:
    shop.paid(1250)
    with shop.gateway._far.transaction() as sql:
        sql.execute("delete from mock_capture")
    said = shop.run("run", "--account", "mock", "--day", shop.day)
    assert said.exit_code == 3
    assert "BILL_EMPTY" in said.output


@pytest.mark.parametrize(
    "words",
    [("run",), ("run", "--account", "mock", "--due"), ("run", "--due", "--day", "2026-01-01"),
     ("run", "--account", "nobody"), ("run", "--account", "mock", "--day", "yesterday"),
     ("run", "--account", "mock", "--file", "/nowhere")],
)  # fmt: skip
def test_what_cannot_be_tried_is_exit_code_2(shop: Shop, words: tuple[str, ...]) -> None:
    said = shop.run(*words)
    assert said.exit_code == 2, said.output


def test_a_day_that_was_not_reconciled_has_no_report(shop: Shop) -> None:
    said = shop.run("report", "--account", "mock", "--day", shop.day)
    assert (said.exit_code, "has not been reconciled" in said.output) == (1, True)
