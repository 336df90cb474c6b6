"""The scanner that finds what was signed: strings may hold anything, and nothing but AnswerRefused escapes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payflow.gateways.alipay import AnswerRefused, opened
from payflow.gateways.alipay.envelope import parsed

NODE = "alipay_trade_query_response"
TRICKS = ["{", "}", '"', "\\", '\\"', '","sign":"x"}', NODE, "error_response", '{"a":[', "\u2028", "拿铁"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(TRICKS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(TRICKS), inner, max_size=4),
)


@given(
    st.dictionaries(st.text() | st.sampled_from(TRICKS), JSON, max_size=5),
    st.booleans(),
    st.sampled_from(["", " ", "\r\n "]),
)
def test_b090_the_signed_text_is_the_nodes_own_bytes(node: dict[str, object], ascii_only: bool, space: str) -> None:
    text = json.dumps(node, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    body = f'{{{space}"{NODE}"{space}:{space}'.encode() + text + f'{space},{space}"sign":"AA=="{space}}}'.encode()
    envelope = opened(body, NODE)
    assert (envelope.signed, envelope.signature, envelope.node) == (text, b"AA==", NODE)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_b143_nothing_but_the_declared_error_escapes(body: bytes) -> None:
    for raw in (body, b'{"' + NODE.encode() + b'":' + body, b'{"' + NODE.encode() + b'":' + body + b"}"):
        try:
            envelope = opened(raw, NODE)
        except AnswerRefused:
            continue
        try:
            parsed(envelope.signed)
        except AnswerRefused:
            continue


@pytest.mark.parametrize(
    "body",
    [
        f'{{"{NODE}":{{}},"{NODE}":{{"code":"10000"}},"sign":"AA=="}}', f'{{"{NODE}":{{}},"sign":"a","sign":"b"}}',
        f'{{"{NODE}":{{}},"sign":"AA=="}}x', f'{{"{NODE}":{{}},}}', f'{{"{NODE}":}}', "{}", f'["{NODE}"]',
        f'{{"{NODE}":{"[" * 100}{"]" * 100}}}',
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_refused(body: str) -> None:
    with pytest.raises(AnswerRefused):
        opened(body.encode(), NODE)


def test_b138_a_long_hostile_body_takes_no_time() -> None:
    import time

    began = time.perf_counter()
    for body in (b'{"' + b"\\" * 500_000, b'{"a":' + b"[" * 500_000, b'{"a":"' + b"x" * 500_000, b"{" + b" " * 500_000):
        with pytest.raises(AnswerRefused):
            opened(body, NODE)
    assert time.perf_counter() - began < 1
