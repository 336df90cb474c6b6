"""WeChat Pay's side as a whole: which path is whose, and with which faults."""

from __future__ import annotations

import gzip
import hmac
import json
import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode

from ...clock import SECOND
from .. import disturbing
from ..books import Call, Fault, Order, QueuedCallback, Refund
from ..messages import Incoming, Outgoing, World
from ..trades import Habits
from . import bills, telling
from .asking import Ask, Reader
from .asking_about import Asking
from .keys import Keys, written
from .ordering import PAYER, PREPAID, Ordering, client_params
from .refunding import Refunding
from .refusing import Refused, bad

#: Seconds between re-sends of a notification, https://pay.weixin.qq.com/doc/v3/merchant/4012791902.
SCHEDULE = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600)
CLIENT = "/wechat/client"
#: How long a bill's address is good, by the machine's own clock.
BILL_SECONDS = 300

Work = Callable[[Ask, str, Collection[str]], Any]  # what is asked, the number in the path, the faults


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    path: re.Pattern[str]
    operation: str
    work: Work


class WeChatSide:
    """The far side of WeChat Pay. Shared between threads.

    ``refund_seconds`` is how long refunds are under way. ``lazy`` is taken for the sake of the other side.
    """

    def __init__(
        self, world: World, *, refund_seconds: float = 0.5, lazy: bool = True, old_spelling: bool = False
    ) -> None:
        del lazy
        self.habits = Habits(
            gateway="wechat", first_state="waiting", tells=frozenset({"paid", "refund"}), schedule=SCHEDULE,
            refund_seconds=refund_seconds, full_refund_closes=False, payer=PAYER, refunds_told_at_order=False,
            expiry_closes=False,
        )  # fmt: skip
        #: Whether codes are spelt as in the first years (``ORDERNOTEXIST``).
        self.old_spelling = old_spelling
        self._world = world
        self._reader, self._keys = Reader(world), Keys(world)
        self._ordering, self._asking = Ordering(world), Asking(world)
        self._refunding = Refunding(world, self._keys)
        self._secret = secrets.token_bytes(32)
        self._routes = self._table()

    def _table(self) -> list[_Route]:
        """Every path. ``*`` stands for one number, which the work gets unescaped."""
        ordering, asking, refunding = self._ordering, self._asking, self._refunding
        table: list[tuple[str, str, str, Work]] = [
            ("GET", "/v3/certificates", "certificates", lambda ask, _, __: self._keys.certificates(ask.merchant)),
            ("POST", "/v3/pay/transactions/codepay", "charge", lambda ask, _, struck: ordering.codepay(ask, struck)),
            ("GET", "/v3/pay/transactions/out-trade-no/*", "query", asking.by_number),
            ("GET", "/v3/pay/transactions/id/*", "query", asking.by_transaction),
            ("POST", "/v3/pay/transactions/out-trade-no/*/close", "close", lambda ask, no, _: asking.close(ask, no)),
            (
                "POST", "/v3/pay/transactions/out-trade-no/*/reverse", "close",
                lambda ask, no, _: asking.reverse(ask, no),
            ),
            ("POST", "/v3/refund/domestic/refunds", "refund", lambda ask, _, __: refunding.refund(ask)),
            ("GET", "/v3/refund/domestic/refunds/*", "query_refund", refunding.query),
            (
                "POST", "/v3/refund/domestic/refunds/*/apply-abnormal-refund", "refund",
                lambda ask, no, _: refunding.abnormal(ask, no),
            ),
            ("GET", "/v3/combine-transactions/out-trade-no/*", "query", asking.combined),
            (
                "POST", "/v3/combine-transactions/out-trade-no/*/close", "close",
                lambda ask, no, _: asking.close_combined(ask, no),
            ),
            ("GET", "/v3/bill/tradebill", "bill", lambda ask, _, __: self._bill(ask, "trade")),
            ("GET", "/v3/bill/fundflowbill", "bill", lambda ask, _, __: self._bill(ask, "fundflow")),
            ("GET", "/v3/billdownload/file", "bill", lambda ask, _, __: self._download(ask)),
        ]  # fmt: skip
        for product in PREPAID:
            path = f"/v3/pay/transactions/{product}"
            table.append(("POST", path, "charge", lambda ask, _, __, product=product: ordering.prepay(ask, product)))  # type: ignore[misc]  # bound now
        for product in (*PREPAID, "miniprogram"):
            path = f"/v3/combine-transactions/{product}"
            table.append(("POST", path, "charge", lambda ask, _, __, product=product: ordering.combine(ask, product)))  # type: ignore[misc]  # bound now
        return [
            _Route(method, re.compile(re.escape(path).replace(r"\*", "([^/?]{1,200})")), operation, work)
            for method, path, operation, work in table
        ]

    # -- what a side is ---------------------------------------------------------------------------------------------

    def takes(self, path: str) -> bool:
        """Whether requests to this path are its own."""
        return path.startswith("/v3/") or path == CLIENT

    def answer(self, request: Incoming) -> Outgoing:
        """Answer a request, faults included."""
        if request.path == CLIENT:
            return self._client(request)
        there = [(route, match) for route in self._routes if (match := route.path.fullmatch(request.path))]
        if request.path.startswith("/v3/pay/partner/"):
            return Refused(403, "NO_AUTH", "商户无权限：不是服务商").outgoing(self.old_spelling)
        if not there:
            return Outgoing(404)
        found = next(((route, match) for route, match in there if route.method == request.method), None)
        if found is None:
            return Outgoing(405, b"", {"Allow": ", ".join(sorted({route.method for route, _ in there}))})
        route, match = found
        return self._call(route, unquote(match[1]) if match.groups() else "", request)

    def callback(self, queued: QueuedCallback, order: Order, refund: Refund | None) -> tuple[dict[str, str], bytes]:
        """Headers and body of a notification, signed now."""
        return telling.callback(self._world, self._keys, queued, order, refund)

    def accepted(self, status: int, body: bytes) -> bool:
        """200 or 204, whatever the body says."""
        del body
        return status in (200, 204)

    def rotate(self) -> str:
        """Sign with the next platform certificate from now on; its serial."""
        return self._keys.rotate()

    def cashier_address(self, order: Order) -> str:
        """Where a person pays an order."""
        return self._ordering.cashier(order)

    def order_of_code_url(self, code_url: str) -> Order | None:
        """The order behind a native payment's QR text."""
        return self._ordering.order_of_code_url(code_url)

    def client_pay(self, params: Mapping[str, Any]) -> Order:
        """What WeChat does with the parameters a merchant's page or app hands over. Raises ``Refused``."""
        return self._ordering.client_pay(params)

    # -- one call ---------------------------------------------------------------------------------------------------

    def _call(self, route: _Route, number: str, request: Incoming) -> Outgoing:
        """Answer one request with the faults that strike it, and log it."""
        began, at = time.perf_counter_ns(), self._world.clock()
        ask: Ask | None = None
        code = about = ""
        struck: Mapping[str, Fault] = {}
        try:
            ask = self._reader.read(request)
            about = self._order_number(route, ask, number)
            struck = self._struck(route.operation, about)
            answer, code = self._ill(disturbing.before(struck, at)) or self._performed(route, ask, number, struck)
        except Refused as refused:
            answer, code = refused.outgoing(self.old_spelling), refused.code
        disturbing.wait(struck)
        self._world.books.put(
            Call(
                at=at, gateway="wechat", operation=route.operation, merchant=ask.merchant.mchid if ask else "",
                out_trade_no=about[:64], status=0 if answer.drop else answer.status, code=code,
                microseconds=(time.perf_counter_ns() - began) // 1000, faults=list(struck),
            )
        )  # fmt: skip
        return answer

    def _struck(self, operation: str, out_trade_no: str) -> Mapping[str, Fault]:
        return self._world.faults.striking(
            disturbing.kinds_for(operation), gateway="wechat", operation=operation, out_trade_no=out_trade_no
        )

    def _order_number(self, route: _Route, ask: Ask, number: str) -> str:
        """The order a call is about, by the merchant's number: for its log, and the faults that are on order for it."""
        books, mchid = self._world.books, ask.merchant.mchid
        theirs = _said(ask, "transaction_id") or (number if route.work == self._asking.by_transaction else "")
        order = books.order_of_number("wechat", mchid, theirs) if theirs else None
        if order is not None:
            return order.merchants_no
        if route.operation in ("refund", "query_refund"):
            name = number if route.operation == "query_refund" else _said(ask, "out_refund_no")
            known = books.refund("wechat", mchid, name)
            return known.out_trade_no if known is not None else _said(ask, "out_trade_no")
        return number or _said(ask, "out_trade_no") or _said(ask, "combine_out_trade_no")

    def _ill(self, fault: str) -> tuple[Outgoing, str] | None:
        """The answer to a call that is not done, and its code; ``None`` if it is."""
        if fault == "drop_before":
            return Outgoing(0, drop=True), ""
        if fault == "bad_gateway":
            return disturbing.bad_gateway(), ""
        if fault == "busy":
            raise Refused(429, "FREQUENCY_LIMITED", "频率超限")
        if fault == "system_error":
            raise Refused(500, "SYSTEM_ERROR", "系统错误")
        return None

    def _performed(
        self, route: _Route, ask: Ask, number: str, struck: Mapping[str, Fault]
    ) -> tuple[Outgoing, str]:  # fmt: skip
        """What a call that is done is answered with, and the code of a refusal."""
        try:
            done = self._done(route, ask, number, struck)
            answer, code = (done if isinstance(done, Outgoing) else self._signed(ask, done, struck)), ""
        except Refused as refused:
            answer, code = refused.outgoing(self.old_spelling), refused.code
        if "system_error_after" in struck:
            code = "SYSTEM_ERROR"
            answer = Refused(500, code, "系统错误").outgoing(self.old_spelling)
        if "bad_gateway_after" in struck:
            answer, code = disturbing.bad_gateway(), ""
        return disturbing.travelled(answer, struck), code

    def _done(self, route: _Route, ask: Ask, number: str, struck: Mapping[str, Fault]) -> Any:
        """Everything a call does, or nothing of it; raises ``Refused``."""
        with self._world.books.transaction():
            try:
                return route.work(ask, number, struck)
            except Refused as refused:
                if not refused.keeps:
                    raise
                kept = refused
        raise kept

    def _signed(self, ask: Ask, done: Any, struck: Collection[str]) -> Outgoing:
        body = b"" if done is None else written(done)
        name = self._keys.name_for(ask.merchant, ask.serial)
        fault = "probe" if "signtest" in struck else "stranger" if "bad_signature" in struck else ""
        headers = {"Request-ID": secrets.token_hex(16).upper(), "Cache-Control": "no-cache, must-revalidate"}
        if done is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
        if "unsigned" not in struck:
            headers |= self._keys.signature_headers(name, body, fault=fault)
        return Outgoing(204 if done is None else 200, body, headers)

    # -- the payer's client -----------------------------------------------------------------------------------------

    def _client(self, request: Incoming) -> Outgoing:
        """What the phone would do: the body holds the parameters that the merchant's server has signed."""
        if request.method != "POST":
            return Outgoing(405, b"", {"Allow": "POST"})
        try:
            params = client_params(request.body)
            scanned = params.get("code_url")
            order = self.order_of_code_url(scanned) if isinstance(scanned, str) else self.client_pay(params)
        except Refused as refused:
            return refused.outgoing()
        if order is None:
            return Refused(404, "ORDER_NOT_EXIST", "订单不存在").outgoing()
        said = {"out_trade_no": order.out_trade_no, "state": order.state, "cashier_url": self.cashier_address(order)}
        return Outgoing(200, json.dumps(said).encode(), {"Content-Type": "application/json"})

    # -- bills ------------------------------------------------------------------------------------------------------

    def _bill(self, ask: Ask, kind: str) -> dict[str, str]:
        day, packed = ask.query.get("bill_date", ""), ask.query.get("tar_type", "")
        if packed not in ("", "GZIP"):
            raise bad("tar_type", "压缩类型只支持GZIP", "query")
        which = ask.query.get("bill_type" if kind == "trade" else "account_type", "ALL" if kind == "trade" else "BASIC")
        body = self._bill_text(ask.merchant.mchid, kind, day, which)
        token = {"kind": kind, "day": day, "which": which, "expires": self._world.clock.wire() // SECOND + BILL_SECONDS}
        query = {"token": self._token(ask.merchant.mchid, token)}
        if packed:
            query["tartype"] = "gzip"
        url = f"{self._world.address}/v3/billdownload/file?{urlencode(query)}"
        return {"hash_type": "SHA1", "hash_value": bills.sha1(body), "download_url": url}

    def _bill_text(self, mchid: str, kind: str, day: str, which: str) -> bytes:
        if kind == "trade":
            return bills.trade(self._world, mchid, day, which)
        return bills.fund_flow(self._world, mchid, day, which)

    def _token(self, mchid: str, said: Mapping[str, Any]) -> str:
        text = json.dumps({**said, "mchid": mchid}, sort_keys=True).encode()
        return f"{text.hex()}.{hmac.new(self._secret, text, 'sha256').hexdigest()}"

    def _download(self, ask: Ask) -> Outgoing:
        """The file itself. The request is signed, the answer is not."""
        text, _, mark = ask.query.get("token", "").partition(".")
        try:
            raw = bytes.fromhex(text)
        except ValueError:
            raise bad("token", "token错误", "query") from None
        if not hmac.compare_digest(hmac.new(self._secret, raw, "sha256").hexdigest().encode(), mark.encode()):
            raise bad("token", "token错误", "query")
        said = json.loads(raw)
        if said["mchid"] != ask.merchant.mchid or said["expires"] < self._world.clock.wire() // SECOND:
            raise Refused(403, "NO_AUTH", "下载地址已失效")
        body = self._bill_text(said["mchid"], said["kind"], said["day"], said["which"])
        packed = ask.query.get("tartype", "").lower() == "gzip"
        return Outgoing(
            200, gzip.compress(body, mtime=0) if packed else body, {"Content-Type": "application/octet-stream"}
        )


def _said(ask: Ask, name: str) -> str:
    """A text of the body, before anybody has looked whether it can be."""
    value = ask.body.get(name)
    return value if isinstance(value, str) else ""
