"""``payflow doctor`` over books that somebody has touched."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from .books import Books


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    made = Books(tmp_path)
    yield made
    made.flow.store.close()


def test_whole_books_are_computed_again_and_hold(books: Books) -> None:
    done = books.types("doctor")
    assert done.exit_code == 0, done.output
    assert "computed again: 8 entries of 2 accounts, 1 journals of 1 payments" in done.output
    assert "invariants hold" in done.output
    assert "before there were chains" not in done.output


def test_the_first_entry_that_was_changed_is_named(books: Books) -> None:
    with sqlite3.connect(books.folder / "payflow.db") as connection:
        connection.execute("update pf_journal set memo = '=cmd' where id = 'spend:ann/tokens:chat-1'")
        connection.execute("update pf_account set balance = balance + 7 where id = 'bob/tokens'")
    done = books.types("doctor")
    assert done.exit_code == 1
    assert "BROKEN I-24:" in done.output
    assert "ann/tokens  entry 4 (spend:ann/tokens:chat-1): it does not hang on entry 3" in done.output
    assert "bob/tokens  entry 1: the account says it has 47, and its entries come to 40" in done.output
    found = [json.loads(line) for line in books.types("doctor", "--json").stdout.splitlines()]
    broken = {one["invariant"]: one["rows"] for one in found if not one["holds"]}
    assert broken["I-24"][0][:3] == ["ann/tokens", 4, "spend:ann/tokens:chat-1"]
    assert {"I-24", "I-24b", "I-02"} <= broken.keys()


def test_an_audit_can_be_left_out(books: Books) -> None:
    with sqlite3.connect(books.folder / "payflow.db") as connection:
        connection.execute("update pf_journal set memo = '=cmd' where id = 'spend:ann/tokens:chat-1'")
    done = books.types("doctor", "--no-audit")
    assert done.exit_code == 0, done.output
    assert "computed again" not in done.output


def test_what_is_from_before_there_were_chains_is_said(books: Books) -> None:
    with sqlite3.connect(books.folder / "payflow.db") as connection:
        connection.execute("update pf_journal set hash = '', seq = 0 where account = ''")
        connection.execute("update pf_payment set booked = 0, chain = ''")
    done = books.types("doctor")
    assert done.exit_code == 0, done.output
    assert "1 journals are from before there were chains" in done.output


def test_many_broken_accounts_are_counted_and_some_are_named(books: Books) -> None:
    for number in range(25):
        books.wallet.grant(f"user-{number:02}", "tokens", 5, key="welcome")
    with sqlite3.connect(books.folder / "payflow.db") as connection:
        connection.execute("update pf_entry set balance = 6 where ledger_account like 'user-%'")
    done = books.types("doctor")
    assert done.exit_code == 1
    assert "user-00/tokens  entry 1" in done.output
    assert "and 5 more" in done.output
