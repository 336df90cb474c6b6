"""Opening an account: keys that belong together, addresses that may be used, options of a config."""

from __future__ import annotations

from typing import Any

import pytest

from payflow.clock import SECOND, system_clock
from payflow.config.secret import Secret
from payflow.errors import ConfigError
from payflow.gateway import Outcome
from payflow.gateways.wechat import ORIGINS, WeChat
from payflow.testing.gateways import GatewayContract
from payflow.testing.signed import certificate_pem, private_key
from payflow.transport import Surroundings

from .far_side import MERCHANT_SERIAL, NOTIFY_URL, FarSide, private_pem
from .scenes import ORDER, order, transaction


def merchant_certificate(name: str = "merchant") -> bytes:
    now = system_clock() // SECOND * SECOND
    serial = int(MERCHANT_SERIAL, 16)
    return certificate_pem(private_key(name), serial=serial, first=now - SECOND, last=now + 86_400 * SECOND)


def refusal(far: FarSide, **changes: Any) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        far.gateway(**changes)
    return caught.value.code, caught.value.path


def test_the_serial_is_read_from_the_certificate(far: FarSide) -> None:
    far.says("GET", ORDER, transaction(far))
    gateway = far.gateway(merchant_serial=None, merchant_certificate=merchant_certificate())
    assert gateway.query(order(gateway)).outcome is Outcome.CONFIRMED


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"merchant_certificate": merchant_certificate("stranger")}, "CONFIG_KEY_MISMATCH", "$.certificate"),
        ({"merchant_certificate": merchant_certificate(), "merchant_serial": "AB"},
         "CONFIG_KEY_MISMATCH", "$.certificate_serial"),
        ({"merchant_serial": None}, "CONFIG_MISSING_FIELD", "$.certificate_serial"),
        ({"merchant_serial": "xyz"}, "CONFIG_MISSING_FIELD", "$.certificate_serial"),
        ({"merchant_key": merchant_certificate()}, "CONFIG_BAD_KEY", "$.private_key"),
        ({"merchant_certificate": private_pem("merchant")}, "CONFIG_BAD_KEY", "$.certificate"),
        ({"platform_keys": {}}, "CONFIG_MISSING_FIELD", "$"),
        ({"platform_keys": {}, "merchant_key": None, "download_certificates": True}, "CONFIG_MISSING_FIELD", "$"),
        ({"origins": ("http://api.mch.weixin.qq.com",)}, "CONFIG_INSECURE_URL", "$"),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_refused(far: FarSide, changes: dict[str, Any], code: str, path: str) -> None:
    assert refusal(far, **changes) == (code, path)


@pytest.mark.parametrize(
    "url",
    ["http://shop.example/cb", "https://shop.example/cb?a=1", "https://shop.example/cb#a", "https://u@shop.example/cb",
     "ftp://shop.example/", "shop.example/cb", "https:///cb", "https://shop.example/" + "a" * 255, "https://[",
     "https://shop.example/回调", ""],
)  # fmt: skip
def test_b128_an_address_they_would_not_call(far: FarSide, url: str) -> None:
    assert refusal(far, surroundings={"notify_url": url}) == ("CONFIG_CALLBACK_URL", "$.callbacks.base_url")


@pytest.mark.parametrize("url", ["https://shop.example/cb", "http://127.0.0.1:8000/cb", "http://localhost/cb", None])
def test_an_address_they_call(far: FarSide, url: str | None) -> None:
    assert isinstance(far.gateway(surroundings={"notify_url": url}), WeChat)


def options(far: FarSide, **changes: Any) -> dict[str, Any]:
    said: dict[str, Any] = {
        "gateway": "wechat", "appid": far.signer.appid, "mchid": far.signer.mchid,
        "api_v3_key": Secret(far.signer.api_v3_key, "test"), "public_key": far.signer.public_pem,
        "public_key_id": far.signer.key_id, "private_key": private_pem("merchant"),
        "certificate_serial": MERCHANT_SERIAL, "base_url": far.url,
    }  # fmt: skip
    return {name: value for name, value in (said | changes).items() if value is not None}


def test_an_account_of_a_config(far: FarSide) -> None:
    far.says("GET", ORDER, transaction(far))
    gateway = WeChat.from_config("wx", options(far), Surroundings(notify_url=NOTIFY_URL))
    assert gateway.query(order(gateway)).outcome is Outcome.CONFIRMED
    gateway.close_connections()


def test_an_account_of_a_config_without_a_private_key_only_receives(far: FarSide) -> None:
    gateway = WeChat.from_config("wx", options(far, private_key=None, certificate_serial=None))
    assert gateway.capabilities.operations == frozenset()


def test_without_a_base_url_it_is_the_real_thing_and_its_backup(far: FarSide) -> None:
    gateway = WeChat.from_config("wx", options(far, base_url=None, certificate=merchant_certificate()))
    assert gateway._origins == ORIGINS


def test_an_account_of_a_config_that_fetches_its_certificates(far: FarSide) -> None:
    bare = options(far, public_key=None, public_key_id=None, download_certificates=True)
    assert "charge" in WeChat.from_config("wx", bare).capabilities.operations


def test_b175_nothing_of_a_key_is_shown(far: FarSide) -> None:
    gateway = far.gateway()
    shown = repr(gateway) + repr(vars(gateway)) + repr(vars(gateway._client))
    assert far.signer.api_v3_key.decode() not in shown
    assert "PRIVATE" not in shown
    assert "BEGIN" not in shown


class TestReceivingWithTheKeyToSend(GatewayContract):
    """What comes in is read the same way by an account that also sends."""

    from payflow.testing.callbacks import WeChatSide

    kinds = tuple(WeChatSide.KINDS)
    side = WeChatSide()
    stranger = WeChatSide(key_name="stranger")
    signing_headers = ("Wechatpay-Signature",)
    secrets = (side.signer.api_v3_key,)

    @pytest.fixture
    def gateway(self, far: FarSide) -> WeChat:
        return far.gateway()

    def signed_callback(self, kind: str, **told: Any) -> Any:
        return self.side.callback(kind, **told)

    def strangers_callback(self, kind: str, **told: Any) -> Any:
        return self.stranger.callback(kind, **told)
