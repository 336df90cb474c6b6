"""The verbs of the wallet: what a host asks of its owners' credit."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

from ..clock import seconds
from ..combining import Combiner
from ..deciding import credit, holds, reserving
from ..deciding.draft import Draft
from ..deciding.postings import Movement, Operation, book_of, checked_units, digest
from ..deciding.rules import Caps, Cause
from ..errors import InvalidRequest, NotFound, PayflowError
from ..flow import Flow, Result
from ..identifiers import checked_key, checked_text
from ..ledger.names import account_id, hold_id
from ..money import Money
from ..records import Account, Hold
from ..store import Wants
from .balance import Balance
from .explaining import Explaining
from .packs import Shelf
from .policies import Policies
from .refilling import Refills

logger = logging.getLogger("payflow.wallet")

#: What may be given: promotional credit is spent before refilled, and that before paid credit.
GRANTS = frozenset({"promo", "refill", "paid"})
OVER = frozenset({"refuse", "spend", "debt"})
_LONGEST_HOLD_SECONDS = 366 * 86_400
_NO_END = 1 << 62


class Wallet(Explaining):
    """Credit over a flow's store. Shared between threads.

    Every verb raises ``InvalidRequest`` for what can never work (``CREDIT_INVALID_AMOUNT``, ``UNIT_UNKNOWN``,
    ``INVALID_REFERENCE``, ``IDEMPOTENCY_KEY_MISSING``), ``IDEMPOTENCY_CONFLICT`` for a key that did something else, and
    ``StoreConflict`` only where too many want the same account for too long (or, joined, for the host to retry).
    """

    def __init__(self, flow: Flow, shelf: Shelf | None = None, refills: Sequence[Mapping[str, Any]] = ()) -> None:
        self.flow = flow
        self.store = flow.store
        self.shelf = shelf or Shelf()
        self.policies = Policies(flow.store, flow.clock, frozenset(flow.rules.credit.units), refills)
        self.refills = Refills(flow, self.policies)
        self._spending: Combiner[credit.Spend, Movement | PayflowError] = Combiner(self._spend_all)

    def joined(self, connection: Any) -> Self:
        """This wallet inside the host's transaction, like :meth:`payflow.Flow.joined`: never committed by payflow."""
        return type(self)(self.flow.joined(connection), self.shelf, self.policies.declared)

    # -- accounts -----------------------------------------------------------------------------------------------

    def open(self, owner: str, unit: str, *, by: str = "host", **fields: Any) -> Account:
        """The account of an owner in a unit, opened if there is none; one that is there stays as it is. ``fields``:
        ``tier``, ``credit_limit``, ``caps``."""
        name = self._account(owner, unit)
        _, draft = self.flow.settle(
            Wants(accounts={name}), lambda draft: credit.change(draft, name, _checked(fields), by, "", make=True)
        )
        return draft.facts.accounts[name]

    def account(self, owner: str, unit: str) -> Account:
        """The account as stored; ``ACCOUNT_NOT_FOUND``."""
        name = self._account(owner, unit)
        found = self.store.accounts([name])
        if not found:
            raise NotFound("There is no such account", code="ACCOUNT_NOT_FOUND", account=name)
        return found[0]

    def balance(self, owner: str, unit: str) -> Balance:
        """What an owner has now; ``ACCOUNT_NOT_FOUND``."""
        return Balance.of(self.account(owner, unit), self.flow.clock())

    def change(self, owner: str, unit: str, *, by: str, reason: str = "", **fields: Any) -> Account:
        """Change ``tier``, ``credit_limit`` (how far explicit debt may go) or ``caps`` (a mapping of ``per_spend``,
        ``per_day``, ``per_month`` in place of the unit's; ``None`` for the unit's again). Who and why is kept."""
        name = self._account(owner, unit)
        checked_text("by", by, 64)
        checked_text("reason", reason, 500)
        _, draft = self.flow.settle(
            Wants(accounts={name}), lambda draft: credit.change(draft, name, _checked(fields), by, reason)
        )
        return draft.facts.accounts[name]

    # -- giving and spending ------------------------------------------------------------------------------------

    def grant(
        self, owner: str, unit: str, amount: int, *, key: str, kind: str = "promo", expires_at: int | None = None,
        memo: str = "", by: str = "",
    ) -> Movement:  # fmt: skip
        """Give credit. ``kind``: ``promo``, ``refill`` or ``paid`` (bought elsewhere); ``expires_at`` an instant."""
        if kind not in GRANTS:
            raise InvalidRequest(f"kind is one of {', '.join(sorted(GRANTS))}", code="INVALID_REFERENCE")
        units = checked_units(amount)
        if expires_at is not None:
            _instant(expires_at)
        operation = self._operation(owner, unit, key, by=by, memo=memo, facts=("grant", units, kind, expires_at))
        return self._one(
            operation, lambda draft: credit.grant(draft, operation, units, kind=kind, expires_at=expires_at)
        )

    def spend(
        self, owner: str, unit: str, amount: int, *, key: str, use: str = "", memo: str = "", debt: bool = False
    ) -> Movement:
        """Take credit for something: ``use`` is the host's word for what ("chat"), by which usage is summed up.

        Spends of several threads share a commit. ``debt=True`` lets what is missing be owed, as far as the account's
        limit goes.
        Raises ``CREDIT_INSUFFICIENT`` (with ``available``, ``missing``, ``next_refill_at``, ``next_refill_amount``,
        ``buy``, and ``payment_id`` of the order of a refill which costs money),
        ``CREDIT_CAP_EXCEEDED``, ``ACCOUNT_NOT_FOUND``.
        """
        wanted = self.spending(owner, unit, amount, key=key, use=use, memo=memo, debt=debt)
        done = self._spend_all([wanted])[0] if self.store.joined else self._spending(wanted)
        if isinstance(done, PayflowError):
            raise self._with_order(done)
        return done

    def _with_order(self, error: PayflowError) -> PayflowError:
        """Too little credit, and a policy that sells more: its order is made, once, and named by the error."""
        if error.code == "CREDIT_INSUFFICIENT" and error.ids.get("order") and not self.store.joined:
            name = error.ids["account"]
            try:
                ordered = self.refills.order(name)
            except PayflowError as failed:
                if failed.code not in ("REFILL_IN_FLIGHT", "IDEMPOTENCY_IN_PROGRESS"):
                    logger.warning("A refill could not be ordered (%s) account=%s", failed.code, name)
                    return error
                ordered = None
            under_way = self.store.accounts([name])[0].refill_payment if ordered is None else ordered.payment.id
            if under_way:  # where another spend was faster, it is the order that that one made
                error.ids["payment_id"] = under_way
        return error

    def spending(
        self, owner: str, unit: str, amount: int, *, key: str, use: str = "", memo: str = "", debt: bool = False
    ) -> credit.Spend:
        """A spend for :meth:`spend_many`, checked and not done yet."""
        units = checked_units(amount)
        operation = self._operation(owner, unit, key, use=use, memo=memo, facts=("spend", units, bool(debt)))
        return credit.Spend(operation, units, bool(debt))

    def spend_many(self, spends: Sequence[credit.Spend]) -> list[Movement | PayflowError]:
        """Many spends as one set in one transaction; for each, what became of it or why it was refused, in order."""
        return self._spend_all(spends)

    def _spend_all(self, spends: Sequence[credit.Spend]) -> list[Movement | PayflowError]:
        def decide(draft: Draft) -> list[Movement | PayflowError]:
            return [_tried(draft, one) for one in spends]

        done, _ = self.flow.settle(Wants(accounts={one.operation.account for one in spends}), decide)
        return done

    def adjust(
        self, owner: str, unit: str, amount: int, *, key: str, by: str, memo: str, debt: bool = False
    ) -> Movement:
        """A person's correction, up or down (signed), by a new entry; ``by`` and ``memo`` say who and why."""
        if not by or not memo:
            raise InvalidRequest("A correction needs who made it, and why", code="INVALID_REFERENCE")
        units = checked_units(amount, signed=True)
        operation = self._operation(owner, unit, key, by=by, memo=memo, facts=("adjust", units, bool(debt)))
        return self._one(operation, lambda draft: credit.adjust(draft, operation, units, debt=debt))

    def transfer(self, owner: str, to: str, unit: str, amount: int, *, key: str, memo: str = "") -> Movement:
        """Move credit to another owner's account in the same unit; what lapses or is promotional stays so."""
        units = checked_units(amount)
        target = self._account(to, unit)
        operation = self._operation(owner, unit, key, memo=memo, facts=("transfer", units, target))
        if target == operation.account:
            raise InvalidRequest("Credit is not transferred to its own account", code="INVALID_TRANSFER")
        return self._one(operation, lambda draft: credit.transfer(draft, operation, target, units), target)

    # -- holds --------------------------------------------------------------------------------------------------

    def hold(
        self, owner: str, unit: str, amount: int, *, key: str, use: str = "", memo: str = "",
        ttl_seconds: float | None = None,
    ) -> Hold:  # fmt: skip
        """Reserve credit for work whose cost is known afterwards; freed by itself after ``ttl_seconds``. Raises what
        :meth:`spend` raises."""
        units = checked_units(amount)
        ttl = self.flow.rules.credit.hold_ttl if ttl_seconds is None else seconds(_ttl(ttl_seconds))
        operation = self._operation(owner, unit, key, use=use, memo=memo, facts=("hold", units))
        wanted = reserving.Reservation(operation, hold_id(operation.account, key), units, self.flow.clock() + ttl)
        wants = Wants(accounts={operation.account}, holds={wanted.id})
        try:
            kept, _ = self.flow.settle(wants, lambda draft: reserving.hold(draft, wanted))
        except PayflowError as error:
            raise self._with_order(error) from error.__cause__
        return kept

    def settle(self, hold_id: str, amount: int, *, over: str | None = None) -> Movement:
        """Spend ``amount`` (0 is allowed) of a hold and free the rest.

        ``over`` says what a cost above the hold does (default: the config's ``wallet.holds.over``): ``refuse``
        (``HOLD_EXCEEDED``), ``spend`` what is available as well, or ``debt``. Raises ``HOLD_NOT_FOUND``,
        ``HOLD_SETTLED``, ``HOLD_RELEASED``, ``HOLD_EXPIRED``.
        """
        units = checked_units(amount, zero=True)
        how = self.flow.rules.credit.over if over is None else over
        if how not in OVER:
            raise InvalidRequest(f"over is one of {', '.join(sorted(OVER))}", code="INVALID_REFERENCE")
        kept = self._hold(hold_id)
        wants = Wants(accounts={kept.account}, holds={hold_id})
        done, _ = self.flow.settle(wants, lambda draft: reserving.settle(draft, hold_id, units, how))
        return done

    def release(self, hold_id: str) -> Hold:
        """Free a hold; once more changes nothing. ``HOLD_NOT_FOUND``, ``HOLD_SETTLED``."""
        kept = self._hold(hold_id)
        wants = Wants(accounts={kept.account}, holds={hold_id})
        freed, _ = self.flow.settle(wants, lambda draft: holds.release(draft, hold_id))
        return freed

    def _hold(self, hold_id: str) -> Hold:
        found = self.store.gather(Wants(holds={hold_id})).holds.get(hold_id) if isinstance(hold_id, str) else None
        if found is None:
            raise NotFound("There is no such hold", code="HOLD_NOT_FOUND", hold_id=hold_id)
        return found

    # -- buying -------------------------------------------------------------------------------------------------

    def top_up(
        self, owner: str, unit: str, *, channel: str, key: str, pack: str | None = None, amount: Money | None = None,
        **order: Any,
    ) -> Result:  # fmt: skip
        """Buy credit: a ``pack``, or a free ``amount`` at the unit's rate. ``order`` is what :meth:`payflow.Flow.pay`
        takes besides (action, description, metadata, account …).

        The credit is there in the very transaction in which the payment is paid, once; price and credit are fixed now.
        Raises ``PACK_NOT_FOUND``, ``RATE_NOT_FOUND`` and whatever ``pay`` raises.
        """
        name = self._account(owner, unit)
        if (pack is None) == (amount is None):
            raise InvalidRequest("Either a pack or an amount is bought", code="INVALID_REFERENCE")
        if pack is not None:
            chosen = self.shelf.pack(pack, unit)
            purchase, price = self.shelf.purchase_of_pack(name, chosen), chosen.price
        elif isinstance(amount, Money):
            purchase, price = self.shelf.purchase_of_amount(name, unit, amount), amount
        else:
            raise InvalidRequest("Amount must be Money", code="INVALID_AMOUNT")
        return self.flow.pay(
            amount=price, channel=channel, key=key, purchase=purchase, **{"reference": name, "scope": "top_up", **order}
        )

    # -- what time does -----------------------------------------------------------------------------------------

    def sweep(self, limit: int = 500) -> int:
        """Free holds whose time is over, book out credit that has lapsed; how many accounts. The worker does it."""
        due = self.store.overdue_accounts(self.flow.clock(), limit)
        if due:
            self.flow.settle(Wants(accounts=set(due), holding=set(due)), partial(_swept, accounts=due))
            logger.info("Freed what is over in %d accounts", len(due))
        return len(due)

    # -- parts --------------------------------------------------------------------------------------------------

    def _account(self, owner: str, unit: str) -> str:
        name = account_id(owner, unit)
        if unit not in self.flow.rules.credit.units:
            raise InvalidRequest("This unit is not declared under wallet.units", code="UNIT_UNKNOWN", unit=unit)
        return name

    def _operation(
        self, owner: str, unit: str, key: str, *, facts: tuple[object, ...], use: str = "", memo: str = "", by: str = ""
    ) -> Operation:
        checked_key(key)
        for what, text, longest in (("use", use, 64), ("memo", memo, 191), ("by", by, 64)):
            checked_text(what, text, longest)
        cause = Cause("operator", by) if by else Cause("api", key)
        return Operation(
            account=self._account(owner, unit), key=key, cause=cause, use=use, memo=memo, digest=digest(*facts)
        )

    def _one(self, operation: Operation, decide: Any, *others: str) -> Movement:
        done: Movement
        done, _ = self.flow.settle(Wants(accounts={operation.account, *others}), decide)
        return done


def _tried(draft: Draft, wanted: credit.Spend) -> Movement | PayflowError:
    """One spend of a set: what is refused does not disturb the others."""
    try:
        return credit.spend(draft, wanted)
    except PayflowError as refused:
        return refused


def _swept(draft: Draft, accounts: Sequence[str]) -> None:
    for name in accounts:
        if name in draft.facts.accounts:
            holds.expire_overdue(draft, book_of(draft, name))


def _checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What may be changed of an account, as it is stored."""
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "tier":
            checked_text(name, value, 32)
            kept[name] = value
        elif name == "credit_limit":
            kept[name] = checked_units(value, zero=True)
        elif name == "caps":
            kept[name] = "" if value is None else _caps(value)
        else:
            raise InvalidRequest(f"An account has no {name} to change", code="INVALID_REFERENCE")
    return kept


def _caps(given: Any) -> str:
    if not isinstance(given, Mapping):
        raise InvalidRequest("caps is a mapping of caps", code="INVALID_REFERENCE")
    unknown = set(given) - set(Caps.__slots__)
    if unknown:
        raise InvalidRequest(f"There is no cap {', '.join(sorted(map(str, unknown)))}", code="INVALID_REFERENCE")
    return json.dumps({name: checked_units(value) for name, value in given.items() if value is not None})


def _instant(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _NO_END:
        raise InvalidRequest("expires_at is an instant: microseconds since 1970", code="CREDIT_INVALID_EXPIRY")


def _ttl(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= _LONGEST_HOLD_SECONDS:
        raise InvalidRequest("ttl_seconds is between 1 second and a year", code="INVALID_REFERENCE")
    return value
