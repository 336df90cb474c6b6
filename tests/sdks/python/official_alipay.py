"""alipay-sdk-python, Ant Group's own. It knows key mode only."""

import http.client
import importlib
import json
from urllib.parse import parse_qsl, urlsplit

from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from alipay.aop.api.util import WebUtils
from alipay.aop.api.util.SignatureUtils import get_sign_content, verify_with_rsa
from lines import serve


def with_port(url, query_string, timeout):
    """What the SDK's ``get_http_connection`` does, for an address that has a port."""
    parts = urlsplit(url)
    return f"{url}?{query_string}", http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)


class Client:
    def __init__(self, settings):
        config = AlipayClientConfig()
        config.server_url = settings["gateway"]
        config.app_id = settings["app_id"]
        config.app_private_key = settings["private_line"]
        config.alipay_public_key = settings["alipay_public_line"]
        if urlsplit(config.server_url).port:
            # The SDK cannot be given such an address: it always connects to port 80 or 443, and fails on adding a port
            # to a text. The tests let the sandbox listen on port 80 where that is allowed, and then nothing is set
            # here; elsewhere this is the only way to tell the SDK the address.
            WebUtils.get_http_connection = with_port
        self._notify_url = settings["notify_url"]
        self._key = settings["alipay_public_line"]
        self._client = DefaultAlipayClient(config)

    def _request(self, name, biz, notify=False, return_url=None):
        """A request of the SDK's with its model, e.g. ``TradeQuery``."""
        model = getattr(importlib.import_module(f"alipay.aop.api.domain.Alipay{name}Model"), f"Alipay{name}Model")()
        for field, value in biz.items():
            setattr(model, field, value)
        module = importlib.import_module(f"alipay.aop.api.request.Alipay{name}Request")
        request = getattr(module, f"Alipay{name}Request")(biz_model=model)
        if notify:
            request.notify_url = self._notify_url
        if return_url:
            request.return_url = return_url
        return request

    def _call(self, name, biz, notify=False):
        return json.loads(self._client.execute(self._request(name, biz, notify)))

    def precreate(self, **biz):
        return self._call("TradePrecreate", biz, notify=True)

    def create(self, **biz):
        return self._call("TradeCreate", biz, notify=True)

    def pay(self, **biz):
        return self._call("TradePay", biz, notify=True)

    def page(self, return_url, **biz):
        biz["product_code"] = "FAST_INSTANT_TRADE_PAY"
        get = self._client.page_execute(self._request("TradePagePay", dict(biz), True, return_url), "GET")
        form = self._client.page_execute(self._request("TradePagePay", dict(biz), True, return_url), "POST")
        return {"url": get, "form": form}

    def wap(self, return_url, **biz):
        biz["product_code"] = "QUICK_WAP_WAY"
        return {"url": self._client.page_execute(self._request("TradeWapPay", biz, True, return_url), "GET")}

    def app(self, **biz):
        biz["product_code"] = "QUICK_MSECURITY_PAY"
        return self._client.sdk_execute(self._request("TradeAppPay", biz, True))

    def query(self, **biz):
        return self._call("TradeQuery", biz)

    def refund(self, **biz):
        return self._call("TradeRefund", biz)

    def refund_query(self, **biz):
        return self._call("TradeFastpayRefundQuery", biz)

    def close(self, **biz):
        return self._call("TradeClose", biz)

    def cancel(self, **biz):
        return self._call("TradeCancel", biz)

    def bill(self, **biz):
        return self._call("DataDataserviceBillDownloadurlQuery", biz)

    def verify(self, body):
        params = dict(parse_qsl(body, keep_blank_values=True))
        sign = params.pop("sign")
        params.pop("sign_type")
        return verify_with_rsa(self._key, get_sign_content(params).encode("utf-8"), sign)


serve(Client, "alipay-sdk-python")
