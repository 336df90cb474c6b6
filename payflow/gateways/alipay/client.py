"""Requests to Alipay's ``gateway.do``: signed, sent, and their answers believed only if Alipay signed them.

- Signing: https://opendocs.alipay.com/common/02kf5q · verifying answers: https://opendocs.alipay.com/common/02mse7
- Common parameters: https://opendocs.alipay.com/common/02khjm · common codes: https://opendocs.alipay.com/common/02km9f
"""

from __future__ import annotations

import json
import logging
import threading
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from html import escape
from typing import Any
from urllib.parse import quote_plus, urlencode

from cryptography.x509 import Certificate

from ...clock import BEIJING, SECOND, Clock
from ...errors import ConfigError, GatewayError
from ...signing import (
    MAX_SIGNATURE_TEXT,
    ContentCipher,
    Signer,
    Unsealable,
    Verifier,
    Verifies,
    certificate_key,
    certificate_validity,
    decode_base64,
)
from ...transport import Request, Transport
from .certificates import Roots, cert_sn, holder
from .envelope import ERROR_NODE, AnswerRefused, Envelope, opened, parsed

logger = logging.getLogger("payflow.gateways")

DOWNLOAD = "alipay.open.app.alipaycert.download"
_FORM = "application/x-www-form-urlencoded;charset=utf-8"
_HEADERS = {"Content-Type": _FORM, "Accept": "*/*", "User-Agent": "payflow"}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MAX_SEALED = 1_048_576
_REFRESH_SECONDS = 60


def beijing_text(at: int) -> str:
    """An instant as ``2026-01-31 08:00:00``, Beijing time, whatever the zone of this machine."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True, slots=True)
class Said:
    """What Alipay genuinely answered. ``fields`` are the node's members, code and message among them."""

    code: str
    sub_code: str
    fields: Mapping[str, Any]

    @property
    def done(self) -> bool:
        """Whether the call as such succeeded. That money moved is another statement."""
        return self.code == "10000" and not self.sub_code

    @property
    def words(self) -> dict[str, str]:
        """Their own words, for people."""
        named = (
            "code",
            "msg",
            "sub_code",
            "sub_msg",
            "trade_no",
            "trade_status",
            "fund_change",
            "action",
            "retry_flag",
        )
        return {
            name: self.fields[name][:512]
            for name in named
            if self.fields.get(name) and isinstance(self.fields[name], str)
        }


class AlipayKeys:
    """The keys Alipay signs answers with: fixed ones (key mode), or those of certificates that lead to a root.

    A certificate we do not have yet is fetched once by whoever needs it, at most once a minute, and believed only if
    it leads to one of our roots and is Alipay's: the certificates of all merchants' apps lead there too, so it has to
    have the common name of the one that was configured. Those we have are never given up.
    """

    def __init__(self, fixed: Sequence[Verifies] = (), *, roots: Roots | None = None) -> None:
        self.fixed = tuple(fixed)
        self.roots = roots
        self._certified: dict[str, tuple[Verifies, int]] = {}  # and until when it may be used
        self._holders: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._asked_at = -(1 << 62)

    def valid(self, now: int) -> tuple[Verifies, ...]:
        """Every key that may have signed: what has expired proves nothing any more."""
        if not self._certified:
            return self.fixed
        return (*self.fixed, *(key for key, until in self._certified.values() if now <= until))

    def add(self, pem: bytes, now: int, path: str = "$") -> str:
        """Take a configured certificate on; its name. Raises ``ConfigError`` for one that does not lead to a root."""
        if self.roots is None:
            raise ConfigError("Certificates need Alipay's root file", path=path, code="CONFIG_MISSING_FIELD")
        certificate = self.roots.checked(pem, now, path)
        self._holders |= {holder(certificate)}
        return self._keep(certificate, path)

    def renew(self, pem: bytes, now: int, name: str) -> None:
        """Take on the certificate called ``name`` that was fetched. Raises ``ConfigError`` for any other."""
        certificate = self.roots.checked(pem, now) if self.roots else None
        if certificate is None or cert_sn(certificate) != name or holder(certificate) not in self._holders:
            raise ConfigError("This is not the certificate of Alipay's that was asked for", code="CONFIG_CERT_CHAIN")
        self._keep(certificate, "$")

    def _keep(self, certificate: Certificate, path: str) -> str:
        name = cert_sn(certificate)
        known = (Verifier(certificate_key(certificate, path)), certificate_validity(certificate)[1])
        self._certified = {**self._certified, name: known}
        return name

    def of(self, name: str, now: int) -> tuple[Verifies, ...]:
        """The keys an answer that names ``name`` may be signed with."""
        if self.roots is None:
            return self.fixed
        found = self._certified.get(name)
        return () if found is None or now > found[1] else (found[0],)

    def may_fetch(self, now: int) -> bool:
        """Whether a missing certificate may be asked for now; says yes to one caller a minute."""
        with self._lock:
            if self.roots is None or 0 <= now - self._asked_at < _REFRESH_SECONDS * SECOND:
                return False
            self._asked_at = now
            return True


class Client:
    """One app's way to Alipay. Shared between threads."""

    def __init__(
        self,
        *,
        app_id: str,
        signer: Signer,
        keys: AlipayKeys,
        transport: Transport,
        address: str,
        target: str,
        clock: Clock,
        app_cert_sn: str = "",
        app_auth_token: str = "",
        cipher: ContentCipher | None = None,
    ) -> None:
        self._signer, self._keys, self._transport, self._clock = signer, keys, transport, clock
        self._address, self._target, self._cipher = address, target, cipher
        self._fixed = {"app_id": app_id, "charset": "utf-8", "format": "JSON", "sign_type": "RSA2", "version": "1.0"}
        if app_cert_sn and keys.roots is not None:
            self._fixed |= {"app_cert_sn": app_cert_sn, "alipay_root_cert_sn": keys.roots.sn}
        if app_auth_token:
            self._fixed["app_auth_token"] = app_auth_token
        if cipher is not None:
            self._fixed["encrypt_type"] = "AES"

    # -- three ways to use a signed request --------------------------------------------------------------------------

    def execute(
        self, method: str, biz: Mapping[str, Any], *, operation: str, safe: bool = False, notify_url: str = ""
    ) -> Said:
        """Ask server to server. Raises ``NeverSent``, ``NoAnswer`` and ``AnswerRefused``: then nothing is known."""
        params = self.signed(method, biz, self._clock(), notify_url=notify_url)
        content = params.pop("biz_content")
        request = Request(
            "POST",
            f"{self._target}?{urlencode(params)}",
            _HEADERS,
            b"biz_content=" + quote_plus(content).encode("ascii"),
        )
        response = self._transport.send(request, operation=operation, safe=safe)
        if response.status != 200:
            raise AnswerRefused(f"The answer has status {response.status}")
        envelope = opened(response.body, method.replace(".", "_") + "_response")
        if method != DOWNLOAD:
            self._verify(envelope)
        said = self._said(envelope)
        _refuse_foreign(said, biz)
        return said

    def page_url(self, method: str, biz: Mapping[str, Any], at: int, **urls: str) -> str:
        """The address a payer's browser opens, signed as of ``at``."""
        return f"{self._address}?{urlencode(self.signed(method, biz, at, **urls))}"

    def page_form(self, method: str, biz: Mapping[str, Any], at: int, **urls: str) -> dict[str, Any]:
        """The same as a form: ``url``, ``method``, ``fields``, and ``html`` that submits itself."""
        params = self.signed(method, biz, at, **urls)
        content = params.pop("biz_content")
        url = f"{self._address}?{urlencode(params)}"
        html = (
            f'<form name="payflow" method="post" action="{escape(url)}">'
            f'<input type="hidden" name="biz_content" value="{escape(content)}">'
            '<noscript><button type="submit">支付宝 Alipay</button></noscript></form>'
            "<script>document.forms.payflow.submit()</script>"
        )
        return {"url": url, "method": "POST", "fields": {"biz_content": content}, "html": html}

    def order_string(self, method: str, biz: Mapping[str, Any], at: int, **urls: str) -> str:
        """The text a phone's app hands to Alipay's SDK."""
        return urlencode(self.signed(method, biz, at, **urls))

    def signed(
        self, method: str, biz: Mapping[str, Any], at: int, *, notify_url: str = "", return_url: str = ""
    ) -> dict[str, str]:
        """All parameters of a request, ``sign`` among them, not escaped. Empty ones are never sent."""
        text = json.dumps(biz, ensure_ascii=False, separators=(",", ":"))
        params = {
            **self._fixed, "method": method, "timestamp": beijing_text(at),
            "biz_content": text if self._cipher is None else self._cipher.encrypt(text.encode("utf-8")),
        }  # fmt: skip
        if notify_url:
            params["notify_url"] = notify_url
        if return_url:
            params["return_url"] = return_url
        params["sign"] = self._signer.sign(request_text(params).encode("utf-8"))
        return params

    # -- answers ----------------------------------------------------------------------------------------------------

    def _verify(self, envelope: Envelope) -> None:
        if not envelope.signature:
            said = parsed(envelope.signed) if envelope.node == ERROR_NODE else {}
            raise AnswerRefused(
                f"The answer is not signed ({_word(said, 'code')} {_word(said, 'sub_code')})".replace(" )", ")"),
                code="GATEWAY_RESPONSE_UNSIGNED",
            )  # fmt: skip
        keys = self._keys.of(envelope.cert_sn, self._clock())
        if not keys and self._keys.may_fetch(self._clock()):
            self._fetch(envelope.cert_sn)
            keys = self._keys.of(envelope.cert_sn, self._clock())
        try:
            raw = decode_base64(envelope.signature, MAX_SIGNATURE_TEXT)
        except ValueError:
            raise AnswerRefused("The signature is not one", code="GATEWAY_RESPONSE_SIGNATURE") from None
        if not any(key.verifies(raw, envelope.signed) for key in keys):
            raise AnswerRefused("The answer is not signed by Alipay", code="GATEWAY_RESPONSE_SIGNATURE")

    def _fetch(self, name: str) -> None:
        """Fetch the certificate an answer names. It proves itself by chain and name; its answer needs no signature."""
        try:
            said = self.execute(DOWNLOAD, {"alipay_cert_sn": name}, operation="certificates", safe=True)
            content = said.fields.get("alipay_cert_content")
            if not said.done or not isinstance(content, str):
                raise AnswerRefused(f"There is no certificate {name[:40]!r}")
            self._keys.renew(b64decode(content, validate=True), self._clock(), name)
            logger.warning("Alipay signs with another certificate now: %s", name)
        except (GatewayError, ConfigError) as error:
            logger.warning("A certificate of Alipay could not be fetched: %s", error.code)
        except ValueError:
            logger.warning("A certificate of Alipay came in a form that cannot be read")

    def _said(self, envelope: Envelope) -> Said:
        text = envelope.signed
        if text[:1] == b'"':
            if self._cipher is None:
                raise AnswerRefused("The answer is encrypted, and there is no aes_key")
            try:
                text = self._cipher.decrypt(text[1:-1].replace(b"\\/", b"/"), _MAX_SEALED)
            except Unsealable:
                raise AnswerRefused("The answer does not open with our aes_key") from None
        fields = parsed(text)
        code = _word(fields, "code")
        if not code:
            raise AnswerRefused("The answer has no code")
        return Said(code, _word(fields, "sub_code"), fields)


def request_text(params: Mapping[str, str]) -> str:
    """What is signed: ``k=v`` joined by ``&``, sorted by name, raw values, everything but ``sign``."""
    return "&".join([f"{name}={params[name]}" for name in sorted(params) if name != "sign"])


def _refuse_foreign(said: Said, biz: Mapping[str, Any]) -> None:
    """Refuse the answer to another question. A signature covers neither the request nor anything fresh, so a genuine
    answer may be anybody's of any day: where it repeats a number that was asked for, it has to be that number."""
    for name in ("out_trade_no", "trade_no", "out_request_no"):
        asked, answered = biz.get(name), said.fields.get(name)
        if asked and answered and answered != asked:
            raise AnswerRefused(f"The answer is about another {name}", code="GATEWAY_RESPONSE_FOREIGN")


def _word(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
