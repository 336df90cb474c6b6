"""python-alipay-sdk, the one most Python shops use. Key mode and certificate mode."""

from urllib.parse import parse_qsl

import requests
from alipay import AliPay, DCAliPay
from lines import serve


class Client:
    def __init__(self, settings):
        told = {
            "appid": settings["app_id"], "app_notify_url": settings["notify_url"],
            "app_private_key_string": settings["private_pem"],
        }  # fmt: skip
        if settings["mode"] == "certificate":
            self._sdk = DCAliPay(
                **told,
                app_public_key_cert_string=settings["app_certificate"],
                alipay_public_key_cert_string=settings["alipay_certificate"],
                alipay_root_cert_string=settings["alipay_root_certificate"],
            )
        else:
            self._sdk = AliPay(**told, alipay_public_key_string=settings["alipay_public_pem"])
        # The address: the SDK chooses between two of its own by `debug`, and has no other setting for it.
        self._gateway = self._sdk._gateway = settings["gateway"]

    def precreate(self, **biz):
        return self._sdk.api_alipay_trade_precreate(**biz)

    def create(self, **biz):
        return self._sdk.api_alipay_trade_create(**biz)

    def pay(self, **biz):
        return self._sdk.api_alipay_trade_pay(**biz)

    def page(self, **biz):
        return {"url": f"{self._gateway}?{self._sdk.api_alipay_trade_page_pay(**biz)}"}

    def wap(self, **biz):
        return {"url": f"{self._gateway}?{self._sdk.api_alipay_trade_wap_pay(**biz)}"}

    def app(self, **biz):
        return self._sdk.api_alipay_trade_app_pay(**biz)

    def query(self, **biz):
        return self._sdk.api_alipay_trade_query(**biz)

    def refund(self, **biz):
        return self._sdk.api_alipay_trade_refund(**biz)

    def refund_query(self, **biz):
        return self._sdk.api_alipay_trade_fastpay_refund_query(**biz)

    def close(self, **biz):
        return self._sdk.api_alipay_trade_close(**biz)

    def cancel(self, **biz):
        return self._sdk.api_alipay_trade_cancel(**biz)

    def bill(self, **biz):
        return self._sdk.server_api("alipay.data.dataservice.bill.downloadurl.query", biz)

    def certificate(self, sn):
        """Alipay's certificate by its SN: the SDK signs the question, and leaves asking it to its caller."""
        signed = self._sdk.api_alipay_open_app_alipaycert_download(sn)
        told = requests.get(f"{self._gateway}?{signed}", timeout=10).content.decode("utf-8")
        return self._sdk._verify_and_return_sync_response(told, "alipay_open_app_alipaycert_download_response")

    def alipay_sn(self):
        return self._sdk.get_cert_sn(self._sdk._alipay_public_key_cert_string)

    def verify(self, body):
        params = dict(parse_qsl(body, keep_blank_values=True))
        return self._sdk.verify(params, params.pop("sign"))


serve(Client, "python-alipay-sdk")
