"""The whole routing table at once: what no rule takes, what two rules take, and which rule is never reached.

The plane is amount × channel × currency, cut into cells at the rules' own ends, so that within one cell every
amount meets the same rules. Predicates and ``extra`` cannot be foreseen: a rule with one matches *sometimes*, which
closes no gap, and hides only rules that depend on the same and more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..money import MAX_MINOR, text_from_minor
from .choosing import CHANNELS, Rule, Scalar

#: Stands for every currency that no rule names.
OTHER = "*"


@dataclass(frozen=True, slots=True)
class Area:
    """A piece of the plane: channels, a currency (``*``: those no rule names), ``low`` to ``high`` minor units."""

    channels: tuple[str, ...]
    currency: str
    low: int
    high: int

    def __str__(self) -> str:
        by = "any channel" if len(self.channels) == len(CHANNELS) else " or ".join(self.channels)
        return f"{self._amounts()} by {by}"

    def _amounts(self) -> str:
        if self.currency == OTHER:
            return "any other currency"
        ends = [text_from_minor(end, self.currency) for end in (self.low, self.high)]
        if self.low <= 1:
            return f"any amount in {self.currency}" if self.high >= MAX_MINOR else f"{self.currency} up to {ends[1]}"
        return f"{self.currency} from {ends[0]}" + ("" if self.high >= MAX_MINOR else f" to {ends[1]}")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the table as a whole.

    kind: ``gap`` (nothing matches: ``NO_ROUTE``), ``sometimes_gap`` (only rules that depend on more match),
    ``unrouted`` (channels or currencies that no rule is about), ``unreachable`` (earlier rules take everything),
    ``overlap`` (the first of two wins), ``unable`` (the account cannot do the channel). ``warning`` is false for what
    is likely meant that way.
    """

    kind: str
    rules: tuple[str, ...]
    areas: tuple[Area, ...]
    text: str
    warning: bool


Cell = tuple[str, str, int, int]  # channel, currency, low, high


def analyse(
    rules: Iterable[Rule], channels: Sequence[str] = CHANNELS, currencies: Sequence[str] = ()
) -> tuple[Finding, ...]:
    """Every gap, overlap and unreachable rule, over these channels and the currencies given or named by a rule."""
    ordered = sorted(rules, key=lambda rule: rule.fallback)  # stable: the fallback is asked last
    cells = dict(_cells(ordered, channels, currencies))
    return (*_gaps(cells), *_unreachable(ordered, cells), *_overlaps(ordered, cells))


def unable(rules: Iterable[Rule], able: Mapping[str, frozenset[str]]) -> tuple[Finding, ...]:
    """Rules that send a channel to an account that cannot do it. ``able``: account → its channels, where known."""
    found: list[Finding] = []
    for rule in rules:
        lacking = [channel for channel in rule.channels if channel not in able.get(rule.account, CHANNELS)]
        if lacking:
            text = f"Route '{rule.name}' sends {' and '.join(lacking)} to '{rule.account}', which cannot do it"
            found.append(Finding("unable", (rule.name,), (), text, True))
    return tuple(found)


def _cells(
    rules: Sequence[Rule], channels: Sequence[str], currencies: Sequence[str]
) -> Iterator[tuple[Cell, tuple[Rule, ...]]]:
    named = dict.fromkeys((*currencies, *(currency for rule in rules for currency in rule.currencies)))
    for currency in (*named, OTHER):
        about = [rule for rule in rules if not rule.currencies or currency in rule.currencies]
        ends = {1, MAX_MINOR + 1}
        for rule in about:
            ends |= {rule.minimum or 1, (rule.maximum or MAX_MINOR) + 1}
        cuts = sorted(ends)
        for channel in channels:
            here = [rule for rule in about if not rule.channels or channel in rule.channels]
            for low, after in pairwise(cuts):
                met = (rule for rule in here if (rule.minimum or 1) <= low and after - 1 <= (rule.maximum or MAX_MINOR))
                yield (channel, currency, low, after - 1), tuple(met)


def _gaps(cells: dict[Cell, tuple[Rule, ...]]) -> Iterator[Finding]:
    touched = {cell[0] for cell, met in cells.items() if met}
    spoken = {cell[1] for cell, met in cells.items() if met}
    empty = [cell for cell, met in cells.items() if not met]
    unrouted = [cell for cell in empty if cell[0] not in touched or cell[1] not in spoken]
    gaps = [cell for cell in empty if cell[0] in touched and cell[1] in spoken]
    for area in _areas(gaps):
        yield Finding("gap", (), (area,), f"No route takes {area}; it is refused with NO_ROUTE", area.currency != OTHER)
    chance: dict[tuple[str, ...], list[Cell]] = {}
    for cell, met in cells.items():
        if met and all(rule.sometimes for rule in met):
            chance.setdefault(tuple(rule.name for rule in met), []).append(cell)
    for names, where in chance.items():
        areas = tuple(_areas(where))
        what = "; ".join(map(str, areas))
        text = f"Only {_names(names)} takes {what}: whenever it does not agree, the payment is refused with NO_ROUTE"
        yield Finding("sometimes_gap", names, areas, text, True)
    lost = [name for name in dict.fromkeys(cell[0] for cell in cells) if name not in touched]
    if lost:
        text = f"No route is about {' or '.join(lost)}; payments by {'it' if len(lost) == 1 else 'them'} are refused"
        yield Finding("unrouted", (), tuple(_areas(cell for cell in unrouted if cell[0] in lost)), text, False)
    if spoken and any(cell[1] not in spoken for cell in unrouted):
        known = " or ".join(sorted(spoken))
        areas = tuple(_areas(cell for cell in unrouted if cell[1] not in spoken))
        yield Finding("unrouted", (), areas, f"Payments in other currencies than {known} are refused", False)


def _unreachable(rules: Sequence[Rule], cells: dict[Cell, tuple[Rule, ...]]) -> Iterator[Finding]:
    for rule in rules:
        hiding: dict[str, None] = {}
        where: list[Cell] = []
        for cell, met in cells.items():
            if rule not in met:
                continue
            first = next((other for other in met[: met.index(rule)] if _takes_all_of(other, rule)), None)
            if first is None:
                break
            hiding[first.name] = None
            where.append(cell)
        else:
            before = f": {_names(tuple(hiding))} comes first" if hiding else ": its channels or amounts do not exist"
            kind = "The fallback" if rule.fallback else "Route"
            text = f"{kind} '{rule.name}' is never reached{before}"
            yield Finding("unreachable", (rule.name,), tuple(_areas(where)), text, not rule.fallback)


def _takes_all_of(other: Rule, rule: Rule) -> bool:
    """Whether ``other`` matches, in a cell they share, whenever ``rule`` does: it asks nothing more than ``rule``."""
    same = (other.predicate_name, other.predicate) == (rule.predicate_name, rule.predicate)
    if not same and (other.predicate_name or other.predicate is not None):
        return False
    asked = dict(rule.extra)
    return all(key in asked and set(map(_typed, asked[key])) <= set(map(_typed, values)) for key, values in other.extra)


def _typed(value: Scalar) -> tuple[type, Scalar]:
    return type(value), value  # True and 1 are two values


def _overlaps(rules: Sequence[Rule], cells: dict[Cell, tuple[Rule, ...]]) -> Iterator[Finding]:
    shared: dict[tuple[int, int], list[Cell]] = {}
    place = {id(rule): index for index, rule in enumerate(rules)}
    for cell, met in cells.items():
        asked = [place[id(rule)] for rule in met if not rule.fallback]
        for at, first in enumerate(asked):
            for second in asked[at + 1 :]:
                shared.setdefault((first, second), []).append(cell)
    for (first, second), where in sorted(shared.items()):
        one, two = rules[first], rules[second]
        areas = tuple(_areas(where))
        wins = f"'{one.name}' wins" + (" when it agrees" if one.sometimes else "")
        same = f" (both go to {one.account})" if one.account == two.account else ""
        text = f"'{one.name}' and '{two.name}' both take {'; '.join(map(str, areas))}: {wins}{same}"
        yield Finding("overlap", (one.name, two.name), areas, text, False)


def _areas(cells: Iterable[Cell]) -> Iterator[Area]:
    """The cells in as few areas as they make: neighbours joined, channels with the same amounts together."""
    spans: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for channel, currency, low, high in cells:  # cells of one channel and currency come in rising order
        known = spans.setdefault((currency, channel), [])
        if known and known[-1][1] == low - 1:
            known[-1] = (known[-1][0], high)
        else:
            known.append((low, high))
    together: dict[tuple[str, int, int], list[str]] = {}
    for (currency, channel), pieces in spans.items():
        for low, high in pieces:
            together.setdefault((currency, low, high), []).append(channel)
    for (currency, low, high), channels in together.items():
        yield Area(tuple(channels), currency, low, high)


def _names(names: Sequence[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)
