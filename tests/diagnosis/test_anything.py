"""Whatever is handed to the explanations: they explain, in reasonable time, and raise nothing."""

from __future__ import annotations

import re
from string import Formatter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payflow.diagnosis.answer_words import ANSWERS
from payflow.diagnosis.capture import captured
from payflow.diagnosis.doctor_words import DOCTOR, WHY_CHINESE
from payflow.diagnosis.explain import explain
from payflow.diagnosis.explain_words import EXPLAINED, REFUSALS
from payflow.gateway import Callback
from payflow.testing.material import HOSTILE_BODIES, HOSTILE_VALUES

from .world import ALIPAY, NOW, WECHAT, alipay, codes, wechat, with_headers

QUICK = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
GENUINE = {"alipay": ALIPAY.callback().body, "wechat": WECHAT.callback(now=NOW).body}


@pytest.mark.parametrize("material", [alipay(), wechat()], ids=["alipay", "wechat"])
@pytest.mark.parametrize("index", range(len(HOSTILE_BODIES)))
def test_hostile_bodies_are_explained(material, index):
    headers = WECHAT.callback(now=NOW).headers
    assert codes(explain(material, Callback(material.account, headers, HOSTILE_BODIES[index]), NOW))


@pytest.mark.parametrize("value", HOSTILE_VALUES, ids=range(len(HOSTILE_VALUES)))
def test_hostile_headers_are_explained(value):
    short = WECHAT.delivered(b"{}", NOW)
    for name in ("wechatpay_signature", "wechatpay_serial", "wechatpay_nonce", "wechatpay_timestamp", "content_length"):
        assert codes(explain(wechat(), with_headers(short, **{name: value}), NOW))


@QUICK
@given(
    kind=st.sampled_from(["alipay", "wechat"]), cuts=st.lists(st.tuples(st.integers(0, 1500), st.binary(max_size=6)))
)
def test_spoilt_bodies_are_explained(kind, cuts):
    body = GENUINE[kind]
    for at, put in cuts[:3]:
        body = body[:at] + put + body[at + len(put) :]
    material = {"alipay": alipay, "wechat": wechat}[kind]()
    callback = captured(body, kind, [f"{name}: {value}" for name, value in WECHAT.callback(now=NOW).headers], bare=True)
    assert codes(explain(material, callback, NOW))


@settings(max_examples=300, deadline=None)
@given(raw=st.binary(max_size=200) | st.text(alphabet="POST /: \r\nHTP1.\x00é", max_size=80).map(str.encode))
def test_any_text_is_taken_as_a_request_or_a_body(raw):
    callback = captured(raw, "alipay")
    assert callback.body in raw


# -- the sentences -------------------------------------------------------------------------------------------------

WORDS = {**DOCTOR, **ANSWERS, **EXPLAINED}


@pytest.mark.parametrize("code", sorted(WORDS))
def test_both_languages_say_the_same_facts(code):
    _, english, chinese = WORDS[code]
    facts = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (english, chinese)]
    assert facts[0] - {"gateway"} == facts[1] - {"gateway"}
    assert english.isascii() or "…" in english or "–" in english
    assert re.search("[\u4e00-\u9fff]", chinese)


def test_reasons_have_chinese():
    assert all(re.search("[\u4e00-\u9fff]", chinese) for _, chinese in (*WHY_CHINESE, *REFUSALS))
