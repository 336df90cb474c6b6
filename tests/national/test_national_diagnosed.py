"""What the doctor and ``explain`` make of an account with national cryptography."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from payflow.clock import system_clock
from payflow.diagnosis.asking import ask
from payflow.diagnosis.keys import key_findings
from payflow.diagnosis.material import Material, gathered
from payflow.diagnosis.wechat import explain_wechat
from payflow.gateway import Callback
from payflow.transport import Limits
from tests.diagnosis.world import FarSide, codes, wechat_error

from .material import KEY_ID, OWN_PEM, PUBLIC, PUBLIC_PEM, THEIRS, V3, certificate_pem
from .test_national_account import notified, signed


def account(**changes: Any) -> Material:
    options = {
        "appid": "wx0000000000000001", "mchid": "1900000001", "api_v3_key": V3, "private_key": OWN_PEM,
        "certificate_serial": "3F" * 20, "public_key": THEIRS[3], "public_key_id": KEY_ID,
        "national_cryptography": True, **changes,
    }  # fmt: skip
    return gathered("wechat", "wechat", {name: value for name, value in options.items() if value is not None})


def doctored(material: Material) -> list[str]:
    return codes(key_findings(material, [], system_clock(), production=False))


def explained(material: Material, body: bytes, headers: dict[str, str]) -> list[str]:
    callback = Callback("wechat", tuple(headers.items()), body)
    return codes(explain_wechat(material, callback, system_clock(), []))


def test_keys_that_are_right_load() -> None:
    assert doctored(account()) == ["KEYS_LOADED"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"public_key": PUBLIC_PEM}, "OWN_KEY_AS_THEIRS"),
        ({"public_key": b"x"}, "KEY_UNREADABLE"),
        ({"certificate": certificate_pem(THEIRS[:2], PUBLIC, 0x77)}, "SERIAL_NOT_OF_CERTIFICATE"),
        ({"certificate": certificate_pem(THEIRS[:2], THEIRS[1], int("3F" * 20, 16)), "public_key": None},
         "CERTIFICATE_NOT_OF_KEY"),
    ],
)  # fmt: skip
def test_a_key_in_the_wrong_place_is_named(changes: dict[str, Any], code: str) -> None:
    assert code in doctored(account(**changes))


def test_a_genuine_notification_is_called_genuine() -> None:
    body, headers = notified()
    assert explained(account(), body, headers) == ["GENUINE"]


def test_a_body_that_was_written_anew_on_the_way_is_recognised() -> None:
    body, headers = notified()
    compact = json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert explained(account(), compact, headers) == ["SIGNATURE_INVALID", "RESERIALISED"]


def test_a_signature_that_was_cut_is_called_so() -> None:
    body, headers = notified()
    cut = {**headers, "Wechatpay-Signature": headers["Wechatpay-Signature"][:40]}
    assert explained(account(), body, cut) == ["SIGNATURE_INVALID", "SIGN_UNREADABLE", "BODY_STILL_OPENS"]


def test_another_apiv3_key_is_named() -> None:
    body, headers = notified()
    assert explained(account(api_v3_key=b"x" * 32), body, headers) == ["DECRYPTION_FAILED", "API_V3_KEY_WRONG"]


@pytest.fixture
def far_side() -> Iterator[FarSide]:
    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        if path.startswith("/v3/pay/transactions/out-trade-no/"):
            status, headers, body = wechat_error(404, "ORDER_NOT_EXIST")
            return status, dict(headers), body
        body = b'{"hash_type":"SHA1","hash_value":"0","download_url":"https://example.com"}'
        return 200, signed(body), body

    far_side = FarSide(answer)
    yield far_side
    far_side.close()


@pytest.mark.parametrize(
    ("changes", "code"), [({}, "THEIR_SIGNATURE_PROVEN"), ({"public_key": PUBLIC_PEM}, "THEIR_KEY_WRONG")]
)
def test_a_question_proves_both_keys(far_side: FarSide, changes: dict[str, Any], code: str) -> None:
    found = codes(ask(account(base_url=far_side.url, **changes), Limits(), system_clock))
    assert found[-2:] == ["OUR_SIGNATURE_TAKEN", code]
    assert not [path for path in far_side.asked if path.startswith("/v3/certificates")]
