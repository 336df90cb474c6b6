"""Who may ask: the five pairs of an Authorization, what they are signed over, and what is refused unsigned."""

from __future__ import annotations

import itertools

import pytest

from payflow.sandbox import Sandbox

from .merchant import PAY, REFUNDS, SCHEME, Client, code, signed

CERTIFICATES = "/v3/certificates"


@pytest.mark.parametrize("turn", range(0, 120, 17))
def test_the_five_pairs_come_in_any_order(client: Client, turn: int) -> None:
    pairs = client.pairs("GET", CERTIFICATES, "")
    names = list(itertools.permutations(pairs))[turn]
    written = f"{SCHEME} " + ",".join(f'{name}="{pairs[name]}"' for name in names)
    assert client.get(CERTIFICATES, authorization=written).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        "", "Basic abc", SCHEME, f"{SCHEME} ", f'{SCHEME} mchid="1900000001"', f"{SCHEME} nonsense",
        'WECHATPAY2-SM2-WITH-SM3 mchid="1"', f'{SCHEME} mchid="1",mchid="1"',
    ],
)  # fmt: skip
def test_a_malformed_authorization_is_a_sign_error(client: Client, wrong: str) -> None:
    assert code(client.get(CERTIFICATES, authorization=wrong)) == (401, "SIGN_ERROR")


def test_a_missing_authorization_is_a_sign_error(client: Client) -> None:
    assert code(client.get(CERTIFICATES, headers={"Authorization": None})) == (401, "SIGN_ERROR")


def test_every_pair_is_needed_once(client: Client) -> None:
    pairs = client.pairs("GET", CERTIFICATES, "")
    for left_out in pairs:
        rest = ",".join(f'{name}="{value}"' for name, value in pairs.items() if name != left_out)
        twice = ",".join(f'{name}="{value}"' for name, value in [*pairs.items(), (left_out, pairs[left_out])])
        assert code(client.get(CERTIFICATES, authorization=f"{SCHEME} {rest}")) == (401, "SIGN_ERROR")
        assert code(client.get(CERTIFICATES, authorization=f"{SCHEME} {twice}")) == (401, "SIGN_ERROR")


@pytest.mark.parametrize(
    "wrong",
    [
        {"mchid": "1900000099"}, {"serial_no": "0123456789ABCDEF"}, {"signature": "AAAA"}, {"signature": "not base64"},
        {"timestamp": "soon"}, {"timestamp": "-5"},
    ],
)  # fmt: skip
def test_a_wrong_pair_is_a_sign_error(client: Client, wrong: dict[str, str]) -> None:
    assert code(client.get(CERTIFICATES, **wrong)) == (401, "SIGN_ERROR")


@pytest.mark.parametrize(("seconds", "status"), [(-301, 401), (-295, 200), (295, 200), (302, 401)])
def test_a_request_is_fresh_within_five_minutes(client: Client, sandbox: Sandbox, seconds: int, status: int) -> None:
    at = str(sandbox.clock.wire() // 1_000_000 + seconds)
    assert client.get(CERTIFICATES, timestamp=at).status_code == status


def test_an_old_request_is_told_so_even_if_its_signature_is_wrong_too(client: Client) -> None:
    answer = client.get(CERTIFICATES, timestamp="1000000000", signature="AAAA")
    assert "5分钟" in answer.json()["message"]


def test_freshness_goes_by_the_machines_clock(client: Client, sandbox: Sandbox) -> None:
    sandbox.advance(86_400)
    assert client.get(CERTIFICATES).status_code == 200


def test_the_signature_is_over_the_target_as_it_was_sent(client: Client) -> None:
    client.order("ORDER*01-a|b")
    assert client.query("ORDER*01-a|b").json()["out_trade_no"] == "ORDER*01-a|b"  # goes as %7C, is signed as %7C
    at, nonce = client.pairs("GET", "/", "")["timestamp"], "n" * 32
    elsewhere = signed(client.key, "GET", f"{PAY}/out-trade-no/ORDER01", at, nonce, "")  # without the query
    answer = client.get(
        f"{PAY}/out-trade-no/ORDER01?mchid=1900000001", timestamp=at, nonce_str=nonce, signature=elsewhere
    )
    assert code(answer) == (401, "SIGN_ERROR")


def test_a_target_written_another_way_is_another_text(client: Client) -> None:
    client.order("ORDER01|")
    path, nonce = f"{PAY}/out-trade-no/ORDER01", "n" * 32
    for sent, told in (
        (f"{path}%7C", f"{path}|"),
        (f"{path}%7C", f"{path}%7c"),
        (f"{path}?mchid=1%2C9", f"{path}?mchid=1,9"),
    ):
        at = client.pairs("GET", "/", "")["timestamp"]
        other = signed(client.key, "GET", told, at, nonce, "")
        assert code(client.get(sent, timestamp=at, nonce_str=nonce, signature=other)) == (401, "SIGN_ERROR")


def test_the_signature_is_over_the_body_as_it_was_sent(client: Client) -> None:
    at, nonce = client.pairs("GET", "/", "")["timestamp"], "n" * 32
    other = signed(client.key, "POST", f"{PAY}/native", at, nonce, "{}")
    answer = client.post(f"{PAY}/native", client.body("ORDER01"), timestamp=at, nonce_str=nonce, signature=other)
    assert code(answer) == (401, "SIGN_ERROR")


@pytest.mark.parametrize("header", ["User-Agent", "Accept"])
@pytest.mark.parametrize("path", [CERTIFICATES, f"{REFUNDS}/R1"])
def test_some_paths_demand_two_headers_before_the_signature(client: Client, path: str, header: str) -> None:
    answer = client.get(path, headers={header: None}, signature="AAAA")
    assert code(answer) == (400, "INVALID_REQUEST")


def test_what_there_is_not_has_an_empty_answer(client: Client) -> None:
    for method, path, status in (("GET", "/v3/nothing", 404), ("GET", f"{PAY}/native", 405), ("PUT", REFUNDS, 405)):
        answer = client.send(method, path)
        assert (answer.status_code, answer.content) == (status, b"")


def test_partner_paths_are_not_for_merchants(client: Client) -> None:
    assert code(client.post("/v3/pay/partner/transactions/native", {})) == (403, "NO_AUTH")
    assert code(client.get("/v3/pay/partner/transactions/id/1?sp_mchid=1")) == (403, "NO_AUTH")


def test_what_is_asked_and_refused_is_logged(client: Client, sandbox: Sandbox) -> None:
    client.order("ORDER01")
    client.get(CERTIFICATES, signature="AAAA")
    refused, ordered = sandbox.books.newest_calls()
    assert (ordered.operation, ordered.out_trade_no, ordered.status) == ("charge", "ORDER01", 200)
    assert (refused.operation, refused.code, refused.status) == ("certificates", "SIGN_ERROR", 401)
