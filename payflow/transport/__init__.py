"""Calls to a gateway over HTTP, and an exact word about each one that fails: never sent, or no answer.

:class:`Transport` is one account's way out. It always verifies TLS, keeps one deadline over everything a call does,
counts what it receives, follows no redirect, takes no proxy or password from the environment, and repeats only what is
safe to repeat. Read in this order: words (requests, limits, errors) · calling (what is tried again) · lines (one
call) · connections (sockets). requests and urllib3 are loaded by the first call, not by the import.
"""

from __future__ import annotations

from .calling import Transport
from .words import Limits, NeverSent, NoAnswer, Request, Response, Surroundings

__all__ = ["Limits", "NeverSent", "NoAnswer", "Request", "Response", "Surroundings", "Transport"]
