"""The cashier: what a payer sees, and the buttons for what a payer can do."""

from __future__ import annotations

from ...markup import Child, Html, is_address, tag
from ..api.verbs import Desk
from ..books import Order
from ..messages import Outgoing
from ..trades import OPEN, PAID
from .layout import GATEWAYS, View, badge, button, facts, money, notice, outside, page

CODE_PAY = frozenset({"barcode", "codepay", "MICROPAY"})
_ENDED = {
    "paid": "The payment has been made.", "finished": "The payment has been made.", "closed": "This order is closed.",
    "failed": "The payment failed.", "reversed": "This order was reversed.",
}  # fmt: skip


def cashier(desk: Desk, view: View, order: Order, *, said: str = "", status: int = 200) -> Outgoing:
    """The page for one order, or for all parts of a combined one."""
    say = view.say
    parts = desk.parts(order)
    payable = order.state in OPEN and desk.seconds_left(order) > 0
    total = sum(part.amount for part in parts)
    gateway = say(GATEWAYS.get(order.gateway, order.gateway))
    card = tag(
        "section",
        tag("p", tag("span", gateway, class_=f"gateway {order.gateway}"), badge(view, order.state), class_="top"),
        tag("h1", say("Paid") if order.paid_at else say("You pay")),
        tag("p", money(total, order.currency), class_="amount"),
        _facts(view, order, parts),
        _parts(view, parts) if len(parts) > 1 else None,
        _time_left(desk, view, order) if payable else None,
        _buttons(desk, view, order, money(total, order.currency)) if payable else _end(desk, view, order),
        id="payment", class_="card payment", data_part=True,
    )  # fmt: skip
    aside = tag("p", tag("a", say("See the order on the dashboard"), href=order_path(desk, view, order)), class_="hint")
    title = say("Pay {amount}", amount=money(total, order.currency))
    return page(view, title, notice(view, said), card, aside, status=status, bare=True, width="narrow")


def order_path(desk: Desk, view: View, order: Order, more: str = "") -> str:
    """The path of an order's own page on the dashboard."""
    path, _, query = desk.cashier(order).partition("?")
    path = path.replace("/cashier/", "/orders/", 1) + more
    return view.link(f"{path}?{query}" if query else path)


def cashier_path(desk: Desk, view: View, order: Order, more: str = "") -> str:
    """The path of an order's cashier."""
    path, _, query = desk.cashier(order).partition("?")
    return view.link(f"{path}{more}?{query}" if query else path + more)


def _facts(view: View, order: Order, parts: list[Order]) -> Html:
    say = view.say
    subject: Child = outside(order.subject) if order.subject else say("Without a description")
    pairs: list[tuple[str, Child]] = [(say("To the merchant"), outside(order.merchant))]
    if len(parts) == 1:
        pairs.append((say("For"), subject))
    pairs.append((say("Order number"), outside(order.group_no or order.out_trade_no)))
    return facts(*pairs)


def _parts(view: View, parts: list[Order]) -> Html:
    rows = [
        tag("li", outside(part.subject or part.out_trade_no), tag("span", money(part.amount, part.currency)))
        for part in parts
    ]
    return tag("div", tag("h2", view.say("The parts of this payment")), tag("ul", rows, class_="parts"))


def _time_left(desk: Desk, view: View, order: Order) -> Html:
    seconds = desk.seconds_left(order)
    speed = f"{desk.world.clock.speed:g}"
    text = tag("span", spoken(view, seconds), data_tick=True, data_left=seconds, data_speed=speed)
    return tag("p", view.say("Time left"), " ", text, class_="left")


def spoken(view: View, seconds: int) -> str:
    """``4:59``, ``1:02:03``, or days."""
    if seconds >= 86_400:
        return view.say("{n} d", n=seconds // 86_400)
    hours, rest = divmod(seconds, 3600)
    text = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{hours}:{text}" if hours else text


def _buttons(desk: Desk, view: View, order: Order, amount: str) -> Html:
    say = view.say

    def to(verb: str) -> str:
        return cashier_path(desk, view, order, f"/{verb}")

    declined = int(order.extra.get("declined", 0))
    code = order.product in CODE_PAY
    return tag(
        "div",
        tag("p", say("The payer is entering the password."), class_="said") if order.state == "paying" else None,
        tag("p", say("The bank declined. You can try again."), class_="said bad") if declined else None,
        button(say("Pay {amount}", amount=amount), to("pay"), class_="primary", id_="pay"),
        button(say("Enter the password"), to("begin"), id_="begin") if code and order.state != "paying" else None,
        button(say("Decline"), to("decline"), id_="decline"),
        button(say("Let it expire"), to("expire"), class_="quiet", id_="expire"),
        class_="deeds", role="group", aria_label=say("What the payer does"),
    )  # fmt: skip


def _end(desk: Desk, view: View, order: Order) -> Html:
    say = view.say
    back = return_address(desk, order)
    return tag(
        "div",
        tag("p", say(_ENDED.get(order.state, "The time to pay is over.")),
            class_="said good" if order.state in PAID else "said", id="done"),
        tag("a", say("Back to the merchant"), href=back, class_="button primary", id="return") if back else
        tag("p", say("The merchant gave no address to return to."), class_="hint"),
        class_="deeds",
    )  # fmt: skip


def return_address(desk: Desk, order: Order) -> str:
    """Where the payer goes back to, as the gateway's side writes it; "" if that is no address to link to."""
    written = getattr(desk.sides.get(order.gateway), "return_address", None)
    found = (written(order) if written is not None else order.return_url) or ""
    return found if found.lower().startswith(("http://", "https://")) and is_address(found) else ""
