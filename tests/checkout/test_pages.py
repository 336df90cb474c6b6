"""The checkout through Flask and through Django: the same pages, the same refusals, the same headers."""

from __future__ import annotations

import json
import re
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payflow import InvalidRequest, NextAction, NotFound, Payment
from payflow.checkout import links, showing
from payflow.checkout.checkout import Turns
from payflow.checkout.following import Seats, Stream
from payflow.checkout.words import CATALOG

from .conftest import HOSTILE, ORIGIN, Shop

SECRET = b"s" * 32


def status(shop: Shop, link: str, **headers: str) -> Any:
    return json.loads(shop.ask("GET", f"{link}/status", **headers).body)


def test_a_payer_is_told_what_to_do_and_then_that_it_is_done(shop: Shop) -> None:
    payment = shop.pay()
    link = shop.link(payment.id, back="/orders/7")
    page = shop.ask("GET", link).text
    assert 'data-status="pending"' in page
    assert 'data-settled="0"' in page
    assert '<div id="payflow-qr"' in page
    assert "<svg" in page
    assert "¥12.50" in page
    assert 'href="/orders/7"' in page
    assert HOSTILE not in page
    shop.bank.payer.pay(payment.out_trade_no)
    assert status(shop, link)["settled"] is False  # nobody has told us yet
    done = shop.ask("POST", f"{link}/refresh")
    assert (done.status, done.headers["Location"]) == (303, link)
    assert status(shop, link)["outcome"] == "paid"
    page = shop.ask("GET", link).text
    assert 'data-settled="1"' in page
    assert "payflow-qr" not in page
    assert "http-equiv" not in page


@pytest.mark.parametrize(("channel", "found"), [
    ("page", "payflow-pay"), ("h5", "payflow-pay"), ("wap", "payflow-pay"), ("qr", "payflow-qr"),
    ("app", "Pay in the app"), ("mini_program", "Pay in the practice gateway"),
])  # fmt: skip
def test_every_channel_has_something_to_do(shop: Shop, channel: str, found: str) -> None:
    payment = shop.pay(channel)
    assert found in shop.ask("GET", shop.link(payment.id)).text


@pytest.mark.parametrize("kind", ["redirect", "form"])
@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "", " https://x", "JaVaScRiPt:alert(1)//https://"]
)
def test_a_payer_is_led_to_the_web_and_nowhere_else(kind: str, url: str) -> None:
    payment = Payment(
        id="P", gateway="alipay", account="a", merchant="m", app="p", out_trade_no="O", channel="page", amount=1,
        currency="CNY", status="pending",
    )  # fmt: skip
    action = NextAction(kind, {"url": url, "fields": {}})
    shown = showing.page(payment, action, links.Claims("P"), "en", "/checkout/x", 0)
    assert shown["kind"] == "wait"
    assert "url" not in shown


def test_what_waits_for_a_person_is_confirmed_once_however_often_it_is_pressed(shop: Shop) -> None:
    payment = shop.pay(action="unknown")
    link = shop.link(payment.id)
    page = shop.ask("GET", link).text
    (token,) = re.findall(r'name="token" value="([^"]+)"', page)
    assert shop.flow.payment(payment.id).status == "created"
    for _ in range(3):
        assert shop.ask("POST", f"{link}/confirm", form={"token": token}).status == 303
    assert shop.flow.payment(payment.id).status == "pending"
    other = shop.pay(action="unknown", key="other")
    assert shop.ask("POST", f"{shop.link(other.id)}/confirm", form={"token": token}).status == 403
    assert shop.flow.payment(other.id).status == "created"


def test_the_way_back_is_never_believed(shop: Shop) -> None:
    payment = shop.pay("page")
    link = shop.link(payment.id)
    for query in ("?status=paid", "?trade_status=TRADE_SUCCESS&out_trade_no=x", "?paid=1"):
        assert 'data-outcome="waiting"' in shop.ask("GET", link + query).text
    assert shop.flow.payment(payment.id).status == "pending"


def test_the_gateway_is_not_asked_by_every_impatient_finger(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = shop.pay()
    asked: list[str] = []
    plain = shop.flow.query
    monkeypatch.setattr(shop.flow, "query", lambda name: (asked.append(name), plain(name))[1])
    link = shop.link(payment.id)
    for _ in range(20):
        assert shop.ask("POST", f"{link}/refresh").status == 303
    assert asked == [payment.id]


def test_the_ends_of_a_payment(shop: Shop) -> None:
    cancelled = shop.pay(key="c")
    shop.flow.cancel(cancelled.id)
    assert "Closed" in shop.ask("GET", shop.link(cancelled.id)).text
    paid = shop.pay(key="p")
    shop.bank.payer.pay(paid.out_trade_no)
    shop.flow.query(paid.id)
    shop.flow.refund(paid.id, key="r")
    refund = shop.flow.store.history(paid.id).refunds[0]  # type: ignore[union-attr]
    shop.bank.settle_refund(refund.out_refund_no)
    shop.flow.query(paid.id)
    page = shop.ask("GET", shop.link(paid.id)).text
    assert 'data-outcome="refunded"' in page
    assert "¥12.50 has gone back" in page


@pytest.mark.parametrize("path", [
    "nonsense", "a.b", "static/secret.py", "static/../links.py", "%00", "{token}x", "{token}/launch",
    "{token}/status/more", "{other}",
])  # fmt: skip
def test_a_link_that_was_not_made_here_is_nothing(shop: Shop, path: str) -> None:
    payment = shop.pay()
    link = shop.link(payment.id)
    base, _, token = link.rpartition("/")
    other = links.issue(SECRET, links.Claims(payment.id))
    reply = shop.ask("GET", f"{base}/{path.format(token=token, other=other)}")
    assert reply.status == 404
    assert b"12.50" not in reply.body


def test_one_letter_of_a_token_decides(shop: Shop) -> None:
    link = shop.link(shop.pay().id)
    base, _, token = link.rpartition("/")
    for place in range(0, len(token), 5):
        letter = "A" if token[place] != "A" else "B"
        assert shop.ask("GET", f"{base}/{token[:place]}{letter}{token[place + 1 :]}").status == 404


def test_it_speaks_the_links_language_or_the_browsers(shop: Shop) -> None:
    payment = shop.pay()
    assert "扫码支付" in shop.ask("GET", shop.link(payment.id), Accept_Language="zh-CN,en;q=0.5").text
    assert "Scan to pay" in shop.ask("GET", shop.link(payment.id), Accept_Language="de").text
    page = shop.ask("GET", shop.link(payment.id, lang="zh"), Accept_Language="en").text
    assert '<html lang="zh-CN">' in page
    with pytest.raises(InvalidRequest):
        shop.link(payment.id, lang="xx")


def test_no_script_but_our_own_may_run_and_nothing_is_kept(shop: Shop) -> None:
    reply = shop.ask("GET", shop.link(shop.pay("page").id))
    policy = reply.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert reply.headers["Cache-Control"] == "no-store"
    assert "onclick" not in reply.text
    assert "style=" not in reply.text.replace("<svg", "")
    for name in re.findall(r'(?:src|href)="([^"]+\.(?:js|css))"', reply.text):
        assert shop.ask("GET", name).status == 200


# -- pages of other origins -------------------------------------------------------------------------------------------


def test_only_a_named_origin_may_follow(shop: Shop) -> None:
    link = shop.link(shop.pay().id)
    named = shop.ask("GET", f"{link}/status", Origin=ORIGIN)
    assert named.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert named.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in named.headers["Vary"]
    for stranger in (
        "https://evil.example.com",
        "null",
        "https://shop.example.com.evil.com",
        "http://shop.example.com",
    ):
        reply = shop.ask("GET", f"{link}/status", Origin=stranger)
        assert "Access-Control-Allow-Origin" not in reply.headers
        assert "Origin" in reply.headers["Vary"]
        assert shop.ask("OPTIONS", f"{link}/status", Origin=stranger).status == 403
    assert shop.ask("OPTIONS", f"{link}/status", Origin=ORIGIN).status == 204
    assert "Access-Control-Allow-Origin" not in shop.ask("GET", link, Origin=ORIGIN).headers


@pytest.mark.parametrize("back", [
    "//evil.example.com", "https://evil.example.com/", "/\\evil.example.com", "\\\\evil", "javascript:alert(1)",
    "orders", "https://shop.example.com@evil.com/",
    "https://shop.example.com.evil.com/", "http://shop.example.com/", "/a\nb",
    "https://[", " /x", "data:text/html,x",
])  # fmt: skip
def test_a_page_leads_back_to_no_strangers(shop: Shop, back: str) -> None:
    with pytest.raises(InvalidRequest):
        shop.link(shop.pay().id, back=back)


@pytest.mark.parametrize("back", ["/", "/orders/7?a=b#c", f"{ORIGIN}/orders/7"])
def test_a_page_leads_back_to_the_shop(shop: Shop, back: str) -> None:
    assert f'href="{back}"' in shop.ask("GET", shop.link(shop.pay().id, back=back)).text


@pytest.mark.parametrize("origin", [
    "*", "https://*.example.com", "shop.example.com", "https://shop.example.com/", "ftp://x", "https://SHOP.example.com",
    "null", "https://user@shop.example.com",
])  # fmt: skip
def test_an_origin_is_exact(origin: str) -> None:
    with pytest.raises(InvalidRequest):
        links.checked_origins([origin])


# -- the stream -------------------------------------------------------------------------------------------------------


def test_a_stream_begins_with_what_is_known(shop: Shop) -> None:
    link = shop.link(shop.pay().id)
    reply = shop.ask("GET", f"{link}/events", Origin=ORIGIN)
    assert reply.headers["Content-Type"] == "text/event-stream"
    assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN
    (data,) = re.findall(rb"data: (.*)\n\n", reply.body)
    assert json.loads(data) == status(shop, link)


def test_a_seat_is_given_back_however_a_stream_ends(shop: Shop) -> None:
    link = shop.link(shop.pay().id)
    for _ in range(40):
        assert shop.ask("GET", f"{link}/events").status == 200


def test_there_are_only_so_many_seats() -> None:
    seats = Seats(2)
    assert [seats.taken() for _ in range(3)] == [True, True, False]
    seats.give_back()
    assert seats.taken()
    assert not Seats(0).taken()


def test_a_stream_tells_only_what_is_new_and_ends_once() -> None:
    told, left = [{"stamp": "1"}, {"stamp": "1"}, {"stamp": "2"}], []
    stream = Stream(lambda: told.pop(0), lambda: left.append(1))
    assert b'data: {"stamp": "1"}' in (stream.step() or b"")
    assert stream.step() == b":\n\n"
    assert b'data: {"stamp": "2"}' in (stream.step() or b"")
    stream.close()
    stream.close()
    assert left == [1]
    assert stream.step() is None


def test_turns_are_for_each_payment_and_are_forgotten() -> None:
    now = [100.0]
    turns = Turns(3.0, lambda: now[0])
    assert [turns.mine("a"), turns.mine("a"), turns.mine("b")] == [True, False, True]
    now[0] += 3
    assert turns.mine("a")
    for number in range(20_000):
        turns.mine(str(number))
    assert len(turns._asked) == 10_000


# -- links ------------------------------------------------------------------------------------------------------------

TEXT = st.text(max_size=30)


@given(payment=TEXT, back=TEXT, lang=TEXT)
def test_a_link_says_what_it_was_told(payment: str, back: str, lang: str) -> None:
    claims = links.Claims(payment, back, lang)
    assert links.read(SECRET, links.issue(SECRET, claims)) == claims
    with pytest.raises(NotFound):
        links.read(b"x" * 32, links.issue(SECRET, claims))


@given(st.text(alphabet=string.printable, max_size=200))
def test_whatever_is_asked_for_is_answered(token: str) -> None:
    with pytest.raises(NotFound):
        links.read(SECRET, token)


def test_both_catalogs_say_the_same() -> None:
    assert CATALOG["en"].keys() == CATALOG["zh"].keys()
    for name, text in CATALOG["en"].items():
        blanks = set(re.findall(r"{(\w+)}", text))
        assert blanks == set(re.findall(r"{(\w+)}", CATALOG["zh"][name])), name
