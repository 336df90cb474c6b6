"""Sandbox and production; the callback address; this machine."""

from __future__ import annotations

import time

import pytest

from payflow.diagnosis.findings import Severity
from payflow.diagnosis.place import callback_findings, place_findings, zone_finding

from .world import NOW, WECHAT, alipay, certificate, codes, one, wechat

PATH = "/callbacks/alipay"


def place(material, *others, environment="production"):
    return place_findings(material, others, environment)


def reached(url, material=None, environment="production", path=PATH, names=("203.0.113.7",)):
    addresses = None if names is None else tuple(name.replace("203.0.113.7", "8.8.8.8") for name in names)
    return callback_findings(material or alipay(), url, path, environment, lambda host: addresses)


# -- sandbox and production ----------------------------------------------------------------------------------------


def test_production_through_and_through_is_right():
    assert codes(place(alipay())) == ["PLACE_FITS"]
    assert codes(place(wechat())) == ["PLACE_FITS"]


def test_a_sandbox_account_in_production():
    assert one(place(alipay(sandbox=True)), "SANDBOX_IN_PRODUCTION").severity is Severity.ERROR


@pytest.mark.parametrize(
    "url", ["https://openapi-sandbox.dl.alipaydev.com/gateway.do", "http://127.0.0.1:8800/gateway.do"]
)
def test_a_sandbox_address_in_production(url):
    assert url.split("/")[2].split(":")[0] in one(place(alipay(base_url=url)), "SANDBOX_ADDRESS").english


def test_keys_of_payflows_sandbox_in_production():
    theirs = certificate(WECHAT.key, organisation="payflow sandbox")
    finding = one(place(wechat(public_key=None, platform_certificates=[theirs])), "SANDBOX_KEYS")
    assert "platform_certificates[0]" in finding.english


def test_the_key_of_a_sandbox_account_in_an_account_that_is_none():
    sandboxed = alipay("trial", sandbox=True, app_private_key=None)
    assert "'trial'" in one(place(alipay(), sandboxed, environment="development"), "SANDBOX_KEYS").english


def test_a_wechat_sandbox_without_an_address_is_the_real_thing():
    finding = one(place(wechat(sandbox=True), environment="development"), "SANDBOX_MEANS_PRODUCTION")
    assert "api.mch.weixin.qq.com" in finding.english


def test_alipays_sandbox_needs_no_address():
    assert codes(place(alipay(sandbox=True), environment="development")) == ["PLACE_FITS"]


def test_the_real_thing_from_a_development_environment_is_a_warning():
    finding = one(place(wechat(), environment="development"), "PRODUCTION_HOST_IN_DEVELOPMENT")
    assert finding.severity is Severity.WARNING


def test_who_only_receives_calls_no_host():
    assert codes(place(wechat(private_key=None), environment="development")) == ["PLACE_FITS"]


# -- callbacks -----------------------------------------------------------------------------------------------------


def test_an_address_that_is_right():
    assert codes(reached("https://pay.example.com" + PATH)) == ["CALLBACK_RIGHT"]


def test_no_address_at_all():
    assert one(reached(None), "CALLBACK_MISSING").severity is Severity.WARNING
    assert one(reached(None, wechat()), "CALLBACK_MISSING").severity is Severity.ERROR


def test_plain_http():
    assert one(reached("http://pay.example.com" + PATH), "CALLBACK_HTTP").severity is Severity.ERROR


def test_plain_http_to_this_machine_is_right_for_a_sandbox():
    url = "http://127.0.0.1:8000" + PATH
    assert codes(reached(url, alipay(sandbox=True), environment="development")) == ["CALLBACK_RIGHT"]


def test_a_name_that_the_dns_does_not_know():
    assert "pay.example.com" in one(reached("https://pay.example.com" + PATH, names=()), "CALLBACK_UNRESOLVED").english


def test_offline_nobody_says_that_a_name_is_unknown():
    assert codes(reached("https://pay.example.com" + PATH, names=None)) == ["CALLBACK_RIGHT"]


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "10.1.2.3", "192.168.1.5", "[::1]", "[fd00::1]", "shop", "shop.local", "169.254.1.1"],
)
def test_an_address_that_no_gateway_reaches(host):
    url = f"https://{host}{PATH}"
    assert one(reached(url), "CALLBACK_PRIVATE").severity is Severity.ERROR
    assert one(reached(url, environment="development"), "CALLBACK_PRIVATE").severity is Severity.WARNING


def test_a_name_that_leads_into_a_private_network():
    finding = one(reached("https://pay.example.com" + PATH, names=("10.0.0.9",)), "CALLBACK_PRIVATE")
    assert "10.0.0.9" in finding.english


def test_a_number_instead_of_a_name():
    assert codes(reached(f"https://8.8.8.8{PATH}")) == ["CALLBACK_NUMERIC"]


def test_a_query():
    assert codes(reached(f"https://pay.example.com{PATH}?tenant=1")) == ["CALLBACK_QUERY"]


def test_another_path_than_the_accounts():
    assert PATH in one(reached("https://pay.example.com/notify"), "CALLBACK_PATH").english


def test_the_path_twice():
    assert codes(reached(f"https://pay.example.com{PATH}{PATH}")) == ["CALLBACK_PATH_TWICE"]


@pytest.mark.parametrize(
    "url", ["pay.example.com", "https://", "ftp://pay.example.com/a", "https://[::1", "https://a:b/"]
)
def test_what_is_no_address(url):
    assert codes(reached(url)) == ["CALLBACK_MALFORMED"]


# -- this machine --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("zone", "offset"), [("UTC", "+0000"), ("America/New_York", "-0"), ("Asia/Shanghai", "+0800")])
def test_the_zone_of_this_machine_informs_only(monkeypatch, zone, offset):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        finding = zone_finding(NOW)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert finding.severity is Severity.OK
    assert offset in finding.english
    assert "北京时间" in finding.chinese
