"""The desk's pages, whatever framework brings the request: both languages, nothing from outside as markup, every form
sealed, nobody let in who was not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest

from payflow.operating import POWERS, Answer, Ask, Desk, Operator, Site
from payflow.operating.words import CATALOG

from .conftest import BOSS, HOSTILE, Shop

PAGES = ("", "payments", "incidents", "messages", "refills", "refills/daily", "audit")


class Forms(HTMLParser):
    """The forms of a page: where they go, and their hidden fields."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        if tag == "form" and given.get("method") == "post":
            self.found.append({"action": given["action"], "fields": {}})
        if tag == "input" and given.get("type") == "hidden" and self.found:
            self.found[-1]["fields"][given["name"]] = given["value"]


def ask(shop: Shop, path: str, operator: Operator | None = BOSS, *, lang: str = "en", **query: str) -> Answer:
    return Site(Desk(shop.flow)).answer(Ask("GET", path, "/desk", operator, lang, query))


def send(shop: Shop, path: str, form: Mapping[str, str], operator: Operator | None = BOSS) -> Answer:
    return Site(Desk(shop.flow)).answer(Ask("POST", path, "/desk", operator, "en", form=form))


def form_on(page: Answer, act: str) -> dict[str, str]:
    """The fields of the form for one act."""
    (found,) = [one for one in Forms(page.body).found if one["action"] == f"/desk/do/{act}"]
    return dict(found["fields"])


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_in_both_languages(small_shop: Shop, path: str, lang: str) -> None:
    small_shop.paid_late()
    small_shop.pay("other")
    answer = ask(small_shop, path, lang=lang)
    assert (answer.status, answer.framed) == (200, True)
    whole = Site(Desk(small_shop.flow)).frame(answer, Ask("GET", path, "/desk", BOSS, lang))
    assert f'<html lang="{"zh-CN" if lang == "zh" else "en"}">' in whole
    assert CATALOG[lang]["audit"] in whole
    assert "<script" not in whole
    assert "style=" not in whole


def test_both_catalogs_have_the_same_words_and_the_same_blanks() -> None:
    assert CATALOG["en"].keys() == CATALOG["zh"].keys()
    for name, said in CATALOG["en"].items():
        assert set(re.findall(r"{(\w+)}", said)) == set(re.findall(r"{(\w+)}", CATALOG["zh"][name])), name


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_payments_page_tells_everything_and_nothing_of_it_is_markup(small_shop: Shop, lang: str) -> None:
    payment = small_shop.paid_late()
    desk = Desk(small_shop.flow)
    desk.do(BOSS, "query", payment.id)
    body = ask(small_shop, f"payments/{payment.id}", lang=lang).body
    assert HOSTILE not in body
    assert "&lt;script&gt;" in body
    file = desk.file(payment.id)
    assert body.count("<li><time") == len(file.trace.steps)
    assert CATALOG[lang]["reason_incident"] in body
    for kept in (*file.history.attempts, *file.history.journals):
        assert getattr(kept, "request_key", kept.id) in body
    assert all(one.ledger_account in body for one in file.history.entries)
    assert "machine.svg" in body


def test_what_was_typed_is_shown_as_it_was_typed(small_shop: Shop) -> None:
    for text in (HOSTILE, '" onfocus="x', "{{7*7}}", "\u202eevil", "a&b=c"):
        body = ask(small_shop, "payments", q=text).body
        assert HOSTILE not in body
        assert '" onfocus' not in body
    assert ask(small_shop, "payments/" + HOSTILE).status == 404


@pytest.mark.parametrize("path", ["a b", HOSTILE, "//evil.example.com", "%", "\u202e", "payments/a b/c", "?x", "#"])
def test_whatever_is_asked_for_has_a_frame(small_shop: Shop, path: str) -> None:
    for operator in (BOSS, None):
        asked = Ask("GET", path, "/desk", operator)
        answer = Site(Desk(small_shop.flow)).answer(asked)
        whole = Site(Desk(small_shop.flow)).frame(answer, asked)
        assert answer.status in (403, 404)
        assert HOSTILE not in whole
        assert 'href="//' not in whole


def test_the_timeline_is_exported_whole(small_shop: Shop) -> None:
    payment = small_shop.paid()
    trace = Desk(small_shop.flow).file(payment.id).trace
    found = ask(small_shop, f"payments/{payment.id}/trace.json")
    assert json.loads(found.body) == json.loads(json.dumps(trace.as_dict()))
    assert found.headers["Content-Disposition"].startswith("attachment")
    assert ask(small_shop, f"payments/{payment.id}/trace.txt").body == trace.text() + "\n"
    assert ask(small_shop, f"payments/{payment.id}/machine.svg", lang="zh").body.startswith("<svg")
    assert ask(small_shop, f"payments/{payment.id}/trace.exe").status == 404


def test_an_operator_finds_what_is_stuck_sees_why_and_settles_it(small_shop: Shop) -> None:
    """From the first page to a settled incident, by links and forms alone."""
    payment = small_shop.paid_late()
    overview = ask(small_shop, "")
    assert f'href="/desk/payments/{payment.id}"' in overview.body
    page = ask(small_shop, f"payments/{payment.id}")
    done = send(small_shop, "do/resolve", {**form_on(page, "resolve"), "how": "refund", "reason": "asked the payer"})
    assert done.status == 303
    path, _, query = done.headers["Location"].partition("?")
    assert path == f"/desk/payments/{payment.id}"
    after = ask(small_shop, path.removeprefix("/desk/"), done=query.removeprefix("done="))
    assert 'role="status"' in after.body
    audit = ask(small_shop, "audit").body
    assert "asked the payer" in audit
    assert ">li<" in audit


@pytest.mark.parametrize(
    ("kind", "offered"), [("late_payment", True), ("double_payment", True), ("amount_mismatch", False)]
)
def test_money_is_sent_back_only_where_money_came(kind: str, offered: bool) -> None:
    from payflow.operating.pages import View, _settle
    from payflow.operating.words import Speech
    from payflow.records import Incident

    incident = Incident(
        id="I", kind=kind, ref="r", gateway="mock", account="mock", payment_id="P", status="open", policy="hold"
    )
    page = _settle(View(Speech("en"), BOSS, "/desk", (), "F", "S"), incident)
    assert ('value="refund"' in page) is offered
    assert 'value="dismiss"' in page


def test_a_form_from_anywhere_else_does_nothing(small_shop: Shop) -> None:
    payment = small_shop.paid()
    fields = form_on(ask(small_shop, f"payments/{payment.id}"), "query")
    for forged in (
        {**fields, "seal": ""}, {**fields, "seal": "0" * 64}, {**fields, "seal": "ä"}, {"target": payment.id},
        {**fields, "form": Desk(small_shop.flow).new_form()},
    ):  # fmt: skip
        assert send(small_shop, "do/query", forged).status == 403
    assert send(small_shop, "do/query", fields, Operator("wang", POWERS)).status == 403
    assert Desk(small_shop.flow).actions() == []
    assert send(small_shop, "do/query", fields).status == 303


@pytest.mark.parametrize("operator", [None, Operator("x"), Operator("x", frozenset(POWERS) - {"view"})])
def test_who_may_not_look_sees_nothing_anywhere(small_shop: Shop, operator: Operator | None) -> None:
    payment = small_shop.paid()
    fields = form_on(ask(small_shop, f"payments/{payment.id}"), "refund")
    for path in (*PAGES, f"payments/{payment.id}", f"payments/{payment.id}/trace.json", "nothing/of/this"):
        answer = ask(small_shop, path, operator)
        assert answer.status == 403
        assert payment.id not in answer.body
    assert send(small_shop, "do/refund", fields, operator).status == 403
    assert small_shop.flow.payment(payment.id).refunded == 0


@pytest.mark.parametrize("power", [name for name in POWERS if name != "view"])
def test_who_may_only_look_is_shown_no_form_and_refused_if_they_send_one(small_shop: Shop, power: str) -> None:
    payment = small_shop.paid_late()
    reader = Operator("reader", {"view"})
    for path in (*PAGES, f"payments/{payment.id}"):
        assert Forms(ask(small_shop, path, reader).body).found == []
    site = Site(Desk(small_shop.flow))
    number = site.desk.new_form()
    told = {"target": payment.id, "form": number, "seal": site._seal(reader, number), "how": "dismiss", "reason": "r"}
    assert send(small_shop, f"do/{power}", told, reader).status == 403
    assert site.desk.actions() == []


def test_other_methods_and_unknown_paths_are_refused(small_shop: Shop) -> None:
    site = Site(Desk(small_shop.flow))
    assert site.answer(Ask("DELETE", "payments", "/desk", BOSS)).status == 405
    assert site.answer(Ask("POST", "payments", "/desk", BOSS)).status == 405
    for path in ("nope", "payments/x", "refills/x", "refills/x/y", "static/../desk.py", "do/query"):
        assert ask(small_shop, path).status == 404, path


def test_a_shop_without_credit_has_a_desk_as_well(small_shop: Shop) -> None:
    from dataclasses import replace as copied

    from payflow.deciding.rules import CreditRules

    small_shop.flow._rules = copied(small_shop.flow.rules, credit=CreditRules())
    assert [ask(small_shop, path).status for path in ("", "refills", "refills/daily")] == [200, 200, 400]
