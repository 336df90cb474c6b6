"""Secrets come by reference, are strong enough, and are never shown."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import logging
import pickle
import traceback
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payflow.config import Secret, load
from payflow.config.secret import weakness
from payflow.errors import ConfigError

from .documents import ENVIRON, MOCK_SECRET, SECRET, loaded, problems, right

CANARY = "canary"


def test_b175_a_secret_is_shown_nowhere() -> None:
    config = loaded({"PAYFLOW__STORE__URL": f"mysql+pymysql://app:{CANARY}-pw@db/pay"})
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("payflow.test_secrets")
    logger.addHandler(handler)
    logger.error("config %s %r", config, config.secret)
    logger.removeHandler(handler)
    shown = [
        repr(config), str(config), f"{config.secret}", f"{config.secret!r:>60}", stream.getvalue(),
        json.dumps([asdict(value) for value in config.effective]), repr(config.accounts["mock"].options),
        repr({field.name: getattr(config, field.name) for field in fields(config)}), repr(copy.deepcopy(config.secret)),
    ]  # fmt: skip
    assert [text for text in shown if CANARY in text] == []
    assert "Secret(env PAYFLOW_SECRET)" in repr(config)


def test_b175_a_secret_has_no_vars_and_is_not_pickled() -> None:
    secret = Secret(b"x" * 40, "env X")
    with pytest.raises(TypeError):
        vars(secret)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(secret, protocol)


def test_b175_no_local_variable_of_a_traceback_shows_a_secret() -> None:
    environ = {**ENVIRON, "PAYFLOW__STORE__URL": f"oracle://a:{CANARY}@h/d", "PAYFLOW__SECRET": f"{CANARY}-literal"}
    document = right(unknown=1)
    with pytest.raises(ConfigError) as caught:
        load(document, environ)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    mine = [frame for frame in told.stack if "payflow/config" in frame.filename.replace("\\", "/")]
    assert mine
    assert [frame for frame in mine if CANARY in str(frame.locals)] == []
    assert CANARY not in str(caught.value)


def test_a_secret_equals_itself_by_value() -> None:
    assert Secret(b"a", "env A") == Secret(b"a", "env B")
    assert Secret(b"a", "env A") != Secret(b"b", "env A")
    assert Secret(b"a", "env A") != b"a"


@pytest.mark.parametrize("literal", ["a literal secret of thirty-two bytes", 5, None, ["x"], True])
def test_a_literal_is_refused_and_says_so(literal: Any) -> None:
    found = problems(secret=literal)["$.secret"]
    assert found.code == "CONFIG_LITERAL_SECRET"
    assert "a literal is refused" in found.message
    assert "thirty-two" not in found.message


@pytest.mark.parametrize(
    "reference", [{}, {"env": "A", "file": "b"}, {"env": 5}, {"env": "1A"}, {"environment": "A"}, {"value": "x"}]
)
def test_a_reference_names_exactly_one_place(reference: dict[str, Any]) -> None:
    assert all(path.startswith("$.secret") for path in problems(secret=reference))


@pytest.mark.parametrize("held", ["", " ", "\n\t "])
def test_b176_b039_an_empty_secret_is_refused(held: str) -> None:
    found = problems({"PAYFLOW_SECRET": held})["$.secret"]
    assert (found.code, "PAYFLOW_SECRET" in found.message) == ("CONFIG_MISSING_SECRET", True)


def test_b039_a_secret_whose_variable_vanished() -> None:
    with pytest.raises(ConfigError) as caught:
        load(right(), {"MOCK_SECRET": MOCK_SECRET})
    assert caught.value.code == "CONFIG_MISSING_SECRET"
    assert "environment variable PAYFLOW_SECRET is not set" in caught.value.message


def test_b176_a_config_without_a_secret() -> None:
    document = right()
    del document["secret"]
    with pytest.raises(ConfigError) as caught:
        load(document, ENVIRON)
    assert (caught.value.code, caught.value.path) == ("CONFIG_MISSING_SECRET", "$.secret")


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        ("changeme", "well-known"),
        ("Change-Me!" + SECRET, "well-known"),
        ("your_secret_key_" + "k3" * 20, "well-known"),
        (SECRET[:31], "31 bytes"),
        ("a" * 64, "same character"),
        ("abcd" * 12, "over and over"),
        ("0123456789abcdef" * 2, "over and over"),
        ("abcdefghijklmnopqrstuvwxyz0123456789", "counts"),
        (SECRET + " ", "white space"),
        (SECRET + "\n", "white space"),
    ],
)
def test_b176_a_weak_secret_is_refused(held: str, reason: str) -> None:
    found = problems({"PAYFLOW_SECRET": held})["$.secret"]
    assert (found.code, reason in found.message) == ("CONFIG_WEAK_SECRET", True), found
    assert held.strip() not in found.message


@given(st.binary(min_size=32, max_size=64).map(lambda raw: hashlib.sha512(raw).hexdigest()[:48]))
def test_random_secrets_are_strong(text: str) -> None:
    assert weakness(Secret(text.encode(), "env X"), least=32) == ""


def wechat(**changes: Any) -> dict[str, Any]:
    return {
        "gateway": "wechat", "appid": "wxd678efh567hg6787", "mchid": "1230000109", "api_v3_key": {"env": "V3"},
        "public_key": {"env": "PUB"}, "public_key_id": "PUB_KEY_ID_0001", **changes,
    }  # fmt: skip


PUBLIC = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
PRIVATE = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
V3 = "Hs8Kd0Wm3Zx6Qp1Lv9Rt4Yb7Nc2Fg5Ja"


@pytest.mark.parametrize("held", [V3[:31], V3 + "x", "", "a" * 32, "0" * 32])
def test_b176_the_api_v3_key_has_exactly_32_bytes(held: str) -> None:
    found = problems({"V3": held, "PUB": PUBLIC}, gateways={"w": wechat()}, payment_gateway="w")
    assert found["$.gateways.w.api_v3_key"].code in ("CONFIG_WEAK_SECRET", "CONFIG_MISSING_SECRET")


def test_a_wechat_account_with_its_keys() -> None:
    config = loaded({"V3": V3, "PUB": PUBLIC}, gateways={"w": wechat()}, payment_gateway="w")
    options = config.accounts["w"].options
    assert options["api_v3_key"].reveal() == V3.encode()
    assert options["public_key"].reveal() == PUBLIC.encode()
    assert (options["mchid"], options["public_key_id"]) == ("1230000109", "PUB_KEY_ID_0001")


@pytest.mark.parametrize(("own", "expected"), [({}, 120), ({"callback_tolerance_seconds": 60}, 60)])
def test_an_account_has_the_tolerance_of_all_unless_it_has_its_own(own: dict[str, int], expected: int) -> None:
    changes = {"gateways": {"w": wechat(**own)}, "timeouts": {"callback_tolerance_seconds": 120}}
    config = loaded({"V3": V3, "PUB": PUBLIC}, payment_gateway="w", **changes)
    assert config.accounts["w"].options["callback_tolerance_seconds"] == expected


def test_a_wechat_account_with_several_platform_certificates(tmp_path: Path) -> None:
    account = wechat(platform_certificates=[{"env": "CERT"}, {"file": "two.pem"}])
    del account["public_key"], account["public_key_id"]
    (tmp_path / "two.pem").write_text(CERTIFICATE)
    (tmp_path / "payflow.json").write_text(json.dumps(right(gateways={"w": account}, payment_gateway="w")))
    config = load(tmp_path / "payflow.json", {**ENVIRON, "V3": V3, "CERT": CERTIFICATE})
    found = config.accounts["w"].options["platform_certificates"]
    assert [secret.where for secret in found] == ["env CERT", "file two.pem"]


@pytest.mark.parametrize("drop", [("public_key",), ("public_key_id",), ("public_key", "public_key_id")])
def test_a_wechat_account_needs_something_to_verify_with(drop: tuple[str, ...]) -> None:
    account = {key: value for key, value in wechat().items() if key not in drop}
    found = problems({"V3": V3, "PUB": PUBLIC}, gateways={"w": account}, payment_gateway="w")
    assert {problem.code for problem in found.values()} == {"CONFIG_MISSING_FIELD"}


@pytest.mark.parametrize(
    ("option", "held"),
    [("public_key", PRIVATE), ("public_key", CERTIFICATE), ("api_v3_key", PUBLIC), ("api_v3_key", PRIVATE)],
)
def test_b181_a_key_in_the_wrong_place(option: str, held: str) -> None:
    environ = {"V3": V3, "PUB": PUBLIC, {"public_key": "PUB", "api_v3_key": "V3"}[option]: held}
    found = problems(environ, gateways={"w": wechat()}, payment_gateway="w")
    assert found[f"$.gateways.w.{option}"].code == "CONFIG_KEY_MISMATCH"


def test_b181_a_public_key_where_a_certificate_belongs() -> None:
    account = wechat(platform_certificates=[{"env": "CERT"}])
    environ = {"V3": V3, "PUB": PUBLIC, "CERT": PUBLIC}
    found = problems(environ, gateways={"w": account}, payment_gateway="w")
    assert found["$.gateways.w.platform_certificates[0]"].code == "CONFIG_KEY_MISMATCH"


def test_a_pem_as_the_signing_secret_is_a_mistake() -> None:
    assert problems({"PAYFLOW_SECRET": PRIVATE})["$.secret"].code == "CONFIG_KEY_MISMATCH"


# -- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_file_lies_beside_the_config_and_may_end_with_one_line_break(tmp_path: Path, end: str) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_bytes((SECRET + end).encode())
    (tmp_path / "payflow.json").write_text(json.dumps(right(secret={"file": "secrets/key"})))
    config = load(tmp_path / "payflow.json", ENVIRON)
    assert config.secret.reveal() == SECRET.encode()
    assert repr(config.secret) == "Secret(file secrets/key)"


@pytest.mark.parametrize("name", ["missing", ".", "nul\x00byte", "too_large"])
def test_a_secret_file_that_cannot_be_used(tmp_path: Path, name: str) -> None:
    (tmp_path / "too_large").write_bytes(b"x" * 70_000)
    (tmp_path / "payflow.json").write_text(json.dumps(right(secret={"file": name})))
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "payflow.json", ENVIRON)
    assert (caught.value.code, caught.value.path) == ("CONFIG_MISSING_SECRET", "$.secret")


def test_a_secret_may_be_any_bytes(tmp_path: Path) -> None:
    raw = hashlib.sha512(b"any bytes").digest()
    assert not raw.isascii()
    (tmp_path / "key").write_bytes(raw)
    (tmp_path / "payflow.json").write_text(json.dumps(right(secret={"file": "key"})))
    assert load(tmp_path / "payflow.json", ENVIRON).secret.reveal() == raw


@pytest.mark.parametrize("text", ["TODO", "todo: a real key", "FIXME-before-production-0123456789ab", "x-fixme"])
def test_a_short_placeholder_is_known_where_it_stands_as_a_word(text: str) -> None:
    assert "placeholder" in weakness(Secret(text.encode(), "here"))


@pytest.mark.parametrize("text", ["kQ9tOdO3xV7w2LrT8mZp5YcN", "aFIXME7xV9w2LrT8mZp5YcN7b", "k-t0-ToDo9_xV9w2LrT8mZp5Y"])
def test_a_random_key_that_happens_to_hold_four_letters_is_none(text: str) -> None:
    assert weakness(Secret(text.encode(), "here"), least=20) == ""
