"""What the sandbox answers to, as OpenAPI 3.1: its control API from the list of routes, and both gateways' endpoints.

The gateways' endpoints are described as far as their transport goes: paths, statuses, the form of errors. What stands
inside is the providers' to describe, https://opendocs.alipay.com and https://pay.weixin.qq.com/doc/v3/merchant.
"""

from __future__ import annotations

import re
from typing import Any

from .._version import __version__
from .api import shapes
from .api.keys import NOTICE
from .api.routes import ROUTES, WORDS, Route

_JSON = "application/json"
_REASONS = {
    400: "What was sent cannot be", 403: "Another site's page asks (Origin)", 404: "There is nothing of that name",
    409: "The order or refund is past that, or its number is not enough to tell it", 413: "Too long",
    415: "The body is not declared as JSON", 421: "The Host header names no loopback address",
}  # fmt: skip

_ALIPAY_NODE = {
    "type": "object", "required": ["code", "msg"],
    "properties": {name: {"type": "string"} for name in ("code", "msg", "sub_code", "sub_msg")},
}  # fmt: skip
_WECHAT_ERROR = {
    "type": "object", "required": ["code", "message"],
    "properties": {
        "code": {"type": "string", "examples": ["SIGN_ERROR", "PARAM_ERROR"]}, "message": {"type": "string"},
        "detail": {},
    },
}  # fmt: skip


def description(address: str) -> dict[str, Any]:
    """The whole document; ``address`` is where the sandbox listens."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    paths["/sandbox/live"] = {"get": _live()}
    paths["/openapi.json"] = {"get": {
        "operationId": "getOpenapi", "summary": "This description", "tags": ["control"],
        "responses": {"200": _content("OpenAPI 3.1", {"type": "object"}), "421": _error(421)},
    }}  # fmt: skip
    paths |= _alipay() | _wechat()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "payflow sandbox", "version": __version__, "license": {"name": "MIT", "identifier": "MIT"},
            "description": "The far side of Alipay and WeChat Pay on this machine. No money moves. " + NOTICE
            + " A request that changes something is refused with 403 if its Origin is another site's.",
        },
        "servers": [{"url": address}],
        "tags": [
            {"name": "control", "description": "What a payer, the far side or a test does"},
            {"name": "alipay", "description": "https://opendocs.alipay.com"},
            {"name": "wechat", "description": "https://pay.weixin.qq.com/doc/v3/merchant"},
        ],
        "paths": paths,
        "components": {
            "schemas": {**shapes.SCHEMAS, "AlipayAnswer": _alipay_answer(), "WeChatError": _WECHAT_ERROR},
        },
    }  # fmt: skip


def _content(what: str, schema: dict[str, Any], kind: str = _JSON) -> dict[str, Any]:
    return {"description": what, "content": {kind: {"schema": schema}}}


def _error(status: int) -> dict[str, Any]:
    return _content(_REASONS[status], shapes.ref("Error"))


def _operation(route: Route) -> dict[str, Any]:
    words = re.findall(r"\{(\w+)\}", route.path)
    name = "".join(word.capitalize() for word in re.findall(r"[a-z]+", route.path.removeprefix("/sandbox")))
    found = (
        _content(route.what, shapes.ref(route.gives)) if route.gives
        else _content(route.what, {"type": "string", "format": "binary"}, "application/octet-stream")
    )  # fmt: skip
    refuses = {400, 404, 413, 415, 421, *route.refuses} | ({403} if route.method != "GET" else set())
    operation: dict[str, Any] = {
        "operationId": route.method.lower() + name, "summary": route.what, "tags": ["control"],
        "parameters": [
            *({"name": word, "in": "path", "required": True, "schema": WORDS[word]} for word in words),
            *({"name": word, "in": "query", "schema": schema} for word, schema in route.query.items()),
        ],
        "responses": {str(route.status): found, **{str(one): _error(one) for one in sorted(refuses)}},
    }  # fmt: skip
    if route.takes:
        needed = bool(shapes.SCHEMAS[route.takes].get("required") or shapes.SCHEMAS[route.takes].get("minProperties"))
        operation["requestBody"] = {
            "required": needed, "content": {_JSON: {"schema": shapes.ref(route.takes)}},
        }  # fmt: skip
    return operation


def _live() -> dict[str, Any]:
    return {
        "operationId": "followChanges", "tags": ["control"],
        "summary": "Server-sent events: `change` with the version, whenever anything has changed. It does not end",
        "responses": {
            "200": _content("The stream", {"type": "string"}, "text/event-stream"), "421": _error(421),
            "429": _content("Too many streams", shapes.ref("Error")),
        },
    }  # fmt: skip


# -- Alipay ---------------------------------------------------------------------------------------------------------


def _alipay_answer() -> dict[str, Any]:
    return {
        "type": "object", "description": "One node named after the method (or error_response), and its signature.",
        "properties": {"sign": {"type": "string"}, "alipay_cert_sn": {"type": "string"}},
        "patternProperties": {"_response$": _ALIPAY_NODE},
    }  # fmt: skip


def _alipay() -> dict[str, Any]:
    page = {"schema": {"type": "string"}}
    answers = {
        "200": {
            "description": "An answer, or an error: in the node, not in the status. Pages are HTML",
            "content": {_JSON: {"schema": shapes.ref("AlipayAnswer")}, "text/html": page},
        },
        "302": {"description": "A page: the browser goes to the cashier"},
        "405": {"description": "Neither GET nor POST"},
        "429": {"description": "Only where a fault was ordered"},
        "502": {"description": "Only where a fault was ordered", "content": {"text/html": page}},
    }  # fmt: skip
    names = ("app_id", "method", "charset", "sign_type", "sign", "timestamp", "version", "biz_content")
    form = {"schema": {"type": "object", "properties": {name: {"type": "string"} for name in names}}}
    summary = "Every method of Alipay: signed parameters as a form or in the query"
    return {
        "/gateway.do": {
            "get": {"operationId": "alipayByQuery", "summary": summary, "tags": ["alipay"], "responses": answers,
                    "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]},
            "post": {"operationId": "alipayByForm", "summary": summary, "tags": ["alipay"], "responses": answers,
                     "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": form}}},
        },
    }  # fmt: skip


# -- WeChat Pay -----------------------------------------------------------------------------------------------------

_PAY = "/v3/pay/transactions"
_COMBINED = "/v3/combine-transactions"
_REFUND = "/v3/refund/domestic/refunds"


def _wechat() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}

    def add(method: str, path: str, summary: str, *query: str, status: int = 200) -> None:
        paths.setdefault(path, {})[method] = _wechat_operation(method, path, summary, query, status)

    for product in ("jsapi", "app", "h5", "native", "codepay"):
        add("post", f"{_PAY}/{product}", f"Order: {product}")
    add("get", f"{_PAY}/out-trade-no/{{out_trade_no}}", "Query by the merchant's number", "mchid")
    add("get", f"{_PAY}/id/{{transaction_id}}", "Query by their number", "mchid")
    add("post", f"{_PAY}/out-trade-no/{{out_trade_no}}/close", "Close", status=204)
    add("post", f"{_PAY}/out-trade-no/{{out_trade_no}}/reverse", "Reverse (code pay)")
    add("post", _REFUND, "Refund")
    add("get", f"{_REFUND}/{{out_refund_no}}", "Query a refund")
    for product in ("jsapi", "app", "h5", "native"):
        add("post", f"{_COMBINED}/{product}", f"Order several at once: {product}")
    add("get", f"{_COMBINED}/out-trade-no/{{combine_out_trade_no}}", "Query a combined order")
    add("post", f"{_COMBINED}/out-trade-no/{{combine_out_trade_no}}/close", "Close a combined order", status=204)
    add("get", "/v3/certificates", "Platform certificates, encrypted with the APIv3 key")
    add("get", "/v3/bill/tradebill", "Where the trade bill of a day is", "bill_date", "bill_type", "tar_type")
    add("get", "/v3/bill/fundflowbill", "Where the fund flow bill is", "bill_date", "account_type", "tar_type")
    return paths


def _wechat_operation(method: str, path: str, summary: str, query: tuple[str, ...], status: int) -> dict[str, Any]:
    words = re.findall(r"\{(\w+)\}", path)
    reasons = {
        "400": "PARAM_ERROR, INVALID_REQUEST, …", "401": "SIGN_ERROR: the Authorization header does not prove who asks",
        "403": "NO_AUTH, NOT_ENOUGH, …", "404": "ORDER_NOT_EXIST, RESOURCE_NOT_EXISTS, …",
        "405": "Another method", "406": "Accept is missing",
        "429": "FREQUENCY_LIMITED; only where a fault was ordered",
        "500": "SYSTEM_ERROR; only where a fault was ordered",
        "502": "Only where a fault was ordered",
    }  # fmt: skip
    good = (
        {"description": "Closed"}
        if status == 204
        else _content("The answer, signed in its headers", {"type": "object"})
    )
    name = "".join(part.capitalize() for part in re.findall(r"[a-z0-9]+", path.removeprefix("/v3/")))
    operation: dict[str, Any] = {
        "operationId": f"wechat{method.capitalize()}{name}", "summary": summary, "tags": ["wechat"],
        "parameters": [
            *({"name": word, "in": "path", "required": True, "schema": WORDS["out_trade_no"]} for word in words),
            *({"name": word, "in": "query", "schema": {"type": "string"}} for word in query),
            {"name": "Authorization", "in": "header", "schema": {"type": "string"},
             "description": "WECHATPAY2-SHA256-RSA2048 mchid=…,nonce_str=…,signature=…,timestamp=…,serial_no=…"},
        ],
        "responses": {
            str(status): good,
            **{code: _content(why, shapes.ref("WeChatError")) for code, why in reasons.items()},
        },
    }  # fmt: skip
    if method == "post":
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": {"type": "object"}}}}
    return operation
