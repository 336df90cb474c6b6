"""Which key signs: platform certificate, public key, both while a merchant goes over, and the next certificate."""

from __future__ import annotations

import json
from typing import Any

from cryptography import x509

from payflow.sandbox import Sandbox

from .merchant import Client, Shop, code, opened, serial

CERTIFICATES = "/v3/certificates"


def _listed(client: Client) -> dict[str, x509.Certificate]:
    answer = client.get(CERTIFICATES)
    assert client.verifies(answer)
    found = {}
    for one in answer.json()["data"]:
        sealed = one["encrypt_certificate"]
        assert (sealed["algorithm"], sealed["associated_data"]) == ("AEAD_AES_256_GCM", "certificate")
        certificate = x509.load_pem_x509_certificate(opened(client.material.api_v3_key, sealed))
        assert int(one["serial_no"], 16) == certificate.serial_number
        assert (one["effective_time"][-6:], one["expire_time"] > one["effective_time"]) == ("+08:00", True)
        found[serial(certificate)] = certificate
    return found


def test_the_list_of_certificates_opens_with_the_api_key(client: Client) -> None:
    assert list(_listed(client)) == [serial(client.material.platform_certificate)]


def test_the_certificate_verifies_the_very_answer_it_came_in(client: Client) -> None:
    answer = client.get(CERTIFICATES)
    assert client.key_of(answer) == "platform"
    assert client.verifies(answer)


def test_a_merchant_of_the_public_key_alone_has_no_certificates(public: Client) -> None:
    assert code(public.get(CERTIFICATES)) == (404, "RESOURCE_NOT_EXISTS")


def test_a_merchants_mode_decides_whatever_it_asks_for(client: Client, public: Client) -> None:
    for wanted in ("", client.material.public_key_id, serial(client.material.platform_certificate)):
        client.answer_with = public.answer_with = wanted
        answers = client.order(f"ORDER{len(wanted)}"), public.order(f"ORDER{len(wanted)}")
        assert [client.key_of(answer) for answer in answers] == ["platform", "wechat_public"]
        assert all(client.verifies(answer) for answer in answers)


def test_a_merchant_that_goes_over_is_answered_as_it_asks(switching: Client) -> None:
    for wanted, key in (("", "platform"), (switching.material.public_key_id, "wechat_public"), ("ABC", "platform")):
        switching.answer_with = wanted
        answer = switching.order("ORDER01")
        assert (switching.key_of(answer), switching.verifies(answer)) == (key, True)


def test_a_merchant_that_goes_over_hears_of_both_keys(switching: Client, sandbox: Sandbox, shop: Shop) -> None:
    for place in range(4):
        switching.paid(f"ORDER{place:02}")
        sandbox.deliver()
    assert {switching.key_of(headers) for headers in shop.headers} == {"platform", "wechat_public"}
    assert shop.genuine == [True] * 4


def test_going_over_to_the_next_certificate(client: Client, switching: Client, sandbox: Sandbox, shop: Shop) -> None:
    client.paid("ORDER01")
    sandbox.deliver()
    following = sandbox.sides["wechat"].rotate()
    assert sandbox.sides["wechat"].rotate() == following
    answer = client.query("ORDER01")
    assert (client.key_of(answer), client.verifies(answer)) == ("platform_next", True)
    assert answer.headers["Wechatpay-Serial"] == following
    assert set(_listed(client)) == {
        serial(client.material.platform_certificate), serial(client.material.next_certificate("platform")),
    }  # fmt: skip
    client.paid("ORDER02")
    sandbox.deliver()
    assert [client.key_of(headers) for headers in shop.headers] == ["platform", "platform_next"]
    assert shop.genuine == [True, True]
    assert switching.key_of(switching.order("ORDER03")) == "platform_next"


def test_a_public_key_is_not_rotated(public: Client, sandbox: Sandbox) -> None:
    sandbox.sides["wechat"].rotate()
    assert public.key_of(public.order("ORDER01")) == "wechat_public"


def test_what_is_sealed_is_never_sealed_twice_alike(client: Client) -> None:
    def nonces() -> list[Any]:
        return [one["encrypt_certificate"]["nonce"] for one in json.loads(client.get(CERTIFICATES).content)["data"]]

    first, second = nonces()[0], nonces()[0]
    assert first != second
    assert len(first) == len(second) == 12
