"""Which page is where."""

from __future__ import annotations

from ...markup import tag
from ..api.checking import Refusal
from ..api.verbs import Desk
from ..messages import Incoming, Outgoing
from .cashier import cashier
from .dashboard import dashboard
from .forms import posted, word
from .layout import View, page, static
from .order import order_page
from .setup import setup_page


def answer_page(desk: Desk, request: Incoming, parts: list[str]) -> Outgoing:
    """Answer a request for a page or a form; whatever is wrong with it is a page too."""
    view = View.of(request)
    try:
        if request.method in ("GET", "HEAD"):
            found = _shown(desk, view, parts)
        elif request.method == "POST":
            found = posted(desk, view, parts)
        else:
            return _refusal(view, Refusal(405, "SANDBOX_METHOD", "Not possible"))
        return found or _refusal(view, Refusal(404, "SANDBOX_NOT_FOUND", "There is nothing here"))
    except Refusal as refusal:
        return _refusal(view, refusal)


def _shown(desk: Desk, view: View, parts: list[str]) -> Outgoing | None:
    match parts:
        case [""]:
            return dashboard(desk, view)
        case ["static", name]:
            return static(name)
        case ["favicon.ico"]:
            return static("icon.svg")
        case ["setup"]:
            return setup_page(desk, view, "")
        case ["setup", language]:
            return setup_page(desk, view, language)
        case ["cashier" | "orders" as place, gateway, number]:
            order = desk.order(word("gateway", gateway), word("out_trade_no", number), view.query.get("merchant", ""))
            if place == "orders":
                return order_page(desk, view, order)
            opened = desk.act(order, "open")  # opening it is what makes a lazy trade exist
            return cashier(desk, view, desk.remember_return(opened, view.query.get("redirect_url", "")))
    return None


def _refusal(view: View, refusal: Refusal) -> Outgoing:
    text = view.say(refusal.message)
    card = tag(
        "section", tag("h1", text), tag("p", tag("code", refusal.code), class_="hint"),
        tag("p", tag("a", view.say("Back to the dashboard"), href=view.link("/"), class_="button")), class_="card",
    )  # fmt: skip
    answer = page(view, text, card, status=refusal.status, width="narrow")
    if refusal.status == 405:
        return Outgoing(405, answer.body, {**answer.headers, "Allow": "GET, HEAD, POST"})
    return answer
