"""One order on the dashboard: everything that is known of it, and everything that can be done to it."""

from __future__ import annotations

from ...markup import Child, Html, tag
from ..api.verbs import Desk
from ..books import Order, Refund
from ..messages import Outgoing
from ..trades import OPEN
from .cashier import CODE_PAY, cashier_path, order_path
from .layout import GATEWAYS, View, badge, button, facts, moment, money, notice, outside, page
from .qr import qr
from .tables import call_table, callback_table
from .timeline import dots, drawn


def order_page(desk: Desk, view: View, order: Order, *, said: str = "", status: int = 200) -> Outgoing:
    """The page of one order."""
    say, books = view.say, desk.world.books
    refunds, callbacks = books.refunds_of(order), books.callbacks_of(order)
    calls = [one for one in books.newest_calls(100, order.out_trade_no) if one.gateway == order.gateway]
    here = order_path(desk, view, order)
    story = tag(
        "section",
        tag("p", tag("span", say(GATEWAYS[order.gateway]), class_=f"gateway {order.gateway}"),
            badge(view, order.state), class_="top"),
        tag("h1", outside(order.subject or order.out_trade_no)),
        tag("p", money(order.amount, order.currency), class_="amount"),
        drawn(say, dots(say, order, refunds, callbacks)),
        _facts(view, order),
        id="story", class_="card", data_part=True,
    )  # fmt: skip
    side = tag("section", _deeds(desk, view, order), id="deeds", class_="card", data_part=True)
    lists = tag(
        "div",
        tag("section", tag("h2", say("Refunds")), _refunds(desk, view, order, refunds), id="refunds", class_="card",
            data_part=True),
        tag("section", tag("h2", say("Callbacks")), callback_table(view, callbacks, here), id="callbacks",
            class_="card", data_part=True),
        tag("section", tag("h2", say("Calls")), call_table(view, calls), id="calls", class_="card", data_part=True),
        class_="stack",
    )  # fmt: skip
    back = tag("p", tag("a", "← ", say("Dashboard"), href=view.link("/")), class_="hint")
    title = say("Order {number}", number=order.out_trade_no)
    both = tag("div", tag("div", story, lists, class_="stack"), side, class_="two")
    return page(view, title, back, notice(view, said), both, status=status)


def _facts(view: View, order: Order) -> Html:
    say = view.say
    pairs: list[tuple[str, Child]] = [
        (say("The merchant's number"), outside(order.out_trade_no)),
        (say("Its own number"), outside(order.number or "–")),
        (say("Merchant"), outside(order.merchant)), (say("App"), outside(order.app)),
        (say("Product"), outside(order.product)),
        (say("Refunded"), money(order.refunded, order.currency) if order.refunded else outside("–")),
        (say("Payer"), outside(order.payer or "–")), (say("Told at"), outside(order.notify_url or "–")),
        (say("Returns to"), outside(order.return_url or "–")), (say("Part of"), outside(order.group_no or "–")),
    ]  # fmt: skip
    times = (
        ("Ordered at", order.created_at), ("Expires at", order.expires_at), ("Paid at", order.paid_at),
        ("Closed at", order.closed_at),
    )  # fmt: skip
    pairs += [(say(name), moment(at, day=True)) for name, at in times if at]
    return facts(*((name, value) for name, value in pairs if value != outside("–")))


def _deeds(desk: Desk, view: View, order: Order) -> Html:
    say = view.say
    cashier = cashier_path(desk, view, order)

    def to(verb: str) -> str:
        return order_path(desk, view, order, f"/{verb}")

    if order.state not in OPEN:
        late = order.state == "closed" and not order.paid_at
        return tag(
            "div", tag("h2", say("What the payer does")), tag("p", badge(view, order.state)),
            button(say("Late payment"), to("pay"), ("late", "true")) if late else None,
            tag("a", say("Open the cashier"), href=cashier, class_="button"), class_="deeds",
        )  # fmt: skip
    return tag(
        "div",
        tag("h2", say("What the payer does")),
        qr(view.here + cashier, say("Scan to pay")),
        tag("a", say("Open the cashier"), href=cashier, class_="button primary", id="cashier"),
        button(say("Pay {amount}", amount=money(order.amount, order.currency)), to("pay"), id_="pay"),
        button(say("Open"), to("open")) if order.state == "prepared" else None,
        button(say("Enter the password"), to("begin")) if order.product in CODE_PAY else None,
        button(say("Decline"), to("decline")),
        button(say("Let it expire"), to("expire"), class_="quiet"),
        class_="deeds",
    )


def _refunds(desk: Desk, view: View, order: Order, refunds: list[Refund]) -> Html:
    say = view.say
    if not refunds:
        return tag("p", say("No refund."), class_="empty")
    labels = {
        "succeeded": "Let it succeed", "abnormal": "Let it be abnormal", "closed": "Let it be closed",
    }  # fmt: skip
    rows = []
    for refund in refunds:
        action = order_path(desk, view, order, f"/refunds/{refund.out_refund_no}/settle")
        settle = [button(say(text), action, ("state", state), class_="small") for state, text in labels.items()]
        rows.append(tag(
            "li", tag("span", outside(refund.out_refund_no), class_="name"), tag("b", money(refund.amount)),
            badge(view, refund.state), moment(refund.ended_at or refund.created_at),
            outside(refund.reason) if refund.reason else None,
            tag("div", settle, class_="row") if refund.state == "processing" else None,
        ))  # fmt: skip
    return tag("ul", rows, class_="lines")
