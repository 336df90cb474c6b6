"""Node.js."""

from __future__ import annotations

from . import Sdk

SDKS = (
    Sdk(
        name="alipay-sdk", gateway="alipay", install="npm install alipay-sdk",
        setting="gateway, for exec() and pageExec()",
        setting_zh="gateway，用于 exec() 和 pageExec()",
        warning="endpoint is for Alipay's own v3 interface (curl()), which this sandbox does not speak.",
        warning_zh="endpoint 用于支付宝 v3 接口（curl()），沙箱不支持该接口。",
        files=("app_private_key_pkcs8.txt", "alipay_public_key.txt"),
        code="""import { readFileSync } from "node:fs";
import { AlipaySdk } from "alipay-sdk";

const alipay = new AlipaySdk({
  appId: "@APP_ID@",
  privateKey: readFileSync("app_private_key_pkcs8.txt", "ascii"),
  keyType: "PKCS8",
  alipayPublicKey: readFileSync("alipay_public_key.txt", "ascii"),
  gateway: "@URL@/gateway.do",
});

console.log(await alipay.exec("alipay.trade.precreate", {
  notify_url: "http://127.0.0.1:8000/callbacks/alipay",
  bizContent: { out_trade_no: "ORDER_0003", total_amount: "12.50", subject: "coffee" },
}));
""",
    ),
    Sdk(
        name="wechatpay-axios-plugin", gateway="wechat", install="npm install wechatpay-axios-plugin",
        setting="baseURL, an axios setting that the constructor passes on",
        setting_zh="baseURL：axios 的设置，构造函数会原样传递",
        files=("wechat_merchant_key.pem", "wechat_public_key.pem"),
        code="""const { readFileSync } = require("node:fs");
const { Wechatpay } = require("wechatpay-axios-plugin");

const wxpay = new Wechatpay({
  mchid: "@MCHID@",
  serial: "@SERIAL@",
  privateKey: readFileSync("wechat_merchant_key.pem"),
  certs: { "@PUBLIC_KEY_ID@": readFileSync("wechat_public_key.pem") },
  baseURL: "@URL@/",
});

wxpay.v3.pay.transactions.native.post({
  mchid: "@MCHID@", appid: "@APPID@", out_trade_no: "ORDER_0004", description: "coffee",
  notify_url: "http://127.0.0.1:8000/callbacks/wechat", amount: { total: 1250, currency: "CNY" },
}).then(({ data }) => console.log(data.code_url));
""",
    ),
)  # fmt: skip
