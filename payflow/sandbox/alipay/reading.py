"""What a request says, and whether it is genuine. Nothing is done here."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import CallbackRefused
from ...forms import CHARSETS, parse
from ...signing import MAX_SIGNATURE_TEXT, Verifier, decode_base64
from ...strictjson import parse_object
from ..material import APPS, AlipayApp, Material
from ..messages import Incoming
from .content_cipher import decrypt
from .fields import checked_timestamp
from .refusing import Refused
from .serials import cert_sn, root_cert_sn

#: What an app_auth_token of the sandbox begins with; any other is refused.
TOKEN_PREFIX = "sandbox-token-"  # noqa: S105 -- a prefix for tests, not a secret

#: method → operation, in the words of the sandbox's faults.
OPERATIONS = {
    "alipay.trade.page.pay": "charge",
    "alipay.trade.wap.pay": "charge",
    "alipay.trade.app.pay": "charge",
    "alipay.trade.precreate": "charge",
    "alipay.trade.create": "charge",
    "alipay.trade.pay": "charge",
    "alipay.trade.query": "query",
    "alipay.trade.cancel": "close",
    "alipay.trade.close": "close",
    "alipay.trade.refund": "refund",
    "alipay.trade.fastpay.refund.query": "query_refund",
    "alipay.data.dataservice.bill.downloadurl.query": "bill",
    "alipay.open.app.alipaycert.download": "certificates",
}
_MISSING = (
    ("method", "isv.missing-method", "缺少方法名参数"),
    ("sign_type", "isv.missing-signature-type", "缺少签名类型参数"),
    ("sign", "isv.missing-signature", "缺少签名参数"),
    ("version", "isv.missing-version", "缺少版本参数"),
)
_SHOWN = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request that has been read. What is only known after it proved genuine is empty until then."""

    app: AlipayApp
    params: Mapping[str, str]
    codec: str
    biz: Mapping[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """What is asked for."""
        return self.params.get("method", "")

    @property
    def operation(self) -> str:
        """The same in the words of the sandbox's faults; "" for none of them."""
        return OPERATIONS.get(self.method, "")

    @property
    def node_name(self) -> str:
        """Where the answer stands."""
        return self.method.replace(".", "_") + "_response"

    @property
    def charset(self) -> str:
        """The charset by the name it was given."""
        return self.params.get("charset", "utf-8")

    @property
    def encrypted(self) -> bool:
        """Whether content is encrypted, both ways."""
        return self.params.get("encrypt_type") == "AES"


class Reader:
    """Reads requests and verifies them with the apps' keys."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._verifier = Verifier(material.key("app").public_key())
        self._app_sn = cert_sn(material.app_certificate)
        self._root_sn = root_cert_sn([material.root_certificate])

    def read(self, request: Incoming) -> Ask:
        """Who asks for what, without having looked at the signature. ``Refused`` if that cannot be told."""
        return self._ask(raw_params(request.query.encode("latin-1", "replace"), request.body))

    def read_order_string(self, order_string: str) -> Ask:
        """The same for the text that an app hands to Alipay's mobile SDK."""
        return self._ask(raw_params(order_string.encode("latin-1", "replace"), b""))

    def _ask(self, found: tuple[dict[bytes, bytes], bytes | None]) -> Ask:
        raw, charset = found
        codec = CHARSETS.get((charset or b"").decode("latin-1").lower())
        if codec is None:
            raise Refused("40002", "isv.invalid-charset", "字符集错误", genuine=False)
        try:
            params = {name.decode("ascii"): value.decode(codec) for name, value in raw.items()}
        except UnicodeDecodeError:
            raise Refused("40002", "isv.invalid-charset", "内容与字符集不符", genuine=False) from None
        app_id = params.get("app_id", "")
        if not app_id:
            raise Refused("40001", "isv.missing-app-id", "缺少AppID参数", genuine=False)
        app = next((one for one in APPS if one.app_id == app_id), None)
        if app is None:
            raise Refused("40002", "isv.invalid-app-id", "无效的AppID参数", genuine=False)
        return Ask(app=app, params=params, codec=codec)

    def verified(self, ask: Ask) -> Ask:
        """The same with its content, once it has proved genuine; ``Refused`` if it has not."""
        self._check_public(ask)
        self._check_signature(ask)
        self._check_certificates(ask)
        if ask.operation == "":
            raise Refused("40002", "isv.invalid-method", "不存在的方法名")
        if ask.params.get("version") != "1.0":
            raise Refused("40002", "isv.invalid-version", "非法的版本参数")
        if ask.params.get("format", "JSON").upper() != "JSON":
            raise Refused("40002", "isv.invalid-format", "无效的数据格式")
        token = ask.params.get("app_auth_token")
        if token is not None and not token.startswith(TOKEN_PREFIX):
            raise Refused("20001", "aop.invalid-app-auth-token", "无效的应用授权令牌")
        return Ask(app=ask.app, params=ask.params, codec=ask.codec, biz=self._content(ask))

    def _check_public(self, ask: Ask) -> None:
        for name, sub_code, sub_msg in _MISSING:
            if not ask.params.get(name):
                raise Refused("40001", sub_code, sub_msg, genuine=False)
        wrong = checked_timestamp(ask.params.get("timestamp", ""))
        if wrong is not None:
            raise wrong
        if ask.params["sign_type"] != "RSA2":
            raise Refused("40002", "isv.invalid-signature-type", "无效的签名类型", genuine=False)

    def _check_signature(self, ask: Ask) -> None:
        signed = to_sign(ask.params)
        try:
            signature = decode_base64(ask.params["sign"], MAX_SIGNATURE_TEXT)
        except ValueError:
            signature = b""
        if not self._verifier.verifies(signature, signed.encode(ask.codec)):
            shown = html.escape(signed[:_SHOWN], quote=False)
            raise Refused(
                "40002", "isv.invalid-signature",
                f"验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，网关生成的验签字符串为：{shown}",
            )  # fmt: skip

    def _check_certificates(self, ask: Ask) -> None:
        if ask.app.mode != "certificate":
            return
        own, root = ask.params.get("app_cert_sn"), ask.params.get("alipay_root_cert_sn")
        if not own or not root:
            missing = "app-cert-sn" if not own else "alipay-root-cert-sn"
            raise Refused("40001", f"isv.missing-{missing}", "缺少证书序列号参数", genuine=False)
        if own != self._app_sn:
            raise Refused("40002", "isv.app-cert-not-exist", "应用公钥证书不存在", genuine=False)
        if root != self._root_sn:
            raise Refused("40002", "isv.invalid-alipay-root-cert-sn", "支付宝根证书序列号错误", genuine=False)

    def _content(self, ask: Ask) -> Mapping[str, Any]:
        content = ask.params.get("biz_content", "")
        if not content:
            raise Refused("40001", "isv.missing-parameter", "缺少参数：biz_content")
        encrypt_type = ask.params.get("encrypt_type")
        if encrypt_type not in (None, "AES"):
            raise Refused("40002", "isv.invalid-encrypt-type", "无效的加密类型")
        raw = content.encode("utf-8")
        if encrypt_type:
            try:
                raw = decrypt(self._material.aes_key, content)
            except ValueError:
                raise Refused("40003", "isv.decryption-error-unknown", "解密出错, 未知错误") from None
        try:
            return parse_object(raw)
        except CallbackRefused:
            raise Refused("40002", "isv.invalid-parameter", "参数无效：biz_content不是合法的JSON") from None


def raw_params(query: bytes, body: bytes) -> tuple[dict[bytes, bytes], bytes | None]:
    """The parameters of query and body together, and the charset they name; one that comes twice is refused."""
    try:
        first = parse(query) if query else {}
        second = parse(body) if body else {}
    except CallbackRefused as error:
        raise Refused("40002", "isv.invalid-parameter", f"参数无效：{error.code}", genuine=False) from None
    both = first.keys() & second.keys()
    if both:
        raise Refused("40002", "isv.invalid-parameter", "参数无效：参数重复", genuine=False)
    params = first | second
    return params, params.get(b"charset")


def to_sign(params: Mapping[str, str]) -> str:
    """What a request is signed over: everything but ``sign`` and what is empty, sorted by name, as it is."""
    return "&".join(f"{name}={value}" for name, value in sorted(params.items()) if name != "sign" and value)
