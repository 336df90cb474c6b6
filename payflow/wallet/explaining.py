"""The part of a wallet that explains: statements, usage, and the watch over balances."""

from __future__ import annotations

from datetime import date, tzinfo
from functools import cached_property

from ..errors import InvalidRequest, NotFound
from ..flow import Flow
from ..ledger.names import account_id
from ..store import Store
from .periods import period
from .statement import Statement, explaining, statement
from .usage import GROUPED, Usage, of_days, of_names
from .watch import Watch

_ORDERS = frozenset({"oldest", "newest"})


class Explaining:
    """What a wallet tells of its accounts. It reads, and never writes an account."""

    flow: Flow
    store: Store

    def statement(
        self, owner: str, unit: str, *, since: date | None = None, until: date | None = None, order: str = "oldest",
        limit: int | None = None,
    ) -> Statement:  # fmt: skip
        """Every movement of an account with what caused it: iterate over it. Days are the config's time zone's, both
        included; ``order`` is ``oldest`` or ``newest`` first, ``limit`` the most lines.

        Raises ``ACCOUNT_NOT_FOUND``, ``INVALID_PERIOD``, ``INVALID_REFERENCE``.
        """
        if order not in _ORDERS or (limit is not None and (isinstance(limit, bool) or limit < 0)):
            raise InvalidRequest("order is oldest or newest, limit a number of lines", code="INVALID_REFERENCE")
        begins, ends = period(since, until, self._zone)
        name = account_id(owner, unit)
        found = self.store.accounts([name])
        if not found:
            raise NotFound("There is no such account", code="ACCOUNT_NOT_FOUND", account=name)
        return statement(self.store, found[0], begins, ends, order=order, limit=limit)

    def usage(
        self, owner: str | None = None, unit: str | None = None, *, by: str = "day", since: date | None = None,
        until: date | None = None, most: int | None = None,
    ) -> list[Usage]:  # fmt: skip
        """What was used (spends and settled holds), of one account, one unit, or everything; summed up by ``day`` and
        use, by ``use``, or by ``owner``. Days are the config's time zone's, both included. ``most``: so many uses or
        owners, the largest first.

        Raises ``INVALID_PERIOD``, ``INVALID_REFERENCE``.
        """
        if by not in GROUPED:
            raise InvalidRequest(f"by is one of {', '.join(GROUPED)}", code="INVALID_REFERENCE")
        if owner is not None and unit is None:
            raise InvalidRequest("An owner's usage is asked for by unit", code="INVALID_REFERENCE")
        begins, ends = period(since, until, self._zone)
        account = account_id(owner, unit) if owner is not None and unit is not None else None
        found = explaining(self.store).used(
            GROUPED[by], begins, ends, account=account, unit=unit, most=None if by == "day" else most
        )
        return of_days(found, self._zone) if by == "day" else of_names(found)

    def watch(self) -> int:
        """Look at the next few thousand accounts, at most once a second: the worker does it, and goes round and round.

        An account that does not have what its last entry says is an incident ``balance_unexplained``, one that is below
        zero without booked debt ``balance_negative``; each is logged as an error with account and entry. Returns how
        many were opened.
        """
        return self._watch.look()

    @cached_property
    def _watch(self) -> Watch:
        return Watch(self.flow)

    @cached_property
    def _zone(self) -> tzinfo | None:
        zone: tzinfo | None = self.flow.rules.credit.zone
        return zone
