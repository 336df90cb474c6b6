"""Alipay's side as a whole: who answers what, and with which faults."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlencode

from ...clock import SECOND
from .. import disturbing
from ..books import Call, Fault, Order, QueuedCallback, Refund
from ..material import pem
from ..messages import Incoming, Outgoing, World
from ..trades import Habits
from . import bills, telling, writing
from .asking import Asking
from .fields import text
from .ordering import Ordering
from .reading import Ask, Reader
from .refunding import Refunding
from .refusing import Refused, business
from .showing import Said, success

GATEWAY = "/gateway.do"
BILL = "/alipay/bill/"
APP_ORDER = "/sandbox/alipay/app"
NOTIFY_VERIFY = "/alipay/notify_verify"
#: Seconds between re-sends of a callback, https://opendocs.alipay.com/open/203/105286.
SCHEDULE = (240, 600, 600, 3600, 7200, 21_600, 54_000)
#: How long a bill's address is good, by the machine's own clock: who downloads lives by it.
BILL_SECONDS = 30

_PAGES = frozenset({"alipay.trade.page.pay", "alipay.trade.wap.pay"})

Method = Callable[[Ask, Collection[str]], Said]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What a call is about, for the log and for the faults."""

    operation: str = ""
    merchant: str = ""
    out_trade_no: str = ""


class AlipaySide:
    """The far side of Alipay. Shared between threads.

    ``lazy``: trades of page, wap, app and QR orders are made only when the payer opens them, as at the real one.
    ``refund_seconds`` is taken for the sake of the other side: Alipay refunds at once.
    """

    def __init__(self, world: World, *, refund_seconds: float = 0.0, lazy: bool = True) -> None:
        del refund_seconds
        self.habits = Habits(
            gateway="alipay", first_state="prepared" if lazy else "waiting",
            tells=frozenset({"paid", "closed", "refund"}), schedule=SCHEDULE, refund_seconds=0.0,
            full_refund_closes=True, tells_failed_refunds=False,
        )  # fmt: skip
        self._world = world
        self._reader = Reader(world.material)
        self._keys = writing.Keys(world.material)
        self._ordering = Ordering(world, lazy=lazy)
        asking, refunding = Asking(world), Refunding(world)
        self._secret = secrets.token_bytes(32)
        self._methods: dict[str, Method] = {
            "alipay.trade.page.pay": self._ordering.page,
            "alipay.trade.wap.pay": self._ordering.wap,
            "alipay.trade.app.pay": self._ordering.not_here,
            "alipay.trade.precreate": self._ordering.precreate,
            "alipay.trade.create": self._ordering.create,
            "alipay.trade.pay": self._ordering.pay,
            "alipay.trade.query": asking.query,
            "alipay.trade.cancel": asking.cancel,
            "alipay.trade.close": asking.close,
            "alipay.trade.refund": refunding.refund,
            "alipay.trade.fastpay.refund.query": refunding.query,
            "alipay.data.dataservice.bill.downloadurl.query": self._bill_address,
            "alipay.open.app.alipaycert.download": self._certificate,
        }

    # -- what a side is ---------------------------------------------------------------------------------------------

    def takes(self, path: str) -> bool:
        """Whether requests to this path are its own."""
        return path in (GATEWAY, APP_ORDER, NOTIFY_VERIFY) or path.startswith(BILL)

    def answer(self, request: Incoming) -> Outgoing:
        """Answer a request, faults included."""
        if request.path == APP_ORDER:
            return self._app_order(request)
        if request.path == NOTIFY_VERIFY:
            return self._notify_verify(request)
        if request.path.startswith(BILL):
            return self._call(_Subject(operation="bill"), lambda _: (self._download(request), ""), _ill_page)
        if request.method not in ("GET", "POST"):
            return Outgoing(405, b"", {"Allow": "GET, POST"})
        return self._gateway(request)

    def callback(self, queued: QueuedCallback, order: Order, refund: Refund | None) -> tuple[dict[str, str], bytes]:
        """Headers and body of a callback, signed now."""
        return telling.callback(self._world, self._keys, queued, order, refund)

    def accepted(self, status: int, body: bytes) -> bool:
        """Seven letters and nothing else."""
        return status == 200 and body == b"success"

    def rotate(self) -> str:
        """Go over to the next certificate, for apps in certificate mode; its SN."""
        return self._keys.rotate()

    # -- what the cashier and the control API need ------------------------------------------------------------------

    def open_app_order(self, order_string: str) -> Order:
        """What Alipay's mobile SDK does with an order string. ``Refused`` if it is not genuine or cannot be."""
        ask = self._reader.verified(self._reader.read_order_string(order_string))
        if ask.method != "alipay.trade.app.pay":
            raise Refused("40002", "isv.invalid-method", "不存在的方法名")
        with self._world.books.transaction():
            return self._ordering.app(ask)

    def return_address(self, order: Order) -> str:
        """Where the payer's browser goes after paying: ``return_url`` with signed facts; "" if there is none."""
        return telling.return_address(self._world, self._keys, order)

    def cashier_address(self, order: Order) -> str:
        """Where a person pays an order."""
        return self._ordering.cashier(order)

    # -- the gateway ------------------------------------------------------------------------------------------------

    def _gateway(self, request: Incoming) -> Outgoing:
        try:
            ask = self._reader.read(request)
        except Refused as no:
            return self._refused(no)
        try:
            ask = self._reader.verified(ask)
        except Refused as no:
            return self._refused(no, ask)
        return self._call(
            self._about(ask),
            lambda struck: self._performed(ask, struck),
            lambda kind: self._written(ask, Said(writing.ill(kind)), ()),
        )

    def _refused(self, no: Refused, ask: Ask | None = None) -> Outgoing:
        """An answer to what is not taken. Signed only where Alipay knows who is asking."""
        about = _Subject() if ask is None else _Subject(operation=ask.operation, merchant=ask.app.seller_id)

        def answered(struck: Mapping[str, Fault]) -> tuple[Outgoing, str]:
            said = Said(no.node())
            if ask is not None and (no.genuine or ask.method in _PAGES):
                return self._written(ask, said, struck), no.sub_code
            return writing.http(writing.unsigned_answer(said.node)), no.sub_code

        return self._call(about, answered, lambda kind: writing.http(writing.unsigned_answer(writing.ill(kind))))

    def _performed(self, ask: Ask, struck: Mapping[str, Fault]) -> tuple[Outgoing, str]:
        method = self._methods[ask.method]
        with self._world.books.transaction():
            try:
                said = method(ask, struck)
            except Refused as no:
                said = Said(no.node())
        if "system_error_after" in struck:
            said = Said(writing.ill("system_error"))
        return self._written(ask, said, struck), said.code

    def _written(self, ask: Ask, said: Said, struck: Collection[str]) -> Outgoing:
        if ask.method in _PAGES:
            return writing.page(said, ask.charset, ask.codec)
        if not ask.operation:  # no such method: there is no node to name
            return writing.http(writing.unsigned_answer(said.node))
        return writing.http(
            writing.signed_answer(self._keys, self._world.material, ask, said, struck), charset=ask.charset
        )

    def _about(self, ask: Ask) -> _Subject:
        out_trade_no, trade_no = ask.biz.get("out_trade_no"), ask.biz.get("trade_no")
        merchant = ask.app.seller_id
        if isinstance(trade_no, str) and trade_no:
            order = self._world.books.order_of_number("alipay", merchant, trade_no)
            out_trade_no = order.merchants_no if order is not None else out_trade_no
        shown = out_trade_no if isinstance(out_trade_no, str) else ""
        return _Subject(operation=ask.operation, merchant=merchant, out_trade_no=shown[:64])

    # -- one call, whatever it is -----------------------------------------------------------------------------------

    def _call(
        self,
        about: _Subject,
        perform: Callable[[Mapping[str, Fault]], tuple[Outgoing, str]],
        ill: Callable[[str], Outgoing],
    ) -> Outgoing:
        """Perform a call with the faults that strike it, and log it."""
        began, world = time.perf_counter_ns(), self._world
        at = world.clock()
        struck = world.faults.striking(
            disturbing.kinds_for(about.operation), gateway="alipay", operation=about.operation,
            out_trade_no=about.out_trade_no,
        )  # fmt: skip
        first = disturbing.before(struck, at)
        if first == "drop_before":
            answer, code = Outgoing(0, drop=True), ""
        elif first == "bad_gateway":
            answer, code = disturbing.bad_gateway(), ""
        elif first:
            answer, code = ill(first), writing.ill(first)["sub_code"]
        else:
            answer, code = perform(struck)
            if "bad_gateway_after" in struck:
                answer = disturbing.bad_gateway()
            answer = disturbing.travelled(answer, struck)
        disturbing.wait(struck)
        world.books.put(
            Call(
                at=at, gateway="alipay", operation=about.operation, merchant=about.merchant,
                out_trade_no=about.out_trade_no, status=0 if answer.drop else answer.status, code=code,
                microseconds=(time.perf_counter_ns() - began) // 1000, faults=list(struck),
            )
        )  # fmt: skip
        return answer

    # -- bills and certificates -------------------------------------------------------------------------------------

    def _bill_address(self, ask: Ask, struck: Collection[str]) -> Said:
        """``alipay.data.dataservice.bill.downloadurl.query``: an address that is good for thirty seconds."""
        del struck
        bill_type = text(ask.biz, "bill_type", 20, required=True)
        bill_date = text(ask.biz, "bill_date", 15, required=True)
        if bill_type not in bills.TYPES:
            raise business("TYPE_NOT_SUPPORTED", "账单类型不支持")
        of, merchant = bills.period(bill_date), ask.app.seller_id
        if self._world.clock() < of.ready or not bills.lines(self._world, merchant, of):
            raise business("BILL_NOT_EXIST", "账单不存在")
        query = {
            "userId": merchant, "billType": bill_type, "billDate": bill_date,
            "expires": str(self._world.clock.wire() // SECOND + BILL_SECONDS),
        }  # fmt: skip
        query["token"] = self._token(query)
        return success(bill_download_url=f"{self._world.address}{BILL}download?{urlencode(query)}")

    def _token(self, query: Mapping[str, str]) -> str:
        told = "|".join(f"{name}={query.get(name, '')}" for name in ("userId", "billType", "billDate", "expires"))
        return hmac.new(self._secret, told.encode(), "sha256").hexdigest()

    def _download(self, request: Incoming) -> Outgoing:
        given = {name: values[-1] for name, values in parse_qs(request.query).items()}
        if not hmac.compare_digest(given.get("token", "").encode(), self._token(given).encode()):
            return _plain_page(403, "链接无效 / This link is not valid")
        if self._world.clock.wire() > int(given["expires"]) * SECOND:
            return _plain_page(403, "链接已过期 / This link has expired")
        name, body = bills.archive(self._world, given["userId"], given["billType"], bills.period(given["billDate"]))
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        return Outgoing(200, body, headers)

    def _certificate(self, ask: Ask, struck: Collection[str]) -> Said:
        """``alipay.open.app.alipaycert.download``: a certificate of Alipay's by its SN."""
        del struck
        wanted = text(ask.biz, "alipay_cert_sn", 64, required=True)
        found = self._keys.certificates.get(wanted)
        if found is None:
            raise business("ALIPAY_CERT_NOT_EXIST", "支付宝公钥证书不存在")
        chain = pem(found) + pem(self._world.material.root_certificate)
        return success(alipay_cert_content=base64.b64encode(chain).decode("ascii"))

    # -- beside the gateway -----------------------------------------------------------------------------------------

    def _app_order(self, request: Incoming) -> Outgoing:
        """What the phone would do: the body is the order string that the merchant's server has made."""
        if request.method != "POST":
            return Outgoing(405, b"", {"Allow": "POST"})
        try:
            order = self.open_app_order(request.body.decode("ascii", "replace").strip())
        except Refused as no:
            return _json(400, no.node())
        return _json(
            200,
            {"out_trade_no": order.out_trade_no, "state": order.state, "cashier_url": self.cashier_address(order)},
        )

    def _notify_verify(self, request: Incoming) -> Outgoing:
        """Whether a notify_id is of a callback that was sent."""
        given = parse_qs(request.query)
        wanted = given.get("notify_id", [""])[-1]
        partner = given.get("partner", [""])[-1]
        sent = self._world.books.newest_callbacks(1000)
        known = any(
            one.gateway == "alipay" and one.merchant == partner and telling.notify_id(one) == wanted for one in sent
        )
        return Outgoing(200, b"true" if known else b"false", {"Content-Type": "text/plain"})


def _ill_page(kind: str) -> Outgoing:
    return replace(_plain_page(200, writing.ill(kind)["sub_msg"]), status=503 if kind == "system_error" else 429)


def _plain_page(status: int, message: str) -> Outgoing:
    body = f'<!DOCTYPE html><html><head><meta charset="utf-8"></head><body><p>{message}</p></body></html>'
    return Outgoing(status, body.encode(), {"Content-Type": "text/html;charset=utf-8"})


def _json(status: int, body: Mapping[str, str]) -> Outgoing:
    return Outgoing(status, json.dumps(body, ensure_ascii=False).encode(), {"Content-Type": "application/json"})
