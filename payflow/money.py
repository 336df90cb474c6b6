"""Money: whole minor units and an ISO 4217 currency. Never a float, never a silent rounding.

``Money(1250, "CNY")`` is 12.50 yuan. Text becomes money only through :meth:`Money.parse`, which demands exactly the
digits the currency has; anything else is ``INVALID_AMOUNT`` before any arithmetic happens.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import InvalidRequest

#: The largest amount payflow takes, in minor units: 2**53 - 1, what every JSON reader still holds exactly.
MAX_MINOR = 9_007_199_254_740_991

# ISO 4217 exponents that are not 2; everything in _TWO has two decimals.
# Source: ISO 4217 list one (maintained by SIX), https://www.six-group.com/en/products-services/financial-information/data-standards.html
_EXPONENTS = {
    **dict.fromkeys(("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF").split(), 0),
    **dict.fromkeys(("BHD IQD JOD KWD LYD OMR TND").split(), 3),
}
_TWO = frozenset(
    (
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF "
        "CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
        "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR "
        "MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD "
        "SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR "
        "ZMW"
    ).split()
)


def exponent(currency: str) -> int:
    """How many decimals a currency has; ``INVALID_CURRENCY`` for anything that is not an ISO 4217 code in capitals."""
    if currency in _TWO:
        return 2
    found = _EXPONENTS.get(currency) if isinstance(currency, str) else None
    if found is None:
        raise InvalidRequest("Currency must be an ISO 4217 code in capitals", code="INVALID_CURRENCY")
    return found


_PATTERNS = {
    0: re.compile(r"(0|[1-9][0-9]{0,15})", re.ASCII),
    2: re.compile(r"(0|[1-9][0-9]{0,13})\.([0-9]{2})", re.ASCII),
    3: re.compile(r"(0|[1-9][0-9]{0,12})\.([0-9]{3})", re.ASCII),
}


def minor_from_text(text: str, currency: str = "CNY") -> int:
    """``"12.50"`` → ``1250``: the exact decimals of the currency, no sign, no spaces, no exponent, ASCII digits only.

    Raises ``INVALID_AMOUNT`` for anything else. Zero is allowed here; whether zero may be paid is decided at create.
    """
    match = _PATTERNS[exponent(currency)].fullmatch(text) if isinstance(text, str) and len(text) <= 20 else None
    if match is None:
        raise InvalidRequest("Amount must be written with the exact decimals of its currency", code="INVALID_AMOUNT")
    minor = int("".join(match.groups()))
    if minor > MAX_MINOR:
        raise InvalidRequest("Amount is too large", code="INVALID_AMOUNT")
    return minor


def text_from_minor(minor: int, currency: str = "CNY") -> str:
    """``1250`` → ``"12.50"``. Negative amounts (ledger lines) keep their sign."""
    places = exponent(currency)
    if not places:
        return str(minor)
    digits = str(abs(minor)).rjust(places + 1, "0")
    return f"{'-' if minor < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def figure(amount: int, unit: str) -> str:
    """An amount of a currency or of another unit, for people: ``12.50`` of CNY, ``1000 tokens`` of tokens."""
    try:
        return text_from_minor(amount, unit)
    except InvalidRequest:
        return f"{amount} {unit}"


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount that can be paid: ``1 ≤ minor ≤ MAX_MINOR`` whole minor units of ``currency``."""

    minor: int
    currency: str = "CNY"

    def __post_init__(self) -> None:
        exponent(self.currency)
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise InvalidRequest("Amount must be a whole number of minor units", code="INVALID_AMOUNT")
        if self.minor <= 0:
            raise InvalidRequest("Amount must be positive", code="INVALID_AMOUNT")
        if self.minor > MAX_MINOR:
            raise InvalidRequest("Amount is too large", code="INVALID_AMOUNT")

    @classmethod
    def parse(cls, text: str, currency: str = "CNY") -> Money:
        """Money from its exact text, e.g. ``Money.parse("12.50")``."""
        return cls(minor_from_text(text, currency), currency)

    def __str__(self) -> str:
        return f"{text_from_minor(self.minor, self.currency)} {self.currency}"
