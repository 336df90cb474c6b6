"""What the control API takes and gives: records as JSON, and the JSON Schema of each.

Amounts are whole fen, instants ISO 8601 in UTC; an instant that has not come is ``null``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...clock import iso
from ..books import CALLBACK_STATES, REFUND_STATES, STATES, Call, Fault, Order, QueuedCallback, Refund
from ..faults import KINDS, OPERATIONS
from ..messages import World

Schema = Mapping[str, Any]

_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_AT: Schema = {"type": "string", "format": "date-time"}
_AT_OR_NOT: Schema = {"type": ["string", "null"], "format": "date-time"}
_GATEWAY: Schema = {"type": "string", "enum": ["alipay", "wechat"]}


def _object(properties: Mapping[str, Schema], *optional: str, **more: Any) -> dict[str, Any]:
    """A closed object in which everything is required but ``optional``."""
    required = [name for name in properties if name not in optional]
    made: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties, **more}
    return {**made, "required": required} if required else made


def _list(name: str, what: str, **more: Schema) -> dict[str, Any]:
    return _object({name: {"type": "array", "items": ref(what)}, **more})


def ref(name: str) -> dict[str, str]:
    """A reference to one of :data:`SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


_ORDER: dict[str, Schema] = {
    "gateway": _GATEWAY, "merchant": _TEXT, "out_trade_no": _TEXT, "number": _TEXT, "app": _TEXT, "product": _TEXT,
    "state": {"type": "string", "enum": list(STATES)}, "amount": _WHOLE, "refunded": _WHOLE, "currency": _TEXT,
    "subject": _TEXT, "payer": _TEXT, "group_no": _TEXT, "notify_url": _TEXT, "return_url": _TEXT,
    "created_at": _AT, "expires_at": _AT, "paid_at": _AT_OR_NOT, "closed_at": _AT_OR_NOT, "pays_at": _AT_OR_NOT,
    "cashier": {"type": "string", "description": "Where the payer pays it, on this sandbox."},
}  # fmt: skip
_NEXT: Schema = {"type": ["string", "null"], "description": "Hand it in as `before` for what is older; null: no more."}

SCHEMAS: dict[str, dict[str, Any]] = {
    "Error": _object({
        "status": {"const": "failed"}, "error_code": {"type": "string", "pattern": "^SANDBOX_[A-Z_]+$"},
        "message": _TEXT,
    }),
    "Order": _object(_ORDER),
    "Refund": _object({
        "gateway": _GATEWAY, "merchant": _TEXT, "out_trade_no": _TEXT, "out_refund_no": _TEXT, "number": _TEXT,
        "amount": _WHOLE, "state": {"type": "string", "enum": list(REFUND_STATES)}, "reason": _TEXT,
        "notify_url": _TEXT, "created_at": _AT, "due_at": _AT_OR_NOT, "ended_at": _AT_OR_NOT,
    }),
    "Callback": _object({
        "id": _WHOLE, "gateway": _GATEWAY, "merchant": _TEXT, "out_trade_no": _TEXT, "kind": _TEXT,
        "ref": {"type": "string", "description": "The refund's number, if it is about one."}, "url": _TEXT,
        "content": {"type": "object"}, "state": {"type": "string", "enum": list(CALLBACK_STATES)}, "tries": _WHOLE,
        "due_at": _AT_OR_NOT, "last_status": {**_WHOLE, "description": "0: no answer yet, or none came."},
        "faults": {"type": "array", "items": _TEXT}, "created_at": _AT, "ended_at": _AT_OR_NOT,
    }),
    "Call": _object({
        "id": _WHOLE, "at": _AT, "gateway": _TEXT, "operation": _TEXT, "merchant": _TEXT, "out_trade_no": _TEXT,
        "status": {**_WHOLE, "description": "0: it was not answered."}, "code": _TEXT, "microseconds": _WHOLE,
        "faults": {"type": "array", "items": _TEXT},
    }),
    "Fault": _object({
        "id": _WHOLE, "kind": {"type": "string", "enum": list(KINDS)}, "gateway": _TEXT, "operation": _TEXT,
        "out_trade_no": _TEXT, "rate": {"type": "number"}, "left": {"type": "integer", "minimum": -1},
        "value": {"type": "number"}, "created_at": _AT,
    }),
    "OrderList": _list("orders", "Order", next=_NEXT),
    "OrderStory": _object({
        "order": ref("Order"), "parts": {"type": "array", "items": ref("Order")},
        "refunds": {"type": "array", "items": ref("Refund")},
        "callbacks": {"type": "array", "items": ref("Callback")}, "calls": {"type": "array", "items": ref("Call")},
    }),
    "OrderAnswer": _object({"order": ref("Order")}),
    "RefundAnswer": _object({"refund": ref("Refund")}),
    "CallbackList": _list("callbacks", "Callback", next=_NEXT),
    "CallbackAnswer": _object({"callback": ref("Callback")}),
    "CallList": _list("calls", "Call", next=_NEXT),
    "FaultList": _object({
        "faults": {"type": "array", "items": ref("Fault")},
        "kinds": {"type": "object", "additionalProperties": _TEXT, "description": "Every kind, and what it does."},
    }),
    "FaultAnswer": _object({"fault": ref("Fault")}),
    "Clock": _object({
        "now": _AT, "machine": _AT, "speed": {"type": "number"}, "ahead_seconds": {"type": "number"},
        "done": {**_WHOLE, "description": "How many things that were due have been done by this call."},
    }),
    "Done": _object({"done": _WHOLE}),
    "Rotation": _object({"gateway": _GATEWAY, "serial": _TEXT}),
    "Counts": _object({
        "version": {**_WHOLE, "description": "Another number after every change."},
        **{
            name: {"type": "object", "additionalProperties": _WHOLE, "description": "State: how many."}
            for name in ("orders", "refunds", "callbacks")
        },
    }),
    "Accounts": _object({
        "notice": _TEXT,
        "accounts": {"type": "array", "items": _object({
            "name": _TEXT, "options": {"type": "object"},
            "files": {"type": "object", "additionalProperties": _TEXT, "description": "File name: its address."},
        })},
    }),
    "KeyList": _object({"notice": _TEXT, "keys": {"type": "array", "items": _object({"name": _TEXT, "url": _TEXT})}}),
    "Config": {"type": "object", "required": ["gateways"], "properties": {"gateways": {"type": "object"}}},
    # -- what goes in --
    "Nothing": {"type": "object", "additionalProperties": False, "maxProperties": 0},
    "PayerInput": _object({
        "payer": {"type": "string", "pattern": "^[0-9A-Za-z_-]{1,128}$", "description": "The payer's id there."},
    }, "payer"),
    "PayInput": _object({
        "payer": {"type": "string", "pattern": "^[0-9A-Za-z_-]{1,128}$", "description": "The payer's id there."},
        "late": {"type": "boolean", "description": "Pay although it was closed: the payer was quicker."},
    }, "payer", "late"),
    "SettleInput": _object({"state": {"type": "string", "enum": ["succeeded", "abnormal", "closed"]}}),
    "FaultInput": _object({
        "kind": {"type": "string", "enum": list(KINDS)}, "gateway": _GATEWAY,
        "operation": {"type": "string", "enum": list(OPERATIONS)},
        "out_trade_no": {"type": "string", "pattern": "^[0-9A-Za-z_|*@.-]{1,64}$"},
        "rate": {"type": "number", "minimum": 0, "maximum": 1, "default": 1},
        "times": {
            "type": "integer", "minimum": -1, "maximum": 1_000_000, "not": {"const": 0}, "default": 1,
            "description": "How often; -1: always.",
        },
        "value": {"type": "number", "minimum": 0, "maximum": 2_592_000, "description": "See the kind."},
    }, "gateway", "operation", "out_trade_no", "rate", "times", "value"),
    "ClockInput": _object({
        "advance_seconds": {"type": "number", "minimum": 0, "maximum": 316_224_000},
        "speed": {"type": "number", "minimum": 0, "maximum": 100_000},
    }, "advance_seconds", "speed", minProperties=1),
}  # fmt: skip


def _instant(at: int) -> str | None:
    return iso(at) if at else None


def order_json(order: Order, cashier: str) -> dict[str, Any]:
    """An order; ``cashier`` is its page."""
    return {
        **{name: getattr(order, name) for name in _ORDER if not name.endswith("_at") and name != "cashier"},
        "created_at": iso(order.created_at), "expires_at": iso(order.expires_at), "paid_at": _instant(order.paid_at),
        "closed_at": _instant(order.closed_at), "pays_at": _instant(order.pays_at), "cashier": cashier,
    }  # fmt: skip


def refund_json(refund: Refund) -> dict[str, Any]:
    """A refund."""
    names = ("gateway", "merchant", "out_trade_no", "out_refund_no", "number", "amount", "state", "reason")
    return {
        **{name: getattr(refund, name) for name in names},
        "notify_url": refund.notify_url, "created_at": iso(refund.created_at), "due_at": _instant(refund.due_at),
        "ended_at": _instant(refund.ended_at),
    }  # fmt: skip


def callback_json(callback: QueuedCallback) -> dict[str, Any]:
    """A callback."""
    names = ("id", "gateway", "merchant", "out_trade_no", "kind", "ref", "url", "state", "tries", "last_status")
    return {
        **{name: getattr(callback, name) for name in names},
        "content": dict(callback.content), "faults": list(callback.faults), "due_at": _instant(callback.due_at),
        "created_at": iso(callback.created_at), "ended_at": _instant(callback.ended_at),
    }  # fmt: skip


def call_json(call: Call) -> dict[str, Any]:
    """A request that arrived."""
    names = ("id", "gateway", "operation", "merchant", "out_trade_no", "status", "code", "microseconds")
    return {**{name: getattr(call, name) for name in names}, "at": iso(call.at), "faults": list(call.faults)}


def fault_json(fault: Fault) -> dict[str, Any]:
    """A fault on order."""
    names = ("id", "kind", "gateway", "operation", "out_trade_no", "rate", "left", "value")
    return {**{name: getattr(fault, name) for name in names}, "created_at": iso(fault.created_at)}


def clock_json(world: World, done: int) -> dict[str, Any]:
    """The sandbox's clock."""
    return {
        "now": iso(world.clock()), "machine": iso(world.clock.wire()), "speed": world.clock.speed,
        "ahead_seconds": world.clock.ahead_seconds, "done": done,
    }  # fmt: skip
