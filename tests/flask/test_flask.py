"""The Flask door: raw bytes in, the gateway's own bytes out, refusals as JSON, one flow per app."""

from __future__ import annotations

import io
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from payflow import Flow, IdempotencyRefused, InvalidRequest, Money, load, open_flow
from payflow.errors import ConfigError
from payflow.flask import PayFlow, checkout_url, current_payflow, desk_blueprint
from payflow.gateways.mock import MockCallback, MockGateway

CONFIG = {
    "version": 1,
    "secret": {"env": "SECRET"},
    "payment_gateway": "mock",
    "auto_confirm_order": True,
    "trusted_actions": [{"action": "buy"}],
    "gateways": {"mock": {"gateway": "mock", "secret": {"env": "MOCK_SECRET"}}},
}


def flow_in(folder: Path) -> Flow:
    environ = {"SECRET": secrets.token_urlsafe(48), "MOCK_SECRET": secrets.token_urlsafe(48)}
    return open_flow(load({**CONFIG, "store": {"url": f"sqlite:///{folder}/payflow.db"}}, environ), migrate=True)


@pytest.fixture
def flow(tmp_path: Path) -> Iterator[Flow]:
    opened = flow_in(tmp_path)
    yield opened
    opened.store.close()


@pytest.fixture
def app(flow: Flow) -> Flask:
    made = Flask(__name__)
    PayFlow(made, flow=flow)
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def paid(flow: Flow, key: str = "k-1") -> tuple[str, MockCallback]:
    """A payment that its payer has paid, and the callback that tells of it."""
    payment = flow.pay(amount=Money(1250), channel="qr", key=key, action="buy").payment
    gateway: Any = flow.gateways["mock"]
    mock: MockGateway = gateway
    mock.payer.pay(payment.out_trade_no)
    (callback,) = mock.callbacks(payment.out_trade_no)
    return payment.id, callback


def post(client: FlaskClient, callback: MockCallback, path: str = "/callbacks/mock", **more: Any) -> Any:
    return client.post(path, data=callback.body, headers=list(callback.headers), **more)


@pytest.mark.parametrize("path", ["/callbacks/mock", "/callbacks/mock/"])
def test_a_callback_is_taken_with_and_without_a_slash_and_never_redirected(
    flow: Flow, client: FlaskClient, path: str
) -> None:
    payment_id, callback = paid(flow)
    reply = post(client, callback, path)
    assert (reply.status_code, reply.data) == (200, b"ok")
    assert flow.payment(payment_id).status == "paid"


def test_the_same_callback_again_is_acknowledged_and_changes_nothing(flow: Flow, client: FlaskClient) -> None:
    payment_id, callback = paid(flow)
    assert [post(client, callback).status_code for _ in range(3)] == [200] * 3
    assert [step.facts["repeats"] for step in flow.trace(payment_id).steps if step.what == "receipt"] == [2]


def test_one_byte_changed_is_refused(flow: Flow, client: FlaskClient) -> None:
    payment_id, callback = paid(flow)
    reply = client.post("/callbacks/mock", data=callback.body + b" ", headers=list(callback.headers))
    assert (reply.status_code, reply.get_json()["error_code"]) == (401, "SIGNATURE_INVALID")
    assert flow.payment(payment_id).status == "pending"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_posts_are_callbacks(client: FlaskClient, method: str) -> None:
    assert client.open("/callbacks/mock", method=method).status_code == 405


def test_nobody_is_behind_another_account(client: FlaskClient) -> None:
    assert client.post("/callbacks/nobody", json={}).status_code == 404


def test_a_body_that_flask_has_kept_is_still_verified(flow: Flow, app: Flask) -> None:
    @app.before_request
    def look() -> None:
        request.get_data()

    payment_id, callback = paid(flow)
    assert post(app.test_client(), callback).status_code == 200
    assert flow.payment(payment_id).status == "paid"


def test_b_a_body_that_was_eaten_is_said_so(flow: Flow, app: Flask) -> None:
    @app.before_request
    def eat() -> None:
        request.stream.read()

    _, callback = paid(flow)
    reply = post(app.test_client(), callback)
    assert (reply.status_code, reply.get_json()["error_code"]) == (400, "CALLBACK_MALFORMED")
    assert "Raw body unavailable" in reply.get_json()["message"]


def test_a_body_without_a_length_is_read_where_the_server_says_that_it_ends(flow: Flow, client: FlaskClient) -> None:
    payment_id, callback = paid(flow)
    ended = {"wsgi.input": io.BytesIO(callback.body), "wsgi.input_terminated": True}
    reply = client.post("/callbacks/mock", headers=list(callback.headers), environ_overrides=ended)
    assert (reply.status_code, flow.payment(payment_id).status) == (200, "paid")


def test_more_than_the_limit_is_not_read(client: FlaskClient) -> None:
    reply = client.post("/callbacks/mock", data=b"x" * 70_000, content_type="application/json")
    assert reply.status_code == 413


def test_refusals_of_the_host_s_own_routes_are_json(app: Flask, client: FlaskClient) -> None:
    @app.post("/buy")
    def buy() -> str:
        current_payflow().pay(amount=Money(0), channel="qr", key="k")
        return "never"

    reply = client.post("/buy")
    assert reply.status_code == InvalidRequest.http_status
    assert reply.get_json() == {
        "status": "failed", "error_code": "INVALID_AMOUNT", "message": "Amount must be positive",
    }  # fmt: skip


def test_what_is_in_progress_says_when_to_ask_again(app: Flask, client: FlaskClient) -> None:
    @app.post("/busy")
    def busy() -> str:
        raise IdempotencyRefused("still running", code="IDEMPOTENCY_IN_PROGRESS", retry_after_seconds=7)

    reply = client.post("/busy")
    assert (reply.status_code, reply.headers["Retry-After"]) == (409, "7")


def test_two_apps_in_one_process_keep_their_own_flows(tmp_path: Path) -> None:
    extension = PayFlow()
    flows, apps = [], []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        flows.append(flow_in(tmp_path / name))
        apps.append(Flask(name))
        extension.init_app(apps[-1], flow=flows[-1])
    payment_id, callback = paid(flows[0])
    assert post(apps[1].test_client(), callback).status_code == 401  # signed with the other's secret
    assert post(apps[0].test_client(), callback).status_code == 200
    assert flows[0].payment(payment_id).status == "paid"
    with apps[1].app_context():
        assert current_payflow() is flows[1]
    for opened in flows:
        opened.store.close()


def test_a_factory_opens_the_flow_of_its_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    monkeypatch.setenv("SECRET", "s" * 8 + secrets.token_urlsafe(40))
    monkeypatch.setenv("MOCK_SECRET", secrets.token_urlsafe(48))
    path = tmp_path / "payflow.json"
    path.write_text(json.dumps({**CONFIG, "store": {"url": "sqlite:///payflow.db"}}))
    app = Flask(__name__)
    app.config.update(PAYFLOW_CONFIG=path, PAYFLOW_MIGRATE=True, PAYFLOW_CALLBACK_PREFIX="/hooks/pay")
    PayFlow(app)
    with app.app_context():
        flow = current_payflow()
    payment_id, callback = paid(flow)
    assert post(app.test_client(), callback, "/hooks/pay/mock").status_code == 200
    assert flow.payment(payment_id).status == "paid"
    flow.store.close()


def test_the_extension_keeps_nothing_on_itself(flow: Flow) -> None:
    extension = PayFlow(Flask(__name__), flow=flow)
    assert vars(extension) == {}


def test_b016_what_goes_by_no_cookie_is_exempt_from_csrf_protection(flow: Flow) -> None:
    """Callbacks are signed, the checkout goes by the token in its path, and the desk's forms carry a seal."""
    exempted: list[str] = []

    class Csrf:
        def exempt(self, blueprint: Any) -> None:
            exempted.append(blueprint.name)

    app = Flask(__name__)
    app.extensions["csrf"] = Csrf()
    PayFlow(app, flow=flow)
    app.register_blueprint(desk_blueprint(), url_prefix="/desk")
    assert exempted == ["payflow_callbacks", "payflow_checkout", "payflow_desk"]


def test_an_app_without_a_checkout_has_none(flow: Flow) -> None:
    app = Flask(__name__)
    app.config["PAYFLOW_CHECKOUT_PREFIX"] = None
    PayFlow(app, flow=flow)
    with app.test_request_context(), pytest.raises(ConfigError) as caught:
        checkout_url("01M")
    assert caught.value.code == "CONFIG_NO_CHECKOUT"


def test_it_works_without_flask_sqlalchemy(app: Flask) -> None:
    assert "sqlalchemy" not in app.extensions
    program = "import sys, payflow.flask; sys.exit('flask_sqlalchemy' in sys.modules or 'sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
