"""The whole wallet against :mod:`.model`: after every step the same answers, the same buckets, and the invariants."""

from __future__ import annotations

import itertools
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from payflow.doctor import broken, invariants
from payflow.errors import PayflowError
from payflow.gateway import Answer, EventKind, Outcome
from payflow.ledger import chain
from payflow.money import Money
from payflow.records import Entry, Journal
from payflow.stores.rows import record_of, select
from payflow.stores.schema import ENTRY, JOURNAL, TABLES
from payflow.tables import TABLES as STATE_TABLES
from payflow.wallet import Pack, Shelf

from .model import KINDS, MAX, Model
from .world import Purse

OWNERS = ("ann", "bob", "小明/a:b")
KEYS = ("k-1", "k-2", "k-3", "k-4")
PACKS = {"small": (7, 3, 0), "gift": (10, 100, 25), "large": (99, 1000, 0)}  # price, credit, bonus
#: What a step may break; the whole list is asked at the end of every run.
OF_CREDIT = [
    one for one in invariants(STATE_TABLES) if one.number[:4] in {"I-01", "I-02", "I-20", "I-21", "I-22", "I-23"}
]

owners = st.sampled_from(OWNERS)
keys = st.sampled_from(KEYS)
units = st.one_of(st.integers(1, 60), st.integers(1, 200), st.sampled_from([MAX, MAX - 50]))
few = st.integers(1, 150)
ends = st.one_of(st.none(), st.none(), st.integers(-1, 60))  # hours from now
fresh = st.builds("n-{}".format, st.integers(0, 10**9))
any_key = st.one_of(keys, fresh, fresh)


class Wallets(RuleBasedStateMachine):
    """One wallet, real and imagined. ``url`` is set by the test that runs it."""

    url = "sqlite:///:memory:"

    @initialize(
        late=st.sampled_from(["hold", "accept", "refund"]), spent_topup=st.sampled_from(["refuse", "partial", "debt"]),
        refill=st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {
                    "mode": st.sampled_from(["add", "reset", "top_up"]), "amount": st.integers(1, 120),
                    "trigger": st.sampled_from(["on_demand", "scheduled", "both"]),
                    "expires": st.sampled_from(["never", "next"]),
                }
            ),
        ),
    )  # fmt: skip
    def begin(self, late: str, spent_topup: str, refill: dict[str, Any] | None) -> None:
        body = {"name": "daily", "unit": "tokens", "every": {"days": 1}, "anchor": "2026-01-01T00:00", "zone": "UTC"}
        refills = [] if refill is None else [body | refill]
        policies = {"late_payment": late, "spent_topup": spent_topup}
        _empty(self.url)
        self.purse = Purse(self.url, policies=policies, refills=refills, migrate="memory" in self.url)
        self.wallet = self.purse.wallet
        self.wallet.shelf = Shelf({
            name: Pack(name=name, unit="tokens", credit=credit, price=Money(price), bonus=bonus,
                       bonus_expires_seconds=86_400 if bonus else None)
            for name, (price, credit, bonus) in PACKS.items()
        })  # fmt: skip
        self.model = Model(self.purse.clock(), late=late, spent_topup=spent_topup, refill=refill)
        self.payments: list[Any] = []
        self.holds: list[tuple[Any, str]] = []
        self.refunds: list[tuple[int, int, Any]] = []

    def both(self, real: Any, verb: str, *given: Any, **named: Any) -> Any:
        """Do it in both; what it came to, which is the same."""
        expected = self.model.tried(verb, *given, **named)
        try:
            got = real()
        except PayflowError as error:
            got = error.code
        assert got == expected, (verb, given, named)
        return got

    @staticmethod
    def told(movement: Any) -> tuple[bool, int]:
        return movement.replayed, movement.available

    # -- giving and spending ------------------------------------------------------------------------------------

    @rule(owner=owners)
    def open(self, owner: str) -> None:
        self.wallet.open(owner, "tokens")
        self.model.opened(owner)

    @rule(owner=owners, amount=units, kind=st.sampled_from(KINDS), hours=ends, key=any_key)
    def grant(self, owner: str, amount: int, kind: str, hours: int | None, key: str) -> None:
        until = None if hours is None else self.model.now + hours * 3_600_000_000
        self.both(
            lambda: self.told(self.wallet.grant(owner, "tokens", amount, kind=kind, expires_at=until, key=key)),
            "grant", owner, kind, amount, until, key,
        )  # fmt: skip

    @rule(owner=owners, amount=units, debt=st.booleans(), key=any_key)
    def spend(self, owner: str, amount: int, debt: bool, key: str) -> None:
        self.both(
            lambda: self.told(self.wallet.spend(owner, "tokens", amount, debt=debt, key=key)),
            "spend", owner, amount, debt, key,
        )  # fmt: skip

    @rule(owner=owners, back=st.integers(0, 40), key=any_key)
    def spend_nearly_all(self, owner: str, back: int, key: str) -> None:
        account = self.model.owners.get(owner)
        amount = 0 if account is None else account.available(self.model.now) - back + 20
        if amount > 0:
            self.spend(owner, min(amount, MAX), False, key)

    @rule(spends=st.lists(st.tuples(owners, few, st.booleans(), any_key), min_size=1, max_size=5))
    def spend_many(self, spends: list[tuple[str, int, bool, str]]) -> None:
        wanted = [
            self.wallet.spending(owner, "tokens", amount, debt=debt, key=key) for owner, amount, debt, key in spends
        ]
        done = self.wallet.spend_many(wanted)
        got = [one.code if isinstance(one, PayflowError) else one.replayed for one in done]
        assert got == self.model.spend_many(spends)

    @rule(owner=owners, amount=units, sign=st.sampled_from([1, -1, -1]), debt=st.booleans(), key=any_key)
    def adjust(self, owner: str, amount: int, sign: int, debt: bool, key: str) -> None:
        more: dict[str, Any] = {"by": "ops", "memo": "why", "debt": debt, "key": key}
        self.both(
            lambda: self.told(self.wallet.adjust(owner, "tokens", sign * amount, **more)),
            "adjust", owner, sign * amount, debt, key,
        )  # fmt: skip

    @rule(pair=st.permutations(OWNERS), amount=units, key=any_key)
    def transfer(self, pair: list[str], amount: int, key: str) -> None:
        owner, to = pair[:2]
        self.both(
            lambda: self.told(self.wallet.transfer(owner, to, "tokens", amount, key=key)),
            "transfer", owner, to, amount, key,
        )  # fmt: skip

    @rule(owner=owners, limit=st.integers(0, 100))
    def change_limit(self, owner: str, limit: int) -> None:
        self.both(lambda: self._changed(owner, credit_limit=limit), "change", owner, "limit", limit)

    @rule(owner=owners, caps=st.dictionaries(st.sampled_from(["per_spend", "per_day"]), st.integers(1, 300)))
    def change_caps(self, owner: str, caps: dict[str, int]) -> None:
        self.both(lambda: self._changed(owner, caps=caps or None), "change", owner, "caps", caps)

    def _changed(self, owner: str, **fields: Any) -> None:
        self.wallet.change(owner, "tokens", by="ops", **fields)

    # -- holds --------------------------------------------------------------------------------------------------

    @rule(owner=owners, amount=few, minutes=st.integers(1, 300), key=any_key)
    def hold(self, owner: str, amount: int, minutes: int, key: str) -> None:
        ids: list[str] = []

        def real() -> str:
            kept = self.wallet.hold(owner, "tokens", amount, key=key, ttl_seconds=60 * minutes)
            ids.append(kept.id)
            return kept.status

        self.both(real, "hold", owner, amount, 60 * minutes, key)
        if ids:
            self.holds.append(((owner, key), ids[0]))

    @precondition(lambda self: self.holds)
    @rule(
        which=st.integers(0, 99),
        amount=st.one_of(st.just(0), few, units),
        over=st.sampled_from(["refuse", "spend", "debt"]),
    )
    def settle(self, which: int, amount: int, over: str) -> None:
        name, hold_id = self.holds[-1 - which % len(self.holds)]
        self.both(lambda: self.told(self.wallet.settle(hold_id, amount, over=over)), "settle", name, amount, over)

    @precondition(lambda self: self.holds)
    @rule(which=st.integers(0, 99))
    def release(self, which: int) -> None:
        name, hold_id = self.holds[-1 - which % len(self.holds)]
        self.both(lambda: self.wallet.release(hold_id).status, "release", name)

    # -- buying -------------------------------------------------------------------------------------------------

    @rule(owner=owners, pack=st.sampled_from(sorted(PACKS)))
    def buy(self, owner: str, pack: str) -> None:
        number = len(self.payments)
        bought = self.wallet.top_up(owner, "tokens", pack=pack, channel="qr", key=f"buy-{number}", action="buy")
        self.payments.append(bought.payment)
        self.model.buy(number, owner, *PACKS[pack])

    def _payment(self, which: int) -> int:
        return len(self.payments) - 1 - which % len(self.payments)

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 99))
    def pay(self, which: int) -> None:
        number = self._payment(which)
        expected = self.model.pay(number)
        status = self.purse.pay(self.payments[number]).status
        assert status in {expected, "partially_refunded", "refunded"}

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 99))
    def cancel(self, which: int) -> None:
        number = self._payment(which)
        self.both(lambda: self.purse.flow.cancel(self.payments[number].id).payment.status, "cancel", number)

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 99), money=st.one_of(st.none(), st.integers(1, 12)), waits=st.booleans())
    def refund(self, which: int, money: int | None, waits: bool) -> None:
        number, found = self._payment(which), []

        def real() -> int:
            if waits:
                self.purse.gateway.will("refund", Answer(Outcome.UNKNOWN))
            amount = None if money is None else Money(money)
            key = f"r-{len(self.refunds)}-{next(_NUMBERS)}"
            refund = self.purse.flow.refund(self.payments[number].id, key=key, amount=amount).refund
            assert refund is not None
            found.append(refund)
            return refund.amount

        self.both(real, "refund", number, money, waits=waits)
        self.purse.gateway.script.clear()
        if found and waits:
            self.refunds.append((number, len(self.model.payments[number].refunds) - 1, found[0]))

    @precondition(lambda self: self.refunds)
    @rule(which=st.integers(0, 99), succeeds=st.booleans())
    def refund_ends(self, which: int, succeeds: bool) -> None:
        number, place, refund = self.refunds[which % len(self.refunds)]
        self.model.refund_ends(number, place, succeeds)
        how = EventKind.REFUND_SUCCEEDED if succeeds else EventKind.REFUND_FAILED
        event = self.purse.gateway.refunded(self.purse.flow.payment(self.payments[number].id), refund, how)
        assert self.purse.flow.receive(self.purse.gateway.callback(event)).status == 200

    # -- time ---------------------------------------------------------------------------------------------------

    @rule(minutes=st.one_of(st.integers(1, 120), st.integers(1, 4000)))
    def forward(self, minutes: int) -> None:
        self.purse.clock.forward(60 * minutes)
        self.model.now = self.purse.clock()

    @rule()
    def sweep(self) -> None:
        self.wallet.sweep()
        self.model.sweep()
        assert self.wallet.sweep() == 0  # once more changes nothing
        for owner, account in self.model.owners.items():
            assert self.wallet.account(owner, "tokens").balance == account.balance

    @rule()
    def run_refills(self) -> None:
        self.wallet.refills.run(batch=2)
        self.model.run()
        assert self.wallet.refills.run().granted == 0

    # -- what must hold -----------------------------------------------------------------------------------------

    @invariant()
    def same(self) -> None:
        if not hasattr(self, "purse"):
            return
        now = self.model.now
        for owner in OWNERS:
            account = self.model.owners.get(owner)
            if account is None:
                with pytest.raises(PayflowError):
                    self.wallet.account(owner, "tokens")
                continue
            found = self.wallet.balance(owner, "tokens")
            assert (found.available, found.held, found.debt) == (account.available(now), account.held, account.debt)
            buckets = [(kept.kind, kept.remaining, kept.held, kept.expires_at) for kept in found.buckets]
            alive = [lot for lot in account.lots if lot.held or lot.free(now)]
            lapsed_too = [(lot.kind, lot.left, lot.held, lot.until) for lot in alive]
            assert _without_lapsed(buckets, now) == _without_lapsed(lapsed_too, now)
            assert not (found.debt and found.available + found.debt)  # never both
            assert found.available >= min(0, found.account.floor)

    @invariant()
    def nothing_is_broken(self) -> None:
        if not hasattr(self, "purse"):
            return
        store: Any = self.purse.store
        for one in OF_CREDIT:
            assert store.select(one.sql, 5) == [], one.says
        assert unexplained(store) == []

    def teardown(self) -> None:
        if hasattr(self, "purse"):
            findings = broken(self.purse.store)
            chains = broken_chains(self.purse.store)
            self.purse.store.close()
            assert findings == []
            assert chains == []


_NUMBERS = itertools.count()


def _without_lapsed(buckets: list[tuple[Any, ...]], now: int) -> list[tuple[Any, ...]]:
    """Of a bucket that has lapsed only what is held is told: the rest may be booked out already, or not."""
    return [
        (kind, held if until is not None and until <= now else left, held, until)
        for kind, left, held, until in buckets
        if held or until is None or until > now
    ]


def unexplained(store: Any) -> list[Any]:
    """Buckets that are not what their entries add up to, or hold something else than the open holds."""
    booked = {
        (account, bucket): int(total)
        for account, bucket, total in store.select(
            "select ledger_account, bucket, sum(amount) from pf_entry where seq is not null"
            " group by ledger_account, bucket having sum(amount) <> 0", 1000,
        )
    }  # fmt: skip
    held: dict[tuple[str, str], int] = {}
    import json

    for account, allocation in store.select("select account, allocation from pf_hold where status = 'open'", 1000):
        for bucket, share in json.loads(allocation):
            held[account, bucket] = held.get((account, bucket), 0) + share
    kept, reserved = {}, {}
    for account, buckets in store.select("select id, buckets from pf_account", 1000):
        for name, _, left, of_it_held, _ in json.loads(buckets):
            kept[account, name] = left
            if of_it_held:
                reserved[account, name] = of_it_held
    return [one for one in ((kept, booked), (reserved, held)) if one[0] != one[1]]


def broken_chains(store: Any) -> list[tuple[str, int]]:
    """Entries whose hash is not that of what came before them, their journal, and themselves."""
    journals = {row[0]: record_of(Journal, row) for row in store.select(f"{select(JOURNAL)}account <> ''", 100_000)}
    entries = [
        record_of(Entry, row) for row in store.select(f"{select(ENTRY)}1 = 1 order by journal_id, line", 100_000)
    ]
    lines: dict[str, list[Entry]] = {}
    for entry in entries:
        lines.setdefault(entry.journal_id, []).append(entry)
    before: dict[str, str] = {}
    wrong = []
    for entry in sorted((one for one in entries if one.seq is not None), key=lambda one: (one.ledger_account, one.seq)):
        text = chain.content(journals[entry.journal_id], map(chain.line_of, lines[entry.journal_id]))
        last = before.get(entry.ledger_account, "")
        if entry.hash != chain.link(last, text, entry.seq or 0, entry.line, entry.balance or 0):
            wrong.append((entry.ledger_account, entry.seq or 0))
        before[entry.ledger_account] = entry.hash
    return wrong


def _empty(url: str) -> None:
    """A database that others have used begins anew."""
    if "memory" in url:
        return
    from payflow.stores import open_store

    store = open_store(url)
    with store.transaction() as transaction:
        cursor = transaction.connection.cursor()
        for table in TABLES:
            cursor.execute(f"delete from {table.name}")
    store.close()


EXAMPLES = int(os.environ.get("PAYFLOW_WALLET_EXAMPLES", "0"))
PROFILE = settings(
    deadline=None, stateful_step_count=40, print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)  # fmt: skip


def machine(url: str) -> type[Wallets]:
    return type("Wallets", (Wallets,), {"url": url})


def test_sqlite_is_the_model() -> None:
    run_state_machine_as_test(Wallets, settings=settings(PROFILE, max_examples=EXAMPLES or 80))


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_servers_are_the_model(kind: str, database: Any) -> None:
    url = database(kind)
    Purse(url).store.close()
    run_state_machine_as_test(
        machine(url), settings=settings(PROFILE, max_examples=EXAMPLES // 10 or 6, stateful_step_count=30)
    )
