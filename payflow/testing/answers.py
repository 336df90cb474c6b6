"""What Alipay and WeChat Pay would answer, genuinely signed, registered with ``responses``.

For hosts that mock HTTP instead of starting the sandbox: no port, no thread, and every answer is the test's own::

    def test_an_order_is_shown_as_a_qr_code(payflow_flow, payflow_answers):
        payflow_answers.alipay("trade.precreate", qr_code="https://qr.alipay.com/bax00001")
        result = payflow_flow.pay(amount=Money(1250), channel="qr", account="alipay", action="buy", key="k")
        assert result.next_action.data == {"text": "https://qr.alipay.com/bax00001"}

Nothing leaves the machine: a request that no answer is registered for is refused by ``responses``, which payflow takes
for a gateway that cannot be reached. An answer is given as often as it is asked for; of several to one question each is
given once, in order, and the last one for ever.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from ..clock import Clock, system_clock
from ..money import text_from_minor
from .callbacks import FACTS, AlipaySide, Told, WeChatSide

if TYPE_CHECKING:
    from responses import RequestsMock

    from ..records import Payment

Tamper = Callable[[bytes], bytes]
_Answer = tuple[int, Mapping[str, str], bytes]

ALIPAY = "https://openapi.alipay.com/gateway.do"
WECHAT = "https://api.mch.weixin.qq.com"
_BOTH_WECHAT = r"https://api2?\.mch\.weixin\.qq\.com"


class Answers:
    """Answers of both gateways in one ``responses`` mock. ``sides`` sign: those of ``payflow_sides``, or your own.

    ``mock`` is the ``RequestsMock`` they are registered with; more may be registered there, for other hosts.
    """

    def __init__(self, mock: RequestsMock, sides: Mapping[str, Any] | None = None, clock: Clock = system_clock) -> None:
        given = sides or {}
        self.mock = mock
        self._alipay: AlipaySide = given.get("alipay") or AlipaySide()
        self._wechat: WeChatSide = given.get("wechat") or WeChatSide()
        self._clock = clock

    # -- Alipay -----------------------------------------------------------------------------------------------------

    def alipay(self, method: str, *, tamper: Tamper | None = None, **fields: Any) -> None:
        """Answer one method of ``gateway.do``: ``trade.query`` is ``alipay.trade.query``.

        ``fields`` are those of the answer; ``code`` is 10000 unless it is told, and ``out_trade_no`` what was asked
        for. ``tamper`` changes the body after it was signed.
        """
        name = method if method.startswith("alipay.") else f"alipay.{method}"

        def answer(request: Any) -> _Answer:
            said = {"code": "10000", "msg": "Success", **_numbers(request), **fields}
            node = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
            signature = self._alipay.signer.signed(node.encode())
            body = f'{{"{name.replace(".", "_")}_response":{node},"sign":"{signature}"}}'.encode()
            return 200, {"Content-Type": "text/html;charset=utf-8"}, body if tamper is None else tamper(body)

        self._on("POST", ALIPAY, answer, lambda request: (_method(request) == name, f"the method is not {name}"))

    # -- WeChat Pay -------------------------------------------------------------------------------------------------

    def wechat(
        self, verb: str, path: str, *, status: int = 200, tamper: Tamper | None = None, **fields: Any
    ) -> None:  # fmt: skip
        """Answer one address, at both hosts: ``wechat("POST", "/v3/pay/transactions/native", code_url=…)``.

        A 2xx is signed; anything else is not, as with WeChat Pay itself. ``tamper`` changes the body after that.
        """

        def answer(_: Any) -> _Answer:
            body = json.dumps(fields, ensure_ascii=False).encode() if fields else b""
            headers = {"Content-Type": "application/json", "Request-ID": "08E8D3DBCA0610001800"}
            if 200 <= status < 300:
                headers |= self._wechat.signer.headers(body, self._clock())
            return status, headers, body if tamper is None else tamper(body)

        self._on(verb, re.compile(rf"{_BOTH_WECHAT}{re.escape(path)}(\?.*)?$"), answer)

    # -- both -------------------------------------------------------------------------------------------------------

    def queried(self, payment: Payment, kind: str, **told: Any) -> None:
        """What the gateway of this payment says when it is asked: ``pending``, ``paid``, ``closed`` or ``missing``.

        ``told`` is what is not as in the payment: ``amount``, ``gateway_txn``.
        """
        facts = Told(**{"out_trade_no": payment.out_trade_no, "amount": payment.amount, "at": self._clock(), **told})
        if payment.gateway == "alipay":
            self.alipay("trade.query", **_alipay_trade(facts, kind))
            return
        path = f"/v3/pay/transactions/out-trade-no/{payment.out_trade_no}"
        if kind == "missing":
            self.wechat("GET", path, status=404, code="ORDER_NOT_EXIST", message="订单不存在")
        else:
            self.wechat("GET", path, **_wechat_trade(facts, kind, self._wechat))

    def refunded(self, payment: Payment, amount: int, **told: Any) -> None:
        """The gateway sends ``amount`` (minor units) of this payment back when it is told to, at once."""
        facts = Told(**{
            "out_trade_no": payment.out_trade_no, "amount": payment.amount, "refund_amount": amount,
            "gateway_txn": payment.gateway_txn or FACTS.gateway_txn, "at": self._clock(), **told,
        })  # fmt: skip
        if payment.gateway == "alipay":
            self.alipay(
                "trade.refund", fund_change="Y", out_trade_no=facts.out_trade_no, trade_no=facts.gateway_txn,
                refund_fee=text_from_minor(amount), gmt_refund_pay=facts.local("%Y-%m-%d %H:%M:%S"),
            )  # fmt: skip
            return
        self._on(
            "POST", re.compile(rf"{_BOTH_WECHAT}/v3/refund/domestic/refunds$"),
            lambda request: self._wechat_refund(facts, json.loads(request.body)),
        )  # fmt: skip

    def _wechat_refund(self, facts: Told, asked: Mapping[str, Any]) -> _Answer:
        said = {
            "refund_id": "50000000382019052709732678859", "out_refund_no": asked["out_refund_no"], "status": "SUCCESS",
            "out_trade_no": facts.out_trade_no, "transaction_id": facts.gateway_txn, "channel": "ORIGINAL",
            "success_time": facts.local("%Y-%m-%dT%H:%M:%S+08:00"), "user_received_account": "支付用户零钱",
            "amount": {"total": facts.amount, "refund": facts.refund_amount, "currency": "CNY"},
        }  # fmt: skip
        body = json.dumps(said, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", **self._wechat.signer.headers(body, self._clock())}
        return 200, headers, body

    def silent(self, account: str) -> None:
        """Every request to ``alipay`` or ``wechat`` is sent and no answer comes; one that is registered comes once."""
        import requests

        url = re.compile(r"https://openapi\.alipay\.com/.*" if account == "alipay" else rf"{_BOTH_WECHAT}/.*")
        for verb in ("GET", "POST"):
            self.mock.add(verb, url, body=requests.ReadTimeout("no answer"))

    def _on(self, verb: str, url: Any, answer: Callable[[Any], _Answer], *matchers: Callable[..., Any]) -> None:
        self.mock.add_callback(verb, url, callback=answer, content_type=None, match=matchers)


# -- pieces ------------------------------------------------------------------------------------------------------------


def _method(request: Any) -> str:
    return str(parse_qs(urlsplit(request.url).query).get("method", [""])[0])


def _numbers(request: Any) -> dict[str, Any]:
    """The number of the order that was asked for, as Alipay repeats it."""
    content = parse_qs(request.body.decode() if isinstance(request.body, bytes) else request.body)
    asked = json.loads(content["biz_content"][0])
    return {name: asked[name] for name in ("out_trade_no", "out_request_no") if name in asked}


def _alipay_trade(facts: Told, kind: str) -> dict[str, Any]:
    if kind == "missing":
        return {"code": "40004", "msg": "Business Failed", "sub_code": "ACQ.TRADE_NOT_EXIST", "sub_msg": "交易不存在"}
    said = {
        "trade_no": facts.gateway_txn, "trade_status": AlipaySide.KINDS[kind],
        "total_amount": text_from_minor(facts.amount), "buyer_logon_id": "152****6706",
    }  # fmt: skip
    return {**said, "send_pay_date": facts.local("%Y-%m-%d %H:%M:%S")} if kind == "paid" else said


def _wechat_trade(facts: Told, kind: str, side: WeChatSide) -> dict[str, Any]:
    said = {
        "appid": side.signer.appid, "mchid": side.signer.mchid, "out_trade_no": facts.out_trade_no,
        "trade_state": {"pending": "NOTPAY", "paid": "SUCCESS", "closed": "CLOSED"}[kind], "trade_state_desc": "",
        "amount": {"total": facts.amount, "currency": facts.currency},
    }  # fmt: skip
    if kind != "paid":
        return said
    when = facts.local("%Y-%m-%dT%H:%M:%S+08:00")
    return said | {"transaction_id": facts.gateway_txn, "trade_type": "NATIVE", "success_time": when}
