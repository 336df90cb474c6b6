"""The extension itself, and the callback route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from flask import Blueprint, Flask, Response, current_app, jsonify, request

from ..errors import PayflowError
from ..flow import Flow
from ..gateway import Reply
from ..intake import Intake
from . import signals

if TYPE_CHECKING:
    from ..flow.settling import Settling
    from ..records import Changes

_NAME = "payflow"
_METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]  # the intake refuses in the gateway's own words


class PayFlow:
    """The extension. It keeps nothing on itself, so one may serve several apps; each app has its own flow."""

    def __init__(self, app: Flask | None = None, *, flow: Flow | None = None, session: Any = None) -> None:
        if app is not None:
            self.init_app(app, flow=flow, session=session)

    def init_app(self, app: Flask, *, flow: Flow | None = None, session: Any = None) -> None:
        """Open the app's flow (or take ``flow``), mount the callback route, and add ``flask payflow``.

        ``session``: what :func:`joined_payflow` joins, a callable that gives a SQLAlchemy session (default:
        Flask-SQLAlchemy's). Raises ``ConfigError`` and ``STORE_SCHEMA_VERSION`` at start, where they belong.
        """
        app.config.setdefault("PAYFLOW_CONFIG", "payflow.json")
        app.config.setdefault("PAYFLOW_CALLBACK_PREFIX", "/callbacks")
        app.config.setdefault("PAYFLOW_CHECKOUT_PREFIX", "/checkout")
        app.config.setdefault("PAYFLOW_MIGRATE", False)
        app.extensions[_NAME] = flow or app.config.get("PAYFLOW_FLOW") or self._opened(app)
        if session is not None:
            app.extensions["payflow_session"] = session
        opened = app.extensions[_NAME]
        if getattr(opened, "written", True) is None:
            opened.written = _told
        from .checkout import checkout_blueprint
        from .commands import group

        app.cli.add_command(group)
        self._mount(app, callbacks_blueprint(), app.config["PAYFLOW_CALLBACK_PREFIX"])
        if app.config["PAYFLOW_CHECKOUT_PREFIX"] is not None:
            self._mount(app, checkout_blueprint(), app.config["PAYFLOW_CHECKOUT_PREFIX"])
        app.register_error_handler(PayflowError, refusal)

    @staticmethod
    def _mount(app: Flask, blueprint: Blueprint, prefix: str) -> None:
        app.register_blueprint(blueprint, url_prefix=prefix)
        csrf = app.extensions.get("csrf")
        if csrf is not None:  # Flask-WTF, if it was there first
            csrf.exempt(blueprint)

    @staticmethod
    def _opened(app: Flask) -> Flow:
        from ..assembly import open_flow
        from ..config import load

        return open_flow(load(app.config["PAYFLOW_CONFIG"]), migrate=bool(app.config["PAYFLOW_MIGRATE"]))


def _told(flow: Settling, changes: Changes) -> None:
    """A flow of the app's own has written, and committed by now. One that joined the host waits (see ``joining``)."""
    if not flow.store.joined:
        for message in changes.messages:
            signals.send(flow, message)


def current_payflow() -> Flow:
    """The flow of the app that is serving this request."""
    return cast(Flow, current_app.extensions[_NAME])


def refusal(error: PayflowError) -> tuple[Response, int]:
    """``{"status": "failed", "error_code": …, "message": …}`` with the error's status; registered for every app."""
    response = jsonify(error.as_reply())
    seconds = error.ids.get("retry_after_seconds")
    if seconds is not None:
        response.headers["Retry-After"] = str(seconds)
    return response, error.http_status


def callbacks_blueprint() -> Blueprint:
    """The callback route on its own. Exempt it from CSRF protection if the app has any: gateways sign instead.

    :class:`PayFlow` does so for Flask-WTF when that is initialised before it.
    """
    blueprint = Blueprint("payflow_callbacks", __name__)

    # One rule for both spellings: with a rule of its own for the slash, or merged slashes, werkzeug would redirect.
    @blueprint.route("/<account>", methods=_METHODS, strict_slashes=False, merge_slashes=False)
    def receive(account: str) -> Response:
        intake = current_app.extensions.get("payflow_intake")
        if intake is None:
            intake = current_app.extensions.setdefault("payflow_intake", Intake(current_payflow()))
        headers = list(request.headers.items())
        reply: Reply = intake.answer(request.method, account, headers, _body(), request.environ.get("CONTENT_LENGTH"))
        return Response(reply.body, status=reply.status, headers=list(reply.headers))

    return blueprint


def _body() -> Any:
    """The raw bytes, before anything is parsed: what was signed are these."""
    if "stream" in request.__dict__:  # Flask has opened the body for somebody before us: what it kept, or nothing
        return request.get_data()
    ends = request.environ.get("CONTENT_LENGTH") or request.environ.get("wsgi.input_terminated")
    return request.environ["wsgi.input"] if ends else b""
