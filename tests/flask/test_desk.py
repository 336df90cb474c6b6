"""The desk as a Flask blueprint: closed until the host says who is who."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask, abort, redirect, request

from payflow import Flow
from payflow.flask import PayFlow, desk_blueprint
from payflow.operating import POWERS, Desk, Operator

from .test_flask import flow, paid  # noqa: F401 -- a fixture


def app_with(flow: Flow, **told: Any) -> Flask:  # noqa: F811
    app = Flask(__name__)
    PayFlow(app, flow=flow)
    app.register_blueprint(desk_blueprint(**told), url_prefix="/ops/desk")
    return app


def signed_in() -> Operator | None:
    name = request.headers.get("X-User")
    return Operator(name, POWERS if name == "li" else {"view"}) if name else None


def test_nobody_is_let_in_by_default(flow: Flow) -> None:  # noqa: F811
    payment_id, _ = paid(flow)
    client = app_with(flow).test_client()
    for path in ("/ops/desk/", f"/ops/desk/payments/{payment_id}", "/ops/desk/audit"):
        reply = client.get(path, headers={"X-User": "li"})
        assert reply.status_code == 403
        assert "12.50" not in reply.text
    assert client.post("/ops/desk/do/refund", data={"target": payment_id}).status_code == 403
    assert client.get("/ops/desk/static/desk.css").status_code == 200


def test_an_operator_queries_and_refunds_and_it_is_written_down(flow: Flow) -> None:  # noqa: F811
    payment_id, _ = paid(flow)
    client = app_with(flow, operator=signed_in).test_client()
    li = {"X-User": "li"}

    def press(act: str, **told: str) -> Any:
        page = client.get(f"/ops/desk/payments/{payment_id}", headers=li).text
        (form,) = re.findall(rf'<form[^>]*action="/ops/desk/do/{act}".*?</form>', page, re.DOTALL)
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
        return client.post(f"/ops/desk/do/{act}", data={**hidden, **told}, headers=li, follow_redirects=True)

    assert "Done: Query now." in press("query").text
    assert flow.payment(payment_id).status == "paid"
    assert "Done: Refund." in press("refund", amount="2.00", reason="cold").text
    assert [one.action for one in Desk(flow).actions()] == ["refund", "query"]
    assert {one.operator for one in Desk(flow).actions()} == {"li"}


def test_its_headers_let_no_script_run_and_nobody_frame_it(flow: Flow) -> None:  # noqa: F811
    reply = app_with(flow, operator=signed_in).test_client().get("/ops/desk/", headers={"X-User": "li"})
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert reply.headers["Cache-Control"] == "no-store"


def test_it_follows_the_browser_and_remembers_what_was_chosen(flow: Flow) -> None:  # noqa: F811
    client = app_with(flow, operator=signed_in).test_client()
    li = {"X-User": "li"}
    assert "总览" in client.get("/ops/desk/", headers={**li, "Accept-Language": "zh-CN"}).text
    assert "Overview" in client.get("/ops/desk/", headers=li).text
    assert "总览" in client.get("/ops/desk/?lang=zh", headers=li).text
    assert "支付" in client.get("/ops/desk/payments", headers=li).text


def test_the_host_may_send_strangers_to_its_own_sign_in(flow: Flow) -> None:  # noqa: F811
    def operator() -> Operator | None:
        abort(redirect("/sign-in"))

    reply = app_with(flow, operator=operator).test_client().get("/ops/desk/audit")
    assert (reply.status_code, reply.headers["Location"]) == (302, "/sign-in")


def test_a_host_that_gives_something_else_is_told(flow: Flow) -> None:  # noqa: F811
    app = app_with(flow, operator=lambda: True)
    app.testing = True
    with pytest.raises(TypeError, match="Operator"):
        app.test_client().get("/ops/desk/")


def test_two_desks_in_one_app(flow: Flow) -> None:  # noqa: F811
    app = app_with(flow)
    app.register_blueprint(desk_blueprint(signed_in, name="second_desk"), url_prefix="/second")
    client = app.test_client()
    assert client.get("/ops/desk/", headers={"X-User": "li"}).status_code == 403
    assert client.get("/second/", headers={"X-User": "li"}).status_code == 200
