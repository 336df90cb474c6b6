"""The checkout as requests and answers: an :class:`Asked` in, an :class:`Answer` out, for whatever framework brings it.

The token in the path is what lets somebody in: no cookie is needed, so that a page of another origin can follow a
payment, and a form of this one works wherever it is opened.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import NotFound, PayflowError
from ..flow import Flow
from ..language import preferred
from ..records import Payment
from . import showing
from .following import Seats, Stream
from .links import Claims, checked_back, checked_lang, checked_origins, issue, read
from .words import said

#: Django finds templates only inside an app, so they live in ours; Flask takes them from there. Both engines read them:
#: they use nothing but blocks, ``if``, ``for`` and names.
TEMPLATES = Path(__file__).parent.parent / "django" / "templates"
TEMPLATE = "payflow/checkout.html"

_STATIC = {"checkout.css": "text/css; charset=utf-8", "checkout.js": "text/javascript; charset=utf-8",
           "payflow-checkout.js": "text/javascript; charset=utf-8"}  # fmt: skip
_PRIVATE: Mapping[str, str] = {
    "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
}  # fmt: skip
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. ``path`` is what follows the checkout's own address, ``base`` is that address as the browser sees
    it, both without a slash at their ends; ``origin`` is the header, ``""`` if there was none."""

    method: str
    path: str
    base: str
    accept_language: str = ""
    origin: str = ""
    form: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back: ``body``; or ``page``, which the door gives to the template; or ``stream``, which it sends."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    page: Mapping[str, Any] | None = None
    stream: Stream | None = None


class Checkout:
    """The pages of one flow's payments. Shared between threads.

    ``origins``: the exact origins of other sites whose pages may follow payments, and to which pages may lead back.
    ``streams``: how many event streams one process serves at once (0: none, pages poll). ``asking_seconds``: a gateway
    is asked about one payment at most so often.
    """

    def __init__(
        self, flow: Flow, *, origins: Collection[str] = (), streams: int = 8, asking_seconds: float = 3.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.flow = flow
        self.origins = checked_origins(origins)
        self._seats = Seats(streams)
        self._turns = Turns(asking_seconds, clock)

    def token(self, payment_id: str, *, back: str = "", lang: str | None = None) -> str:
        """The last part of a payment's link. ``back`` is where its page leads back to: a path of this site, or an
        address of one of ``origins`` (``CHECKOUT_BACK_REFUSED``); ``lang``: en, zh, or the browser's."""
        claims = Claims(payment_id, checked_back(back, self.origins), checked_lang(lang))
        return issue(self.flow.settings.secret, claims)

    def answer(self, asked: Asked) -> Answer:
        """Answer a request; whatever is wrong becomes a page, or JSON where a program asked."""
        parts = asked.path.split("/")
        if parts[0] == "static" and len(parts) == 2:
            return _static(parts[1])
        lang = preferred(asked.accept_language)
        try:
            claims = read(self.flow.settings.secret, parts[0])
            lang = claims.lang or lang
            return self._answered(asked, claims, lang, parts[1] if len(parts) == 2 else "", len(parts))
        except PayflowError as error:
            return self._refused(asked, error, lang, parts)

    def _answered(self, asked: Asked, claims: Claims, lang: str, what: str, depth: int) -> Answer:
        if depth > 2 or what not in _VERBS:
            raise NotFound("There is nothing here", code="CHECKOUT_NOT_FOUND")
        if asked.method == "OPTIONS" and what in ("status", "events"):
            return self._preflight(asked)
        methods, act = _VERBS[what]
        if asked.method not in methods:
            return Answer(405, {**_PRIVATE, "Allow": ", ".join(methods)})
        return act(self, asked, claims, lang)

    # -- what a payer sees ----------------------------------------------------------------------------------------

    def _page(self, asked: Asked, claims: Claims, lang: str) -> Answer:
        payment = self.flow.payment(claims.payment_id)
        base = f"{asked.base}/{asked.path.partition('/')[0]}"
        action = self.flow.next_action(payment)
        shown = showing.page(payment, action, claims, lang, base, self.flow.clock())
        return Answer(200, _page_headers(str(action.data.get("url", ""))), page=shown)

    def _status(self, asked: Asked, claims: Claims, _: str) -> Answer:
        told = showing.status(self.flow.payment(claims.payment_id))
        return Answer(200, {**_json(), **self._cors(asked)}, json.dumps(told).encode())

    def _events(self, asked: Asked, claims: Claims, _: str) -> Answer:
        self.flow.payment(claims.payment_id)
        if not self._seats.taken():
            return Answer(503, {**_PRIVATE, "Retry-After": "5", **self._cors(asked)})

        def look() -> dict[str, Any]:
            return showing.status(self.flow.payment(claims.payment_id))

        headers = {**_PRIVATE, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no", **self._cors(asked)}
        return Answer(200, headers, stream=Stream(look, self._seats.give_back))

    # -- what a payer does ----------------------------------------------------------------------------------------

    def _confirm(self, asked: Asked, claims: Claims, _: str) -> Answer:
        """Confirm. Another site's page could send this form for its visitor, but it would have to hold the link, which
        lets its holder confirm anyway; nothing here goes by a cookie. Pressed twice, it is done once."""
        self.flow.confirm(
            asked.form.get("token", ""), payment_id=claims.payment_id, key=f"checkout-{claims.payment_id}"
        )
        return _see(asked)

    def _refresh(self, asked: Asked, claims: Claims, _: str) -> Answer:
        """Have the gateway asked what became of the payment, but not by every impatient finger."""
        payment = self.flow.payment(claims.payment_id)
        if showing.outcome(payment) == "waiting" and payment.status != "created" and self._turns.mine(payment.id):
            self._ask(payment)
        return _see(asked)

    def _ask(self, payment: Payment) -> None:
        self.flow.query(payment.id)

    # -- other origins --------------------------------------------------------------------------------------------

    def _cors(self, asked: Asked) -> dict[str, str]:
        """Who may read the answer: nobody that was not named."""
        if asked.origin not in self.origins:
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin", "Access-Control-Allow-Origin": asked.origin, "Access-Control-Allow-Credentials": "true",
        }  # fmt: skip

    def _preflight(self, asked: Asked) -> Answer:
        allowed = self._cors(asked)
        if asked.origin in self.origins:
            allowed |= {
                "Access-Control-Allow-Methods": "GET", "Access-Control-Allow-Headers": "Accept, Cache-Control",
                "Access-Control-Max-Age": "600",
            }  # fmt: skip
        return Answer(204 if asked.origin in self.origins else 403, {**_PRIVATE, **allowed})

    # -- refusals -------------------------------------------------------------------------------------------------

    def _refused(self, asked: Asked, error: PayflowError, lang: str, parts: list[str]) -> Answer:
        if len(parts) > 1 and parts[1] in ("status", "events"):
            body = json.dumps(error.as_reply()).encode()
            return Answer(error.http_status, {**_json(), **self._cors(asked)}, body)
        missing = error.http_status == 404
        title = said(lang, "missing_title" if missing else "refused_title")
        text = said(lang, "missing_text") if missing else str(error)
        shown = showing.nothing(lang, f"{asked.base}/static", title, text)
        if not missing and len(parts) > 1:  # back to the payment's own page
            shown = {**shown, "base": f"{asked.base}/{parts[0]}"}
        return Answer(error.http_status, _page_headers(""), page=shown)


class Turns:
    """Who may ask a gateway now: for each payment one in so many seconds, in this process."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._asked: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def mine(self, name: str) -> bool:
        """Take the turn, if it is free."""
        now = self._clock()
        with self._lock:
            if now - self._asked.get(name, now - self._seconds) < self._seconds:
                return False
            self._asked[name] = now
            self._asked.move_to_end(name)
            while len(self._asked) > _REMEMBERED:
                self._asked.popitem(last=False)
            return True


_Act = Callable[[Checkout, Asked, Claims, str], Answer]
_READ = ("GET", "HEAD")
#: What follows the token → the methods it takes, and what it does.
_VERBS: Mapping[str, tuple[tuple[str, ...], _Act]] = {
    "": (_READ, Checkout._page), "status": (_READ, Checkout._status), "events": (("GET",), Checkout._events),
    "confirm": (("POST",), Checkout._confirm), "refresh": (("POST",), Checkout._refresh),
}  # fmt: skip


def _see(asked: Asked) -> Answer:
    """Back to the page: the answer to a form."""
    return Answer(303, {**_PRIVATE, "Location": f"{asked.base}/{asked.path.partition('/')[0]}"})


def _json() -> dict[str, str]:
    return {**_PRIVATE, "Content-Type": "application/json"}


def _page_headers(url: str) -> dict[str, str]:
    """No script but our own, no inline style, no frame; forms go here and to the gateway, which sends them on to
    addresses of its own."""
    parts = urlsplit(url)
    there = f" https: {parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else ""
    policy = (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        f"form-action 'self'{there}; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        **_PRIVATE, "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY", "Vary": "Accept-Language",
    }  # fmt: skip


def _static(name: str) -> Answer:
    if name not in _STATIC:
        return Answer(404, {**_PRIVATE, "Content-Type": "text/plain"}, b"not found")
    body = resources.files(__package__).joinpath("static", name).read_bytes()
    headers = {"Content-Type": _STATIC[name], "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if name == "payflow-checkout.js":  # made for pages of other origins
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return Answer(200, headers, body)
