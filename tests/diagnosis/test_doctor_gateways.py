"""The doctor as a whole: a real config, the running sandbox, the commands, and what never may be printed."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from payflow.cli import main
from payflow.clock import SECOND, system_clock
from payflow.config import load
from payflow.diagnosis.findings import Severity, healthy
from payflow.diagnosis.gateways import examine_gateways, resolved
from payflow.sandbox import Sandbox
from payflow.signing import load_private_key
from payflow.testing.signed import private_key, public_pem

from .world import ALIPAY, NOW, OWN, WECHAT, codes, config_of, one, private_pem, with_body

CANARIES = (b"kT7w0qPzR4mX9cVb2nLs6dYf1hGj8aEu", private_pem())


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=1) as running:
        yield running


@pytest.fixture
def examined(tmp_path, sandbox):
    """The findings of the sandbox's accounts with changed options, after the config was written and read."""

    def done(*names, changes=None, clock=system_clock, base_url="http://127.0.0.1:9", **other):
        accounts = {name: {**sandbox.account(name), **(changes or {})} for name in names or sandbox.accounts()}
        accounts = {name: {k: v for k, v in one.items() if v is not None} for name, one in accounts.items()}
        path = config_of(tmp_path, accounts, callbacks={"base_url": base_url}, **other)
        return list(examine_gateways(load(path), clock=clock, resolve=lambda host: ("8.8.8.8",)))

    return done


# -- against the sandbox -------------------------------------------------------------------------------------------


def test_every_account_of_the_sandbox_is_healthy(examined, sandbox):
    findings = examined()
    assert healthy(findings)
    proven = {one.account for one in findings if one.code in ("GATEWAY_PROVEN", "OUR_SIGNATURE_TAKEN")}
    assert proven == set(sandbox.accounts())


def test_both_directions_are_proven_for_certificates_and_the_switch(examined):
    findings = examined("wechat", "wechat-switch")
    for account in ("wechat", "wechat-switch"):
        assert {"API_V3_KEY_PROVEN", "THEIR_SIGNATURE_PROVEN"} <= {f.code for f in findings if f.account == account}


def test_a_merchant_with_a_public_key_only(examined):
    assert "PUBLIC_KEY_ONLY" in codes(examined("wechat-public-key"))


def test_a_private_key_of_somebody_else_is_refused_by_alipay(examined):
    findings = examined("alipay", changes={"app_private_key": private_pem()})
    assert "app_private_key" in one(findings, "ALIPAY_SIGN_REFUSED").english


def test_a_private_key_of_somebody_else_is_refused_by_wechat_pay(examined):
    findings = examined("wechat", changes={"private_key": private_pem()})
    assert "apiclient_key.pem" in one(findings, "WECHAT_SIGN_REFUSED").english


def test_an_app_that_alipay_does_not_know(examined):
    findings = examined("alipay", changes={"app_id": "2021000000009999"})
    assert "2021000000009999" in one(findings, "ALIPAY_APP_UNKNOWN").english


def test_alipays_public_key_of_another_app(examined):
    findings = examined("alipay", changes={"alipay_public_key": public_pem(private_key("another app's"))})
    assert one(findings, "THEIR_KEY_WRONG").severity is Severity.ERROR


def test_a_wrong_apiv3_key(examined):
    assert "API_V3_KEY_WRONG" in codes(examined("wechat", changes={"api_v3_key": b"q8ZtY3vLm1Rk7Xw5Bn9Dc2Hs6Jf4Gp0A"}))


def test_a_clock_that_is_six_minutes_off_is_refused_by_wechat_pay(examined):
    findings = examined("wechat", clock=lambda: system_clock() - 360 * SECOND)
    assert one(findings, "WECHAT_TIMESTAMP").severity is Severity.ERROR


def test_swapped_keys_are_found_before_anything_is_asked(examined, sandbox):
    findings = examined("alipay", changes={"alipay_public_key": sandbox.material.public_pem("app")})
    assert {"OWN_KEY_AS_THEIRS", "NOT_ASKED"} <= set(codes(findings))
    assert "GATEWAY_PROVEN" not in codes(findings)


def test_who_only_receives_is_not_asked(examined):
    assert "RECEIVES_ONLY" in codes(examined("alipay", changes={"app_private_key": None}))


def test_what_payflow_would_refuse_to_open_is_said(examined):
    findings = examined("wechat", base_url="http://shop.example.com")
    assert "CONFIG_CALLBACK_URL" in one(findings, "GATEWAY_REFUSED").english


def test_a_mock_account_has_nothing_to_look_at(tmp_path):
    path = config_of(tmp_path, {"mock": {"gateway": "mock", "secret": CANARIES[0]}})
    assert codes(examine_gateways(load(path), offline=True)) == ["HOST_ZONE", "NOTHING_TO_CHECK"]


def test_offline_neither_gateways_nor_dns_are_asked(tmp_path, monkeypatch):
    import socket

    path = config_of(tmp_path, {"alipay": _alipay(), "wechat": _wechat()})
    config = load(path)

    def never(*args, **kwargs):
        raise AssertionError("asked")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    monkeypatch.setattr(socket, "create_connection", never)
    findings = list(examine_gateways(config, offline=True))
    assert codes(findings).count("KEYS_LOADED") == 2
    assert codes(findings).count("CALLBACK_RIGHT") == 2


def test_names_are_resolved_and_unknown_ones_have_no_addresses():
    assert set(resolved("localhost")) & {"127.0.0.1", "::1"}
    assert resolved("no-such-host.invalid") == ()
    assert resolved("a" * 70 + ".example.com") == ()


# -- the commands --------------------------------------------------------------------------------------------------


def _alipay(**changes):
    return {
        "gateway": "alipay", "app_id": ALIPAY.app_id, "seller_id": ALIPAY.seller_id,
        "alipay_public_key": ALIPAY.public_pem, "app_private_key": private_pem(), **changes,
    }  # fmt: skip


def _wechat(**changes):
    return {
        "gateway": "wechat", "appid": WECHAT.appid, "mchid": WECHAT.mchid, "api_v3_key": CANARIES[0],
        "public_key": WECHAT.public_pem, "public_key_id": WECHAT.key_id,
        "private_key": private_pem(private_key("merchant")), "certificate_serial": "1234ABCD5678", **changes,
    }  # fmt: skip


def run(*arguments, **how):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], **how)


def test_the_doctor_says_it_in_english_and_chinese(tmp_path):
    path = config_of(tmp_path, {"alipay": _alipay(alipay_public_key=public_pem(OWN))})
    result = run("doctor", "gateways", "-c", path, "--offline", "--lang", "en")
    assert result.exit_code == 1
    assert "✗ OWN_KEY_AS_THEIRS  alipay_public_key is your own public key" in result.output
    result = run("doctor", "gateways", "-c", path, "--offline", "--lang", "zh")
    assert "alipay_public_key 填的是您自己的公钥" in result.output
    assert "1 个错误" in result.output


def test_the_language_is_the_terminals(tmp_path):
    path = config_of(tmp_path, {"alipay": _alipay()})
    result = run("doctor", "gateways", "-c", path, "--offline", env={"LC_ALL": "zh_CN.UTF-8"})
    assert "北京时间" in result.output
    assert result.exit_code == 0


def test_the_doctors_config_counts_for_the_gateways_too(tmp_path):
    path = config_of(tmp_path, {"alipay": _alipay()})
    assert run("doctor", "-c", path, "gateways", "--offline").exit_code == 0


def test_findings_as_json_lines(tmp_path):
    path = config_of(tmp_path, {"alipay": _alipay()})
    lines = run("doctor", "gateways", "-c", path, "--offline", "--json").output.splitlines()
    found = [json.loads(line) for line in lines]
    assert {"code", "severity", "account", "en", "zh"} == set(found[0])
    assert [one["account"] for one in found if one["code"] == "KEYS_LOADED"] == ["alipay"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_config_that_is_refused_is_a_finding_for_each_problem(tmp_path, lang):
    accounts = {"alipay": _alipay(sandbox=True), "wechat": _wechat(base_url="http://10.0.0.1")}
    path = config_of(tmp_path, accounts, environment="production", callbacks={"base_url": "http://pay.example.com"})
    result = run("doctor", "gateways", "-c", path, "--offline", "--lang", lang)
    assert result.exit_code == 1
    assert result.output.count("CONFIG_REFUSED") == 3
    assert "CONFIG_MOCK_IN_PRODUCTION" in result.output
    assert ("沙箱没有真实资金" if lang == "zh" else "a sandbox moves no money") in result.output


def test_the_doctor_still_proves_the_invariants(tmp_path):
    path = config_of(tmp_path, {"alipay": _alipay()})
    assert run("migrate", "-c", path).exit_code == 0
    result = run("doctor", "-c", path)
    assert result.exit_code == 0
    assert "invariants hold" in result.output


# -- explain-signature ---------------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path):
    return config_of(tmp_path, {"alipay": _alipay(), "wechat": _wechat()})


def raw_of(callback, newline="\r\n"):
    head = ["POST /callbacks/wechat HTTP/1.1", *(f"{name}: {value}" for name, value in callback.headers)]
    return newline.join([*head, "", ""]).encode() + callback.body


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_a_raw_request_is_explained(config, tmp_path, newline):
    (tmp_path / "raw").write_bytes(raw_of(WECHAT.callback(now=system_clock()), newline))
    result = run("explain-signature", "-c", config, "--account", "wechat", "--lang", "en", tmp_path / "raw")
    assert result.exit_code == 0
    assert "GENUINE" in result.output


def test_an_editors_line_break_at_the_end_is_not_counted(config):
    raw = raw_of(WECHAT.callback(now=system_clock())) + b"\n"
    result = run("explain-signature", "-c", config, "--account", "wechat", "-", input=raw)
    assert result.exit_code == 0


def test_a_request_from_the_standard_input_without_a_request_line(config):
    callback = WECHAT.callback(now=system_clock())
    spoilt = with_body(callback, json.dumps(json.loads(callback.body)).encode())
    raw = raw_of(spoilt).partition(b"\r\n")[2]
    result = run("explain-signature", "-c", config, "--account", "wechat", "--lang", "zh", "-", input=raw)
    assert result.exit_code == 1
    assert "RESERIALISED" in result.output
    assert "重新序列化" in result.output


def test_headers_as_a_framework_calls_them(config):
    callback = WECHAT.callback(now=system_clock())
    head = [f"HTTP_{name.upper().replace('-', '_')}: {value}" for name, value in callback.headers]
    raw = "\n".join([*head, "", ""]).encode() + callback.body
    assert run("explain-signature", "-c", config, "--account", "wechat", "-", input=raw).exit_code == 0


def test_headers_and_body_apart_at_the_time_it_arrived(config, tmp_path):
    callback = WECHAT.callback(now=NOW - 86_400 * SECOND)
    (tmp_path / "body").write_bytes(callback.body)
    arguments = ["explain-signature", "-c", config, "--account", "wechat", "--body", tmp_path / "body"]
    for name, value in callback.headers:
        arguments += ["--header", f"{name}: {value}"]
    assert "TIMESTAMP_SKEW_SECONDS" in run(*arguments).output
    assert run(*arguments, "--at", NOW // SECOND - 86_400).exit_code == 0


def test_an_alipay_body_alone(config):
    result = run("explain-signature", "-c", config, "--account", "alipay", "--json", "-", input=ALIPAY.callback().body)
    assert [json.loads(line)["code"] for line in result.output.splitlines()] == ["GENUINE"]


@pytest.mark.parametrize(
    "arguments",
    [("--account", "nobody", "-"), ("--account", "wechat"), ("--account", "wechat", "--at", "2026-01-31", "-"), ("-",)],
)
def test_a_wrong_call_is_a_usage_error(config, arguments):
    assert run("explain-signature", "-c", config, *arguments, input=b"{}").exit_code == 2


# -- secrets -------------------------------------------------------------------------------------------------------


def _traces(secret: bytes) -> list[str]:
    """What of a secret must not be seen: itself, and the longest line of a PEM."""
    lines = [line for line in secret.decode().splitlines() if not line.startswith("-----")]
    return [line for line in lines if len(line) > 20]


def test_no_secret_is_printed_or_logged_whatever_is_wrong(tmp_path, sandbox, caplog):
    caplog.set_level(logging.DEBUG)
    aes = base64.b64encode(b"0123456789abcdef")
    token = b"202601BBcanarycanarycanarycanary"
    accounts = {
        "good": {**sandbox.account("alipay"), "app_private_key": CANARIES[1], "aes_key": aes, "app_auth_token": token},
        "swapped": _alipay(app_id="2021000000000088", alipay_public_key=public_pem(OWN)),
        "broken": _alipay(app_id="2021000000000089", app_private_key=CANARIES[1][:400]),
        "wechat": {**sandbox.account("wechat"), "api_v3_key": CANARIES[0], "private_key": CANARIES[1]},
    }
    path = config_of(tmp_path, accounts, callbacks={"base_url": "http://127.0.0.1:9"})
    seen = run("doctor", "gateways", "-c", path, "--json").output + run("doctor", "gateways", "-c", path).output
    for account, body in (("swapped", ALIPAY.callback().body), ("wechat", WECHAT.callback(now=NOW).body)):
        seen += run("explain-signature", "-c", path, "--account", account, "-", input=body).output
    seen += caplog.text + repr(list(examine_gateways(load(path), offline=True)))
    from payflow.diagnosis.material import material_of

    seen += repr([material_of(one) for one in load(path).accounts.values()])
    assert "OWN_KEY_AS_THEIRS" in seen
    assert "KEY_UNREADABLE" in seen
    for secret in (*CANARIES, aes, token):
        assert [trace for trace in _traces(secret) if trace in seen] == []
    number = load_private_key(CANARIES[1]).private_numbers().d
    assert str(number) not in seen
