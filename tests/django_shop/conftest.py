"""One hall for all of these tests, a browser, and a visitor who has none."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
import requests

from payflow.doctor import broken
from payflow.stores import open_store

from .process import Hall, open_hall


@pytest.fixture(scope="package")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """Opened once: every test orders for itself. At the end it closes cleanly, and its books agree."""
    opened = open_hall(tmp_path_factory.mktemp("hall"))
    yield opened
    assert opened.stop() == 0, "".join(opened.lines)
    assert not [line for line in opened.lines if "Traceback" in line], "".join(opened.lines)
    store = open_store(f"sqlite:///{opened.folder}/var/hall.db")
    assert broken(store) == []
    store.close()
    sold = "select c.id from hall_concert c where c.seats - c.seats_left <> (select coalesce(sum(l.seats), 0) from "
    sold += "hall_line l join hall_order o on o.id = l.order_id where l.concert_id = c.id and o.status in "
    assert opened.rows(sold + "('waiting', 'ready'))") == []  # every seat is free, or one order's


class Visitor:
    """A visitor without JavaScript, pictures or patience: forms are filled in as they stand in the pages."""

    def __init__(self, hall: Hall, **headers: str) -> None:
        self.hall = hall
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update({"Accept-Language": "en", **headers})

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.hall.address + path, timeout=20)

    def post(self, path: str, **fields: Any) -> requests.Response:
        fields.setdefault("csrfmiddlewaretoken", self.session.cookies.get("hall_csrf", ""))
        return self.session.post(self.hall.address + path, data=fields, timeout=30, allow_redirects=False)

    def choose(self, slug: str, seats: int) -> None:
        self.get(f"/concerts/{slug}/")
        assert self.post(f"/basket/{slug}/", seats=seats).status_code == 302

    def form(self, way: str = "alipay") -> dict[str, str]:
        """What the basket's form would send."""
        text = self.get("/basket/").text
        found = re.search(r'name="key" value="([^"]+)">\s*<input type="hidden" name="total" value="(\d+)"', text)
        assert found is not None, text
        return {"key": found[1], "total": found[2], "way": way}

    def copy(self) -> Visitor:
        """The same browser, in another tab."""
        other = Visitor(self.hall)
        other.session.cookies.update(self.session.cookies)
        return other

    def reaches_the_gateway(self, number: str) -> None:
        """The payer's browser goes where the order's page sends it; only then does Alipay know of a page's order."""
        to_pay = re.search(r'id="pay" href="([^"]+)"', self.get(f"/orders/{number}/").text)
        assert to_pay is not None
        found = re.search(r'id="payflow-pay"[^>]* href="([^"]+)"', self.get(unescape(to_pay[1])).text)
        if found is None:  # a code that is scanned
            return
        assert self.session.get(unescape(found[1]), timeout=20).status_code == 200

    def order(self, slug: str, seats: int = 1, way: str = "alipay") -> str:
        """Ordered; the order's number."""
        self.choose(slug, seats)
        return self.ordered(self.post("/orders/new/", **self.form(way)))

    def ordered(self, answer: requests.Response) -> str:
        assert answer.status_code == 302, answer.text
        claims = answer.headers["Location"].rpartition("/checkout/")[2].partition(".")[0]
        _, back, _ = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        found = re.fullmatch(r"/orders/(LH-\w{8})/", back)
        assert found is not None, back
        return found[1]


@pytest.fixture
def visitor(hall: Hall) -> Visitor:
    return Visitor(hall)


@pytest.fixture
def another(hall: Hall) -> Callable[..., Visitor]:
    """Further visitors."""
    return lambda **headers: Visitor(hall, **headers)


def payment_of(hall: Hall, number: str) -> tuple[str, str, str]:
    """Of an order's payment: id, status, the number the gateway knows it by."""
    sql = "select p.id, p.status, p.out_trade_no from pf_payment p join hall_order o on o.payment = p.id"
    [(payment_id, status, out_trade_no)] = hall.rows(f"{sql} where o.number = ?", number)
    return payment_id, status, out_trade_no


def pays(hall: Hall, number: str, way: str = "alipay") -> None:
    """The payer pays at the sandbox's cashier."""
    _, _, out_trade_no = payment_of(hall, number)
    answer = requests.post(f"{hall.sandbox}/cashier/{way}/{out_trade_no}/pay", timeout=20)
    assert answer.status_code == 200, answer.text


def becomes(hall: Hall, number: str, status: str, seconds: float = 40) -> None:
    """Until the hall has done it."""
    until = time.monotonic() + seconds
    while (now := hall.one("select status from hall_order where number = ?", number)) != status:
        assert time.monotonic() < until, f"{now}, not {status}:\n" + "".join(hall.lines[-40:])
        time.sleep(0.05)
