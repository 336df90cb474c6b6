"""A token confirms only if it is ours, letter by letter, and still valid."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payflow.errors import ConfigError, TokenRefused
from payflow.trust import TokenClaims, issue_token, read_token

SECRET = bytes(range(32))
NOW = 1_760_000_000_000_000
PAYMENT, NONCE = "06EY1ZQ8T0A1B2C3D4E5F6G7H8", "N-o_nce123"
TOKEN = issue_token(SECRET, PAYMENT, NONCE, NOW + 1)
PART = st.text("0123456789ABCDEFabcdef_-", min_size=1, max_size=64)


def refused(token: str, now: int = NOW, secret: bytes = SECRET) -> str:
    with pytest.raises(TokenRefused) as caught:
        read_token(secret, token, now)
    return caught.value.code


@given(PART, PART, st.integers(0, 10**17), st.binary(min_size=32, max_size=64))
def test_what_was_issued_is_read_until_it_expires(payment: str, nonce: str, until: int, secret: bytes) -> None:
    token = issue_token(secret, payment, nonce, until)
    assert read_token(secret, token, until - 1) == TokenClaims(payment, nonce, until)
    with pytest.raises(TokenRefused) as caught:
        read_token(secret, token, until)
    assert caught.value.code == "TOKEN_EXPIRED"


def test_a_token_is_safe_in_a_url_and_always_the_same() -> None:
    assert issue_token(SECRET, PAYMENT, NONCE, NOW + 1) == TOKEN
    assert set(TOKEN).issubset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert len(issue_token(SECRET, "p" * 64, "n" * 64, 10**17)) < 256


def test_a_token_does_not_hold_its_secret() -> None:
    assert SECRET not in base64.urlsafe_b64decode(TOKEN.split(".")[1] + "==")
    assert SECRET not in base64.urlsafe_b64decode(TOKEN.split(".")[2] + "==")


def test_the_last_moment() -> None:
    assert read_token(SECRET, TOKEN, NOW).payment_id == PAYMENT
    assert refused(TOKEN, NOW + 1) == "TOKEN_EXPIRED"


def test_a_forged_token_is_never_called_expired() -> None:
    assert refused(TOKEN[:-1] + ("A" if TOKEN[-1] != "A" else "B"), NOW + 10**9) == "TOKEN_FORGED"


def test_another_secret_another_token() -> None:
    assert refused(TOKEN, secret=bytes(range(1, 33))) == "TOKEN_FORGED"


@pytest.mark.parametrize("place", range(0, len(TOKEN), 3))
def test_every_changed_letter_is_noticed(place: int) -> None:
    for letter in "A_.=~\x00é":
        if TOKEN[place] != letter:
            assert refused(TOKEN[:place] + letter + TOKEN[place + 1 :]) == "TOKEN_FORGED"


def test_b030_a_base64_text_has_one_spelling_only() -> None:
    version, body, mac = TOKEN.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = alphabet[alphabet.index(mac[-1]) ^ 1]  # differs only in bits that decoding drops
    standard = base64.b64encode(base64.urlsafe_b64decode(mac + "=")).decode().rstrip("=")
    others = [
        f"{version}.{body}.{mac[:-1]}{twin}", f"{version}.{body}.{mac}=", f"{version}.{body}=.{mac}", f" {TOKEN}",
        f"{TOKEN}\n", f"{version}.{body[:4]}\n{body[4:]}.{mac}", f"{version}.{body[:4]}!{body[4:]}.{mac}", f"{TOKEN}.",
        f"pf2.{body}.{mac}", f"PF1.{body}.{mac}", f"{body}.{mac}", "", "..", "pf1..", TOKEN * 3,
    ]  # fmt: skip
    if standard != mac:
        others.append(f"{version}.{body}.{standard}")
    assert [token for token in others if refused(token) != "TOKEN_FORGED"] == []


@pytest.mark.parametrize("token", [None, 5, b"pf1.a.b", ["pf1"]])
def test_anything_else_is_no_token(token: object) -> None:
    with pytest.raises(TokenRefused):
        read_token(SECRET, token, NOW)  # type: ignore[arg-type]


def signed_by_nobody(raw: bytes) -> str:
    return f"pf1.{base64.urlsafe_b64encode(raw).decode()}.{'A' * 43}"


@given(st.text(max_size=120) | st.binary(max_size=90).map(signed_by_nobody))
def test_any_text_is_refused_as_forged(text: str) -> None:
    with pytest.raises(TokenRefused) as caught:
        read_token(SECRET, text, NOW)
    assert caught.value.code == "TOKEN_FORGED"


def test_b138_a_megabyte_is_refused_at_once() -> None:
    began = time.perf_counter()
    for token in ("pf1." * 250_000, "pf1." + "A" * 10**6 + "." + "A" * 43, "." * 10**6):
        assert refused(token) == "TOKEN_FORGED"
    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize("secret", [b"", b"short", bytes(31)])
def test_b039_a_weak_secret_signs_nothing_and_proves_nothing(secret: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        issue_token(secret, PAYMENT, NONCE, NOW)
    assert caught.value.code == "CONFIG_WEAK_SECRET"
    assert refused(TOKEN, secret=secret) == "TOKEN_FORGED"


@pytest.mark.parametrize(
    ("payment", "nonce", "until"),
    [
        ("", "n", 1), ("p", "", 1), ("p|x", "n", 1), ("p", "n\n", 1), ("p" * 65, "n", 1), ("p", "n", -1),
        ("p", "n", 10**18),
    ],
)  # fmt: skip
def test_claims_that_could_be_read_in_two_ways_are_not_issued(payment: str, nonce: str, until: int) -> None:
    with pytest.raises(ValueError, match="A token takes"):
        issue_token(SECRET, payment, nonce, until)
