"""Accounts that send: where their requests may go, what they need, where their callbacks arrive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from payflow.assembly import open_gateways
from payflow.config import load
from payflow.errors import ConfigError
from payflow.sandbox import Material
from payflow.sandbox.settings import ACCOUNTS, account_options

from .documents import ENVIRON, loaded, problems, right

MATERIAL = Material()
PEM = {
    "PRIVATE": MATERIAL.private_pem("app").decode(), "PUBLIC": MATERIAL.public_pem("alipay").decode(),
    "V3": MATERIAL.api_v3_key,
}  # fmt: skip


def alipay(**changes: Any) -> dict[str, Any]:
    account = {
        "gateway": "alipay", "app_id": "2021000000000001", "seller_id": "2088000000000001",
        "app_private_key": {"env": "PRIVATE"}, "alipay_public_key": {"env": "PUBLIC"}, **changes,
    }  # fmt: skip
    return {"payment_gateway": "shop", "gateways": {"shop": {k: v for k, v in account.items() if v is not None}}}


def wechat(**changes: Any) -> dict[str, Any]:
    account = {
        "gateway": "wechat", "appid": "wx0000000000000001", "mchid": "1900000001", "api_v3_key": {"env": "V3"},
        "public_key": {"env": "PUBLIC"}, "public_key_id": "PUB_KEY_ID_01", "private_key": {"env": "PRIVATE"},
        "certificate_serial": "3F" * 20, **changes,
    }  # fmt: skip
    return {"payment_gateway": "shop", "gateways": {"shop": {k: v for k, v in account.items() if v is not None}}}


@pytest.mark.parametrize(
    ("make", "url"),
    [
        (alipay, "http://openapi.alipay.com/gateway.do"), (alipay, "https://evil.example/gateway.do"),
        (alipay, "https://openapi.alipay.com.evil.example/gateway.do"), (wechat, "https://openapi.alipay.com"),
        (wechat, "http://api.mch.weixin.qq.com"), (wechat, "https://169.254.169.254"),
        (alipay, "http://127.0.0.1:8800/gateway.do"),
        (alipay, "https://openapi-sandbox.dl.alipaydev.com/gateway.do"),
    ],
)  # fmt: skip
def test_b189_requests_go_to_the_gateway_and_nowhere_else(make: Any, url: str) -> None:
    found = problems(PEM, **make(base_url=url))
    assert found["$.gateways.shop.base_url"].code == "CONFIG_INSECURE_URL"


def test_a_sandbox_on_this_machine_has_to_be_called_one_and_not_in_production() -> None:
    options = alipay(base_url="http://127.0.0.1:8800/gateway.do", sandbox=True)
    assert loaded(PEM, **options).accounts["shop"].options["base_url"].startswith("http://127.0.0.1")
    found = problems(PEM, environment="production", **options)
    assert found["$.gateways.shop.sandbox"].code == "CONFIG_MOCK_IN_PRODUCTION"


def test_wechat_pay_has_no_sandbox_of_its_own() -> None:
    assert problems(PEM, **wechat(sandbox=True))["$.gateways.shop.sandbox"].code == "CONFIG_MISSING_FIELD"


def test_something_has_to_prove_what_comes_back() -> None:
    assert problems(PEM, **alipay(alipay_public_key=None))["$.gateways.shop"].code == "CONFIG_MISSING_FIELD"
    nothing = wechat(public_key=None, public_key_id=None)
    assert problems(PEM, **nothing)["$.gateways.shop"].code == "CONFIG_MISSING_FIELD"
    fetched = wechat(public_key=None, public_key_id=None, download_certificates=True)
    assert loaded(PEM, **fetched).accounts["shop"].options["download_certificates"] is True


def test_nothing_is_fetched_for_national_cryptography_so_fetching_proves_nothing() -> None:
    fetched = wechat(public_key=None, public_key_id=None, download_certificates=True, national_cryptography=True)
    assert problems(PEM, **fetched)["$.gateways.shop"].code == "CONFIG_MISSING_FIELD"


def test_requests_name_the_key_they_are_signed_with() -> None:
    assert problems(PEM, **wechat(certificate_serial=None))["$.gateways.shop"].code == "CONFIG_MISSING_FIELD"


def test_b181_a_key_in_the_wrong_place_is_named() -> None:
    found = problems(PEM, **alipay(app_private_key={"env": "PUBLIC"}))
    assert found["$.gateways.shop.app_private_key"].code == "CONFIG_KEY_MISMATCH"
    found = problems(PEM, **alipay(alipay_certificate={"env": "PUBLIC"}, alipay_root_certificate={"env": "PUBLIC"}))
    assert found["$.gateways.shop.alipay_certificate"].code == "CONFIG_KEY_MISMATCH"


def test_callbacks_arrive_under_the_accounts_name_or_its_own_path() -> None:
    callbacks = {"callbacks": {"base_url": "https://shop.example/pay/"}}
    assert loaded(PEM, **alipay(), **callbacks).notify_url("shop") == "https://shop.example/pay/callbacks/shop"
    own = loaded(PEM, **alipay(callback_path="/notify"), **callbacks)
    assert own.notify_url("shop") == "https://shop.example/pay/notify"
    assert loaded(PEM, **alipay()).notify_url("shop") is None
    assert "callback_path" not in own.accounts["shop"].options


def test_otherwise_names_other_accounts() -> None:
    route = {"name": "all", "fallback": True, "gateway": "mock"}
    found = problems(routes=[{**route, "otherwise": ["mock"]}])
    assert found["$.routes[0].otherwise[0]"].code == "CONFIG_VALUE"
    found = problems(routes=[{**route, "otherwise": ["mokc"]}])
    assert found["$.routes[0].otherwise[0]"].code == "CONFIG_UNKNOWN_ACCOUNT"


def test_b194_the_address_of_redis_is_a_secret() -> None:
    config = loaded(
        {"REDIS": "redis://user:canary-redis-password@127.0.0.1:6379/0"}, breakers={"redis": {"env": "REDIS"}}
    )
    assert "canary" not in repr(config) + str(config.effective)
    assert problems(breakers={"redis": "redis://127.0.0.1"})["$.breakers.redis"].code == "CONFIG_LITERAL_SECRET"


@pytest.mark.parametrize("name", ACCOUNTS)
def test_what_the_sandbox_writes_opens(name: str, tmp_path: Path) -> None:
    options = account_options(MATERIAL, "http://127.0.0.1:8800", name, tmp_path)
    config = load(right(payment_gateway="real", gateways={"real": dict(options)}), ENVIRON)
    gateway = open_gateways(config)["real"]
    assert "charge" in gateway.capabilities.operations
    assert MATERIAL.api_v3_key not in repr(gateway) + repr(config)


class Own:
    """A gateway of the host's own, as far as opening it goes."""

    def __init__(self, name: str, options: Any, surroundings: Any) -> None:
        self.account, self.options, self.surroundings = name, options, surroundings

    @classmethod
    def from_config(cls, name: str, options: Any, surroundings: Any) -> Own:
        return cls(name, options, surroundings)


def test_a_gateway_of_the_hosts_own() -> None:
    account = {
        "gateway": "custom", "class": f"{__name__}:Own", "merchant": "m", "app": "a",
        "secrets": {"key": {"env": "PAYFLOW_SECRET"}}, "options": {"address": "https://pay.example"},
    }  # fmt: skip
    config = loaded(payment_gateway="own", gateways={"own": account}, callbacks={"base_url": "https://shop.example"})
    opened: Any = open_gateways(config)["own"]
    assert opened.options["secrets"]["key"].text() == ENVIRON["PAYFLOW_SECRET"]
    assert opened.options["options"] == {"address": "https://pay.example"}
    assert opened.surroundings.notify_url == "https://shop.example/callbacks/own"
    assert ENVIRON["PAYFLOW_SECRET"] not in repr(config)
    wrong = {**account, "class": f"{__name__}:Nobody"}
    with pytest.raises(ConfigError) as refused:
        open_gateways(loaded(payment_gateway="own", gateways={"own": wrong}))
    assert refused.value.code == "CONFIG_UNKNOWN_FUNCTION"


def test_keys_may_lie_in_a_folder_as_they_were_downloaded(tmp_path: Path) -> None:
    MATERIAL.write(tmp_path / "all")
    folder = tmp_path / "wechat"
    folder.mkdir()
    for ours, theirs in (
        ("merchant_key", "apiclient_key"),
        ("merchant_cert", "apiclient_cert"),
        ("public_key", "pub_key"),
    ):
        (folder / f"{theirs}.pem").write_bytes((tmp_path / "all" / f"wechat_{ours}.pem").read_bytes())
    here = {"file": str(folder)}
    account = wechat(private_key=here, certificate=here, public_key=here, certificate_serial=None)
    config = loaded({**PEM}, **account)
    assert open_gateways(config)["shop"].capabilities.operations
    assert config.accounts["shop"].options["private_key"].reveal() == MATERIAL.private_pem("merchant").rstrip(b"\n")


def test_a_folder_without_the_file_or_with_two_is_refused(tmp_path: Path) -> None:
    here = {"file": str(tmp_path)}
    found = problems(PEM, **wechat(private_key=here))["$.gateways.shop.private_key"]
    assert (found.code, "apiclient_key.pem" in found.message) == ("CONFIG_MISSING_SECRET", True)
    for number in "12":
        (tmp_path / f"wechatpay_{number}.pem").write_bytes(b"x")
    found = problems(PEM, **wechat(platform_certificates=[here]))["$.gateways.shop.platform_certificates[0]"]
    assert "2 files" in found.message
    assert "is a folder" in problems(PEM, **wechat(api_v3_key=here))["$.gateways.shop.api_v3_key"].message
