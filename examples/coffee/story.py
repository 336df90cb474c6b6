"""The story of an order as its page tells it: the steps of ``flow.trace`` in the visitor's words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from payflow.clock import iso
from payflow.money import text_from_minor
from payflow.trace import Step

Say = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Line:
    """One step: when (UTC), of what kind, in words, and whether it is one of the details."""

    at: str
    kind: str
    text: str
    more: str
    minor: bool


def lines(steps: Sequence[Step], say: Say) -> list[Line]:
    """Every step, oldest first."""
    return [_line(step, say) for step in steps]


def _line(step: Step, say: Say) -> Line:
    text, more, minor = _WORDS[step.what](step.facts, say)
    return Line((iso(step.at) or "")[11:23], step.what, text, more, minor)


Told = tuple[str, str, bool]


def _receipt(facts: dict[str, Any], say: Say) -> Told:
    more = [say(f"by_{facts['source']}"), say(facts["outcome"])]
    if facts["repeats"]:
        more.append(say("repeated", count=facts["repeats"]))
    told = say("what_receipt", kind=say(f"says_{facts['kind']}"))
    return told, say("comma").join(more), facts["source"] != "callback"


def _transition(facts: dict[str, Any], say: Say) -> Told:
    arrow = f"{facts['from']} → {facts['to']}" if facts["from"] else facts["to"]
    entity = say(f"entity_{facts['entity']}")
    return say("what_transition", entity=entity, to=arrow), say(f"cause_{facts['cause']}"), facts["entity"] != "payment"


def _journal(facts: dict[str, Any], say: Say) -> Told:
    lines = say("comma").join(
        f"{entry['account']} {'+' if entry['amount'] > 0 else '−'}{text_from_minor(abs(entry['amount']))}"
        for entry in facts["entries"]
    )
    return say("what_journal", lines=lines), say(f"journal_{facts['kind']}"), False


def _effect(facts: dict[str, Any], say: Say) -> Told:
    return say("what_effect_dead" if facts["dead"] else "what_effect", handler=facts["handler"]), facts["error"], False


def _attempt(facts: dict[str, Any], say: Say) -> Told:
    return say("what_attempt", op=facts["op"]), facts["status"], True


def _message(facts: dict[str, Any], say: Say) -> Told:
    return say("what_message", kind=facts["kind"]), say(f"state_{facts['state']}"), True


def _incident(facts: dict[str, Any], say: Say) -> Told:
    return say("what_incident", kind=facts["kind"]), facts["resolution"] or facts["status"], False


_WORDS: dict[str, Callable[[dict[str, Any], Say], Told]] = {
    "receipt": _receipt, "transition": _transition, "journal": _journal, "effect": _effect, "attempt": _attempt,
    "message": _message, "incident": _incident,
}  # fmt: skip
