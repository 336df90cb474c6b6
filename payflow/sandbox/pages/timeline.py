"""An order's life as a small drawing: a dot for everything that happened, in the order it happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...markup import Html, tag
from ..books import Order, QueuedCallback, Refund
from .words import Speech

_STEP, _HEIGHT, _MOST, _TICKS = 78, 50, 12, 8
_REFUND_TONES = {"succeeded": "good", "abnormal": "bad", "closed": "calm", "processing": "wait"}
_CALLBACK_TONES = {"delivered": "good", "waiting": "wait", "given_up": "bad", "lost": "bad"}


@dataclass(frozen=True, slots=True)
class Dot:
    """One thing that happened. ``tone`` is its colour, ``at`` when; ``open`` ones are still to come."""

    at: int
    text: str
    tone: str = "calm"
    tries: int = 0
    open: bool = False
    ring: bool = False  # a callback


def dots(say: Speech, order: Order, refunds: Sequence[Refund], callbacks: Sequence[QueuedCallback]) -> list[Dot]:
    """What happened to an order, oldest first."""
    found = [Dot(order.created_at, say("ordered"))]
    if order.number or order.state != "prepared":
        found.append(Dot(order.created_at, say("opened")))  # nobody writes down when
    if order.paid_at:
        found.append(Dot(order.paid_at, say("paid"), "good"))
    if order.closed_at:
        found.append(Dot(order.closed_at, say("reversed" if order.state == "reversed" else "closed")))
    elif order.state == "failed":
        found.append(Dot(order.created_at, say("failed"), "bad"))
    for refund in refunds:
        at = refund.ended_at or refund.created_at
        found.append(Dot(at, say("refund"), _REFUND_TONES[refund.state], open=refund.state == "processing"))
    for one in callbacks:
        text = say("told: {what}", what=say(one.kind))
        at = one.ended_at or one.created_at
        tone = _CALLBACK_TONES[one.state]
        found.append(Dot(at, text, tone, one.tries, open=one.state == "waiting", ring=True))
    if order.state in ("prepared", "waiting", "paying"):
        found.append(Dot(order.expires_at, say("expires"), open=True))
    return sorted(found, key=lambda dot: (dot.open, dot.at))


def drawn(say: Speech, found: Sequence[Dot]) -> Html:
    """The drawing. What it shows is said in words, too, for whom it is read to."""
    shown = list(found[:_MOST])
    if len(found) > _MOST:
        shown[-1] = Dot(found[-1].at, say("{n} more", n=len(found) - _MOST + 1))
    width = _STEP * len(shown)
    line = tag("line", x1=_STEP // 2, y1=14, x2=width - _STEP // 2, y2=14, class_="rail")
    marks = [_dot(say, dot, _STEP * place + _STEP // 2) for place, dot in enumerate(shown)]
    told = ", ".join(dot.text for dot in shown)
    picture = tag("svg", line, marks, viewBox=f"0 0 {width} {_HEIGHT}", width=width, height=_HEIGHT, role="img",
                  aria_label=told)  # fmt: skip
    return tag("div", picture, class_="timeline")


def _dot(say: Speech, dot: Dot, x: int) -> Html:
    words = f"{dot.text} · {say('tries: {n}', n=dot.tries)}" if dot.tries else dot.text
    ticks = [
        tag("line", x1=x - 3 * (dot.tries - 1) + 6 * n, y1=24, x2=x - 3 * (dot.tries - 1) + 6 * n, y2=29, class_="tick")
        for n in range(min(dot.tries, _TICKS) if dot.ring else 0)
    ]
    shape = tag("circle", cx=x, cy=14, r=6 if dot.ring else 7)
    return tag(
        "g", tag("title", words), shape, ticks, tag("text", dot.text, x=x, y=44),
        class_=f"dot {dot.tone}{' open' if dot.open else ''}{' ring' if dot.ring else ''}",
    )  # fmt: skip
