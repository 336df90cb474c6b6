"""wechatpayv3, the one most Python shops use for WeChat Pay's APIv3: platform certificates, public key, or both."""

import base64
import json
import secrets
import time

from lines import serve
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core


class Address:
    """The address: ``Core`` sets it itself, and in certificate mode asks there before anybody could set another."""

    def __init__(self, url):
        self._url = url

    def __get__(self, instance, owner=None):
        return self._url

    def __set__(self, instance, value):
        pass  # https://api.mch.weixin.qq.com


class Client:
    def __init__(self, settings):
        Core._gate_way = Address(settings["url"])
        told = {}
        if settings["mode"] != "certificate":
            told = {"public_key": settings["public_key"], "public_key_id": settings["public_key_id"]}
        self._settings = settings
        self._sdk = WeChatPay(
            wechatpay_type=WeChatPayType.NATIVE, mchid=settings["mchid"], private_key=settings["private_pem"],
            cert_serial_no=settings["serial"], appid=settings["appid"], apiv3_key=settings["api_v3_key"],
            notify_url=settings["notify_url"], cert_dir=settings.get("cert_dir"), **told,
        )  # fmt: skip

    def _ordered(self, kind, total, **more):
        more["amount"] = {"total": total, "currency": "CNY"}
        return _said(self._sdk.pay(pay_type=WeChatPayType[kind], **more))

    def native(self, **order):
        return self._ordered("NATIVE", **order)

    def jsapi(self, openid, **order):
        return self._ordered("JSAPI", payer={"openid": openid}, **order)

    def app(self, **order):
        return self._ordered("APP", **order)

    def h5(self, **order):
        scene = {"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}}
        return self._ordered("H5", scene_info=scene, **order)

    def codepay(self, auth_code, **order):
        scene = {"store_info": {"id": "S1"}}
        return self._ordered("CODEPAY", payer={"auth_code": auth_code}, scene_info=scene, **order)

    def client_params(self, prepay_id):
        """What the merchant's page hands to WeChat's JSAPI."""
        params = {
            "appId": self._settings["appid"], "timeStamp": str(int(time.time())), "nonceStr": secrets.token_hex(16),
            "package": f"prepay_id={prepay_id}",
        }  # fmt: skip
        return {**params, "signType": "RSA", "paySign": self._sdk.sign(list(params.values()))}

    def query(self, **which):
        return _said(self._sdk.query(**which))

    def close(self, **which):
        return _said(self._sdk.close(**which))

    def refund(self, refund, total, **more):
        return _said(self._sdk.refund(amount={"refund": refund, "total": total, "currency": "CNY"}, **more))

    def refund_query(self, **which):
        return _said(self._sdk.query_refund(**which))

    def to_a_card(self, bank_account, real_name, **which):
        told = self._sdk.abnormal_refund(
            type="USER_BANK_CARD", bank_type="ICBC_DEBIT", bank_account=bank_account, real_name=real_name, **which
        )
        return _said(told)

    def combine(self, orders, **more):
        subs = [
            {
                "mchid": self._settings["mchid"], "attach": "1", "description": one["description"],
                "out_trade_no": one["out_trade_no"], "amount": {"total_amount": one["total"], "currency": "CNY"},
            }
            for one in orders
        ]  # fmt: skip
        return _said(self._sdk.combine_pay(sub_orders=subs, **more))

    def combine_query(self, **which):
        return _said(self._sdk.combine_query(**which))

    def combine_close(self, numbers, **which):
        subs = [{"mchid": self._settings["mchid"], "out_trade_no": number} for number in numbers]
        return _said(self._sdk.combine_close(sub_orders=subs, **which))

    def bill(self, kind, day):
        ask = self._sdk.trade_bill if kind == "trade" else self._sdk.fundflow_bill
        told = _said(ask(bill_date=day, tar_type="GZIP"))
        if told["status"] != 200:
            return told
        _, body = self._sdk.download_bill(told["body"]["download_url"])
        return told | {"file": base64.b64encode(body).decode("ascii")}

    def certificates(self):
        return sorted(f"{one.serial_number:040X}" for one in self._sdk._core._certificates)

    def verify(self, headers, body):
        return self._sdk.callback(headers, body)


def _said(told):
    status, body = told
    return {"status": status, "body": json.loads(body) if body else None}


serve(Client, "wechatpayv3")
