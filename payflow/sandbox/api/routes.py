"""The list of what the control API can be asked. The OpenAPI description is made from it too."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ..books import Order
from ..faults import KINDS
from ..messages import Incoming
from ..settings import ACCOUNTS
from . import keys, shapes
from .checking import Refusal, body_of, check, from_text, invalid, query_of
from .verbs import PAYER_VERBS, Desk

Schema = Mapping[str, Any]

_NUMBER = r"^[0-9A-Za-z_|*@#.-]{1,66}$"
#: The words in braces of a path.
WORDS: dict[str, Schema] = {
    "gateway": {"type": "string", "enum": ["alipay", "wechat"]},
    "out_trade_no": {"type": "string", "pattern": _NUMBER},
    "out_refund_no": {"type": "string", "pattern": _NUMBER},
    "id": {"type": "integer", "minimum": 1, "maximum": 2**48},
    "name": {"type": "string", "pattern": "^[a-z0-9_]{1,64}[.](pem|crt|txt)$"},
}
_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
_MERCHANT: Schema = {"type": "string", "pattern": "^[0-9A-Za-z_-]{1,64}$"}
_BEFORE_ID: Schema = {"type": "string", "pattern": "^[0-9]{1,15}$"}
_BEFORE_ORDER: Schema = {
    "type": "string",
    "pattern": "^[0-9]{1,17}:[a-z]{1,16}:[0-9A-Za-z_-]{1,64}:[0-9A-Za-z_|*@#.-]{1,66}$",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, checked: the words of its path, its query and its body."""

    words: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One thing to ask for. ``gives`` and ``takes`` are names of :data:`shapes.SCHEMAS`."""

    method: str
    path: str
    what: str
    act: Callable[[Desk, Asked], dict[str, Any] | bytes]
    gives: str
    takes: str = ""
    query: Mapping[str, Schema] = field(default_factory=dict)
    status: int = 200
    refuses: tuple[int, ...] = ()

    def words(self, path: str) -> dict[str, str] | None:
        """What stands in the place of the braces; ``None`` if this is another path."""
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.path))
        found = re.fullmatch(pattern, path)
        return None if found is None else found.groupdict()


def answer(desk: Desk, route: Route, words: Mapping[str, str], request: Incoming) -> dict[str, Any] | bytes:
    """Do what was asked. Raises :class:`Refusal`."""
    try:
        read = {name: unquote(word, errors="strict") for name, word in words.items()}
        plain = {name: check(from_text(word, WORDS[name]), WORDS[name], name) for name, word in read.items()}
    except (Refusal, UnicodeDecodeError):
        raise Refusal(404, "SANDBOX_NOT_FOUND", "There is nothing of that name") from None
    query = query_of(request, route.query)
    body = body_of(request, shapes.SCHEMAS[route.takes or "Nothing"])
    return route.act(desk, Asked(plain, query, body))


# -- orders ---------------------------------------------------------------------------------------------------------


def _order(desk: Desk, asked: Asked) -> Order:
    return desk.order(asked.words["gateway"], asked.words["out_trade_no"], asked.query.get("merchant", ""))


def _order_json(desk: Desk, order: Order) -> dict[str, Any]:
    return shapes.order_json(order, desk.world.address + desk.cashier(order))


def cursor(order: Order) -> str:
    """What to hand in as ``before`` for the orders after this one."""
    return ":".join((str(order.created_at), *order.key))


def after(before: str) -> tuple[int, str, str, str] | None:
    """A :func:`cursor` read; ``None`` for none."""
    if not before:
        return None
    at, gateway, merchant, number = check(before, _BEFORE_ORDER, "before").split(":")
    return int(at), gateway, merchant, number


def _orders(desk: Desk, asked: Asked) -> dict[str, Any]:
    limit = asked.query.get("limit", 50)
    found = desk.world.books.orders_page(limit + 1, after(asked.query.get("before", "")))
    page = found[:limit]
    more = cursor(page[-1]) if len(found) > limit else None
    return {"orders": [_order_json(desk, one) for one in page], "next": more}


def _story(desk: Desk, asked: Asked) -> dict[str, Any]:
    order, books = _order(desk, asked), desk.world.books
    calls = [one for one in books.newest_calls(200, order.out_trade_no) if one.gateway == order.gateway]
    return {
        "order": _order_json(desk, order),
        "parts": [_order_json(desk, one) for one in desk.parts(order)] if order.group_no else [],
        "refunds": [shapes.refund_json(one) for one in books.refunds_of(order)],
        "callbacks": [shapes.callback_json(one) for one in books.callbacks_of(order)],
        "calls": [shapes.call_json(one) for one in reversed(calls)],
    }


def _acting(verb: str) -> Callable[[Desk, Asked], dict[str, Any]]:
    def act(desk: Desk, asked: Asked) -> dict[str, Any]:
        return {"order": _order_json(desk, desk.act(_order(desk, asked), verb, **asked.body))}

    return act


def _settle(desk: Desk, asked: Asked) -> dict[str, Any]:
    refund = desk.refund(_order(desk, asked), asked.words["out_refund_no"])
    return {"refund": shapes.refund_json(desk.settle(refund, asked.body["state"]))}


# -- callbacks, calls, faults ---------------------------------------------------------------------------------------


def _paged(name: str, found: list[Any], limit: int, shape: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    page = found[:limit]
    return {name: [shape(one) for one in page], "next": str(page[-1].id) if len(found) > limit else None}


def _callbacks(desk: Desk, asked: Asked) -> dict[str, Any]:
    limit, before = asked.query.get("limit", 50), int(asked.query.get("before", 2**62))
    return _paged("callbacks", desk.world.books.newest_callbacks(limit + 1, before), limit, shapes.callback_json)


def _calls(desk: Desk, asked: Asked) -> dict[str, Any]:
    limit, before = asked.query.get("limit", 50), int(asked.query.get("before", 2**62))
    found = desk.world.books.newest_calls(limit + 1, asked.query.get("out_trade_no"), before)
    return _paged("calls", found, limit, shapes.call_json)


def _send(desk: Desk, asked: Asked) -> dict[str, Any]:
    return {"callback": shapes.callback_json(desk.send(desk.callback(asked.words["id"])))}


def _faults(desk: Desk, asked: Asked) -> dict[str, Any]:  # noqa: ARG001 -- every route takes both
    return {"faults": [shapes.fault_json(one) for one in desk.world.books.faults()], "kinds": dict(KINDS)}


def _order_fault(desk: Desk, asked: Asked) -> dict[str, Any]:
    return {"fault": shapes.fault_json(desk.fault(**asked.body))}


def _take_back(desk: Desk, asked: Asked) -> dict[str, Any]:
    desk.take_back(asked.words["id"])
    return {"done": 1}


# -- clock, certificates, accounts ----------------------------------------------------------------------------------


def _clock(desk: Desk, asked: Asked) -> dict[str, Any]:  # noqa: ARG001 -- every route takes both
    return shapes.clock_json(desk.world, 0)


def _set_clock(desk: Desk, asked: Asked) -> dict[str, Any]:
    return shapes.clock_json(desk.world, desk.set_clock(**asked.body))


def _deliver(desk: Desk, asked: Asked) -> dict[str, Any]:  # noqa: ARG001 -- every route takes both
    return {"done": desk.delivery.round()}


def _rotate(desk: Desk, asked: Asked) -> dict[str, Any]:
    return {"gateway": asked.words["gateway"], "serial": desk.rotate(asked.words["gateway"])}


def _counts(desk: Desk, asked: Asked) -> dict[str, Any]:  # noqa: ARG001 -- every route takes both
    return {"version": desk.world.books.version, **desk.world.books.counts()}


def _accounts(desk: Desk, asked: Asked) -> dict[str, Any]:  # noqa: ARG001 -- every route takes both
    return {"notice": keys.NOTICE, "accounts": keys.accounts(desk.world.material, desk.world.address)}


def _keys(desk: Desk, asked: Asked) -> dict[str, Any]:  # noqa: ARG001 -- every route takes both
    base = f"{desk.world.address}/sandbox/keys/"
    return {
        "notice": keys.NOTICE,
        "keys": [{"name": one, "url": base + one} for one in keys.names(desk.world.material)],
    }


def _key(desk: Desk, asked: Asked) -> bytes:
    found = keys.content(desk.world.material, asked.words["name"])
    if found is None:
        raise Refusal(404, "SANDBOX_NOT_FOUND", "There is no such file")
    return found


def _config(desk: Desk, asked: Asked) -> dict[str, Any]:
    wanted = asked.query.get("accounts", "alipay,wechat").split(",")
    if len(set(wanted)) != len(wanted):
        raise invalid("accounts names one twice")
    try:
        return keys.fragment(desk.world.material, desk.world.address, wanted, asked.query.get("folder", "secrets"))
    except LookupError as error:
        raise invalid(str(error.args[0])) from None


_ORDER = "/sandbox/orders/{gateway}/{out_trade_no}"
_ONE = {"merchant": _MERCHANT}
_PAGE = {"limit": _LIMIT, "before": _BEFORE_ID}
_VERBS = {
    "open": "The payer opens the order: Alipay makes its trade only now",
    "begin": "The payer is asked for a password (code pay: USERPAYING, 10003)",
    "pay": "The payer pays",
    "decline": "The payer's bank refuses; only code pay ends by that",
    "expire": "The order's time is over: Alipay closes it, at WeChat Pay it can only not be paid any more",
}

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET", path="/sandbox/orders", what="Orders, newest first", act=_orders, gives="OrderList",
        query={"limit": _LIMIT, "before": _BEFORE_ORDER},
    ),
    Route(
        method="GET", path=_ORDER, what="An order with its refunds, callbacks and calls", act=_story,
        gives="OrderStory", query=_ONE, refuses=(409,),
    ),
    *(
        Route(
            method="POST", path=f"{_ORDER}/{verb}", what=_VERBS[verb], act=_acting(verb), gives="OrderAnswer",
            takes={"begin": "PayerInput", "pay": "PayInput"}.get(verb, "Nothing"), query=_ONE, refuses=(409,),
        )
        for verb in PAYER_VERBS
    ),
    Route(
        method="POST", path=f"{_ORDER}/refunds/{{out_refund_no}}/settle", what="End a refund that is under way",
        act=_settle, gives="RefundAnswer", takes="SettleInput", query=_ONE, refuses=(409,),
    ),
    Route(method="GET", path="/sandbox/callbacks", what="Callbacks, newest first", act=_callbacks,
          gives="CallbackList", query=_PAGE),
    Route(method="POST", path="/sandbox/callbacks/{id}/send", what="Send a callback now, again if need be", act=_send,
          gives="CallbackAnswer", takes="Nothing"),
    Route(method="GET", path="/sandbox/calls", what="Requests of merchants, newest first", act=_calls,
          gives="CallList", query={**_PAGE, "out_trade_no": WORDS["out_trade_no"]}),
    Route(method="GET", path="/sandbox/faults", what="Faults on order, and every kind there is", act=_faults,
          gives="FaultList"),
    Route(method="POST", path="/sandbox/faults", what="Order a fault", act=_order_fault, gives="FaultAnswer",
          takes="FaultInput", status=201),
    Route(method="DELETE", path="/sandbox/faults/{id}", what="Take a fault back", act=_take_back, gives="Done"),
    Route(method="GET", path="/sandbox/clock", what="What time it is here", act=_clock, gives="Clock"),
    Route(method="POST", path="/sandbox/clock", what="Move the clock forward, or let it run at another speed",
          act=_set_clock, gives="Clock", takes="ClockInput", refuses=(409,)),
    Route(method="POST", path="/sandbox/deliver", what="Do everything that is due, now", act=_deliver, gives="Done",
          takes="Nothing"),
    Route(method="POST", path="/sandbox/certificates/{gateway}/rotate", what="Go over to the next certificate",
          act=_rotate, gives="Rotation", takes="Nothing"),
    Route(method="GET", path="/sandbox/counts", what="How many orders, refunds and callbacks are in each state",
          act=_counts, gives="Counts"),
    Route(method="GET", path="/sandbox/accounts", what="The accounts clients can use here", act=_accounts,
          gives="Accounts"),
    Route(method="GET", path="/sandbox/keys", what="The files of keys", act=_keys, gives="KeyList"),
    Route(method="GET", path="/sandbox/keys/{name}", what="One file of keys", act=_key, gives=""),
    Route(
        method="GET", path="/sandbox/config.json", what="A fragment of payflow.json with accounts of this sandbox",
        act=_config, gives="Config", query={
            "accounts": {
                "type": "string",
                "pattern": f"^({'|'.join(ACCOUNTS)})(,({'|'.join(ACCOUNTS)})){{0,4}}$", "default": "alipay,wechat",
            },
            "folder": {"type": "string", "pattern": "^[0-9A-Za-z_-]{1,64}$", "default": "secrets"},
        },
    ),
)  # fmt: skip
