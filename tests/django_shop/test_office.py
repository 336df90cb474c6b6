"""The box office in Django's admin: who may give money back, and that it is written down who did."""

from __future__ import annotations

import re

from .conftest import Visitor, becomes, payment_of, pays
from .process import Hall, manage


def signed_in(hall: Hall, name: str, password: str) -> Visitor:
    """Somebody at the office."""
    staff = Visitor(hall)
    staff.get("/office/login/")
    answer = staff.post("/office/login/?next=/office/", username=name, password=password)
    assert answer.status_code == 302, answer.text
    return staff


def give_back(staff: Visitor, hall: Hall, number: str) -> str:
    """What the office is told after asking for a refund of an order."""
    key = hall.one("select id from hall_order where number = ?", number)
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', staff.get("/office/hall/order/").text)
    assert token is not None
    staff.post("/office/hall/order/", csrfmiddlewaretoken=token[1], action="give_back", _selected_action=key)
    return staff.get("/office/hall/order/").text


def test_money_goes_back_once_and_it_is_known_who_sent_it(hall: Hall, visitor: Visitor) -> None:
    number = visitor.order("guqin-and-rain", 1, "wechat")
    pays(hall, number, "wechat")
    becomes(hall, number, "ready")
    before = hall.one("select seats_left from hall_concert where slug = 'guqin-and-rain'")
    visitor.post(f"/orders/{number}/return/", reason="cannot come")
    staff = signed_in(hall, hall.name, hall.password)
    assert "1 refund is on its way" in give_back(staff, hall, number)
    assert "NOT_REFUNDABLE" in (again := give_back(staff, hall, number)) or "REFUND_EXCEEDS_CAPTURED" in again
    becomes(hall, number, "returned")
    payment_id, status, _ = payment_of(hall, number)
    assert status == "refunded"
    assert hall.one("select count(*) from pf_refund where payment_id = ?", payment_id) == 1
    acts = "select operator, action, outcome from pf_operator_action where payment_id = ? order by id"
    assert hall.rows(acts, payment_id) == [(hall.name, "refund", "done"), (hall.name, "refund", "refused")]
    assert hall.one("select seats_left from hall_concert where slug = 'guqin-and-rain'") == before + 1
    desk = staff.get(f"/office/payflow/payment/{payment_id}/change/").text
    assert "cannot come" in desk
    assert 'class="ticket void"' in visitor.get(f"/orders/{number}/").text


def test_staff_who_may_not_refund_cannot(hall: Hall, visitor: Visitor) -> None:
    number = visitor.order("guqin-and-rain", 1, "wechat")
    pays(hall, number, "wechat")
    becomes(hall, number, "ready")
    password = manage(hall.folder, "staff", "usher").stdout.strip()
    hall.rows("delete from auth_user_groups where user_id = (select id from auth_user where username = 'usher')")
    hall.rows(
        "insert into auth_user_user_permissions (user_id, permission_id) select u.id, p.id from auth_user u, "
        "auth_permission p where u.username = 'usher' and p.codename in ('view_order', 'view_payment')"
    )
    usher = signed_in(hall, "usher", password)
    listed = usher.get("/office/hall/order/").text
    assert number in listed
    assert "give_back" not in listed
    give_back(usher, hall, number)
    payment_id, status, _ = payment_of(hall, number)
    assert status == "paid"
    assert usher.get(f"/office/payflow/payment/desk/payments/{payment_id}").status_code == 200
    assert "Query now" not in usher.get(f"/office/payflow/payment/desk/payments/{payment_id}").text
    assert hall.rows("select * from pf_refund where payment_id = ?", payment_id) == []


def test_a_concert_is_edited_while_its_seats_are_sold(hall: Hall, visitor: Visitor) -> None:
    """More seats, or fewer; those that were ordered stay ordered, and what is on sale is counted from them."""
    visitor.order("a-hundred-voices", 3, "wechat")
    staff = signed_in(hall, hall.name, hall.password)
    key, seats, free = hall.rows("select id, seats, seats_left from hall_concert where slug = 'a-hundred-voices'")[0]
    path = f"/office/hall/concert/{key}/change/"

    def edited(**fields: object) -> str:
        page = staff.get(path).text
        form = dict(re.findall(r'<input type="text" name="(\w+)" value="([^"]*)"', page))
        form |= dict(re.findall(r'<input type="number" name="(\w+)" value="([^"]*)"', page))
        form |= dict(re.findall(r'<textarea name="(\w+)"[^>]*>\s*([^<]*)</textarea>', page))
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)
        assert token is not None
        answer = staff.post(path, **{**form, "csrfmiddlewaretoken": token[1], **fields})
        return answer.text if answer.status_code == 200 else "saved"

    assert edited(seats=seats + 10, title_en="A Hundred and One Voices") == "saved"
    stands = "select title_en, seats, seats_left from hall_concert where id = ?"
    assert hall.rows(stands, key) == [("A Hundred and One Voices", seats + 10, free + 10)]
    assert edited(seats=seats, title_en="A Hundred Voices") == "saved"
    assert hall.rows(stands, key) == [("A Hundred Voices", seats, free)]
    assert f"{seats - free} seats are ordered already" in edited(seats=seats - free - 1)
    assert hall.rows(stands, key) == [("A Hundred Voices", seats, free)]


def test_a_visitor_is_not_let_into_the_office(hall: Hall, visitor: Visitor) -> None:
    for path in ("", "hall/order/", "payflow/payment/", "payflow/payment/desk/"):
        answer = visitor.session.get(f"{hall.address}/office/{path}", timeout=10, allow_redirects=False)
        assert (answer.status_code, "/office/login/" in answer.headers["Location"]) == (302, True)
