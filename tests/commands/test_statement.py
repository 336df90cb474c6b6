"""``payflow statement`` and ``payflow usage``: in a terminal, as CSV that no spreadsheet computes, as JSON, as SVG."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from payflow.drawing.bars import bar, svg

from .books import Books

ROOT = Path(__file__).parents[2]


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    made = Books(tmp_path)
    yield made
    made.flow.store.close()


# -- statements ----------------------------------------------------------------------------------------------------


def test_a_statement_tells_every_movement_and_why(books: Books) -> None:
    done = books.types("statement", "ann/tokens")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    payment = books.payment
    assert lines[0] == "ann/tokens"
    assert lines[1].split() == ["0", "opening", "balance"]
    assert lines[2].split()[:4] == ["2026-01-31", "00:00:00", "+1,100", "1,100"]
    assert f"top-up  payment {payment.id}, order {payment.out_trade_no}, mock 10.00 CNY  “starter”" in lines[2]
    assert lines[3].endswith("-60              1,040  spend  chat  key chat-0  “hello”")
    assert "settled hold  image  hold job-1 of 80" in lines[5]
    assert "transfer  to bob/tokens  key gift  “for you”" in lines[6]
    assert lines[7].split() == ["920", "closing", "balance"]
    assert lines[8].strip() == "now: balance 920, held 0"


def test_it_speaks_chinese(books: Books) -> None:
    said = books.types("statement", "ann/tokens", lang="zh_CN.UTF-8").output
    assert "期初余额" in said
    assert f"充值  支付 {books.payment.id}" in said
    assert "转给 bob/tokens" in said
    assert said == books.types("statement", "ann/tokens", "--lang", "zh").output


def test_days_order_and_limit(books: Books) -> None:
    day = books.types("statement", "ann/tokens", "--since", "2026-02-01", "--until", "2026-02-01").output
    assert day.count("2026-02-01") == 3
    assert day.splitlines()[1].split() == ["1,040", "opening", "balance"]
    newest = books.types("statement", "ann/tokens", "--order", "newest", "--limit", "1").output
    assert newest.splitlines()[1].split() == ["920", "closing", "balance"]
    assert "only the first 1 movements" in newest
    assert "opening" not in newest
    all_of_it = books.types("statement", "ann/tokens", "--order", "newest", "--limit", "5").output
    assert "opening balance" in all_of_it
    assert "only the first" not in all_of_it


def test_b168_no_cell_of_a_csv_is_a_formula(books: Books) -> None:
    for number, memo in enumerate(("=1+1", "+cmd|x", "-2+3", "@SUM(A1)")):
        books.wallet.spend("ann", "tokens", 1, key=f"@{number}", use=memo, memo=memo)
    done = books.types("statement", "ann/tokens", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["kind"] for row in rows][:2] == ["opening", "topup"]
    assert rows[-1]["kind"] == "closing"
    for row in rows:
        for name, cell in row.items():
            if name in ("amount", "balance"):
                assert not cell or int(cell) is not None
            else:
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), (name, cell)
    assert {row["memo"] for row in rows} >= {"'=1+1", "'+cmd|x", "'-2+3", "'@SUM(A1)"}
    assert [int(row["amount"]) for row in rows if row["amount"]] == [1100, -60, -30, -50, -40, -1, -1, -1, -1]
    # What is stored stays as it was written.
    assert [line.memo for line in books.wallet.statement("ann", "tokens")][-1] == "@SUM(A1)"


def test_json_is_one_object_a_line_and_everything_is_in_it(books: Books) -> None:
    told = [json.loads(line) for line in books.types("statement", "ann/tokens", "--format", "json").stdout.splitlines()]
    assert (told[0], told[-1]) == ({"kind": "opening", "balance": 0}, {"kind": "closing", "balance": 920})
    assert (told[1]["payment_id"], told[1]["paid"], told[1]["currency"]) == (books.payment.id, 1000, "CNY")
    assert (told[2]["at"], told[2]["time"]) == ("2026-01-30T16:01:00.000000Z", "2026-01-31 00:01:00")
    assert told[4]["held"] == 80
    assert told[4]["parts"] == [[f"{books.payment.id}+", -10], [books.payment.id, -40]]


def test_a_terminal_s_cursor_is_moved_by_nobody_s_memo(books: Books) -> None:
    books.wallet.spend("ann", "tokens", 1, key="k", memo="a\x9b2Jb\u202ec")
    said = books.types("statement", "ann/tokens").output
    assert "“a�2Jb�c”" in said


def test_an_account_that_does_not_add_up_is_said(books: Books) -> None:
    with sqlite3.connect(books.folder / "payflow.db") as connection:
        connection.execute("update pf_account set balance = balance + 80 where id = 'ann/tokens'")
    done = books.types("statement", "ann/tokens")
    assert done.exit_code == 1
    assert "The account says it has 1,000, and its entries come to 920" in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [(("nobody/tokens",), "ACCOUNT_NOT_FOUND"), (("ann",), "INVALID_REFERENCE"),
     (("ann/tokens", "--since", "2026-02-01", "--until", "2026-01-01"), "INVALID_PERIOD"),
     (("ann/tokens", "--since", "yesterday"), "is no day")],
)  # fmt: skip
def test_what_cannot_be_told_is_one_line(books: Books, words: tuple[str, ...], code: str) -> None:
    done = books.types("statement", *words)
    assert done.exit_code == 2
    assert code in done.stderr
    assert "Traceback" not in done.output


def test_who_looks_at_the_beginning_only_breaks_nothing(books: Books) -> None:
    """``payflow statement … | head -1``"""
    for number in range(300):
        books.wallet.spend("ann", "tokens", 1, key=f"s-{number}")
    running = subprocess.Popen(
        [sys.executable, "-m", "payflow.cli", "statement", "-c", str(books.path), "ann/tokens"], cwd=ROOT, text=True,
        env={**os.environ, **books.environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert running.stdout is not None
    assert running.stderr is not None
    assert running.stdout.readline() == "ann/tokens\n"
    running.stdout.close()
    running.wait(20)
    assert "Traceback" not in running.stderr.read()
    running.stderr.close()


def test_b175_nothing_that_is_told_or_logged_has_a_secret_in_it(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    bought = books.wallet.top_up("ann", "tokens", pack="starter", channel="qr", key="buy-2", action="buy",
                                 metadata={"auth_code": "canary-17"}).payment  # fmt: skip
    books.mock.payer.pay(bought.out_trade_no)
    books.mock.pump()
    caplog.set_level("DEBUG")
    said = ""
    for form in ("text", "csv", "json"):
        said += books.types("statement", "ann/tokens", "--format", form).output
        said += books.types("usage", "ann/tokens", "--format", form).output
    said += books.types("doctor").output + books.types("doctor", "--json").output + caplog.text
    assert bought.out_trade_no in said
    kept = books.flow.payment(bought.id)
    assert "canary-17" in kept.metadata
    hidden = ("canary-17", books.environ["BOOKS_SECRET"], books.environ["BOOKS_MOCK_SECRET"], kept.next_action)
    assert [secret for secret in hidden if secret in said] == []


# -- usage ---------------------------------------------------------------------------------------------------------


def test_usage_by_day_has_bars(books: Books) -> None:
    lines = books.types("usage", "ann/tokens").output.splitlines()
    assert lines[:2] == ["Usage of ann/tokens", "tokens"]
    assert lines[2].split() == ["2026-01-31", "60", "██████████████████████▌", "chat", "60"]
    assert lines[3].split() == ["2026-02-01", "80", "█" * 30, "chat", "30,", "image", "50"]
    assert lines[4].split() == ["140", "total"]


def test_usage_by_use_and_owner_as_csv_and_json(books: Books) -> None:
    books.wallet.spend("ann", "tokens", 1, key="k", use="=cmd")
    by_use = books.types("usage", "--by", "use", "--format", "csv").stdout
    assert by_use.splitlines() == [
        "unit,use,amount,spends",
        "tokens,chat,90,2",
        "tokens,image,50,1",
        "tokens,'=cmd,1,1",
    ]
    by_owner = books.types("usage", "--by", "owner", "--unit", "tokens", "--format", "json").stdout
    assert json.loads(by_owner) == {"unit": "tokens", "owner": "ann", "amount": 141, "spends": 4}
    assert "全部账户" in books.types("usage", "--by", "owner", "--lang", "zh").output


def test_days_without_usage_stand_in_the_plot(books: Books) -> None:
    books.clock.forward(3 * 86_400)
    books.wallet.spend("ann", "tokens", 5, key="late")
    said = books.types("usage", "ann/tokens", "--since", "2026-02-01").output
    assert [line.split()[:2] for line in said.splitlines() if "2026" in line] == [
        ["2026-02-01", "80"], ["2026-02-02", "0"], ["2026-02-03", "0"], ["2026-02-04", "5"],
    ]  # fmt: skip
    assert "(no use named) 5" in said


def test_nothing_used_is_said(books: Books) -> None:
    assert "Nothing was used." in books.types("usage", "--since", "2030-01-01").output


def test_the_drawing_shows_every_part(books: Books) -> None:
    books.wallet.spend("ann", "tokens", 5, key="k", use="<b>&")
    picture = books.folder / "usage.svg"
    assert books.types("usage", "ann/tokens", "--svg", str(picture)).exit_code == 0
    drawn = ET.fromstring(picture.read_text(encoding="utf-8"))  # noqa: S314 -- our own
    space = "{http://www.w3.org/2000/svg}"
    parts = {
        (one.get("data-part"), one.get("data-amount")) for one in drawn.iter(f"{space}rect") if one.get("data-part")
    }
    assert parts == {("chat", "60"), ("chat", "30"), ("image", "50"), ("<b>&", "5")}
    assert [one.get("data-row") for one in drawn.iter(f"{space}g")] == ["2026-01-31", "2026-02-01"]
    assert "script" not in picture.read_text(encoding="utf-8")


def test_bars_are_as_long_as_they_say() -> None:
    assert bar(0, 10) == ""
    assert bar(10, 10, 4) == "████"
    assert bar(5, 10, 4) == "██"
    assert bar(1, 10**9, 4) == "▏"  # any amount at all is seen
    assert bar(3, 16, 2) == "▍"
    assert svg("nothing", []).startswith("<svg")
