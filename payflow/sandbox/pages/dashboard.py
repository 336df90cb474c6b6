"""The dashboard: orders and what became of them, callbacks, calls, faults and the clock."""

from __future__ import annotations

from collections.abc import Sequence

from ...markup import Child, Html, join, tag
from ..api.routes import after, cursor
from ..api.verbs import Desk
from ..books import Order
from ..faults import CALL_FAULTS, CALLBACK_FAULTS, KINDS, OPERATIONS, ORDER_FAULTS
from ..messages import Outgoing
from .cashier import cashier_path, order_path
from .layout import GATEWAYS, View, badge, button, moment, money, notice, outside, page
from .tables import call_table, callback_table
from .timeline import dots, drawn

_ORDERS, _LINES = 10, 12


def dashboard(desk: Desk, view: View, *, said: str = "", status: int = 200) -> Outgoing:
    """The page at ``/``."""
    say = view.say
    books = desk.world.books
    main = tag(
        "div",
        _section("orders", say("Orders"), _orders(desk, view)),
        _section("callbacks", say("Callbacks"), tag("p", say("What is told to merchants"), class_="hint"),
                 callback_table(view, books.newest_callbacks(_LINES), view.link("/"))),
        _section("calls", say("Calls"), tag("p", say("What clients ask"), class_="hint"),
                 call_table(view, books.newest_calls(_LINES))),
        class_="stack",
    )  # fmt: skip
    side = tag(
        "div",
        _section("clock", say("Clock"), _clock(desk, view)),
        _section("faults", say("Faults"), _faults(desk, view)),
        _section("new-fault", say("What should go wrong"), _new_fault(view), _kinds(view), fixed=True),
        _section("certificates", say("Certificates"), _certificates(view)),
        class_="stack",
    )
    body = tag("div", main, side, class_="two")
    return page(
        view, say("Dashboard"), notice(view, said), _counts(desk, view), body, status=status,
    )  # fmt: skip


def _section(name: str, title: str, *content: Child, fixed: bool = False) -> Html:
    """A card that a script may put a newer one in the place of, unless it is ``fixed``."""
    heading = tag("h2", title, id=f"{name}-title")
    return tag(
        "section", heading, *content, id=name, class_="card", data_part=not fixed, aria_labelledby=f"{name}-title"
    )


def _counts(desk: Desk, view: View) -> Html:
    say, counts = view.say, desk.world.books.counts()
    groups = []
    for name, title in (("orders", "Orders"), ("refunds", "Refunds"), ("callbacks", "Callbacks")):
        states = [tag("li", tag("b", number), badge(view, state)) for state, number in sorted(counts[name].items())]
        groups.append(tag(
            "div", tag("h2", say(title)), tag("p", sum(counts[name].values()), class_="total"),
            tag("ul", states, class_="states"), class_="count",
        ))  # fmt: skip
    live = tag("span", say("live"), id="live", class_="live", hidden=True)
    return tag("section", tag("h1", say("Dashboard")), live, tag("div", groups, class_="counts"), id="counts",
               class_="head", data_part=True, aria_label=say("Dashboard"))  # fmt: skip


def _orders(desk: Desk, view: View) -> Html:
    say, before = view.say, view.query.get("before", "")
    found = desk.world.books.orders_page(_ORDERS + 1, after(before))
    if not found and not before:
        return tag(
            "p", say("No order yet. Point a client here: {setup}", setup=""),
            tag("a", say("see how"), href=view.link("/setup")), class_="empty",
        )  # fmt: skip
    rows = [_row(desk, view, order) for order in found[:_ORDERS]]
    links: Sequence[Child] = [
        tag("a", "← ", say("Newest"), href=view.link("/")) if before else None,
        tag("a", say("Older"), " →", href=view.link("/", before=cursor(found[_ORDERS - 1])))
        if len(found) > _ORDERS
        else None,
    ]
    return tag("div", tag("ol", rows, class_="orders"), tag("p", links, class_="pager"))


def _row(desk: Desk, view: View, order: Order) -> Html:
    say, books = view.say, desk.world.books
    story = dots(say, order, books.refunds_of(order), books.callbacks_of(order))
    refunded = money(order.refunded, order.currency)
    return tag(
        "li",
        tag(
            "div",
            tag("span", say(GATEWAYS.get(order.gateway, order.gateway)), class_=f"gateway {order.gateway}"),
            tag("a", outside(order.subject or order.out_trade_no), href=order_path(desk, view, order), class_="name"),
            badge(view, order.state),
            tag("span", f"−{refunded}", class_="back", title=say("Refunded")) if order.refunded else None,
            tag("b", money(order.amount, order.currency), class_="sum"),
            class_="line",
        ),
        tag(
            "p", outside(order.out_trade_no), " · ", outside(order.product), " · ", moment(order.created_at), " · ",
            tag("a", say("Cashier"), href=cashier_path(desk, view, order)), class_="small",
        ),
        drawn(say, story),
    )  # fmt: skip


def _clock(desk: Desk, view: View) -> Html:
    say, clock = view.say, desk.world.clock
    ahead = round(clock.ahead_seconds)
    speed = f"{clock.speed:g}"
    now = clock()
    shown = moment(now, day=True)
    ticking: dict[str, str | int | bool] = {
        "data_tick": True, "data_now": now // 1000, "data_speed": speed, "class_": "now",
    }  # fmt: skip
    steps = [
        button(say(text), view.link("/clock"), ("advance_seconds", str(seconds)), class_="small")
        for seconds, text in ((60, "+1 min"), (3600, "+1 h"), (86_400, "+1 d"))
    ]
    setting = tag(
        "form",
        tag("label", say("Speed"), tag("input", name="speed", value=speed, inputmode="decimal", size=6), for_=None),
        tag("span", say("times real time"), class_="hint"),
        tag("button", say("Set"), class_="small"), method="post", action=view.link("/clock"), class_="row",
    )  # fmt: skip
    return tag(
        "div",
        tag("p", tag("b", shown, **ticking), " ", tag("span", say("Beijing time"), class_="hint")),
        tag("p", say("ahead"), " ", long_time(view, ahead), class_="hint") if ahead > 0 else None,
        tag("div", steps, class_="row"), setting,
        button(say("Do what is due now"), view.link("/deliver"), class_="small"), class_="stack tight",
    )  # fmt: skip


def long_time(view: View, seconds: int) -> str:
    """A length of time in the largest unit that fits."""
    for unit, text in ((86_400, "{n} d"), (3600, "{n} h"), (60, "{n} min")):
        if seconds >= unit:
            return view.say(text, n=seconds // unit)
    return view.say("{n} s", n=seconds)


def _faults(desk: Desk, view: View) -> Html:
    say = view.say
    found = desk.world.books.faults()
    if not found:
        return tag("p", say("Nothing goes wrong at the moment."), class_="empty")
    rows = []
    for one in found:
        about = " · ".join(
            part for part in (one.gateway, one.operation, one.out_trade_no, f"p={one.rate:g}" if one.rate < 1 else "",
                              f"value={one.value:g}" if one.value else "") if part
        )  # fmt: skip
        left = say("always") if one.left < 0 else f"{one.left} ×"
        rows.append(tag(
            "li", tag("code", one.kind), tag("span", left), outside(about) if about else None,
            button(say("Take back"), view.link(f"/faults/{one.id}/take-back"), class_="small"),
        ))  # fmt: skip
    return tag("ul", rows, class_="lines")


def _new_fault(view: View) -> Html:
    say = view.say
    groups = [
        tag("optgroup", [tag("option", kind, value=kind, title=text) for kind, text in kinds.items()], label=say(label))
        for label, kinds in (("Calls", CALL_FAULTS), ("Orders", ORDER_FAULTS), ("Callbacks", CALLBACK_FAULTS))
    ]
    gateways = [tag("option", say(name), value=value) for value, name in GATEWAYS.items()]
    operations = [tag("option", name, value=name) for name in OPERATIONS]

    def labelled(text: str, field: Html) -> Html:
        return tag("label", tag("span", say(text)), field)

    return tag(
        "form",
        labelled("What", tag("select", groups, name="kind", id="kind")),
        labelled("Gateway", tag("select", tag("option", say("either"), value=""), gateways, name="gateway")),
        labelled("Operation", tag("select", tag("option", say("any"), value=""), operations, name="operation")),
        labelled("Order", tag("input", name="out_trade_no", maxlength=64, placeholder=say("every one"))),
        labelled("How often", tag("input", name="times", value="1", inputmode="numeric", title=say("-1: always"))),
        labelled("Probability", tag("input", name="rate", value="1", inputmode="decimal")),
        labelled("Value", tag("input", name="value", inputmode="decimal", placeholder=say("its default"))),
        tag("button", say("Order this fault"), class_="primary", id="order-fault"),
        method="post", action=view.link("/faults"), class_="grid",
    )  # fmt: skip


def _kinds(view: View) -> Html:
    known = tag(
        "dl",
        [join(tag("dt", tag("code", kind)), tag("dd", view.say.fault(kind, text))) for kind, text in KINDS.items()],
    )
    return tag("details", tag("summary", view.say("What each of them does")), known, class_="kinds")


def _certificates(view: View) -> Html:
    say = view.say
    return tag(
        "div",
        [
            button(say("Go over to the next one: {gateway}", gateway=say(name)), view.link(f"/rotate/{one}"),
                   class_="small")
            for one, name in GATEWAYS.items()
        ],
        tag("p", say("Clients must fetch or be given the next certificate."), class_="hint"), class_="stack tight",
    )  # fmt: skip
