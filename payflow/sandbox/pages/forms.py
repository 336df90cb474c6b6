"""Forms of the pages, done by the same verbs as the control API and checked by the same schemas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from ...markup import is_address
from ...strictjson import Inexact
from ..api import shapes
from ..api.checking import MAX_BODY, Refusal, check, invalid
from ..api.routes import WORDS
from ..api.verbs import PAYER_VERBS, Desk
from ..messages import Incoming, Outgoing
from .cashier import cashier, cashier_path, order_path
from .dashboard import dashboard
from .layout import View, see
from .order import order_page


def fields_of(request: Incoming) -> dict[str, str]:
    """The filled-in fields of a form. Raises :class:`Refusal`."""
    if len(request.body) > MAX_BODY:
        raise Refusal(413, "SANDBOX_TOO_LARGE", "The form is too long")
    kind = request.header("Content-Type").partition(";")[0].strip().lower()
    if request.body and kind != "application/x-www-form-urlencoded":
        raise Refusal(415, "SANDBOX_MEDIA_TYPE", "This takes forms only")
    try:
        pairs = parse_qsl(request.body.decode("utf-8"), errors="strict", max_num_fields=20)
    except (ValueError, UnicodeDecodeError):
        raise invalid("The form is not one") from None
    return dict(pairs)


def typed(fields: Mapping[str, str], shape: str) -> dict[str, Any]:
    """Fields as what a schema wants. Raises :class:`Refusal`."""
    schema = shapes.SCHEMAS[shape]
    return dict(check({name: _plain(text, schema, name) for name, text in fields.items()}, schema, "the form"))


def _plain(text: str, schema: Mapping[str, Any], name: str) -> Any:
    kind = schema.get("properties", {}).get(name, {}).get("type")
    if kind in ("number", "integer"):
        try:
            float(text)
        except ValueError:
            return text
        return Inexact(text)
    return {"true": True, "false": False}.get(text, text) if kind == "boolean" else text


def word(name: str, text: str) -> Any:
    """A word of a path. Raises :class:`Refusal` if it cannot be one."""
    try:
        found = unquote(text, errors="strict")
        return check(int(found) if WORDS[name]["type"] == "integer" else found, WORDS[name], name)
    except (ValueError, Refusal):
        raise Refusal(404, "SANDBOX_NOT_FOUND", "There is nothing here") from None


def posted(desk: Desk, view: View, parts: list[str]) -> Outgoing | None:
    """Answer a form; ``None`` if there is none at this path."""
    match parts:
        case ["cashier" | "orders" as place, gateway, number, *rest] if rest:
            return _order_form(desk, view, place, gateway, number, rest)
        case ["callbacks", number, "send"]:
            return _then(desk, view, lambda _: desk.send(desk.callback(word("id", number))))
        case ["faults"]:
            return _then(desk, view, lambda fields: desk.fault(**typed(fields, "FaultInput")))
        case ["faults", number, "take-back"]:
            return _then(desk, view, lambda _: desk.take_back(word("id", number)))
        case ["clock"]:
            return _then(desk, view, lambda fields: desk.set_clock(**typed(fields, "ClockInput")))
        case ["deliver"]:
            return _then(desk, view, lambda _: desk.delivery.round())
        case ["rotate", gateway]:
            return _then(desk, view, lambda _: desk.rotate(word("gateway", gateway)))
    return None


def _then(desk: Desk, view: View, act: Callable[[dict[str, str]], object]) -> Outgoing:
    """Do it and go back to where the form was; or show the dashboard with what is wrong."""
    try:
        fields = fields_of(view.request)
        back = fields.pop("back", "")
        act(fields)
    except Refusal as refusal:
        return dashboard(desk, view, said=refusal.message, status=refusal.status)
    return see(back if back.startswith("/") and is_address(back) else view.link("/"))


def _order_form(desk: Desk, view: View, place: str, gateway: str, number: str, rest: list[str]) -> Outgoing | None:
    order = desk.order(word("gateway", gateway), word("out_trade_no", number), view.query.get("merchant", ""))
    show, path = (cashier, cashier_path) if place == "cashier" else (order_page, order_path)
    try:
        fields = fields_of(view.request)
        match rest:
            case [verb] if verb in PAYER_VERBS:
                shape = "PayInput" if verb == "pay" else "Nothing"
                desk.act(order, verb, **typed(fields, shape))
            case ["refunds", refund, "settle"] if place == "orders":
                state = typed(fields, "SettleInput")["state"]
                desk.settle(desk.refund(order, word("out_refund_no", refund)), state)
            case _:
                return None
    except Refusal as refusal:
        return show(desk, view, order, said=refusal.message, status=refusal.status)
    return see(path(desk, view, order))
