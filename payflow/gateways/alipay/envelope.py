"""The answer's envelope: which bytes were signed, found without believing anything in between.

``{"alipay_trade_query_response":{…},"alipay_cert_sn":"…","sign":"…"}``: the signed text is the raw value of the node,
from its first byte to its last, as received. Strings may hold braces, quotes and the words the envelope is made of, so
the members of the outer object are found by a scanner that knows strings. https://opendocs.alipay.com/common/02mse7
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import CallbackRefused, GatewayError
from ...strictjson import parse_object

ERROR_NODE = "error_response"

_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_SCALAR = re.compile(rb"[-+.0-9A-Za-z]++")
_STRUCTURE = re.compile(rb'["{}\[\]]')
_MAX_DEPTH = 64


class AnswerRefused(GatewayError):
    """An answer that states nothing: unsigned, wrongly signed, not of the documented form, or to another question.

    Codes ``GATEWAY_RESPONSE_UNSIGNED``, ``GATEWAY_RESPONSE_SIGNATURE``, ``GATEWAY_RESPONSE_MALFORMED``,
    ``GATEWAY_RESPONSE_FOREIGN``. The outcome of the call is unknown.
    """

    default_code = "GATEWAY_RESPONSE_MALFORMED"


@dataclass(frozen=True, slots=True)
class Envelope:
    """An answer taken apart, nothing of it verified. ``signed`` are the exact bytes a signature would be of."""

    node: str
    signed: bytes
    signature: bytes
    cert_sn: str


def opened(body: bytes, node: str) -> Envelope:
    """Take the answer to the method with this ``node`` apart. Raises ``AnswerRefused`` (malformed)."""
    members: dict[bytes, bytes] = {}
    for name, value in _members(body):
        if name in members:
            raise AnswerRefused("The answer names a member twice")
        members[name] = value
    for wanted in (node, ERROR_NODE):
        signed = members.get(wanted.encode("ascii"))
        if signed is not None:
            return Envelope(wanted, signed, _text(members.get(b"sign")), _text(members.get(b"alipay_cert_sn")).decode())
    raise AnswerRefused("The answer has neither the method's node nor an error")


def parsed(text: bytes) -> dict[str, Any]:
    """The node as an object. Raises ``AnswerRefused``."""
    try:
        return parse_object(text)
    except CallbackRefused as refused:
        raise AnswerRefused(f"The node is not an object ({refused.code})") from None


def _members(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and raw value of each member of the outer object."""
    at = _space(body, 0)
    if body[at : at + 1] != b"{":
        raise AnswerRefused("The answer is not an object")
    at = _space(body, at + 1)
    if body[at : at + 1] == b"}":
        at += 1
    else:
        while True:
            name, at = _string(body, at)
            at = _space(body, at)
            if body[at : at + 1] != b":":
                raise AnswerRefused("A member has no value")
            start = _space(body, at + 1)
            end = _value(body, start)
            yield name[1:-1], body[start:end]
            at = _space(body, end)
            mark, at = body[at : at + 1], at + 1
            if mark == b"}":
                break
            if mark != b",":
                raise AnswerRefused("The answer is cut off or not JSON")
            at = _space(body, at)
    if _space(body, at) != len(body):
        raise AnswerRefused("Something follows the answer")


def _space(body: bytes, at: int) -> int:
    found = _SPACE.match(body, at)
    return at if found is None else found.end()


def _string(body: bytes, at: int) -> tuple[bytes, int]:
    found = _STRING.match(body, at)
    if found is None:
        raise AnswerRefused("The answer is cut off or not JSON")
    return found[0], found.end()


def _value(body: bytes, at: int) -> int:
    """The end of the value that begins at ``at``."""
    first = body[at : at + 1]
    if first == b'"':
        return _string(body, at)[1]
    if first not in (b"{", b"["):
        found = _SCALAR.match(body, at)
        if found is None:
            raise AnswerRefused("A member has no value")
        return found.end()
    depth = 0
    while True:
        found = _STRUCTURE.search(body, at)
        if found is None:
            raise AnswerRefused("The answer is cut off")
        mark = found[0]
        if mark == b'"':
            at = _string(body, found.start())[1]
            continue
        depth += 1 if mark in b"{[" else -1
        at = found.end()
        if depth == 0:
            return at
        if depth > _MAX_DEPTH:
            raise AnswerRefused("The answer is nested too deeply")


def _text(raw: bytes | None) -> bytes:
    """A member that is a plain ASCII text; empty for one that is missing, escaped or something else."""
    if raw is None or raw[:1] != b'"' or not raw.isascii():
        return b""
    return raw[1:-1].replace(b"\\/", b"/") if b"\\" in raw else raw[1:-1]
