"""The wallet as plain arithmetic on lists: what the real one is held against. Written from the manual, not the code."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MAX = 2**53 - 1
DAY = 86_400_000_000
KINDS = ("promo", "refill", "paid")


class No(Exception):
    """A refusal, by its code."""

    @property
    def code(self) -> str:
        return str(self.args[0])


@dataclass
class Lot:
    """Credit of one origin. ``name`` tells which lots are one: kind and end, or the payment that bought it."""

    name: Any
    kind: str
    left: int
    until: int | None = None
    held: int = 0

    @property
    def rank(self) -> tuple[int, int]:
        return KINDS.index(self.kind), 2**63 if self.until is None else self.until

    def free(self, now: int) -> int:
        return self.left - self.held if self.until is None or self.until > now else 0


@dataclass
class HeldCredit:
    owner: str
    amount: int
    until: int
    parts: list[tuple[Any, int]]
    status: str = "open"
    settled: int = 0


@dataclass
class Owned:
    """One owner's account. What has lapsed stays until somebody uses the account."""

    lots: list[Lot] = field(default_factory=list)
    debt: int = 0
    limit: int = 0
    caps: dict[str, int] = field(default_factory=dict)
    spent: dict[int, int] = field(default_factory=dict)
    due_from: int | None = None  # the number of the period that is refilled next; None: whichever runs

    def available(self, now: int) -> int:
        return sum(lot.free(now) for lot in self.lots) - self.debt

    @property
    def held(self) -> int:
        return sum(lot.held for lot in self.lots)

    @property
    def balance(self) -> int:
        return sum(lot.left for lot in self.lots) - self.debt

    def lapse(self, now: int) -> None:
        for lot in self.lots:
            if lot.until is not None and lot.until <= now:
                lot.left = lot.held
        self.tidy()

    def tidy(self) -> None:
        self.lots = [lot for lot in self.lots if lot.left]

    def put(self, name: Any, kind: str, amount: int, until: int | None) -> None:
        if self.balance + amount > MAX:
            raise No("CREDIT_OVERFLOW")
        paid = min(self.debt, amount)
        self.debt -= paid
        if amount == paid:
            return
        for lot in self.lots:
            if lot.name == name:
                lot.left += amount - paid
                return
        lot = Lot(name, kind, amount - paid, until)
        place = next((at for at, kept in enumerate(self.lots) if kept.rank > lot.rank), len(self.lots))
        self.lots.insert(place, lot)

    def give(self, kind: str, amount: int, until: int | None) -> None:
        self.put((kind, until), kind, amount, until)

    def take(self, amount: int, now: int, *, only: Any = None) -> tuple[list[tuple[Lot, int]], int]:
        parts = []
        for lot in self.lots:
            share = min(lot.free(now), amount) if only is None or lot.name in only else 0
            if share:
                lot.left -= share
                amount -= share
                parts.append((lot, share))
        return parts, amount

    def owe(self, amount: int) -> None:
        if self.balance - amount < -MAX:
            raise No("CREDIT_OVERFLOW")
        self.debt += amount

    def repay(self, now: int) -> None:
        parts, _ = self.take(self.debt, now)
        self.debt -= sum(share for _, share in parts)


@dataclass
class MoneyBack:
    money: int
    credit: int
    taken: list[tuple[Any, str, int, int | None]]
    status: str
    returned: bool = False


@dataclass
class Bought:
    owner: str
    price: int
    amount: int
    bonus: int
    status: str = "pending"
    delivered: bool = False
    refunds: list[MoneyBack] = field(default_factory=list)

    @property
    def gone(self) -> int:
        return sum(one.money for one in self.refunds if one.status != "failed")


class Model:
    """Every verb returns what the wallet has to tell, or raises :class:`No`."""

    def __init__(self, now: int, *, late: str, spent_topup: str, refill: dict[str, Any] | None) -> None:
        self.now = now
        self.late, self.spent_topup, self.refill = late, spent_topup, refill
        self.owners: dict[str, Owned] = {}
        self.holds: dict[Any, HeldCredit] = {}
        self.payments: dict[int, Bought] = {}
        self.keys: dict[Any, Any] = {}

    # -- trying -------------------------------------------------------------------------------------------------

    def tried(self, verb: str, *given: Any, **named: Any) -> Any:
        """The verb's result, or the code of its refusal, which changes nothing. A spend that is refused has all the
        same freed the holds whose time was over: it writes with other spends, and what is over is over."""
        before = self.__dict__ if verb == "spend" else copy.deepcopy(self.__dict__)
        try:
            return getattr(self, verb)(*given, **named)
        except No as no:
            self.__dict__ = before
            return no.code

    def account(self, owner: str) -> Owned:
        found = self.owners.get(owner)
        if found is None:
            raise No("ACCOUNT_NOT_FOUND")
        found.lapse(self.now)
        return found

    def opened(self, owner: str) -> Owned:
        self.owners.setdefault(owner, Owned())
        return self.account(owner)

    def repeats(self, verb: str, owner: str, key: str, facts: Any) -> bool:
        known = self.keys.get((verb, owner, key))
        if known is not None and known != facts:
            raise No("IDEMPOTENCY_CONFLICT")
        return known is not None

    def done(self, verb: str, owner: str, key: str, facts: Any) -> tuple[bool, int]:
        self.keys[verb, owner, key] = facts
        self.owners[owner].tidy()
        return False, self.owners[owner].available(self.now)

    def again(self, owner: str) -> tuple[bool, int]:
        return True, self.account(owner).available(self.now)

    # -- giving and spending ------------------------------------------------------------------------------------

    def grant(self, owner: str, kind: str, amount: int, until: int | None, key: str) -> tuple[bool, int]:
        facts = (kind, amount, until)
        if self.repeats("grant", owner, key, facts):
            return self.again(owner)
        if until is not None and until <= self.now:
            raise No("CREDIT_INVALID_EXPIRY")
        self.opened(owner).give(kind, amount, until)
        return self.done("grant", owner, key, facts)

    def adjust(self, owner: str, amount: int, debt: bool, key: str) -> tuple[bool, int]:
        facts = (amount, debt)
        if self.repeats("adjust", owner, key, facts):
            return self.again(owner)
        account = self.account(owner)
        if amount > 0:
            account.give("paid", amount, None)
            return self.done("adjust", owner, key, facts)
        if -amount > account.available(self.now):
            self.free_overdue(owner)
        if -amount > account.available(self.now) and not debt:
            raise No("CREDIT_INSUFFICIENT")
        _, missing = account.take(-amount, self.now)
        account.owe(missing)
        return self.done("adjust", owner, key, facts)

    def spend(self, owner: str, amount: int, debt: bool, key: str) -> tuple[bool, int]:
        facts = (amount, debt)
        if self.repeats("spend", owner, key, facts):
            return self.again(owner)
        account = self.account(owner)
        self.afford(owner, amount, debt=debt)
        _, missing = account.take(amount, self.now)
        account.owe(missing)
        self.note(account, amount)
        return self.done("spend", owner, key, facts)

    def spend_many(self, spends: list[tuple[str, int, bool, str]]) -> list[Any]:
        told: list[Any] = []
        for one in spends:
            try:
                told.append(self.spend(*one)[0])
            except No as no:
                told.append(no.code)
        return told

    def transfer(self, owner: str, to: str, amount: int, key: str) -> tuple[bool, int]:
        facts = (amount, to)
        if self.repeats("transfer", owner, key, facts):
            return self.again(owner)
        account, target = self.account(owner), self.account(to)
        self.afford(owner, amount)
        for lot, share in account.take(amount, self.now)[0]:
            target.give(lot.kind, share, lot.until)
        self.note(account, amount)
        return self.done("transfer", owner, key, facts)

    def afford(self, owner: str, amount: int, *, debt: bool = False) -> None:
        account = self.owners[owner]
        if self.over_cap(account, amount):
            self.free_overdue(owner)
        if self.over_cap(account, amount):
            raise No("CREDIT_CAP_EXCEEDED")
        room = account.limit if debt else 0
        if account.available(self.now) + room < amount:
            self.free_overdue(owner)
        if account.available(self.now) + room < amount and not self.refilled(account, amount - room):
            raise No("CREDIT_INSUFFICIENT")

    def over_cap(self, account: Owned, amount: int) -> bool:
        today = account.spent.get(self.day, 0) + account.held + amount
        return amount > account.caps.get("per_spend", MAX) or today > account.caps.get("per_day", today)

    @property
    def day(self) -> int:
        return (self.now + 8 * 3_600_000_000) // DAY

    def note(self, account: Owned, amount: int) -> None:
        account.spent[self.day] = account.spent.get(self.day, 0) + amount

    def change(self, owner: str, what: str, value: Any) -> None:
        setattr(self.account(owner), what, value)

    # -- holds --------------------------------------------------------------------------------------------------

    def hold(self, owner: str, amount: int, seconds: int, key: str) -> str:
        known = self.holds.get((owner, key))
        if known is not None:
            if known.amount != amount:
                raise No("IDEMPOTENCY_CONFLICT")
            return known.status
        account = self.account(owner)
        self.afford(owner, amount)
        parts, left = [], amount
        for lot in account.lots:
            share = min(lot.free(self.now), left)
            if share:
                lot.held += share
                left -= share
                parts.append((lot.name, share))
        self.holds[owner, key] = HeldCredit(owner, amount, self.now + seconds * 1_000_000, parts)
        return "open"

    def settle(self, name: Any, amount: int, over: str) -> tuple[bool, int]:
        hold = self.holds[name]
        account = self.account(hold.owner)
        if hold.status == "settled" and hold.settled == amount:
            return self.again(hold.owner)
        if hold.status != "open" or hold.until <= self.now:
            raise No("HOLD_EXPIRED" if hold.status == "open" else f"HOLD_{hold.status.upper()}")
        excess = max(0, amount - hold.amount)
        if excess and over == "refuse":
            raise No("HOLD_EXCEEDED")
        if over == "spend" and excess > max(0, account.available(self.now)):
            self.free_overdue(hold.owner)
            if excess > max(0, account.available(self.now)):
                raise No("CREDIT_INSUFFICIENT")
        rest = amount
        for lot, share in self.unheld(account, hold):
            lot.left -= min(share, rest)
            rest -= min(share, rest)
        if excess:
            _, missing = account.take(excess, self.now)
            account.owe(missing)
        hold.status, hold.settled = "settled", amount
        account.lapse(self.now)
        account.repay(self.now)
        account.tidy()
        if amount:
            self.note(account, amount)
        return False, account.available(self.now)

    def release(self, name: Any) -> str:
        hold = self.holds[name]
        if hold.status == "settled":
            raise No("HOLD_SETTLED")
        if hold.status == "open":
            self.account(hold.owner)
            self.end(hold, "released" if hold.until > self.now else "expired")
        return hold.status

    def unheld(self, account: Owned, hold: HeldCredit) -> Iterator[tuple[Lot, int]]:
        for name, share in hold.parts:
            (lot,) = [lot for lot in account.lots if lot.name == name]
            lot.held -= share
            yield lot, share

    def end(self, hold: HeldCredit, status: str) -> None:
        account = self.owners[hold.owner]
        for _ in self.unheld(account, hold):
            pass
        hold.status = status
        account.lapse(self.now)
        account.repay(self.now)
        account.tidy()

    def free_overdue(self, owner: str) -> None:
        for hold in self.holds.values():
            if hold.owner == owner and hold.status == "open" and hold.until <= self.now:
                self.end(hold, "expired")

    def sweep(self) -> None:
        for owner in self.owners:
            self.account(owner)
            self.free_overdue(owner)

    # -- refills: one policy, of days that begin at midnight UTC ------------------------------------------------

    def refilled(self, account: Owned, needed: int) -> bool:
        """Whether a refill on demand was granted, since it is enough."""
        if self.refill is None or self.refill["trigger"] == "scheduled" or not self.is_due(account):
            return False
        amount, lapses = self.refill_of(account)
        if not self.gives(account, amount, lapses) or account.available(self.now) - lapses + amount < needed:
            return False
        self.granted(account, amount)
        return True

    def run(self) -> None:
        if self.refill is None or self.refill["trigger"] == "on_demand":
            return
        for account in self.owners.values():
            if self.is_due(account):
                account.lapse(self.now)
                amount, lapses = self.refill_of(account)
                if self.gives(account, amount, lapses):
                    self.granted(account, amount)
                account.due_from = self.period + 1

    @property
    def period(self) -> int:
        return self.now // DAY

    def is_due(self, account: Owned) -> bool:
        return account.due_from is None or self.period >= account.due_from

    def refill_of(self, account: Owned) -> tuple[int, int]:
        """How much it gives now, and how much of earlier refills lapses for it."""
        assert self.refill is not None
        amount: int = self.refill["amount"]
        lots = [lot for lot in account.lots if lot.kind == "refill"]
        if self.refill["mode"] == "top_up":
            return max(0, amount - account.available(self.now)), 0
        if self.refill["mode"] == "reset":
            return max(0, amount - sum(lot.held for lot in lots)), sum(lot.free(self.now) for lot in lots)
        return amount, 0

    @staticmethod
    def gives(account: Owned, amount: int, lapses: int) -> bool:
        return (amount > 0 or lapses > 0) and account.balance - lapses + amount <= MAX

    def granted(self, account: Owned, amount: int) -> None:
        assert self.refill is not None
        if self.refill["mode"] == "reset":
            for lot in account.lots:
                if lot.kind == "refill":
                    lot.left -= lot.free(self.now)
        if amount:
            until = (self.period + 1) * DAY if self.refill["expires"] == "next" else None
            account.give("refill", amount, until)
        account.tidy()
        account.due_from = self.period + 1

    # -- buying -------------------------------------------------------------------------------------------------

    def buy(self, number: int, owner: str, price: int, amount: int, bonus: int) -> None:
        self.payments[number] = Bought(owner, price, amount, bonus)

    def cancel(self, number: int) -> str:
        bought = self.payments[number]
        if bought.status != "pending":
            raise No("TRANSITION_NOT_ALLOWED")
        bought.status = "cancelled"
        return "cancelled"

    def pay(self, number: int) -> str:
        bought = self.payments[number]
        if bought.status == "pending" or (bought.status == "cancelled" and self.late == "accept"):
            bought.status = "paid"
            account = self.opened(bought.owner)
            if account.balance + bought.amount + bought.bonus <= MAX:
                bought.delivered = True
                account.put(("bought", number), "paid", bought.amount, None)
                if bought.bonus:
                    account.put(("bonus", number), "promo", bought.bonus, self.now + DAY)
        return bought.status

    def refund(self, number: int, money: int | None, *, waits: bool) -> int:
        bought = self.payments[number]
        left = bought.price - bought.gone
        if bought.status != "paid" or left == 0:
            raise No("NOT_REFUNDABLE")
        if money is not None and money > left:
            raise No("REFUND_EXCEEDS_CAPTURED")
        account = self.account(bought.owner)
        own = {("bought", number), ("bonus", number)}
        money, credit = self.returned(bought, account, own, left if money is None else money, exact=money is not None)
        taken, missing = account.take(credit, self.now, only=own)
        more, missing = account.take(missing, self.now)
        account.owe(missing)
        parts = [(lot.name, lot.kind, share, lot.until) for lot, share in (*taken, *more)]
        account.tidy()
        bought.refunds.append(MoneyBack(money, credit, parts, "waits" if waits else "succeeded"))
        return money

    def returned(self, bought: Bought, account: Owned, own: set[Any], wanted: int, *, exact: bool) -> tuple[int, int]:
        """How much money goes back, and how much credit that takes."""
        if not bought.delivered:
            return wanted, 0
        total = bought.amount + bought.bonus
        taken = sum(one.credit for one in bought.refunds if not one.returned)
        unspent = sum(lot.free(self.now) for lot in account.lots if lot.name in own)

        def needed(money: int) -> int:
            return max(0, -(-total * (bought.gone + money) // bought.price) - taken)

        if self.spent_topup == "debt" or needed(wanted) <= unspent:
            return wanted, needed(wanted)
        if self.spent_topup == "partial" and not exact:
            most = max((one for one in range(wanted + 1) if needed(one) <= unspent), default=0)
            if most:
                return most, needed(most)
        raise No("CREDIT_SPENT")

    def refund_ends(self, number: int, place: int, succeeds: bool) -> None:
        bought = self.payments[number]
        one = bought.refunds[place]
        if one.status != "waits":
            return
        one.status = "succeeded" if succeeds else "failed"
        if succeeds or not one.credit:
            return
        account = self.account(bought.owner)
        if account.balance + one.credit > MAX:
            return
        one.returned = True
        owed = one.credit - sum(share for _, _, share, _ in one.taken)
        if owed:
            account.put(("bought", number), "paid", owed, None)
        for name, kind, share, until in one.taken:
            account.put(name, kind, share, until)
