"""A harmless signed question to a gateway: what became of an order that cannot exist. Its genuine answer proves the
address and both keys at once. Nothing is ordered, nothing is changed, and no breaker hears of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from ..clock import SECOND, Clock, day_of
from ..errors import CallbackRefused, ConfigError, GatewayError
from ..gateways.alipay import gateway as alipay
from ..gateways.alipay.certificates import Roots
from ..gateways.alipay.client import AlipayKeys, Client, Said
from ..gateways.alipay.envelope import ERROR_NODE, AnswerRefused, opened, parsed
from ..gateways.alipay.opening import cipher, origin_of, own_certificate
from ..gateways.wechat import ORIGINS
from ..gateways.wechat.certificates import certificates_in
from ..gateways.wechat.client import Client as WeChatClient
from ..gateways.wechat.client import error_of
from ..gateways.wechat.identity import Identity
from ..gateways.wechat.keys import INTERNATIONAL, PlatformKeys, serial_of
from ..gateways.wechat.words import canonical
from ..signing import Signer, load_private_key
from ..strictjson import parse_object
from ..transport import Limits, NeverSent, NoAnswer, Request, Response, Transport
from .answer_words import ANSWERS
from .findings import Fact, Finding, said
from .keys import NAMES
from .material import THEIRS, Material, platform_keys
from .meaning import alipay_code, clock_finding, wechat_code

_WECHAT_HEADERS = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "payflow"}
_NOBODY = "PAYFLOW_DOCTOR_"


class Listening(Transport):
    """A way out that remembers the last answer and when it came."""

    def __init__(self, account: str, origin: str, limits: Limits, clock: Clock) -> None:
        super().__init__(account, (origin,), limits)
        self.account = account
        self.host = urlsplit(origin).hostname or origin
        self.heard: Response | None = None
        self.at = 0
        self._now = clock

    def send(self, request: Request, *, operation: str, safe: bool = False, max_bytes: int | None = None) -> Response:
        self.heard = super().send(request, operation=operation, safe=safe, max_bytes=max_bytes)
        self.at = self._now()
        return self.heard

    def clock_finding(self) -> Iterator[Finding]:
        """What the last answer says about our clock."""
        date = None if self.heard is None else self.heard.headers.get("date")
        found = clock_finding(self.account, self.host, date, self.at)
        if found is not None:
            yield found


def ask(material: Material, limits: Limits, clock: Clock) -> Iterator[Finding]:
    """Ask the gateway of ``material``, whose keys are in order, and say what its answer means.

    Raises ``ConfigError`` for options a gateway refuses, which were looked at before.
    """
    asked = {"alipay": _ask_alipay, "wechat": _ask_wechat}[material.gateway]
    yield from asked(material, limits, clock)


def ask_the_time(material: Material, limits: Limits, clock: Clock) -> Iterator[Finding]:
    """An empty question without a signature, for accounts whose keys are not fit to ask: it tells of the clocks."""
    origin = origin_of(_alipay_address(material))[0] if material.gateway == "alipay" else _wechat_origin(material)
    transport = Listening(material.account, origin, limits, clock)
    try:
        transport.send(Request("GET", "/v3/certificates", _WECHAT_HEADERS), operation="query", safe=True)
        yield from transport.clock_finding()
    except (NeverSent, NoAnswer) as error:
        yield _on_the_way(error, material.account, transport.host)
    finally:
        transport.close()


def _alipay_address(material: Material) -> str:
    return str(material.options.get("base_url") or (alipay.SANDBOX if material.sandbox else alipay.PRODUCTION))


def _wechat_origin(material: Material) -> str:
    return str(material.options.get("base_url") or ORIGINS[0]).rstrip("/")


def _on_the_way(error: GatewayError, account: str, host: str) -> Finding:
    if isinstance(error, NeverSent):
        code = "GATEWAY_TLS" if error.code == "GATEWAY_TLS" else "GATEWAY_UNREACHABLE"
        return said(ANSWERS, code, account, host=host)
    return said(ANSWERS, "GATEWAY_SILENT", account, host=host, code_of=error.code)


# -- Alipay --------------------------------------------------------------------------------------------------------


def _ask_alipay(material: Material, limits: Limits, clock: Clock) -> Iterator[Finding]:
    transport, client = _alipay_client(material, limits, clock)
    account, names = material.account, _names(material)
    heard: Said | None = None
    refused = ""
    try:
        heard = client.execute(
            "alipay.trade.query", {"out_trade_no": _NOBODY + secrets.token_hex(8)}, operation="query", safe=True
        )
    except AnswerRefused as error:
        refused = error.code
    except (NeverSent, NoAnswer) as error:
        yield _on_the_way(error, account, transport.host)
        return
    finally:
        transport.close()
    yield from transport.clock_finding()
    gateway = NAMES["alipay"]
    if heard is not None:
        if heard.sub_code in alipay.NOT_THERE:
            yield said(ANSWERS, "GATEWAY_PROVEN", account, gateway=gateway, word=heard.sub_code)
            return
        yield said(ANSWERS, "THEIR_SIGNATURE_PROVEN", account, gateway=gateway, name=names)
        yield _alipay_refusal(material, heard.code, heard.sub_code, str(heard.fields.get("sub_msg", "")))
        return
    response = transport.heard
    code, sub_code, words, cert_sn = _alipay_words(response)
    if response is None or response.status != 200 or (not code and refused != "GATEWAY_RESPONSE_SIGNATURE"):
        status = 0 if response is None else response.status
        yield said(ANSWERS, "GATEWAY_STATUS", account, gateway=gateway, host=transport.host, status=status)
    elif refused == "GATEWAY_RESPONSE_SIGNATURE":
        if cert_sn and cert_sn not in [key.name for key in material.keys]:
            yield said(ANSWERS, "THEIR_KEY_UNKNOWN", account, gateway=gateway, name=cert_sn, names=names)
        else:
            yield said(ANSWERS, "THEIR_KEY_WRONG", account, gateway=gateway, names=names)
    elif sub_code in alipay.NOT_THERE:
        yield said(ANSWERS, "ANSWER_UNSIGNED", account, gateway=gateway, word=sub_code, their_words=words)
    else:
        yield _alipay_refusal(material, code, sub_code, words)


def _alipay_client(material: Material, limits: Limits, clock: Clock) -> tuple[Listening, Client]:
    address = _alipay_address(material)
    origin, target = origin_of(address)
    root, certificate = material.secret("alipay_root_certificate"), material.secret("alipay_certificate")
    roots = None if root is None else Roots(root, "alipay_root_certificate")
    keys = AlipayKeys([key.verifier for key in material.side(THEIRS) if key.option == "alipay_public_key"], roots=roots)
    if certificate is not None:
        keys.add(certificate, clock(), "alipay_certificate")
    own = load_private_key(material.secret("app_private_key") or b"", "app_private_key")
    transport = Listening(material.account, origin, limits, clock)
    client = Client(
        app_id=material.app, signer=Signer(own), keys=keys, transport=transport, address=address, target=target,
        clock=clock, app_cert_sn=own_certificate(material.secret("app_certificate"), own.public_key(), roots, "$"),
        app_auth_token=(material.secret("app_auth_token") or b"").decode("ascii", "replace"),
        cipher=cipher(material.secret("aes_key"), "$"),
    )  # fmt: skip
    return transport, client


def _alipay_words(response: Response | None) -> tuple[str, str, str, str]:
    """Code, sub-code, their sentence and the certificate an answer names, none of it proven."""
    if response is None:
        return "", "", "", ""
    try:
        envelope = opened(response.body, "alipay_trade_query_response")
        fields: dict[str, Any] = parsed(envelope.signed)
    except AnswerRefused:
        return "", "", "", ""
    texts = [str(fields.get(name, "")) for name in ("code", "sub_code", "sub_msg")]
    if envelope.node == ERROR_NODE and not texts[2]:
        texts[2] = str(fields.get("msg", ""))
    return texts[0], texts[1], texts[2], envelope.cert_sn


def _alipay_refusal(material: Material, code: str, sub_code: str, words: str) -> Finding:
    certificate = material.option("app_certificate")
    facts: dict[str, Fact] = {
        "gateway": NAMES["alipay"], "word": f"{code} {sub_code}".strip(), "app": material.app,
        "their_words": words or "–", "name": certificate.name if certificate else "–",
    }  # fmt: skip
    return said(ANSWERS, alipay_code(code, sub_code), material.account, **facts)


# -- WeChat Pay ----------------------------------------------------------------------------------------------------


def _ask_wechat(material: Material, limits: Limits, clock: Clock) -> Iterator[Finding]:
    keys = platform_keys(material)
    transport = Listening(material.account, _wechat_origin(material), limits, clock)
    own = Identity(
        material.secret("private_key") or b"", material.options.get("certificate_serial"),
        material.secret("certificate"), "$", material.suite,
    )  # fmt: skip
    client = WeChatClient(
        mchid=material.merchant, serial=own.serial, signer=own.signer, keys=keys, transport=transport, clock=clock,
        tolerance=300,
    )  # fmt: skip
    headers = _WECHAT_HEADERS if keys.public is None else {**_WECHAT_HEADERS, "Wechatpay-Serial": keys.public.name}

    def get(target: str) -> Response:
        return client.sent("GET", target, b"", "query", safe=True, headers=headers)

    try:
        answer = get(f"/v3/pay/transactions/out-trade-no/{_NOBODY}{secrets.token_hex(8)}?mchid={material.merchant}")
        yield from transport.clock_finding()
        code, message = error_of(answer.body)
        if answer.status != 404 or canonical(code) != "ORDER_NOT_EXIST":
            yield _wechat_refusal(material, own.serial, transport.host, answer, code, message)
            return
        yield said(ANSWERS, "OUR_SIGNATURE_TAKEN", material.account, gateway=NAMES["wechat"], word=code)
        yield from _wechat_keys(material, keys, get, clock)
    except (NeverSent, NoAnswer) as error:
        yield _on_the_way(error, material.account, transport.host)
    finally:
        transport.close()


def _wechat_keys(
    material: Material, keys: PlatformKeys, get: Callable[[str], Response], clock: Clock
) -> Iterator[Finding]:
    """Their side: the platform certificates, or, for a merchant without any, whatever answer is signed."""
    account = material.account
    if keys.suite is not INTERNATIONAL:  # how SM2 certificates are offered is not documented to us
        yield _some_answer(material, keys, get, clock)
        return
    answer = get("/v3/certificates")
    code, message = error_of(answer.body)
    if answer.status == 200:
        yield from _certificates(material, keys, answer, clock())
        return
    if canonical(code) != "RESOURCE_NOT_EXISTS":
        yield _wechat_refusal(material, "", "", answer, code, message)
        return
    if keys.public is None:
        yield said(ANSWERS, "PUBLIC_KEY_NEEDED", account)
        return
    yield said(ANSWERS, "PUBLIC_KEY_ONLY", account)
    yield _some_answer(material, keys, get, clock)


def _some_answer(material: Material, keys: PlatformKeys, get: Callable[[str], Response], clock: Clock) -> Finding:
    """Whether an answer that says nothing else of interest is signed with a key we hold."""
    day = day_of(clock() - int(timedelta(days=2).total_seconds()) * SECOND)
    answer = get(f"/v3/bill/tradebill?bill_date={day}&bill_type=ALL")  # where a bill lies; nothing is fetched
    if answer.status == 200:
        return _verified(material, keys, answer, clock())
    return said(ANSWERS, "THEIR_SIGNATURE_UNPROVEN", material.account, names=_names(material))


def _certificates(material: Material, keys: PlatformKeys, answer: Response, now: int) -> Iterator[Finding]:
    try:
        if material.seal is None:
            raise CallbackRefused("There is no APIv3 key", code="DECRYPTION_FAILED")
        offered = certificates_in(parse_object(answer.body), material.seal)
        yield said(ANSWERS, "API_V3_KEY_PROVEN", material.account)
    except CallbackRefused as refused:
        code = "API_V3_KEY_WRONG" if refused.code == "DECRYPTION_FAILED" else "ANSWER_UNSIGNED"
        yield said(ANSWERS, code, material.account, gateway=NAMES["wechat"], word=refused.code, their_words="–")
        offered = {}
    except ConfigError as error:
        yield said(ANSWERS, "ANSWER_UNSIGNED", material.account, gateway=NAMES["wechat"], word=error.code,
                   their_words="–")  # fmt: skip
        return
    fetches = bool(material.options.get("download_certificates"))
    yield _verified(material, keys.with_fetched(offered) if fetches else keys, answer, now)


def _verified(material: Material, keys: PlatformKeys, answer: Response, now: int) -> Finding:
    headers = {"wechatpay-signature-type": keys.suite.signature_type, **answer.headers}
    gateway, names, serial = NAMES["wechat"], _names(material), serial_of(headers)
    try:
        keys.verify(headers, answer.body, now, 300)
    except CallbackRefused as refused:
        if refused.code == "UNKNOWN_KEY" and serial:
            return said(ANSWERS, "THEIR_KEY_UNKNOWN", material.account, gateway=gateway, name=serial, names=names)
        if refused.code == "SIGNATURE_INVALID":
            return said(ANSWERS, "THEIR_KEY_WRONG", material.account, gateway=gateway, names=serial or names)
        return said(ANSWERS, "ANSWER_UNSIGNED", material.account, gateway=gateway, word=refused.code,
                    their_words=refused.message)  # fmt: skip
    return said(ANSWERS, "THEIR_SIGNATURE_PROVEN", material.account, gateway=gateway, name=serial)


def _wechat_refusal(material: Material, serial: str, host: str, answer: Response, code: str, message: str) -> Finding:
    facts: dict[str, Fact] = {
        "gateway": NAMES["wechat"], "word": f"{answer.status} {code}".strip(), "merchant": material.merchant,
        "app": material.app, "name": serial or "–", "their_words": message or "–", "host": host,
        "status": answer.status,
    }  # fmt: skip
    return said(ANSWERS, wechat_code(answer.status, code, message), material.account, **facts)


def _names(material: Material) -> str:
    """What we hold of theirs, by option and name."""
    return ", ".join(f"{key.option} {key.name}".strip() for key in material.side(THEIRS)) or "–"
