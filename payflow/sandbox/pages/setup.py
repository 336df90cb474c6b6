"""How to point the SDKs here."""

from __future__ import annotations

from ..api.verbs import Desk
from ..messages import Outgoing
from .layout import View, page


def setup_page(desk: Desk, view: View, language: str) -> Outgoing | None:
    """stub to be replaced"""
    return page(view, view.say("Set up a client"), language)
