"""Which of our accounts takes a payment: rules in the order of the config, first match wins.

Pure: facts in, choice out. A rule matches when everything it names holds; what it does not name does not matter.
A fallback is a rule that says so, and is asked last. When nothing matches, that is an error (``NO_ROUTE``), never a
guess. A payment that was sent already is not routed again; that is the walk's promise, not this module's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import PayflowError, Refused
from ..money import Money, text_from_minor

#: How a payer can meet us.
CHANNELS = ("page", "wap", "app", "qr", "barcode", "mini_program", "jsapi", "h5")

Scalar = str | int | bool


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """What a payment is routed by. ``extra`` holds whatever the host adds (its shop, the payer's level …)."""

    amount: Money
    channel: str
    extra: Mapping[str, Any] = field(default_factory=dict)


Predicate = Callable[[RouteFacts], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the routing table. Empty or ``None`` means: does not matter.

    ``minimum`` and ``maximum`` are inclusive minor units and need exactly one currency, because 50 is not the same
    amount in yuan and in yen. ``extra`` pairs a key with the values it may have; a value matches only one of its own
    type (``1`` is not ``true``). A ``fallback`` has no conditions and is asked after every other rule. ``otherwise``
    are accounts to turn to while ``account`` cannot be reached, for payments of which nothing has been sent.
    """

    name: str
    account: str
    channels: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    extra: tuple[tuple[str, tuple[Scalar, ...]], ...] = ()
    predicate: Predicate | None = None
    predicate_name: str = ""
    fallback: bool = False
    otherwise: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.minimum is not None or self.maximum is not None) and len(self.currencies) != 1:
            raise ValueError(f"Rule {self.name!r} has an amount and needs exactly one currency")

    @property
    def sometimes(self) -> bool:
        """Whether the rule depends on more than amount, channel and currency, so that nobody can tell beforehand."""
        return self.predicate is not None or bool(self.predicate_name) or bool(self.extra)


@dataclass(frozen=True, slots=True)
class Considered:
    """One rule that was looked at. ``reason`` says why it did not match; empty when it did."""

    rule: str
    account: str
    matched: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The account that takes the payment, the rule that chose it, and the rules that were asked before it."""

    account: str
    rule_name: str
    considered: tuple[Considered, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every rule with its verdict, also those behind the one that matched. ``choice`` is ``None`` without a route."""

    choice: Choice | None
    considered: tuple[Considered, ...]


class Router:
    """The routing table, ready to choose. Immutable, so it is shared between threads."""

    __slots__ = ("_fallback", "_rules", "rules")

    def __init__(self, rules: Iterable[Rule]) -> None:
        """``rules`` in order; ``ValueError`` for a name used twice or a second fallback (the config refuses both)."""
        self.rules = tuple(rules)
        fallbacks = [rule for rule in self.rules if rule.fallback]
        if len(fallbacks) > 1:
            raise ValueError("There can be one fallback")
        if len({rule.name for rule in self.rules}) != len(self.rules):
            raise ValueError("Rules need names of their own")
        if any(rule.predicate_name and rule.predicate is None for rule in self.rules):
            raise ValueError("A rule's predicate has to be resolved before it is asked")
        self._rules = tuple(rule for rule in self.rules if not rule.fallback)
        self._fallback = fallbacks[0] if fallbacks else None

    def choose(self, facts: RouteFacts) -> Choice:
        """The first rule that matches, else the fallback.

        Raises ``NO_ROUTE`` (``Refused``) when nothing matches, saying why each rule did not, and
        ``PREDICATE_FAILED`` (``PayflowError``) when the host's predicate raises or answers something that is not a
        bool: a broken predicate is never read as "no".
        """
        considered: list[Considered] = []
        for rule in self._rules:
            reason = why_not(rule, facts)
            considered.append(Considered(rule.name, rule.account, not reason, reason))
            if not reason:
                return Choice(rule.account, rule.name, tuple(considered))
        if self._fallback is not None:
            considered.append(Considered(self._fallback.name, self._fallback.account, True, ""))
            return Choice(self._fallback.account, self._fallback.name, tuple(considered))
        reasons = "; ".join(f"{item.rule}: {item.reason}" for item in considered) or "there are no rules"
        raise Refused(
            f"No route takes {facts.amount} by {_word(facts.channel)} ({reasons}), and there is no fallback",
            code="NO_ROUTE",
            channel=facts.channel,
        )

    def otherwise(self, account: str, facts: RouteFacts) -> tuple[str, ...]:
        """Where a payment goes that could not be sent to ``account``: what the first rule that leads there says.

        The host's own facts and predicates are not known any more when a payment is sent, so they do not matter here.
        """
        for rule in self.rules:
            if rule.account == account and not why_not(
                replace(rule, extra=(), predicate=None, predicate_name=""), facts
            ):
                return rule.otherwise
        return ()

    def explain(self, facts: RouteFacts) -> Explanation:
        """What :meth:`choose` does with these facts, and what every other rule says to them.

        Asks every predicate, also those that ``choose`` would not reach; one that fails behind the chosen rule is
        reported in its reason, one before it raises ``PREDICATE_FAILED`` as in ``choose``.
        """
        try:
            choice = self.choose(facts)
        except Refused as refused:
            if refused.code != "NO_ROUTE":
                raise
            choice = None
        asked = {item.rule: item for item in choice.considered} if choice else {}
        told: list[Considered] = []
        for rule in (*self._rules, *((self._fallback,) if self._fallback else ())):
            known = asked.get(rule.name)
            told.append(known or Considered(rule.name, rule.account, False, self._behind(rule, facts, choice)))
        return Explanation(choice, tuple(told))

    @staticmethod
    def _behind(rule: Rule, facts: RouteFacts, choice: Choice | None) -> str:
        if rule.fallback and choice is not None:
            return f"is the fallback, and '{choice.rule_name}' matched"
        try:
            reason = why_not(rule, facts)
        except PayflowError as error:
            return error.message
        return reason or f"would match too, but '{choice.rule_name if choice else ''}' comes first"


def why_not(rule: Rule, facts: RouteFacts) -> str:
    """Why ``rule`` does not take ``facts``; empty when it does. Raises ``PREDICATE_FAILED`` as ``choose`` does."""
    if rule.channels and facts.channel not in rule.channels:
        return f"channel is {_word(facts.channel)}, not {' or '.join(rule.channels)}"
    currency, minor = facts.amount.currency, facts.amount.minor
    if rule.currencies and currency not in rule.currencies:
        return f"currency is {currency}, not {' or '.join(rule.currencies)}"
    if rule.minimum is not None and minor < rule.minimum:
        return f"amount {facts.amount} is below {text_from_minor(rule.minimum, currency)}"
    if rule.maximum is not None and minor > rule.maximum:
        return f"amount {facts.amount} is above {text_from_minor(rule.maximum, currency)}"
    for key, wanted in rule.extra:
        if key not in facts.extra:
            return f"extra '{key}' was not given"
        value = facts.extra[key]
        if not any(type(value) is type(one) and value == one for one in wanted):
            return f"extra '{key}' is {_shown(value)}, not {' or '.join(map(_shown, wanted))}"
    if rule.predicate is not None and not _holds(rule, rule.predicate, facts):
        return f"predicate {rule.predicate_name} says no"
    return ""


def _holds(rule: Rule, predicate: Predicate, facts: RouteFacts) -> bool:
    name = rule.predicate_name or "given in code"
    try:
        answer = predicate(facts)
    except Exception as error:
        raise PayflowError(
            f"Predicate {name} of route '{rule.name}' raised {type(error).__name__}; the payment was not routed",
            code="PREDICATE_FAILED",
            rule=rule.name,
            predicate=name,
        ) from error
    if not isinstance(answer, bool):
        raise PayflowError(
            f"Predicate {name} of route '{rule.name}' answered {type(answer).__name__} instead of True or False",
            code="PREDICATE_FAILED",
            rule=rule.name,
            predicate=name,
        )
    return answer


def _word(channel: str) -> str:
    """A channel for a message: as it is when it is one, else quoted and cut."""
    return channel if channel in CHANNELS else _shown(channel)


def _shown(value: object) -> str:
    """A value for a message, so that the text ``'1'`` and the number ``1`` look different."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else text[:37] + "…"
