"""The door for Flask: an extension, the callback route, refusals as JSON, your session joined, signals, ``flask
payflow``.

    payflow = PayFlow(app)                       # or PayFlow() and init_app(app) in a factory
    result = current_payflow().pay(...)

    db.session.add(order)                        # one transaction for the order and its payment:
    joined_payflow().pay(...)                    # recorded; sent after your commit
    db.session.commit()

The extension serves ``POST /callbacks/<account>``, with or without a slash at its end (it never redirects, Alipay does
not follow), and answers with the gateway's own bytes, after the commit. Configuration keys of the app:
``PAYFLOW_CONFIG`` (path of the config file), ``PAYFLOW_FLOW`` (a flow already made, instead),
``PAYFLOW_CALLBACK_PREFIX``, ``PAYFLOW_MIGRATE``; of the checkout ``PAYFLOW_CHECKOUT_PREFIX`` (``None``: there is none),
``PAYFLOW_CHECKOUT_ORIGINS``, ``PAYFLOW_CHECKOUT_STREAMS``.
"""

from __future__ import annotations

from .checkout import checkout_blueprint, checkout_url
from .desk import desk_blueprint
from .extension import PayFlow, callbacks_blueprint, current_payflow, refusal
from .joining import joined_payflow

__all__ = [
    "PayFlow", "callbacks_blueprint", "checkout_blueprint", "checkout_url", "current_payflow", "desk_blueprint",
    "joined_payflow", "refusal",
]  # fmt: skip
