"""Python."""

from __future__ import annotations

from . import Sdk

SDKS = (
    Sdk(
        name="python-alipay-sdk", gateway="alipay", install="pip install python-alipay-sdk",
        setting="No constructor argument takes the address; the attribute _gateway does.",
        setting_zh="构造函数没有网关地址参数；用属性 _gateway 设置。",
        files=("app_private_key.pem", "alipay_public_key.pem"),
        code="""from pathlib import Path

from alipay import AliPay

alipay = AliPay(
    appid="@APP_ID@",
    app_notify_url="http://127.0.0.1:8000/callbacks/alipay",
    app_private_key_string=Path("app_private_key.pem").read_text(),
    alipay_public_key_string=Path("alipay_public_key.pem").read_text(),
    sign_type="RSA2",
)
alipay._gateway = "@URL@/gateway.do"

print(alipay.api_alipay_trade_precreate(subject="coffee", out_trade_no="ORDER_0001", total_amount="12.50"))
""",
    ),
    Sdk(
        name="alipay-sdk-python", gateway="alipay", install="pip install alipay-sdk-python",
        setting="AlipayClientConfig.server_url",
        setting_zh="AlipayClientConfig.server_url",
        warning="It knows ports 80 and 443 only: calls to an address with another port fail inside the SDK. Start the "
        "sandbox with `payflow sandbox --port 80` and leave the port out of server_url.",
        warning_zh="它只认识 80 和 443 端口：地址带其他端口时，SDK 内部会出错。"
        "请用 `payflow sandbox --port 80` 启动沙箱，并且 server_url 不写端口。",
        files=("app_private_key_pkcs1.txt", "alipay_public_key.txt"),
        code="""from pathlib import Path

from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient

config = AlipayClientConfig()
config.server_url = "http://@HOSTNAME@/gateway.do"  # payflow sandbox --port 80
config.app_id = "@APP_ID@"
config.app_private_key = Path("app_private_key_pkcs1.txt").read_text()  # one line, PKCS#1
config.alipay_public_key = Path("alipay_public_key.txt").read_text()
client = DefaultAlipayClient(config)
""",
    ),
    Sdk(
        name="wechatpayv3", gateway="wechat", install="pip install wechatpayv3",
        setting="There is no setting for the address; the attribute _core._gate_way holds it.",
        setting_zh="没有设置地址的选项；地址保存在属性 _core._gate_way 中。",
        warning="In certificate mode the constructor asks the real address for certificates before you can change it: "
        "put wechat_platform_cert.pem alone into a folder and name it as cert_dir, or use the public key as here.",
        warning_zh="平台证书模式下，构造函数会先向真实地址下载证书："
        "请把 wechat_platform_cert.pem 单独放进一个目录并用 cert_dir 指明，"
        "或如下使用微信支付公钥。",
        files=("wechat_merchant_key.pem", "wechat_public_key.pem"),
        code="""from pathlib import Path

from wechatpayv3 import WeChatPay, WeChatPayType

wxpay = WeChatPay(
    wechatpay_type=WeChatPayType.NATIVE,
    mchid="@MCHID@",
    appid="@APPID@",
    private_key=Path("wechat_merchant_key.pem").read_text(),
    cert_serial_no="@SERIAL@",
    apiv3_key="@APIV3_KEY@",
    public_key=Path("wechat_public_key.pem").read_text(),
    public_key_id="@PUBLIC_KEY_ID@",
    notify_url="http://127.0.0.1:8000/callbacks/wechat",
)
wxpay._core._gate_way = "@URL@"

print(wxpay.pay(description="coffee", out_trade_no="ORDER_0002", amount={"total": 1250}))
""",
    ),
)  # fmt: skip
