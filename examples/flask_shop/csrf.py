"""Forms of the shop carry a token of the visitor's session: another site does not know it.

payflow's callback route is on a blueprint of its own and asks for none: gateways sign.
"""

from __future__ import annotations

import secrets

from flask import Blueprint, abort, request, session
from markupsafe import Markup


def protect(blueprint: Blueprint) -> None:
    """Every form that is posted to this blueprint needs the token; 400 without it."""
    blueprint.before_request(_check)


def csrf_field() -> Markup:
    """The hidden field of a form."""
    token = session.setdefault("csrf", secrets.token_urlsafe(24))
    return Markup('<input type="hidden" name="csrf" value="{}">').format(token)


def _check() -> None:
    if request.method != "POST":
        return
    given, known = request.form.get("csrf", ""), session.get("csrf", "")
    if not known or not secrets.compare_digest(given.encode(), str(known).encode()):
        abort(400, "This form is too old. Please go back, load the page again and send it once more.")
