"""The invariants: what must hold at every commit, each as a query that must return nothing.

``payflow doctor`` runs them in production, the tests after every step. They read; they never repair. Each is one pass
over a table in key order, so that a million payments are checked in seconds. Numbers are those of the reliability
catalogue.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from .machine import Table


class Readable(Protocol):
    """A store that runs a query: rows as tuples, at most ``limit``."""

    def select(self, sql: str, limit: int) -> Sequence[tuple[Any, ...]]: ...


@runtime_checkable
class TwoSided(Readable, Protocol):
    """A store whose ledger of credit has a database of its own."""

    ledger: Any  # Readable

    def side_by_side(self) -> AbstractContextManager[Readable]: ...


#: The invariants over payments and the credit they buy; every other one holds in each database by itself.
CROSSING = frozenset({"I-24e", "I-25b", "I-25c", "I-25d"})
#: … and of these, the one that payments keep among themselves as well.
ALSO_OF_PAYMENTS = frozenset({"I-24e"})
#: How long what is under way is given to end, in seconds, and how much of what is seen is looked for again.
_PAUSE, _MOST = 1, 10_000


@dataclass(frozen=True, slots=True)
class Invariant:
    """One thing that must hold; ``sql`` finds what breaks it. Portable between the three databases."""

    number: str
    says: str
    sql: str


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one invariant: rows that break it (a sample), and how long it took in seconds."""

    invariant: Invariant
    rows: Sequence[tuple[Any, ...]]
    seconds: float


def examine(store: Readable, tables: Mapping[str, Table], *, sample: int = 20) -> Iterator[Finding]:
    """Run every invariant, one finding each, holding or broken, as they come."""
    every = invariants(tables)
    crossing: Mapping[str, Sequence[tuple[Any, ...]]] | None = None
    for invariant in every:
        began = time.monotonic()
        if not isinstance(store, TwoSided):
            rows = store.select(invariant.sql, sample)
        elif invariant.number not in CROSSING:
            rows = [*store.select(invariant.sql, sample), *store.ledger.select(invariant.sql, sample)][:sample]
        else:
            crossing = crossing or _crossing(store, [one for one in every if one.number in CROSSING])
            rows = crossing[invariant.number][:sample]
            if invariant.number in ALSO_OF_PAYMENTS:
                rows = [*store.select(invariant.sql, sample), *rows][:sample]
        yield Finding(invariant, rows, time.monotonic() - began)


def _crossing(store: TwoSided, asked: Sequence[Invariant]) -> dict[str, list[tuple[Any, ...]]]:
    """What breaks the invariants over both sides. Two databases have no moment in common, so that what is under way
    looks broken: what is seen is looked for once more, and only what is still there is told."""
    found = _look(store, asked)
    if not any(found.values()):
        return found
    time.sleep(_PAUSE)
    again = _look(store, asked)
    return {number: [row for row in rows if row in again[number]] for number, rows in found.items()}


def _look(store: TwoSided, asked: Sequence[Invariant]) -> dict[str, list[tuple[Any, ...]]]:
    with store.side_by_side() as both:
        return {one.number: list(both.select(one.sql, _MOST)) for one in asked}


def broken(store: Readable, tables: Mapping[str, Table] | None = None) -> list[Finding]:
    """Only what is broken; an empty list is what must be."""
    if tables is None:
        from .tables import TABLES

        tables = TABLES
    return [finding for finding in examine(store, tables) if finding.rows]


def _declared(tables: Mapping[str, Table]) -> str:
    """The cells of every table as a condition on a row of ``pf_transition``; names come from checked tables."""
    cells = []
    for entity, table in tables.items():
        pairs = {("", table.initial)} | {(move.source, move.target) for move in table.moves.values()}
        told = " or ".join(f"(from_state='{source}' and to_state='{target}')" for source, target in sorted(pairs))
        cells.append(f"(entity='{entity}' and ({told}))")
    return " or ".join(cells)


def _silent(tables: Mapping[str, Table]) -> str:
    """Moves that tell nothing, as a condition: attempts, and cells a host declares without a message."""
    cells = ["entity='attempt'"]
    for entity in ("payment", "refund"):
        table = tables[entity]
        if not table.first_tells:
            cells.append(f"(entity='{entity}' and seq=1)")
        cells += [
            f"(entity='{entity}' and event='{move.event}' and from_state='{move.source}')"
            for move in table.moves.values()
            if not move.tells
        ]
    return " or ".join(cells)


def invariants(tables: Mapping[str, Table]) -> list[Invariant]:
    """Every invariant, ready to run."""
    return [
        *(Invariant(number, says, " ".join(sql.split())) for number, says, sql in _FIXED),
        Invariant(
            "I-07", "every transition is declared",
            f"select entity, entity_id, seq from pf_transition where not ({_declared(tables)})",
        ),
        Invariant(
            "I-40b", "every move that tells has told: as many messages as telling transitions",
            f"""select payment_id, sum(moved), sum(told) from (
                    select payment_id, 1 as moved, 0 as told from pf_transition where not ({_silent(tables)})
                    union all
                    select payment_id, 0, 1 from pf_message where transition_seq > 0) t
                group by payment_id having sum(moved) <> sum(told)""",
        ),
    ]  # fmt: skip


_FIXED: list[tuple[str, str, str]] = [
    ("I-01", "every journal sums to zero in one currency",
     """select journal_id from pf_entry group by journal_id
        having sum(amount) <> 0 or min(currency) <> max(currency) or count(*) < 2"""),
    ("I-01b", "every journal has entries and every entry a journal",
     """select j.id from pf_journal j left join pf_entry e on e.journal_id = j.id and e.line = 1
        where e.journal_id is null
        union all
        select e.journal_id from pf_entry e left join pf_journal j on j.id = e.journal_id where j.id is null"""),
    ("I-03", "one capture per payment",
     "select ref from pf_journal where kind = 'capture' group by ref having count(*) > 1"),
    ("I-04", "one receipt per fact",
     "select account, fact from pf_receipt group by account, fact having count(*) > 1"),
    ("I-05", "a payment is paid at most once",
     """select entity_id from pf_transition where entity = 'payment' and event in ('pay', 'pay_late')
        group by entity_id having count(*) > 1"""),
    ("I-06", "an accepted receipt of a payment has its capture",
     """select r.id from pf_receipt r join pf_payment p on p.id = r.payment_id
        where r.kind = 'paid' and r.outcome = 'accepted' and p.captured = 0"""),
    ("I-08", "every history is a chain without gaps",
     """select entity, entity_id, seq from (
            select entity, entity_id, seq, from_state,
                   coalesce(lag(seq) over (partition by entity, entity_id order by seq), 0) as seq_before,
                   coalesce(lag(to_state) over (partition by entity, entity_id order by seq), '') as came_from
            from pf_transition) t
        where seq <> seq_before + 1 or from_state <> came_from"""),
    ("I-09", "a payment is where its last transition put it",
     """select p.id from pf_payment p
        left join pf_transition t on t.entity = 'payment' and t.entity_id = p.id and t.seq = p.seq
        left join pf_transition later on later.entity = 'payment' and later.entity_id = p.id and later.seq = p.seq + 1
        where t.to_state is null or t.to_state <> p.status or later.seq is not null"""),
    ("I-09b", "a refund is where its last transition put it",
     """select r.id from pf_refund r
        left join pf_transition t on t.entity = 'refund' and t.entity_id = r.id and t.seq = r.seq
        where t.to_state is null or t.to_state <> r.status"""),
    ("I-09c", "an attempt is where its last transition put it",
     """select a.id from pf_attempt a
        left join pf_transition t on t.entity = 'attempt' and t.entity_id = a.id and t.seq = a.seq
        where t.to_state is null or t.to_state <> a.status"""),
    ("I-11", "paid means captured in full, anything else not at all",
     """select id from pf_payment where (captured <> 0 and captured <> amount)
        or (status in ('paid', 'partially_refunded', 'refunded') and captured <> amount)
        or (status in ('created', 'pending', 'failed', 'cancelled') and captured <> 0)"""),
    ("I-12", "one order number per account",
     "select account, out_trade_no from pf_payment group by account, out_trade_no having count(*) > 1"),
    ("I-13", "one trade of a gateway pays one payment",
     """select account, gateway_txn from pf_payment where gateway_txn is not null
        group by account, gateway_txn having count(*) > 1"""),
    ("I-14", "amounts are whole, positive and in range",
     """select id from pf_payment where amount < 1 or amount > 9007199254740991 or captured < 0 or refunded < 0
        or reserved < 0 or refunded + reserved > captured"""),
    ("I-15", "a refund is in the currency of its payment",
     "select r.id from pf_refund r join pf_payment p on p.id = r.payment_id where r.currency <> p.currency"),
    ("I-15b", "entries are in the currency of their payment",
     """select e.journal_id from pf_entry e join pf_journal j on j.id = e.journal_id
        join pf_payment p on p.id = j.payment_id where e.currency <> p.currency and j.kind in ('capture', 'refund')"""),
    ("I-16", "every transition has a cause of a known kind",
     """select entity, entity_id, seq from pf_transition
        where cause_id = ''
        or cause_kind not in ('api', 'callback', 'answer', 'query', 'reconcile', 'operator', 'timer')"""),
    ("I-16b", "the callback, answer or query that caused a transition exists",
     """select t.entity, t.entity_id, t.seq from pf_transition t
        left join pf_receipt r on r.id = t.cause_id left join pf_attempt a on a.id = t.cause_id
        where t.cause_kind in ('callback', 'answer', 'query', 'reconcile') and r.id is null and a.id is null"""),
    ("I-17", "what is not finished has a time when it is looked at",
     """select id from pf_payment where next_check_at is null and (status in ('created', 'pending')
        or unresolved > 0 or reserved > 0)
        union all
        select p.id from pf_refund r join pf_payment p on p.id = r.payment_id
        where r.status in ('requested', 'processing') and p.next_check_at is null"""),
    ("I-18", "no two open attempts of one operation under different numbers",
     """select entity, entity_id, op from pf_attempt where status in ('prepared', 'sent', 'unknown')
        group by entity, entity_id, op having min(request_key) <> max(request_key)"""),
    ("I-19", "nothing failed while its charge is unknown",
     """select a.id from pf_attempt a join pf_payment p on p.id = a.payment_id
        where a.op = 'charge' and a.status = 'unknown' and p.status = 'failed'"""),
    ("I-19b", "a payment counts its open attempts",
     """select p.id from pf_payment p
        join (select payment_id, count(*) as n from pf_attempt where status in ('prepared', 'sent', 'unknown')
              group by payment_id) a on a.payment_id = p.id
        where p.unresolved <> a.n
        union all
        select p.id from pf_payment p where p.unresolved > 0 and not exists (select 1 from pf_attempt a
            where a.payment_id = p.id and a.status in ('prepared', 'sent', 'unknown'))"""),
    ("I-25", "captures booked are captures held, per currency",
     """select p.currency, p.total, j.total from
        (select currency, sum(captured) as total from pf_payment group by currency having sum(captured) > 0) p
        left join (select e.currency, sum(e.amount) as total from pf_journal j
                   join pf_entry e on e.journal_id = j.id and e.line = 1 where j.kind = 'capture'
                   group by e.currency) j on j.currency = p.currency
        where j.total is null or j.total <> p.total"""),
    ("I-30", "refunds never exceed what was captured",
     """select p.id from pf_payment p
        join (select payment_id, sum(amount) as total from pf_refund where status <> 'failed' and incident_id is null
              group by payment_id) r on r.payment_id = p.id
        where r.total > p.captured"""),
    ("I-31", "refunded and reserved are the sums of the refunds",
     """select p.id from pf_payment p
        left join (select payment_id,
                          sum(case when status = 'succeeded' then amount else 0 end) as done,
                          sum(case when status in ('requested', 'processing') then amount else 0 end) as under_way
                   from pf_refund where incident_id is null group by payment_id) r on r.payment_id = p.id
        where p.refunded <> coalesce(r.done, 0) or p.reserved <> coalesce(r.under_way, 0)"""),
    ("I-32", "a refund is of at least one minor unit and its number is its own",
     """select account, out_refund_no from pf_refund group by account, out_refund_no
        having count(*) > 1 or min(amount) < 1"""),
    ("I-33", "a refund is booked exactly when it succeeded",
     """select r.id from pf_refund r left join pf_journal j on j.ref = r.id and j.payment_id = r.payment_id
            and j.kind in ('refund', 'late_return')
        where (r.status = 'succeeded' and j.id is null) or (r.status <> 'succeeded' and j.id is not null)"""),
    ("I-33b", "every booked refund has its refund",
     """select j.id from pf_journal j left join pf_refund r on r.id = j.ref
        where j.kind in ('refund', 'late_return') and r.id is null"""),
    ("I-33c", "a refund is booked once",
     """select kind, ref from pf_journal where kind in ('refund', 'late_return')
        group by kind, ref having count(*) > 1"""),
    ("I-33d", "a refund is booked with its own amount",
     """select r.id, r.amount, e.amount from pf_refund r
        join pf_journal j on j.ref = r.id and j.kind in ('refund', 'late_return')
        join pf_entry e on e.journal_id = j.id and e.line = 1
        where e.amount <> -r.amount"""),
    ("I-34", "refunded means all of it, partially refunded some of it",
     """select id from pf_payment where (status = 'refunded' and (refunded <> captured or captured = 0))
        or (status = 'partially_refunded' and (refunded = 0 or refunded >= captured))
        or (status = 'paid' and refunded <> 0)"""),
    ("I-35", "at most 50 refunds per payment",
     "select payment_id from pf_refund where incident_id is null group by payment_id having count(*) > 50"),
    ("I-40", "every message about a move has its move",
     """select m.payment_id, m.seq from pf_message m
        left join pf_transition t on t.entity = m.entity and t.entity_id = m.entity_id and t.seq = m.transition_seq
        where m.transition_seq > 0 and t.seq is null"""),
    ("I-41", "messages are numbered without gaps",
     """select p.id from pf_payment p
        left join (select payment_id, count(*) as n, max(seq) as top from pf_message group by payment_id) m
            on m.payment_id = p.id
        where p.told <> coalesce(m.n, 0) or p.told <> coalesce(m.top, 0)"""),
    ("I-44", "no message is delivered before an earlier one is delivered, dead or revived",
     """select payment_id, seq from (
            select payment_id, seq, delivered_at,
                   lag(coalesce(delivered_at, dead_at, revived - 1))
                       over (partition by payment_id order by seq) as before_it
            from pf_message) m
        where delivered_at is not null and before_it = -1"""),
    ("I-02", "a balance is the sum of its entries",
     """select a.id, a.balance, t.total from pf_account a
        left join (select ledger_account, sum(amount) as total from pf_entry where seq is not null
                   group by ledger_account) t on t.ledger_account = a.id
        where a.balance <> coalesce(t.total, 0)"""),
    ("I-02b", "every entry with a place in a chain is on an account that there is",
     """select e.journal_id, e.line from pf_entry e left join pf_account a on a.id = e.ledger_account
        where e.seq is not null and a.id is null"""),
    ("I-20", "what is available is never below the floor",
     "select id, balance, held, floor from pf_account where balance - held < floor"),
    ("I-20b", "a floor below the credit limit is debt that was forced on the account",
     "select id, floor from pf_account where floor < -credit_limit and floor > balance - held"),
    ("I-21", "what is held is the sum of the open holds",
     """select a.id, a.held, h.total from pf_account a
        left join (select account, sum(amount) as total from pf_hold where status = 'open' group by account) h
            on h.account = a.id
        where a.held <> coalesce(h.total, 0)"""),
    ("I-22", "a hold is settled, released or expired once, and only a settled one has been spent",
     """select id from pf_hold where status not in ('open', 'settled', 'released', 'expired')
        or settled < 0 or (status <> 'settled' and settled <> 0)"""),
    ("I-22b", "a settled hold that was spent is booked",
     """select h.id from pf_hold h left join (
            select j.cause_id as hold_id, -sum(e.amount) as total from pf_journal j
            join pf_entry e on e.journal_id = j.id and e.ledger_account = j.account
            where j.kind = 'settle' group by j.cause_id) s on s.hold_id = h.id
        where h.status = 'settled' and h.settled <> coalesce(s.total, 0)"""),
    ("I-23", "running balances run, and entries of an account are numbered without gaps",
     """select ledger_account, seq from (
            select ledger_account, seq, amount, balance,
                   coalesce(lag(seq) over (partition by ledger_account order by seq), 0) as seq_before,
                   coalesce(lag(balance) over (partition by ledger_account order by seq), 0) as balance_before
            from pf_entry where seq is not null) t
        where seq <> seq_before + 1 or balance <> balance_before + amount"""),
    ("I-23b", "an account stands where its last entry left it",
     """select a.id, a.seq from pf_account a
        left join pf_entry e on e.ledger_account = a.id and e.seq = a.seq
        left join pf_entry later on later.ledger_account = a.id and later.seq = a.seq + 1
        where later.seq is not null or (a.seq > 0 and (e.seq is null or e.balance <> a.balance or e.hash <> a.chain))
        or (a.seq = 0 and (a.balance <> 0 or a.chain <> ''))"""),
    ("I-24d", "every line on an owner's account, and every journal of credit, stands in a chain",
     """select e.journal_id, e.line from pf_entry e join pf_account a on a.id = e.ledger_account where e.seq is null
        union all
        select j.id, 0 from pf_journal j where j.account <> '' and not exists (select 1 from pf_entry e
            where e.journal_id = j.id and e.seq is not null)"""),
    ("I-24e", "every journal is of an account or of a payment that there is",
     """select j.id from pf_journal j left join pf_payment p on p.id = j.payment_id
        where (j.payment_id <> '' and p.id is null) or (j.payment_id = '' and j.account = '' and j.kind <> 'fee')"""),
    ("I-25b", "credit that was bought is of a payment that is paid",
     """select j.id from pf_journal j left join pf_payment p on p.id = j.payment_id
        where j.kind = 'topup' and (p.id is null or p.captured <> p.amount)"""),
    ("I-25c", "a payment that is paid has credited what it bought",
     """select p.id from pf_payment p left join pf_journal j on j.payment_id = p.id and j.payment_id <> ''
            and j.kind = 'topup'
        left join pf_incident i on i.kind = 'credit_undeliverable' and i.ref = p.id
        where p.credit <> '' and p.captured > 0 and j.id is null and i.id is null"""),
    ("I-25d", "a refund took back its credit, and a failed one gave it again",
     """select r.id from pf_refund r left join (
            select digest, kind from pf_journal where kind in ('clawback', 'clawback_undone')) j on j.digest = r.id
        where r.credit > 0
            and not exists (select 1 from pf_incident i where i.kind = 'credit_undeliverable' and i.ref = r.id)
        group by r.id, r.status
        having sum(case when j.kind = 'clawback' then 1 else 0 end) <> 1
        or sum(case when j.kind = 'clawback_undone' then 1 else 0 end)
            <> case when r.status = 'failed' then 1 else 0 end"""),
    ("I-26", "one refill per account, policy and window, and each has its log",
     """select j.id from pf_journal j left join pf_refill r on r.account = j.account and r.journal_id = j.id
        where j.kind = 'refill' and r.journal_id is null
        union all
        select r.journal_id from pf_refill r left join pf_journal j on j.id = r.journal_id where j.id is null"""),
    ("I-27", "an operation on credit is booked once",
     "select account, kind, ref from pf_journal where account <> '' group by account, kind, ref having count(*) > 1"),
    ("I-51", "every idempotency key leads to what it made",
     """select k.scope, k.idem_key from pf_key k left join pf_payment p on p.id = k.payment_id where p.id is null"""),
    ("I-60", "no row of a bill and no payment or refund of its day has vanished: each is matched, or one difference",
     """select r.id, r.bill_rows, r.matched, d.of_bill, r.book_items, r.met, d.of_books from pf_recon_run r
        left join (select run, sum(case when side = 'bill' then 1 else 0 end) as of_bill,
                          sum(case when side = 'books' then 1 else 0 end) as of_books
                   from pf_recon_difference group by run) d on d.run = r.id
        where r.state = 'done' and (r.bill_rows <> r.matched + coalesce(d.of_bill, 0)
                                    or r.book_items <> r.met + coalesce(d.of_books, 0))"""),
    ("I-61", "what a bill has moved is what our books have, and the differences",
     """select r.id, r.moved, r.booked, d.theirs, d.ours from pf_recon_run r
        left join (select run, sum(theirs) as theirs, sum(ours) as ours from pf_recon_difference group by run) d
            on d.run = r.id
        where r.state = 'done' and r.moved - r.booked <> coalesce(d.theirs, 0) - coalesce(d.ours, 0)"""),
    ("I-61b", "a bill is what its stored rows add up to",
     """select r.id, r.bill_rows, i.n, r.moved, i.moved from pf_recon_run r
        left join (select run, count(*) as n, sum(moved) as moved from pf_recon_item group by run) i on i.run = r.id
        where r.kept = 1 and r.state in ('imported', 'done')
            and (r.bill_rows <> coalesce(i.n, 0) or r.moved <> coalesce(i.moved, 0))"""),
    ("I-62", "reconciliation books fees and what a bill has stated as a fact, and nothing else",
     """select j.id from pf_journal j left join pf_recon_run r on r.id = j.cause_id
        left join pf_entry e on e.journal_id = j.id and e.line = 1
        where j.kind = 'fee' and (j.cause_kind <> 'reconcile' or r.id is null or e.amount <> -r.fee)
        union all
        select j.id from pf_journal j left join pf_receipt s on s.id = j.cause_id
        where j.cause_kind = 'reconcile' and j.kind <> 'fee' and (s.id is null or s.source <> 'bill')"""),
]  # fmt: skip
