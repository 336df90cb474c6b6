"""B-090 to B-099: answers that are hostile, broken or nobody's. What was done is unknown; nothing else is believed."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from payflow.gateway import Answer, Outcome
from payflow.records import Payment
from payflow.sandbox import Material
from payflow.sandbox.material import pem

from .conftest import MakeWorld, Shared
from .tampering import Between, Tamper, raw
from .world import World, kind_of


@pytest.fixture(scope="module")
def between() -> Iterator[Between]:
    somebody = Between("")
    yield somebody
    somebody.stop()


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory, material: Material, between: Between) -> Iterator[Shared]:
    def change(name: str, options: dict[str, Any]) -> None:
        parts = urlsplit(options["base_url"])
        between.target = f"{parts.scheme}://{parts.netloc}"
        options["base_url"] = between.url + parts.path

    shared = Shared(tmp_path_factory.mktemp("tampered"), material, 0.5, accounts=["alipay", "wechat"], change=change)
    yield shared
    shared.stop()


@pytest.fixture
def world(shops: Shared, between: Between, request: pytest.FixtureRequest) -> World:
    """A shop whose requests all go through somebody."""
    between.tamper = None
    return shops.world(request.session.testsfailed)


ANSWERS: Mapping[str, Tamper] = {
    "HTML": lambda status, headers, body: raw(200, b"<html><body>Welcome to this hotel's network</body></html>"),
    "nothing": lambda status, headers, body: raw(200, b"" if body else b" ", headers),
    "null": lambda status, headers, body: raw(200, b"null", headers),
    "a list": lambda status, headers, body: raw(200, b"[]", headers),
    "a number": lambda status, headers, body: raw(200, b"1e999", headers),
    "half of it": lambda status, headers, body: raw(200, body[: len(body) // 2] or b"{", headers),
    "a longer length": lambda status, headers, body: raw(200, body, headers, length=len(body) + 100),
    "a shorter length": lambda status, headers, body: raw(200, body or b"x" * 9, headers, length=max(4, len(body) - 5)),
    "half a gzip": lambda status, headers, body: raw(
        200, gzip.compress(body)[:-20], {**headers, "Content-Encoding": "gzip"}
    ),
    "two megabytes": lambda status, headers, body: raw(200, b" " * 2_000_000 + body, headers),
    "deep": lambda status, headers, body: raw(200, b'{"a":' * 50_000 + b"1" + b"}" * 50_000, headers),
    "not UTF-8": lambda status, headers, body: raw(200, b"\xff\xfe" + body, headers),
    "no HTTP": lambda status, headers, body: b"\x16\x03\x01\x02\x00\x01",
    "other digits": lambda status, headers, body: raw(
        200, body.translate(bytes.maketrans(b"0123456789", b"1234567890")) or b"0", headers
    ),
    "500": lambda status, headers, body: raw(500, body, headers),
    "404": lambda status, headers, body: raw(404, b"not found"),
    "403 with a code nobody knows": lambda status, headers, body: raw(403, b'{"code":"GO_AWAY","message":"no"}'),
}
#: Those that are tried every time; the others where there is time.
QUICK = ("HTML", "nothing", "half of it", "half a gzip", "other digits", "403 with a code nobody knows")
#: The same for each gateway: no signature, or none that counts.
UNSIGNED: Mapping[str, Mapping[str, Tamper]] = {
    "alipay": {
        "error_response": lambda status, headers, body: raw(
            200, b'{"error_response":{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_NOT_EXIST"}}'
        ),
        "an empty sign": lambda status, headers, body: raw(
            200, json.dumps({**json.loads(body), "sign": ""}).encode(), headers
        ),
        "no sign": lambda status, headers, body: raw(
            200, json.dumps({name: value for name, value in json.loads(body).items() if name != "sign"}).encode()
        ),
        "written anew": lambda status, headers, body: raw(200, json.dumps(json.loads(body)).encode(), headers),
        "the node twice": lambda status, headers, body: raw(200, _twice(body, first=True), headers),
        "the node once more at the end": lambda status, headers, body: raw(200, _twice(body, first=False), headers),
        "another sign first": lambda status, headers, body: raw(200, b'{"sign":"AAAA",' + body[1:], headers),
    },
    "wechat": {
        "no signature": lambda status, headers, body: raw(200, body or b"{}", _without(headers, "signature")),
        "no serial": lambda status, headers, body: raw(200, body or b"{}", _without(headers, "serial")),
        "no headers": lambda status, headers, body: raw(200, body or b"{}"),
        "another nonce": lambda status, headers, body: raw(
            200, body or b"{}", {**headers, "Wechatpay-Nonce": "x" * 32}
        ),
        "an hour old": lambda status, headers, body: raw(
            200, body or b"{}", {**headers, "Wechatpay-Timestamp": "1500000000"}
        ),
    },
}  # fmt: skip


def _twice(body: bytes, *, first: bool) -> bytes:
    """The answer with a second node of the same name, which nobody has signed."""
    name = next(iter(json.loads(body)))
    node = json.dumps({"code": "10000", "msg": "Success", "trade_status": "TRADE_SUCCESS", "fund_change": "Y"})
    forged = f'"{name}":{node}'.encode()
    return b"{" + forged + b"," + body[1:] if first else body[:-1] + b"," + forged + b"}"


def _without(headers: Mapping[str, str], word: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() != f"wechatpay-{word}"}


def everything(world: World, account: str, payment: Payment, waiting: Payment) -> dict[str, Answer]:
    """Each operation of a gateway once, by hand: a new order, and one that is paid."""
    gateway: Any = world.flow.gateways[account]
    (back,) = world.refunds_of(payment)
    return {
        "charge": gateway.charge(world.now(waiting)),
        "query": gateway.query(world.now(payment)),
        "refund": gateway.refund(world.now(payment), back),
        "query_refund": gateway.query_refund(world.now(payment), back),
        "close": gateway.close(world.now(waiting)),
    }


def struck(world: World, between: Between, account: str, tamper: Tamper) -> None:
    """Tampered with, no operation is anything but unknown; afterwards both sides agree."""
    payment = world.paid(account)
    world.refund(payment, 250)
    waiting = world.pay(account).payment
    between.tamper = tamper
    answers = everything(world, account, payment, waiting)
    assert {name: answer.outcome for name, answer in answers.items()} == dict.fromkeys(answers, Outcome.UNKNOWN)
    assert not [event for answer in answers.values() for event in answer.events]
    unsure = world.pay(account).payment
    world.flow.cancel(waiting.id)
    world.refund(payment, 300)
    for _ in range(2):
        world.clock.forward(30)
        world.worker.round()
    assert {world.now(one).status for one in (unsure, waiting)} == {"pending"}
    between.tamper = None
    for _ in range(3):
        world.clock.until(world.now(unsure).next_check_at or 0)
        world.worker.round()
    world.payer_pays(unsure)
    world.calm()
    world.agree()
    assert (world.now(unsure).status, world.now(payment).refunded) == ("paid", 550)


@pytest.mark.parametrize("account", ["alipay", "wechat"])
@pytest.mark.parametrize(
    "answer", [pytest.param(one, marks=() if one in QUICK else pytest.mark.slow) for one in ANSWERS]
)
def test_b093_an_answer_that_is_none_leaves_the_outcome_unknown(
    world: World, between: Between, account: str, answer: str
) -> None:
    struck(world, between, account, ANSWERS[answer])


@pytest.mark.parametrize("answer", UNSIGNED["alipay"])
def test_b091_an_answer_of_alipay_without_its_signature_is_unknown(world: World, between: Between, answer: str) -> None:
    struck(world, between, "alipay", UNSIGNED["alipay"][answer])


@pytest.mark.parametrize("answer", UNSIGNED["wechat"])
def test_b095_an_answer_of_wechat_pay_without_its_signature_is_unknown(
    world: World, between: Between, answer: str
) -> None:
    struck(world, between, "wechat", UNSIGNED["wechat"][answer])


@pytest.mark.parametrize("account", ["alipay", "wechat"])
@pytest.mark.parametrize("status", [302, *(pytest.param(one, marks=pytest.mark.slow) for one in (301, 303, 307, 308))])
def test_b094_nobody_is_followed_anywhere(world: World, between: Between, account: str, status: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.05)
        elsewhere = f"http://127.0.0.1:{trap.getsockname()[1]}/latest/meta-data"
        struck(world, between, account, lambda _, headers, body: raw(status, b"", {"Location": elsewhere}))
        with pytest.raises(TimeoutError):
            trap.accept()


@pytest.mark.parametrize("account", ["alipay", "wechat"])
def test_b093_an_answer_without_an_end_is_not_read_to_the_end(world: World, between: Between, account: str) -> None:
    endless = raw(200, b"", {"Content-Type": "application/json"}, length=1 << 30) + b" " * 3_000_000
    struck(world, between, account, lambda _, headers, body: endless)


NASTY = (
    '{"alipay_trade_query_response":{"code":"10000"},"sign":"AAAA"}', 'a } b { c " d \\ e \\" f', '"sign":"x"', "}}{{",
    '\\u0022,"sign":"', "</script><b>", "'; drop table pf_payment; --", "…“”\u2028", "%22%7D+&=/", "\\\\\\",
)  # fmt: skip


@pytest.mark.parametrize("account", ["alipay", "wechat"])
@pytest.mark.parametrize("said", NASTY)
def test_b090_whatever_stands_in_a_text_is_only_text(world: World, account: str, said: str) -> None:
    payment = world.paid(account, description=f"{account}: {said}", metadata={"attach": said[:100]})
    world.flow.query(payment.id)
    world.refund(payment, 250)
    world.refund(payment)
    world.calm()
    world.agree([])
    assert (world.now(payment).status, world.incidents(payment)) == ("refunded", [])


LURES = {
    "script": "javascript:alert(1)", "another host": "https://evil.example/pay", "data": "data:,x", "nothing": "",
    "a longer host": "https://alipay.com.evil.example/", "a file": "file:///etc/passwd",
    "long": "weixin://" + "x" * 10_240,
    "a user": "https://user@alipay.com@evil.example/", "our own network": "http://169.254.169.254/latest/meta-data",
    "two lines": "weixin://wxpay/a\nb", "a quote": 'weixin://wxpay/a"onload=x',
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("lure", LURES)
@pytest.mark.parametrize(("account", "channel"), [("alipay", "qr"), ("wechat", "qr"), ("wechat", "h5")])
def test_b098_a_payer_is_led_to_the_gateway_and_nowhere_else(
    drill: World, account: str, channel: str, lure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed by the gateway's own key: somebody has got into it, or it is wrong itself."""
    lure = LURES[lure]
    side: Any = drill.sandbox.sides[account]
    if account == "alipay":
        monkeypatch.setattr(side._ordering, "cashier", lambda order: lure)
    else:
        name = "code_url" if channel == "qr" else "h5_url"
        monkeypatch.setattr(side._ordering, "_prepaid", lambda order: {name: lure})
    payment = drill.pay(account, channel).payment
    now = drill.now(payment)
    assert (now.status, now.next_action) == ("pending", "{}")
    monkeypatch.undo()
    for _ in range(3):
        drill.clock.until(drill.now(payment).next_check_at or 0)
        drill.worker.round()
    assert drill.now(payment).next_action != "{}"
    drill.payer_pays(payment)
    drill.calm()
    drill.agree()
    assert drill.now(payment).status == "paid"


def swapped(other: Callable[[], bytes]) -> Tamper:
    return lambda _, headers, body: other()


@pytest.mark.parametrize("account", ["alipay", "wechat"])
def test_b096_a_genuine_answer_about_another_order_pays_nothing(world: World, between: Between, account: str) -> None:
    """Recorded when another order was asked about, and played again."""
    paid, waiting = world.paid(account, minor=1250), world.pay(account, minor=1250).payment
    kept: list[bytes] = []

    def record(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
        kept.append(raw(status, body, headers))
        return kept[-1]

    gateway: Any = world.flow.gateways[account]
    between.tamper = record
    gateway.query(world.now(paid))
    assert kept
    between.tamper = swapped(lambda: kept[0])
    world.flow.query(waiting.id)
    assert world.now(waiting).status == "pending"
    assert gateway.charge(world.now(waiting)).outcome is Outcome.UNKNOWN
    between.tamper = None
    world.calm()
    world.agree()
    assert world.now(waiting).status == "cancelled"


@pytest.mark.parametrize("account", ["alipay", "wechat"])
def test_b096_an_answer_with_another_amount_is_an_incident_and_pays_nothing(world: World, account: str) -> None:
    payment = world.pay(account).payment
    world.sandbox.fault("callback_lost", out_trade_no=payment.out_trade_no, times=-1)
    world.sandbox.fault("wrong_amount", operation="query", out_trade_no=payment.out_trade_no, times=-1)
    world.payer_pays(payment)
    for _ in range(3):
        world.flow.query(payment.id)
        assert world.now(payment).status == "pending"
    assert world.incidents(payment) == [("amount_mismatch", "open")]
    assert kind_of(payment.account) == payment.gateway
    world.calm()
    world.agree()
    assert world.now(payment).status == "paid"


@pytest.mark.parametrize("account", ["alipay", "wechat"])
def test_b099_a_certificate_that_proves_nothing_lets_nothing_out(
    make_world: MakeWorld, account: str, tmp_path: Path
) -> None:
    """What says it is the gateway, with a certificate of its own making: not a byte of a request reaches it."""
    made = Material(tmp_path / "keys")
    (tmp_path / "cert.pem").write_bytes(pem(made.root_certificate))
    (tmp_path / "key.pem").write_bytes(made.private_pem("root"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    heard: list[bytes] = []

    def listen(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = server.accept()
                with contextlib.suppress(OSError), context.wrap_socket(line, server_side=True) as secured:
                    heard.append(secured.recv(100))

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=listen, args=(server,), daemon=True).start()
        away = f"https://127.0.0.1:{server.getsockname()[1]}"

        def change(name: str, options: dict[str, Any]) -> None:
            options["base_url"] = away + urlsplit(options["base_url"]).path

        world = make_world(accounts=[account], change=change)
        gateway: Any = world.flow.gateways[account]
        payment = world.pay(account).payment
        answer = gateway.query(payment)
        assert answer.outcome is Outcome.NEVER_SENT
        assert "GATEWAY_TLS" in answer.words.values()
        assert world.now(payment).status == "pending"
        assert not any(heard)
