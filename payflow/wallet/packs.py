"""What can be bought: packs with a fixed price, and free amounts at a rate. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..deciding.topup import Purchase
from ..errors import InvalidRequest, NotFound
from ..ledger.book import MAX_BALANCE
from ..money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """``credit`` units (and ``bonus`` on top) for ``price``; expiries in seconds from the payment, ``None``: never."""

    name: str
    unit: str
    credit: int
    price: Money
    bonus: int = 0
    expires_seconds: int | None = None
    bonus_expires_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Free amounts: ``credit`` units for every ``per`` minor units of ``currency``. What does not divide is rounded
    down, and a payment that would buy nothing is refused."""

    unit: str
    currency: str
    credit: int
    per: int
    least: int = 1
    most: int | None = None
    expires_seconds: int | None = None

    def credit_for(self, minor: int) -> int:
        """Units for so many minor units."""
        return minor * self.credit // self.per


@dataclass(frozen=True, slots=True)
class Shelf:
    """Everything that can be bought."""

    packs: Mapping[str, Pack] = field(default_factory=dict)
    rates: tuple[Rate, ...] = ()

    def pack(self, name: str, unit: str) -> Pack:
        """The pack; ``PACK_NOT_FOUND``."""
        found = self.packs.get(name)
        if found is None or found.unit != unit:
            raise NotFound("There is no such pack of this unit", code="PACK_NOT_FOUND", pack=name)
        return found

    def of_unit(self, unit: str) -> list[Pack]:
        """The packs of a unit, in the order they were declared."""
        return [pack for pack in self.packs.values() if pack.unit == unit]

    def purchase_of_pack(self, account: str, pack: Pack) -> Purchase:
        """What a pack buys for an account."""
        return Purchase(
            account=account, amount=pack.credit, bonus=pack.bonus, expires_seconds=pack.expires_seconds,
            bonus_expires_seconds=pack.bonus_expires_seconds, pack=pack.name,
        )  # fmt: skip

    def purchase_of_amount(self, account: str, unit: str, amount: Money) -> Purchase:
        """What a free amount buys. ``RATE_NOT_FOUND``; ``INVALID_AMOUNT`` outside the rate's bounds or for nothing."""
        rate = next((one for one in self.rates if (one.unit, one.currency) == (unit, amount.currency)), None)
        if rate is None:
            raise NotFound("Free amounts of this unit and currency are not sold", code="RATE_NOT_FOUND", unit=unit)
        if amount.minor < rate.least or (rate.most is not None and amount.minor > rate.most):
            raise InvalidRequest("This amount is outside what is sold", code="INVALID_AMOUNT")
        credit = rate.credit_for(amount.minor)
        if not 1 <= credit <= MAX_BALANCE:
            raise InvalidRequest("This amount buys nothing, or more than an account holds", code="INVALID_AMOUNT")
        return Purchase(account=account, amount=credit, expires_seconds=rate.expires_seconds)
