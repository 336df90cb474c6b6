"""Every way to tamper with the books is found, and the first entry that does not fit is named, on every database."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from payflow.auditing import Audit
from payflow.doctor import broken
from payflow.ledger.proof import CHAIN, PAYMENT, ROW, Break
from payflow.money import Money

from .world import Purse


def found(purse: Purse) -> list[Break]:
    return list(Audit(purse.store).breaks())


def sql(purse: Purse, *statements: str) -> int:
    """What somebody types at the database; how many rows the last statement touched."""
    touched = 0
    with purse.store._whole() as (_, cursor):
        for statement in statements:
            purse.store.dialect.run(cursor, statement)
            touched = cursor.rowcount
    return touched


@pytest.fixture
def used(store_url: str) -> Iterator[Purse]:
    """Ann has bought, spent, held and settled; Bob was given some of it. Their books may be broken afterwards."""
    purse = Purse(store_url)
    purse.bought("ann", pack="gift")
    purse.given("ann", 50, key="promo", kind="promo")
    for number in range(1, 9):
        purse.clock.forward(60)
        purse.wallet.spend("ann", "tokens", 10 * number, key=f"chat-{number}", use="chat", memo=f"talk {number}")
    hold = purse.wallet.hold("ann", "tokens", 80, key="job-1", use="image")
    purse.wallet.settle(hold.id, 30)
    purse.wallet.hold("ann", "tokens", 25, key="job-2")
    purse.wallet.open("bob", "tokens")
    purse.wallet.transfer("ann", "bob", "tokens", 40, key="gift")
    yield purse
    purse.store.close()


def test_books_that_nobody_touched_are_whole(used: Purse) -> None:
    audit = Audit(used.store)
    assert list(audit.breaks()) == []
    assert not broken(used.store)
    assert audit.seen.accounts == 2
    assert audit.seen.entries == used.wallet.account("ann", "tokens").seq + used.wallet.account("bob", "tokens").seq
    assert (audit.seen.payments, audit.seen.journals, audit.seen.unchained) == (1, 1, 0)


ANN = "ledger_account = 'ann/tokens'"
CHAT_3 = "spend:ann/tokens:chat-3"
ENTRY = f"update pf_entry set {{}} where {ANN} and seq = 6"  # the one of chat-3: 2 + 1 + 3

JOURNAL = """insert into pf_journal (id, kind, ref, payment_id, cause_id, at, cause_kind, seq, account, used_for, memo,
    digest, hash) values"""
SLIPPED = "insert into pf_entry (journal_id, line, ledger_account, currency, amount, bucket, hash) values"
BY_HAND = (
    f"{JOURNAL} ('grant:ann/tokens:x', 'grant', 'ann/tokens:x', '', 'x', 1, 'api', 0, 'ann/tokens', '', '', '', '')",
    """insert into pf_entry (journal_id, line, ledger_account, currency, amount, seq, balance, bucket, hash)
       select 'grant:ann/tokens:x', 1, id, 'tokens', 500, seq + 1, balance + 500, 'paid', chain from pf_account
       where id = 'ann/tokens'""",
    f"{SLIPPED} ('grant:ann/tokens:x', 2, 'issued:tokens', 'tokens', -500, '', '')",
)

#: name → what is typed, the number of the first entry that does not fit, and words of what is said.
TAMPERED: dict[str, tuple[tuple[str, ...], int, str]] = {
    "an amount is changed": (
        (ENTRY.format("amount = -3"),), 6, "its amount is -3 and was booked as -30"),
    "an amount is changed on both sides": (
        (ENTRY.format("amount = -3"), f"update pf_entry set amount = 3 where journal_id = '{CHAT_3}' and line = 2"),
        6, "its amount is -3 and was booked as -30"),
    "an amount, the other side and its balance are changed": (
        (ENTRY.format("amount = -3, balance = balance + 27"),
         f"update pf_entry set amount = 3 where journal_id = '{CHAT_3}' and line = 2"),
        6, "its amount is -3 and was booked as -30"),
    "an amount and its balance are changed": (
        (ENTRY.format("amount = -3, balance = balance + 27"),), 6,
        "its amount is -3 and was booked as -30; its running balance is"),
    "a running balance is changed": (
        (ENTRY.format("balance = balance + 27"),), 6, "its running balance is"),
    "an entry is deleted": (
        (f"delete from pf_entry where {ANN} and seq = 6",), 6, "entry 6 is missing"),
    "two entries are deleted": (
        (f"delete from pf_entry where {ANN} and seq in (6, 7)",), 6, "entries 6 to 7 are missing"),
    "the last entry is deleted": (
        (f"delete from pf_entry where {ANN} and seq = (select seq from pf_account where id = 'ann/tokens')",), 15,
        "entry 15 is missing at the end"),
    "two entries change places": (
        (f"update pf_entry set seq = -6 where {ANN} and seq = 6",
         f"update pf_entry set seq = 6 where {ANN} and seq = 7",
         f"update pf_entry set seq = 7 where {ANN} and seq = -6"), 6,
        "entries 6 and 7 stand in each other's place"),
    "a memo is changed": (
        (f"update pf_journal set memo = 'nothing' where id = '{CHAT_3}'",), 6, "it does not hang on entry 5"),
    "a use is changed": (
        (f"update pf_journal set used_for = 'gift' where id = '{CHAT_3}'",), 6, "it does not hang on entry 5"),
    "a time is changed": (
        (f"update pf_journal set at = at - 1 where id = '{CHAT_3}'",), 6, "it does not hang on entry 5"),
    "a journal is deleted": (
        (f"delete from pf_journal where id = '{CHAT_3}'",), 6, "its journal is missing"),
    "the other side is changed": (
        (f"update pf_entry set amount = 31 where journal_id = '{CHAT_3}' and line = 2",), 6,
        "line 2 of its journal, on used:tokens, is +31 and was booked as +30"),
    "the other side is another account": (
        (f"update pf_entry set ledger_account = 'expired:tokens' where journal_id = '{CHAT_3}' and line = 2",), 6,
        "it does not hang on entry 5"),
    "a line is slipped into a journal": (
        (f"{SLIPPED} ('{CHAT_3}', 9, 'used:tokens', 'tokens', 5, '', '')",), 6,
        "the lines of its journal come to +5 and not to zero"),
    "a hash is blanked": (
        (ENTRY.format("hash = ''"),), 6, "its hash is blank"),
    "a bucket is renamed": (
        (ENTRY.format("bucket = 'paid'"),), 6, "it does not hang on entry 5"),
    "an entry is appended by hand": (
        BY_HAND, 16,
        "stands behind entry 15"),
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERED)
def test_i24_the_first_entry_that_does_not_fit_is_named(used: Purse, how: str) -> None:
    statements, seq, says = TAMPERED[how]
    assert sql(used, *statements) >= 1
    (one,) = [one for one in found(used) if one.name == "ann/tokens"]  # a transfer breaks both
    assert (one.number, one.seq) == (CHAIN, seq)
    assert says in one.says


def test_an_entry_appended_by_hand_is_found_though_the_account_was_brought_along(used: Purse) -> None:
    buckets = used.wallet.account("ann", "tokens").buckets.replace("]]", '],["paid","paid",500,0,null]]')
    sql(
        used, *BY_HAND,
        f"update pf_account set seq = seq + 1, balance = balance + 500, buckets = '{buckets}' where id = 'ann/tokens'",
    )  # fmt: skip
    (one,) = found(used)
    assert (one.number, one.seq, one.journal_id) == (CHAIN, 16, "grant:ann/tokens:x")
    assert "it does not hang on entry 15" in one.says


def account(buckets: Callable[[str], str]) -> Callable[[Purse], str]:
    def typed(purse: Purse) -> str:
        return f"buckets = '{buckets(purse.wallet.account('ann', 'tokens').buckets)}'"

    return typed


#: name → what is set on Ann's account, and words of what is said.
ROWS: dict[str, tuple[Callable[[Purse], str], str]] = {
    "a balance": (lambda _: "balance = balance + 1000", "the account says it has"),
    "what is held": (lambda _: "held = held - 25", "the account says 0 is held, and its open holds come to 25"),
    "a hash": (lambda _: "chain = 'x'", "the account's hash is not that of its last entry"),
    "what is left of a bucket": (
        account(lambda text: text.replace(",25,null", "0,25,null")), "and its entries come to"),
    "what is held of a bucket": (
        account(lambda text: text.replace(",25,null", ",5,null")), "and the open holds took 25"),
    "a bucket's kind": (account(lambda text: text.replace('"paid"', '"promo"')), "is paid credit, and it says promo"),
    "a bucket that came from nowhere": (
        account(lambda text: text.replace("]]", '],["promo","promo",7,0,null]]')), "its bucket promo has 7"),
    "buckets that are no buckets": (account(lambda _: "[1]"), "the account's buckets cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("what", ROWS)
def test_an_account_that_says_otherwise_than_its_entries_is_named(used: Purse, what: str) -> None:
    typed, says = ROWS[what]
    assert sql(used, f"update pf_account set {typed(used)} where id = 'ann/tokens'") == 1
    breaks = found(used)
    assert {(one.number, one.name, one.seq) for one in breaks} == {(ROW, "ann/tokens", 15)}
    assert any(says in one.says for one in breaks), breaks


def test_credit_that_was_made_to_last_longer_is_named(used: Purse) -> None:
    until = used.clock() + 1_000_000
    used.wallet.grant("bob", "tokens", 5, key="g-1", expires_at=until)
    assert found(used) == []
    later = used.wallet.account("bob", "tokens").buckets.replace(f",{until}]", f",{until + 1}]")
    assert sql(used, f"update pf_account set buckets = '{later}' where id = 'bob/tokens'") == 1
    (one,) = found(used)
    assert (one.number, one.name) == (ROW, "bob/tokens")
    assert f"lapses at {until}, and it says {until + 1}" in one.says


def test_lines_outside_of_every_chain_are_found(used: Purse) -> None:
    sql(used, f"{SLIPPED} ('grant:bob/tokens:y', 1, 'bob/tokens', 'tokens', 5, '', '')")
    assert {"I-24d", "I-01b"} <= {finding.invariant.number for finding in broken(used.store)}


# -- payments ------------------------------------------------------------------------------------------------------


@pytest.fixture
def paid(store_url: str) -> Iterator[Purse]:
    """A payment with three journals: captured, and refunded twice."""
    purse = Purse(store_url)
    payment = purse.pay(purse.flow.pay(amount=Money(900), channel="qr", key="p-1", action="buy").payment)
    for number in (1, 2):
        purse.clock.forward(1)
        purse.flow.refund(payment.id, key=f"r-{number}", amount=Money(100))
    assert purse.flow.payment(payment.id).booked == 3
    yield purse
    purse.store.close()


def journal(purse: Purse, seq: int) -> str:
    return str(purse.store.select(f"select id from pf_journal where seq = {seq}", 1)[0][0])


PAYMENTS: dict[str, tuple[str, int, str]] = {
    "an amount": ("update pf_entry set amount = 900 - amount where journal_id = '{2}'", 2, "come to +1800 and not"),
    "one side": ("update pf_entry set amount = -90 where journal_id = '{2}' and line = 1", 2,
                 "line 1, on gateway:main, is -90 and was booked as -100"),
    "a cause": ("update pf_journal set cause_id = 'me' where id = '{2}'", 2, "it does not hang on journal 1"),
    "a journal is gone": ("delete from pf_journal where id = '{2}'", 2, "journal 2 is missing"),
    "its entries are gone": ("delete from pf_entry where journal_id = '{2}'", 2, "its entries are missing"),
    "the last is gone": ("delete from pf_journal where id = '{3}'", 3, "journal 3 is missing"),
    "a hash is blanked": ("update pf_journal set hash = '' where id = '{2}'", 2, "its hash is blank"),
    "number and hash are blanked": (
        "update pf_journal set hash = '', seq = 0 where id = '{2}'", 2, "its number and hash were blanked"),
    "those of the first are blanked": (
        "update pf_journal set hash = '', seq = 0 where id = '{1}'", 1, "its number and hash were blanked"),
    "those of the last are blanked": (
        "update pf_journal set hash = '', seq = 0 where id = '{3}'", 3, "its number and hash were blanked"),
    "the payment's own hash": ("update pf_payment set chain = 'x'", 3, "the payment's hash is not that of its last"),
    "the payment's own number": ("update pf_payment set booked = 2", 3, "stands behind journal 2"),
}  # fmt: skip


@pytest.mark.parametrize("what", PAYMENTS)
def test_the_first_journal_of_a_payment_that_does_not_fit_is_named(paid: Purse, what: str) -> None:
    typed, seq, says = PAYMENTS[what]
    assert found(paid) == []
    assert sql(paid, typed.format("", *(journal(paid, number) for number in (1, 2, 3))))
    (one,) = found(paid)
    assert (one.number, one.seq) == (PAYMENT, seq)
    assert says in one.says


def test_journals_from_before_there_were_chains_are_counted_and_never_broken(paid: Purse) -> None:
    sql(paid, "update pf_journal set hash = '', seq = 0", "update pf_payment set booked = 0, chain = ''")
    audit = Audit(paid.store)
    assert list(audit.breaks()) == []
    assert audit.seen.unchained == 3
    # A refund from now on begins the chain, and what is older stays what it was.
    paid.clock.forward(1)
    name = paid.store.recent_payments(1)[0].id
    paid.flow.refund(name, key="r-3", amount=Money(100))
    audit = Audit(paid.store)
    assert list(audit.breaks()) == []
    assert audit.seen.unchained == 3
    # But a line without a hash that is younger than the chain was blanked, or slipped in.
    sql(
        paid, f"{JOURNAL} ('refund:x', 'refund', 'x', '{name}', 'me', {paid.clock() + 1}, 'api', 0, '', '', '', '', '')"
    )
    (one,) = found(paid)
    assert (one.number, one.journal_id) == (PAYMENT, "refund:x")


# -- while everything goes on ---------------------------------------------------------------------------------------


def test_what_is_spent_while_the_audit_reads_is_no_break(used: Purse, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(40):  # too many to come along with the account: read page by page
        used.wallet.spend("ann", "tokens", 1, key=f"more-{number}")
    monkeypatch.setattr("payflow.auditing.LINES", 7)
    store, others = used.store, iter(range(10_000))
    read = store.lines

    def reads(*args: Any, **more: Any) -> Any:
        with contextlib.suppress(StopIteration):
            used.wallet.spend("ann", "tokens", 1, key=f"meanwhile-{next(others)}")
        return read(*args, **more)

    monkeypatch.setattr(store, "lines", reads)
    audit = Audit(store)
    assert list(audit.breaks()) == []
    assert next(others) > 5
    assert not broken(store)
