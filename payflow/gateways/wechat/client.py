"""Requests to WeChat Pay: signed, sent, and their answers believed only if they are signed.

- Signing a request: https://pay.weixin.qq.com/doc/v3/merchant/4012365342
- Verifying an answer: https://pay.weixin.qq.com/doc/v3/merchant/4013053420
- Errors: https://pay.weixin.qq.com/doc/v3/merchant/4012081709

A 2xx is signed and then trusted. Errors carry no signature: a documented code with a status of 4xx is a refusal of this
very request, a limit means that it was not processed, and everything else says nothing about what was done.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol

from ...clock import SECOND, Clock
from ...errors import CallbackRefused, InvalidRequest
from ...gateway import Answer, Outcome
from ...signing import Signs
from ...strictjson import parse_object
from ...transport import NeverSent, NoAnswer, Request, Response, Transport
from .keys import SIGNATURE_TYPE, PlatformKeys, proof_of, serial_of
from .words import ASK, DEFINITE, NOT_PROCESSED, REFUSED_WITH_500, UNDECIDED, canonical

logger = logging.getLogger("payflow.gateways")

BAD_SIGNATURE = "gateway.response_signature"
MALFORMED = "gateway.response_malformed"
FOREIGN = "gateway.response_foreign"

_TYPE = "wechatpay-signature-type"
_HEADERS = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "payflow"}
_MAX_WORD = 256


class Heard(Enum):
    """What came back, by how far it can be believed."""

    STATED = auto()  # signed
    REFUSED = auto()  # a documented refusal of this request; not signed
    LATER = auto()  # documented as not processed
    NEVER_SENT = auto()  # known not to have left this machine
    NOTHING = auto()  # silence, or nothing genuine


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one request. ``code`` is in one spelling; ``body`` is what was signed, empty otherwise."""

    heard: Heard
    code: str = ""
    message: str = ""
    status: int = 0
    body: Mapping[str, Any] = field(default_factory=dict)
    proof: str = ""
    request_id: str = ""

    @property
    def stated(self) -> bool:
        """Whether it is a genuine statement."""
        return self.heard is Heard.STATED

    def words(self) -> dict[str, str]:
        """The gateway's own words, for people."""
        words = {
            "code": self.code, "message": self.message, "http_status": str(self.status or ""),
            "request_id": self.request_id,
        }  # fmt: skip
        return {name: value for name, value in words.items() if value}

    def unsettled(self) -> Answer:
        """The answer where nothing was stated: never sent, or unknown."""
        never = self.heard in (Heard.LATER, Heard.NEVER_SENT)
        return Answer(Outcome.NEVER_SENT if never else Outcome.UNKNOWN, words=self.words())


def request_text(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """The bytes that are signed for a request: five lines, each with its line feed. ``target`` as it is sent."""
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode("ascii") + body + b"\n"


def authorization(
    mchid: str, serial: str, timestamp: str, nonce: str, signature: str, scheme: str = SIGNATURE_TYPE
) -> str:
    """The ``Authorization`` header."""
    return (
        f'{scheme} mchid="{mchid}",nonce_str="{nonce}",timestamp="{timestamp}",serial_no="{serial}",'
        f'signature="{signature}"'
    )


def json_bytes(body: Mapping[str, Any]) -> bytes:
    """A body as it is signed and sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


class Keeper(Protocol):
    """Whoever keeps the platform's keys fresh."""

    def before_sending(self) -> None: ...

    def look_for(self, serial: str) -> bool: ...


class Client:
    """One merchant's way to WeChat Pay. Shared between threads."""

    def __init__(
        self,
        *,
        mchid: str,
        serial: str,
        signer: Signs,
        keys: PlatformKeys,
        transport: Transport,
        clock: Clock,
        tolerance: int,
    ) -> None:
        self.mchid, self.serial, self.signer = mchid, serial, signer
        self._keys, self._transport, self._clock, self._tolerance = keys, transport, clock, tolerance
        # The id asks for answers signed with that key; without it they are signed with a certificate.
        self._headers = _HEADERS if keys.public is None else {**_HEADERS, "Wechatpay-Serial": keys.public.name}
        self.keeper: Keeper | None = None

    def get(self, target: str, operation: str) -> Said:
        """Ask. A read is repeated by the transport, and once more if its answer's signature is wrong.

        WeChat Pay tests with wrong signatures whether anybody verifies; a repeated request is not tested again.
        """
        said = self._call("GET", target, b"", operation, None, safe=True)
        if said.code == BAD_SIGNATURE:
            said = self._call("GET", target, b"", operation, None, safe=True)
        return said

    def post(self, target: str, body: Mapping[str, Any], operation: str, *, encrypted_to: str | None = None) -> Said:
        """Send, once: what it asks for may move money. ``encrypted_to`` names the key of its encrypted fields."""
        try:
            raw = json_bytes(body)
        except UnicodeEncodeError:  # half a character cannot be sent, and check() refused it; this is the last door
            return Said(Heard.NEVER_SENT, "INVALID_REQUEST", "The request holds half a character")
        return self._call("POST", target, raw, operation, encrypted_to, safe=False)

    def sent(
        self, method: str, target: str, body: bytes, operation: str, *, safe: bool, headers: Mapping[str, str],
        max_bytes: int | None = None,
    ) -> Response:  # fmt: skip
        """Sign and send; the answer as it came, not verified. Raises ``NeverSent`` and ``NoAnswer``."""
        timestamp, nonce = str(self._clock() // SECOND), secrets.token_hex(16)
        signature = self.signer.sign(request_text(method, target, timestamp, nonce, body))
        allowed = authorization(self.mchid, self.serial, timestamp, nonce, signature, self._keys.suite.signature_type)
        request = Request(method, target, {**headers, "Authorization": allowed}, body)
        return self._transport.send(request, operation=operation, safe=safe, max_bytes=max_bytes)

    def _call(
        self, method: str, target: str, body: bytes, operation: str, encrypted_to: str | None, *, safe: bool
    ) -> Said:
        if self.keeper is not None:
            self.keeper.before_sending()
        if not self._keys:
            return Said(Heard.NEVER_SENT, "NO_PLATFORM_KEY", "No key of WeChat Pay is here to believe an answer with")
        headers = self._headers if encrypted_to is None else {**self._headers, "Wechatpay-Serial": encrypted_to}
        try:
            response = self.sent(method, target, body, operation, safe=safe, headers=headers)
        except NeverSent as error:
            return Said(Heard.NEVER_SENT, error.code, error.message)
        except NoAnswer as error:
            return Said(Heard.NOTHING, error.code, error.message)
        except InvalidRequest as error:  # it could not even be written as HTTP
            return Said(Heard.NEVER_SENT, error.code, error.message)
        said = self.heard(response)
        if said.code:
            logger.info("wechat %s: %s %s request_id=%s", operation, said.status, said.code, said.request_id)
        return said

    def heard(self, response: Response) -> Said:
        """What a response says, and how far it can be believed."""
        request_id = _plain(response.headers.get("request-id", "")[:_MAX_WORD])
        if 200 <= response.status < 300:
            return self._stated(response, request_id)
        code, message = error_of(response.body)
        known = canonical(code)
        return Said(_weight(response.status, known), known or code, message, response.status, request_id=request_id)

    def _stated(self, response: Response, request_id: str) -> Said:
        headers = (
            response.headers
            if _TYPE in response.headers
            else {**response.headers, _TYPE: self._keys.suite.signature_type}
        )
        try:
            self._verify(headers, response.body)
            body = parse_object(response.body) if response.body else {}
            proof = proof_of(headers, response.body)
        except CallbackRefused as refused:
            code = BAD_SIGNATURE if refused.status == 401 else MALFORMED
            words = f"{refused.code}: {refused.message}"
            return Said(Heard.NOTHING, code, words, response.status, request_id=request_id)
        return Said(Heard.STATED, status=response.status, body=body, proof=proof, request_id=request_id)

    def _verify(self, headers: Mapping[str, str], body: bytes) -> None:
        try:
            self._keys.verify(headers, body, self._clock(), self._tolerance)
        except CallbackRefused as refused:
            if refused.code != "UNKNOWN_KEY" or self.keeper is None or not self.keeper.look_for(serial_of(headers)):
                raise
            self._keys.verify(headers, body, self._clock(), self._tolerance)


def error_of(body: bytes) -> tuple[str, str]:
    """Code and message of an error's body, both ``""`` where it is not one of theirs. Nothing in it is proven."""
    try:
        said = parse_object(body)
    except CallbackRefused:
        return "", ""
    code, message = said.get("code"), said.get("message")
    if not isinstance(code, str):
        return "", ""
    return _plain(code[:64]), _plain(message[:_MAX_WORD]) if isinstance(message, str) else ""


def _plain(text: str) -> str:
    """Without line breaks and control characters: it is logged, and whoever is on the way may have written it."""
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def _weight(status: int, known: str) -> Heard:
    """How far an error is believed. Without a documented code it may be anybody's on the way."""
    if status == 429 or known in NOT_PROCESSED:
        return Heard.LATER
    if known in UNDECIDED:
        return Heard.NOTHING
    if known in REFUSED_WITH_500 and status == 500:
        return Heard.REFUSED
    return Heard.REFUSED if known in DEFINITE | ASK and 400 <= status < 500 else Heard.NOTHING
