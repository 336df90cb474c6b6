"""Certificates, public keys, the switch from one to the other, rotation while money moves, sealed contents."""

from __future__ import annotations

import copy
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from payflow.sandbox.material import Material, serial_of

from .conftest import MakeWorld
from .world import ACCOUNTS, ALIPAY, WECHAT, World, kind_of


@pytest.mark.parametrize("account", ["alipay-certificate", "wechat", "wechat-switch"])
def test_f030_a_certificate_that_changes_while_money_moves_stops_nothing(world: World, account: str) -> None:
    before = world.paid(account)
    waiting = world.pay(account).payment
    world.sandbox.sides[kind_of(account)].rotate()
    after = world.pay(account).payment  # its answer is signed with the new one
    assert world.now(after).next_action != "{}"
    for payment in (waiting, after):
        world.payer_pays(payment)
    world.refund(before, 250)
    world.calm()
    world.agree()
    assert [world.now(one).status for one in (before, waiting, after)] == ["partially_refunded", "paid", "paid"]
    assert {row[2] for row in world.rows("select * from pf_incident")} == set()


@pytest.mark.parametrize("account", ["wechat", "alipay-certificate"])
def test_a_callback_with_the_new_certificate_is_believed_when_it_is_sent_again(world: World, account: str) -> None:
    """Nothing else is asked meanwhile: the callback alone brings the certificate in, and is sent again."""
    payment = world.pay(account).payment
    world.sandbox.sides[kind_of(account)].rotate()
    world.payer_pays(payment)
    for _ in range(3):
        if world.now(payment).status == "paid":
            break
        if account != "wechat":
            world.flow.query(payment.id)
        world.clock.forward(16)
        world.wait_for(lambda: bool(world.sandbox.deliver()) or True)
    world.calm()
    world.agree()
    assert world.now(payment).status == "paid"


def test_f030_a_thousand_forged_serials_cause_one_look_at_the_certificates(world: World) -> None:
    payment = world.pay("wechat").payment
    with requests.Session() as stranger:
        for number in range(1000):
            headers = {
                "Content-Type": "application/json",
                "Wechatpay-Timestamp": str(world.clock() // 1_000_000),
                "Wechatpay-Nonce": "n" * 32,
                "Wechatpay-Serial": f"{number + 0x5000:040X}",
                "Wechatpay-Signature": "A" * 342 + "==",
                "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
            }
            answer = stranger.post(f"{world.door}/callbacks/wechat", data=b'{"id":"x"}', headers=headers, timeout=5)
            assert answer.status_code in (400, 401), answer.text
    world.wait_for(lambda: "payflow-wechat-certificates" not in [one.name for one in threading.enumerate()])
    fetched = [one for one in world.books.newest_calls(10_000) if one.operation == "certificates"]
    assert len(fetched) == 1
    world.payer_pays(payment)
    world.wait_for(lambda: world.now(payment).status == "paid")
    world.calm()
    world.agree()


def test_a_merchant_with_the_public_key_alone_is_not_asked_for_certificates_again_and_again(world: World) -> None:
    for _ in range(3):
        world.paid("wechat-public-key")
        world.clock.forward(13 * 3600)
    world.calm()
    fetched = [one for one in world.books.newest_calls(10_000) if one.operation == "certificates"]
    assert len([one for one in fetched if one.merchant == "1900000002"]) <= 3


def test_the_switch_takes_callbacks_of_both_keys(world: World) -> None:
    """They come by turns: signed with the public key, and with the certificate."""
    payments = [world.pay("wechat-switch").payment for _ in range(4)]
    for payment in payments:
        world.payer_pays(payment)
    for payment in payments:
        world.wait_for(lambda payment=payment: world.now(payment).status == "paid")  # type: ignore[misc]
    assert {one.last_status for one in world.books.newest_callbacks()} <= {200, 204}
    world.calm()
    world.agree()


def test_platform_certificates_are_fetched_where_none_is_configured(make_world: MakeWorld) -> None:
    def change(name: str, options: dict[str, Any]) -> None:
        del options["platform_certificates"]
        options["download_certificates"] = True

    world = make_world(accounts=["wechat"], change=change)
    payment = world.paid("wechat")
    world.refund(payment)
    world.calm()
    world.agree()
    assert world.now(payment).status == "refunded"


@pytest.mark.parametrize("account", ALIPAY)
def test_contents_sealed_with_aes_go_the_whole_way(make_world: MakeWorld, account: str, tmp_path: Path) -> None:
    def change(name: str, options: dict[str, Any]) -> None:
        folder = Path(options["app_private_key"]["file"]).parent
        options["aes_key"] = {"file": str(folder / "aes_key.txt")}

    world = make_world(accounts=[account], change=change)
    for channel in ("qr", "page", "app", "mini_program"):
        result = world.pay(account, channel)
        world.click(world.open_as_payer(result.next_action))
        world.wait_for(lambda result=result: world.now(result.payment).status == "paid")  # type: ignore[misc]
        world.refund(result.payment, 250)
        world.refund(result.payment)
    code = world.pay(account, "barcode").payment
    assert world.now(code).status == "paid"
    world.calm()
    world.agree()


def test_a_far_side_with_other_keys_is_not_believed(make_world: MakeWorld, material: Material) -> None:
    """Whoever stands in between may answer what they like: without the key nothing of it counts."""
    world = make_world()
    foreign = Material()
    assert serial_of(foreign.platform_certificate) != serial_of(material.platform_certificate)
    payments = [world.pay(account, out_trade_no=f"foreign_{n}").payment for n, account in enumerate(ACCOUNTS)]
    genuine = dict(world.sandbox.sides)
    for name, side in genuine.items():  # the same books, and it knows our keys; its own are others
        world.sandbox.sides[name] = type(side)(_signing_with(world, foreign), refund_seconds=0.05)
    for payment in payments:
        world.flow.query(payment.id)
        world.flow.cancel(payment.id)
        assert world.now(payment).status == "pending", payment.account
        if payment.gateway == "wechat":
            assert world.sandbox.order(payment.out_trade_no).state == "closed", "Done, and not believed"
    world.sandbox.sides.update(genuine)
    world.calm()
    world.agree()
    assert {world.now(payment).status for payment in payments} == {"cancelled"}


def _signing_with(world: World, foreign: Material) -> Any:
    """The far side's world with foreign keys: but those of the merchants, whose requests it takes."""
    mixed = copy.copy(foreign)
    mixed._keys = {**foreign._keys, **{name: world.sandbox.material.key(name) for name in ("app", "merchant")}}
    mixed.merchant_certificate = world.sandbox.material.merchant_certificate
    mixed.app_certificate = world.sandbox.material.app_certificate
    mixed.root_certificate = world.sandbox.material.root_certificate
    return replace(world.sandbox.world, material=mixed)


def test_every_wechat_account_has_a_mode_of_its_own(world: World) -> None:
    modes = {
        name: sorted(set(world.sandbox.account(name)) & {"platform_certificates", "public_key"}) for name in WECHAT
    }
    assert modes == {
        "wechat": ["platform_certificates"], "wechat-public-key": ["public_key"],
        "wechat-switch": ["platform_certificates", "public_key"],
    }  # fmt: skip
