"""What must hold whatever visitors and gateways do: one order, its seats, payment and tickets, or none of it."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from .conftest import Visitor, becomes, payment_of, pays
from .process import Hall, manage, open_hall


def left(hall: Hall, slug: str) -> int:
    return int(hall.one("select seats_left from hall_concert where slug = ?", slug))


def everything(hall: Hall) -> list[int]:
    """How much there is of what an order consists of."""
    tables = ("hall_order", "hall_line", "pf_payment", "pf_attempt", "pf_key", "pf_message", "pf_transition")
    return [hall.one(f"select count(*) from {table}") for table in tables]


@pytest.fixture
def concert(hall: Hall) -> str:
    """A concert of the test's own, with three seats."""
    slug = f"concert-{secrets.token_hex(4)}"
    hall.rows(
        "insert into hall_concert (slug, place, title_en, title_zh, players_en, players_zh, about_en, about_zh,"
        " starts_at, price, seats, seats_left)"
        " values (?, 99, ?, ?, '', '', '', '', '2030-01-01 12:00:00', 5000, 3, 3)",
        slug, slug, slug,
    )  # fmt: skip
    return slug


@pytest.mark.parametrize("way", ["alipay", "wechat"])
def test_a_callback_that_comes_again_and_again_issues_tickets_once(
    hall: Hall, visitor: Visitor, concert: str, way: str
) -> None:
    number = visitor.order(concert, 2, way)
    payment_id, status, out_trade_no = payment_of(hall, number)
    assert status == "pending"
    visitor.reaches_the_gateway(number)
    fault = {"kind": "callback_duplicate", "out_trade_no": out_trade_no, "value": 3}
    assert requests.post(f"{hall.sandbox}/sandbox/faults", json=fault, timeout=10).status_code in (200, 201)
    pays(hall, number, way)
    becomes(hall, number, "ready")
    until_repeated(hall, payment_id)
    tickets = "select count(*) from hall_ticket t join hall_line l on l.id = t.line_id join hall_order o "
    assert hall.one(f"{tickets} on o.id = l.order_id where o.number = ?", number) == 2
    assert hall.one("select count(*) from pf_journal where payment_id = ?", payment_id) == 1
    assert hall.one("select count(*) from pf_effect where payment_id = ? and handler = 'tickets'", payment_id) == 1
    assert left(hall, concert) == 1
    assert visitor.get(f"/orders/{number}/").text.count('class="ticket"') == 2


def until_repeated(hall: Hall, payment_id: str) -> None:
    """Every copy of the callback has come, and been answered as a repeat."""
    for _ in range(100):
        if hall.one("select coalesce(sum(repeats), 0) from pf_receipt where payment_id = ?", payment_id) >= 2:
            return
        time.sleep(0.05)
    raise AssertionError("".join(hall.lines[-30:]))


def test_a_form_that_is_sent_eight_times_at_once_is_one_order(hall: Hall, visitor: Visitor, concert: str) -> None:
    visitor.choose(concert, 1)
    form = visitor.form()
    before = everything(hall)
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: visitor.copy().post("/orders/new/", **form), range(8)))
    assert [answer.status_code for answer in answers] == [302] * 8
    assert len({visitor.ordered(answer) for answer in answers}) == 1
    assert [now - then for now, then in zip(everything(hall), before, strict=True)][:3] == [1, 1, 1]
    assert left(hall, concert) == 2
    assert visitor.ordered(visitor.post("/orders/new/", **form)) == visitor.ordered(answers[0])  # from the history, too


def test_of_ten_who_want_the_last_three_seats_three_have_them(
    hall: Hall, another: Callable[[], Visitor], concert: str
) -> None:
    crowd = [another() for _ in range(10)]
    for one in crowd:
        one.choose(concert, 1)
    forms = [one.form("wechat") for one in crowd]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda pair: pair[0].post("/orders/new/", **pair[1]), zip(crowd, forms, strict=True)))
    assert sorted(answer.status_code for answer in answers) == [302] * 3 + [409] * 7
    assert all("sold out" in answer.text for answer in answers if answer.status_code == 409)
    assert left(hall, concert) == 0
    sql = "select count(*) from hall_line l join hall_concert c on c.id = l.concert_id where c.slug = ?"
    assert hall.one(sql, concert) == 3


def test_who_cannot_have_all_seats_has_none_of_them(hall: Hall, visitor: Visitor, concert: str) -> None:
    """The seats of the first line were taken already, and a payment was not asked for: all of it is undone."""
    visitor.choose("night-piano", 2)
    visitor.choose(concert, 3)
    form = visitor.form()
    hall.rows("update hall_concert set seats_left = 2 where slug = ?", concert)
    before, seats = everything(hall), left(hall, "night-piano")
    refused = visitor.post("/orders/new/", **form)
    hall.rows("update hall_concert set seats_left = 3 where slug = ?", concert)
    assert refused.status_code == 409
    assert "only 2 seats are left" in refused.text
    assert (everything(hall), left(hall, "night-piano")) == (before, seats)
    assert visitor.ordered(visitor.post("/orders/new/", **form))  # the same form, when there are seats again


def test_what_payflow_refuses_leaves_no_order_behind(hall: Hall, visitor: Visitor, concert: str) -> None:
    hall.rows("update hall_concert set price = 5000000000 where slug = ?", concert)  # more than a gateway takes
    visitor.choose(concert, 3)
    before = everything(hall)
    refused = visitor.post("/orders/new/", **visitor.form())
    assert (refused.status_code, "INVALID_AMOUNT" in refused.text) == (400, True)
    assert (everything(hall), left(hall, concert)) == (before, 3)


def test_the_price_is_the_programme_s_whatever_the_form_says(hall: Hall, visitor: Visitor, concert: str) -> None:
    visitor.choose(concert, 2)
    form = visitor.form()
    before = everything(hall)
    assert visitor.post("/orders/new/", **{**form, "total": "1"}).status_code == 409
    hall.rows("update hall_concert set price = 6000 where slug = ?", concert)
    refused = visitor.post("/orders/new/", **form)
    assert refused.status_code == 409
    assert "A price has changed" in refused.text
    assert everything(hall) == before
    number = visitor.ordered(visitor.post("/orders/new/", **visitor.form()))
    asked = "select p.amount from pf_payment p join hall_order o on o.payment = p.id where o.number = ?"
    assert hall.one(asked, number) == 12000


def test_a_large_order_is_confirmed_by_a_person_before_it_is_sent(hall: Hall, visitor: Visitor) -> None:
    """¥3040.00 is more than the trusted action may do by itself: the checkout asks for a word first."""
    visitor.choose("guqin-and-rain", 8)
    visitor.choose("night-piano", 8)
    placed = visitor.post("/orders/new/", **visitor.form("wechat"))
    number = visitor.ordered(placed)
    assert payment_of(hall, number)[1] == "created"
    checkout = placed.headers["Location"]
    token = re.search(r'id="payflow-confirm".*?name="token" value="([^"]+)"', visitor.get(checkout).text, re.DOTALL)
    assert token is not None
    assert visitor.post(f"{checkout.rstrip('/')}/confirm", token=token[1]).status_code == 303
    assert payment_of(hall, number)[1] == "pending"
    visitor.post(f"/orders/{number}/cancel/")
    becomes(hall, number, "released")


CONFLICTS = """
from payflow import StoreConflict
from examples.django_shop.hall import ordering
from examples.django_shop.hall.models import Order
real, tries = ordering.payflow, []
def payflow():
    tries.append(1)
    if len(tries) < 3:
        raise StoreConflict()
    return real()
ordering.payflow = payflow
wish = ordering.Wish(visitor="v", key="k", seats={"night-piano": 2}, total=24000, way="wechat", phone=False,
                     client_ip="127.0.0.1", back=lambda number: "http://127.0.0.1/" + number)
before = Order.objects.count()
ordering.place(wish)
print(len(tries), Order.objects.count() - before)
"""


def test_an_order_that_met_a_conflict_is_placed_again_from_the_start(hall: Hall) -> None:
    before = left(hall, "night-piano")
    there = {"PAYFLOW__GATEWAYS__WECHAT__BASE_URL": hall.sandbox}
    done = manage(hall.folder, "shell", "-v", "0", "-c", CONFLICTS, **there)
    assert done.stdout.split() == ["3", "1"], done.stderr
    assert left(hall, "night-piano") == before - 2


def test_seats_that_are_given_up_can_be_had_by_others(hall: Hall, visitor: Visitor, concert: str) -> None:
    number = visitor.order(concert, 3, "wechat")
    assert left(hall, concert) == 0
    assert visitor.post(f"/orders/{number}/cancel/").status_code == 302
    becomes(hall, number, "released")
    assert left(hall, concert) == 3
    assert visitor.post(f"/orders/{number}/cancel/").status_code == 302  # once more: it has ended, that is all
    assert left(hall, concert) == 3


def test_seats_that_nobody_pays_for_come_back_by_themselves(hall: Hall, visitor: Visitor, concert: str) -> None:
    number = visitor.order(concert, 2, "wechat")
    over = time.time_ns() // 1000
    payment_id, _, _ = payment_of(hall, number)
    hall.rows("update pf_payment set expires_at = ?, next_check_at = ? where id = ?", over, over, payment_id)
    becomes(hall, number, "released")
    assert (left(hall, concert), payment_of(hall, number)[1]) == (3, "cancelled")


def test_who_has_paid_cannot_give_the_seats_up_and_keeps_the_tickets(
    hall: Hall, visitor: Visitor, concert: str
) -> None:
    number = visitor.order(concert, 1, "wechat")
    pays(hall, number, "wechat")
    becomes(hall, number, "ready")
    assert visitor.post(f"/orders/{number}/cancel/").status_code == 302
    assert 'data-state="ready"' in visitor.get(f"/orders/{number}/").text
    assert left(hall, concert) == 2


def test_an_order_is_its_visitor_s_alone(hall: Hall, visitor: Visitor, another: Callable[[], Visitor]) -> None:
    number = visitor.order("a-hundred-voices")
    stranger = another()
    stranger.get("/")
    assert stranger.get(f"/orders/{number}/").status_code == 404
    assert stranger.get(f"/orders/{number}/state/").status_code == 404
    for deed in ("cancel", "return"):
        assert stranger.post(f"/orders/{number}/{deed}/").status_code == 404
    assert number not in stranger.get("/orders/").text
    assert number in visitor.get("/orders/").text


def test_a_form_of_another_site_is_refused(hall: Hall, visitor: Visitor) -> None:
    visitor.choose("a-hundred-voices", 1)
    form = visitor.form()
    before = everything(hall)
    assert visitor.post("/orders/new/", csrfmiddlewaretoken="", **form).status_code == 403
    assert visitor.get("/orders/new/").status_code == 405
    assert everything(hall) == before


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """The hall with ATOMIC_REQUESTS: every request is one transaction."""
    opened = open_hall(tmp_path_factory.mktemp("whole"), SHOP_ATOMIC_REQUESTS="1")
    yield opened
    assert opened.stop() == 0, "".join(opened.lines)
    assert not [line for line in opened.lines if "Traceback" in line], "".join(opened.lines)


def test_with_atomic_requests_it_is_the_same(whole: Hall) -> None:
    visitor = Visitor(whole)
    visitor.choose("last-train-jazz", 2)
    form = visitor.form("wechat")
    whole.rows("update hall_concert set seats_left = 1 where slug = 'last-train-jazz'")
    before = everything(whole)
    assert visitor.post("/orders/new/", **form).status_code == 409
    assert (everything(whole), left(whole, "last-train-jazz")) == (before, 1)
    whole.rows("update hall_concert set seats_left = 40 where slug = 'last-train-jazz'")
    number = visitor.ordered(visitor.post("/orders/new/", **form))
    assert payment_of(whole, number)[1] == "pending"  # sent right after the request's own commit
    pays(whole, number, "wechat")
    becomes(whole, number, "ready")
    assert visitor.post(f"/orders/{number}/return/", reason="other").status_code == 302
    assert 'data-state="asked"' in visitor.get(f"/orders/{number}/").text
