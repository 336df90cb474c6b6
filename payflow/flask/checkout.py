"""The checkout as a blueprint, and the link to a payment's page.

    return redirect(checkout_url(result.payment.id, back="/orders/7"))

Mounted by :class:`payflow.flask.PayFlow` at ``PAYFLOW_CHECKOUT_PREFIX``. A template of the app's own named
``payflow/checkout.html`` takes the place of ours; it may extend ``payflow/checkout_base.html``.
"""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, current_app, render_template, request, url_for

from ..checkout import Answer, Asked, Checkout
from ..checkout.checkout import TEMPLATE, TEMPLATES
from ..errors import ConfigError
from .extension import current_payflow

NAME = "payflow_checkout"


def checkout_url(payment_id: str, *, back: str = "", lang: str | None = None, external: bool = False) -> str:
    """The address of a payment's page. ``back``: where it leads back to, a path of this site or an address of one of
    ``PAYFLOW_CHECKOUT_ORIGINS``; ``lang``: en, zh, or the browser's. Raises ``CHECKOUT_BACK_REFUSED``,
    ``CONFIG_NO_CHECKOUT``."""
    if NAME not in current_app.blueprints:
        raise ConfigError(
            "PAYFLOW_CHECKOUT_PREFIX mounts no checkout in this app", path="PAYFLOW_CHECKOUT_PREFIX",
            code="CONFIG_NO_CHECKOUT",
        )  # fmt: skip
    token = checkout().token(payment_id, back=back, lang=lang)
    return url_for(f"{NAME}.serve", path=token, _external=external)


def checkout() -> Checkout:
    """The app's own checkout."""
    known = current_app.extensions.get(NAME)
    if known is None:
        settings = current_app.config
        made = Checkout(
            current_payflow(), origins=settings.get("PAYFLOW_CHECKOUT_ORIGINS", ()),
            streams=settings.get("PAYFLOW_CHECKOUT_STREAMS", 8),
        )  # fmt: skip
        known = current_app.extensions.setdefault(NAME, made)
    return cast(Checkout, known)


def checkout_blueprint() -> Blueprint:
    """The pages. They go by the token in their path and by no cookie, so no protection against forged requests is in
    their way (see :class:`payflow.checkout.Checkout`)."""
    blueprint = Blueprint(NAME, __name__, template_folder=str(TEMPLATES))

    @blueprint.route("/<path:path>", methods=["GET", "POST", "OPTIONS"], provide_automatic_options=False)
    def serve(path: str) -> Response:
        asked = Asked(
            method=request.method, path=path, base=url_for(f"{NAME}.serve", path="-")[:-2],
            accept_language=request.headers.get("Accept-Language", ""), origin=request.headers.get("Origin", ""),
            form=request.form.to_dict(),
        )  # fmt: skip
        return _sent(checkout().answer(asked))

    return blueprint


def _sent(answer: Answer) -> Response:
    body = answer.stream if answer.stream is not None else answer.body
    if answer.page is not None:
        body = render_template(TEMPLATE, page=answer.page).encode()
    response = Response(body, status=answer.status)
    response.headers.pop("Content-Type", None)
    response.headers.update(dict(answer.headers))
    return response
