"""What a gateway's answer to the harmless question tells: its codes and status → what is wrong and what to do. Pure.

- Alipay's common codes: https://opendocs.alipay.com/common/02km9f
- WeChat Pay's error codes: https://pay.weixin.qq.com/doc/v3/merchant/4012081709
"""

from __future__ import annotations

from datetime import timezone
from email.utils import parsedate_to_datetime

from ..clock import SECOND, from_datetime
from ..gateways.wechat.words import canonical
from .answer_words import ANSWERS
from .findings import Finding, Severity, said

WARN_SECONDS, BAD_SECONDS = 60, 240

#: Alipay's sub-code, without ``isv.`` and its like → our code.
_ALIPAY = {
    "invalid-signature": "ALIPAY_SIGN_REFUSED", "missing-signature": "ALIPAY_SIGN_REFUSED",
    "invalid-signature-type": "ALIPAY_SIGN_REFUSED", "missing-signature-type": "ALIPAY_SIGN_REFUSED",
    "missing-signature-key": "ALIPAY_NO_PUBLIC_KEY", "missing-signature-config": "ALIPAY_NO_PUBLIC_KEY",
    "invalid-app-id": "ALIPAY_APP_UNKNOWN", "missing-app-id": "ALIPAY_APP_UNKNOWN",
    "app-cert-not-exist": "ALIPAY_CERT_UNKNOWN", "app-cert-expired": "ALIPAY_CERT_UNKNOWN",
    "invalid-app-cert-sn": "ALIPAY_CERT_UNKNOWN", "missing-app-cert-sn": "ALIPAY_CERT_UNKNOWN",
    "invalid-alipay-root-cert-sn": "ALIPAY_ROOT_REFUSED", "missing-alipay-root-cert-sn": "ALIPAY_ROOT_REFUSED",
    "alipay-root-cert-expired": "ALIPAY_ROOT_REFUSED",
    "invalid-timestamp": "ALIPAY_TIMESTAMP", "missing-timestamp": "ALIPAY_TIMESTAMP",
    "invalid-auth-token": "ALIPAY_AUTH_TOKEN", "auth-token-time-out": "ALIPAY_AUTH_TOKEN",
    "invalid-app-auth-token": "ALIPAY_AUTH_TOKEN", "app-auth-token-time-out": "ALIPAY_AUTH_TOKEN",
    "invalid-app-auth-token-no-api": "ALIPAY_AUTH_TOKEN",
    "insufficient-isv-permissions": "ALIPAY_NOT_CONTRACTED", "insufficient-user-permissions": "ALIPAY_NOT_CONTRACTED",
    "ACCESS_FORBIDDEN": "ALIPAY_NOT_CONTRACTED",
    "SYSTEM_ERROR": "GATEWAY_BUSY", "unknow-error": "GATEWAY_BUSY", "unknown-error": "GATEWAY_BUSY",
    "service-not-available": "GATEWAY_BUSY",
}  # fmt: skip

#: The code alone, where the sub-code is none of ours.
_ALIPAY_BY_CODE = {"20000": "GATEWAY_BUSY", "20001": "ALIPAY_AUTH_TOKEN", "40005": "GATEWAY_BUSY",
                   "40006": "ALIPAY_NOT_CONTRACTED"}  # fmt: skip

_WECHAT = {
    "APPID_MCHID_NOT_MATCH": "WECHAT_APP_NOT_BOUND", "MCH_NOT_EXISTS": "WECHAT_MERCHANT_UNKNOWN",
    "NO_AUTH": "WECHAT_NO_AUTH", "FREQUENCY_LIMITED": "GATEWAY_BUSY", "RATE_LIMITED": "GATEWAY_BUSY",
    "RATELIMIT_EXCEEDED": "GATEWAY_BUSY", "SYSTEM_ERROR": "GATEWAY_BUSY", "BANK_ERROR": "GATEWAY_BUSY",
}  # fmt: skip

#: What a SIGN_ERROR is about, by the words in its message: it is one code for all of them.
_SIGN_ERRORS = (
    ("WECHAT_API_V3_KEY_UNSET", ("apiv3", "api v3")),
    ("WECHAT_TIMESTAMP", ("timestamp", "时间戳", "过期的请求", "request expired")),
    ("WECHAT_SERIAL_REFUSED", ("serial", "序列号", "证书", "certificate")),
)


def alipay_code(code: str, sub_code: str) -> str:
    """What a refusal of Alipay's means, as a code of :data:`ANSWERS`."""
    plain = sub_code.rpartition(".")[2]
    if plain.startswith(("decryption-error", "invalid-encrypt", "missing-encrypt", "encrypt")):
        return "ALIPAY_AES_KEY"
    return _ALIPAY.get(plain) or _ALIPAY_BY_CODE.get(code, "ALIPAY_REFUSED")


def wechat_code(status: int, code: str, message: str) -> str:
    """What an error of WeChat Pay's means, as a code of :data:`ANSWERS`; they are not signed, so they are hints."""
    known = canonical(code)
    if known == "SIGN_ERROR":
        said_there = message.lower()
        return next((ours for ours, signs in _SIGN_ERRORS if any(sign in said_there for sign in signs)),
                    "WECHAT_SIGN_REFUSED")  # fmt: skip
    if known in _WECHAT:
        return _WECHAT[known]
    if status == 429 or (status >= 500 and code):
        return "GATEWAY_BUSY"
    return "WECHAT_REFUSED" if code else "GATEWAY_STATUS"


def clock_finding(account: str, host: str, date: str | None, now: int) -> Finding | None:
    """How far our clock is from the ``Date`` of their answer, at whose arrival it was ``now``; ``None`` without one."""
    try:
        theirs = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    apart = (now - from_datetime(theirs if theirs.tzinfo else theirs.replace(tzinfo=timezone.utc))) // SECOND
    seconds = abs(apart)
    if seconds <= WARN_SECONDS:
        return said(ANSWERS, "CLOCK_AGREES", account, host=host, seconds=max(1, seconds))
    way = ("ahead of", "快") if apart > 0 else ("behind", "慢")
    severity = Severity.ERROR if seconds > BAD_SECONDS else Severity.WARNING
    return said(ANSWERS, "CLOCK_SKEW", account, severity, host=host, seconds=seconds, way=way)
