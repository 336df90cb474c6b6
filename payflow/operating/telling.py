"""A payment's story in the operator's language. Pure: the steps of a trace in, lines out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..clock import iso
from ..money import figure
from ..trace import Step
from .words import Speech

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One step: when (ISO 8601, UTC), of what kind, in words; ``more`` are details."""

    at: str
    kind: str
    text: str
    more: str = ""


def lines(steps: Sequence[Step], say: Speech) -> list[Line]:
    """Every step, in its order."""
    return [_line(step, say) for step in steps]


def _line(step: Step, say: Speech) -> Line:
    text, more = _TOLD[step.what](step.facts, say)
    return Line(iso(step.at) or "", step.what, text, more)


def signed(amount: int, unit: str) -> str:
    """An entry's amount with its sign."""
    return f"{'+' if amount > 0 else ''}{figure(amount, unit)}"


Told = tuple[str, str]


def _receipt(facts: Facts, say: Speech) -> Told:
    source = say.known(f"cause_{facts['source']}", facts["source"])
    event = facts["event"]
    text = say(
        "step_receipt", account=event.get("account", ""), kind=facts["kind"], source=source, outcome=facts["outcome"]
    )
    return text, say("repeats", count=facts["repeats"]) if facts["repeats"] else ""


def _attempt(facts: Facts, say: Speech) -> Told:
    words = ", ".join(f"{name} {value}" for name, value in facts["words"].items())
    shown = {name: facts[name] for name in ("op", "request_key", "status")}
    return say("step_attempt", account=facts["account"], **shown), words


def _transition(facts: Facts, say: Speech) -> Told:
    text = say(
        "step_transition",
        **{"entity": say(f"entity_{facts['entity']}"), "from": facts["from"] or "·", "to": facts["to"],
           "event": facts["event"]},
    )  # fmt: skip
    return text, say("because", cause=say.known(f"cause_{facts['cause']}", facts["cause"]))


def _journal(facts: Facts, say: Speech) -> Told:
    told = ", ".join(f"{entry['account']} {signed(entry['amount'], entry['currency'])}" for entry in facts["entries"])
    return say("step_journal", kind=facts["kind"], lines=told), ""


def _incident(facts: Facts, say: Speech) -> Told:
    return say("step_incident", kind=facts["kind"], status=facts["status"]), facts["resolution"]


def _message(facts: Facts, say: Speech) -> Told:
    return say("step_message", kind=facts["kind"], state=facts["state"]), facts["error"]


def _effect(facts: Facts, say: Speech) -> Told:
    name = "step_effect_dead" if facts["dead"] else "step_effect"
    return say(name, handler=facts["handler"], error=facts["error"]), ""


def _operator(facts: Facts, say: Speech) -> Told:
    said = facts["outcome"] + (f" ({facts['code']})" if facts["code"] else "")
    text = say("step_operator", operator=facts["operator"], act=say(facts["action"]), outcome=said)
    return text, ", ".join(f"{name}: {value}" for name, value in facts["request"].items() if value)


_TOLD: Mapping[str, Callable[[Facts, Speech], Told]] = {
    "receipt": _receipt, "attempt": _attempt, "transition": _transition, "journal": _journal, "incident": _incident,
    "message": _message, "effect": _effect, "operator": _operator,
}  # fmt: skip
