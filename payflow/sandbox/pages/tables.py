"""Tables of callbacks and calls, the same on the dashboard and on an order's page."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from ...markup import Child, Html, tag
from ..books import Call, QueuedCallback
from .layout import GATEWAYS, View, badge, button, moment, outside


def _table(label: str, heads: Sequence[str], rows: Sequence[Html]) -> Html:
    head = tag("thead", tag("tr", [tag("th", one, scope="col") for one in heads]))
    return tag(
        "div", tag("table", head, tag("tbody", rows)), class_="table", role="region", aria_label=label, tabindex=0
    )


def _order_link(view: View, gateway: str, merchant: str, number: str) -> Child:
    if gateway not in GATEWAYS or not number:
        return outside(number or "–")
    path = f"/orders/{gateway}/{quote(number, safe='')}"
    return tag("a", outside(number), href=view.link(path, merchant=merchant))


def callback_table(view: View, callbacks: Sequence[QueuedCallback], back: str) -> Html:
    """Callbacks with a button to send each again; ``back`` is the page the button comes back to."""
    say = view.say
    if not callbacks:
        return tag("p", say("No callback yet."), class_="empty")
    rows = [
        tag(
            "tr",
            tag("td", moment(one.ended_at or one.created_at)),
            tag("td", _order_link(view, one.gateway, one.merchant, one.out_trade_no)),
            tag("td", say(one.kind)),
            tag("td", badge(view, one.state)),
            tag("td", one.tries, class_="n"),
            tag("td", one.last_status or (say("no answer") if one.tries else "–"), class_="n"),
            tag("td", outside(one.url), class_="url"),
            tag("td", button(say("Send now"), view.link(f"/callbacks/{one.id}/send"), ("back", back), class_="small")),
        )
        for one in callbacks
    ]
    heads = ("Time", "Order", "What", "State", "Tries", "Answer", "Address", "")
    return _table(say("Callbacks"), [say(one) if one else "" for one in heads], rows)


def call_table(view: View, calls: Sequence[Call]) -> Html:
    """Requests that arrived."""
    say = view.say
    if not calls:
        return tag("p", say("No call yet."), class_="empty")
    rows = [
        tag(
            "tr",
            tag("td", moment(one.at)),
            tag("td", say(GATEWAYS.get(one.gateway, one.gateway)), class_="n"),
            tag("td", outside(one.operation), class_="op"),
            tag("td", _order_link(view, one.gateway, one.merchant, one.out_trade_no)),
            tag("td", one.status or say("no answer"), " ", outside(one.code),
                class_="bad" if not one.status or one.status >= 400 else None),
            tag("td", f"{one.microseconds // 1000} ms", class_="n"),
            tag("td", outside(", ".join(one.faults)), class_="bad"),
        )
        for one in calls
    ]  # fmt: skip
    heads = ("Time", "Gateway", "Operation", "Order", "Answer", "Took", "Faults")
    return _table(say("Calls"), [say(one) for one in heads], rows)
