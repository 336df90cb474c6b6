"""The desk as pages for whatever web framework brings the request: an :class:`Ask` in, an :class:`Answer` out.

A door finds out who asks (an :class:`Operator`, or nobody), checks its framework's protection against forged requests,
and puts the answer's body into a frame of its own. Everything else is here, once for all of them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from urllib.parse import quote

from ..drawing import svg
from ..errors import OperatorRefused, PayflowError
from ..markup import Child, Html, join, tag, trusted
from ..records import OperatorAction
from . import pages
from .desk import Desk
from .operator import Operator
from .pages import View
from .words import Speech

#: No script at all, and nothing from anywhere else.
_NOTHING = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
POLICY = f"{_NOTHING}; style-src 'self'; img-src 'self' data:; form-action 'self'"
HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
    # Not no-referrer: with it browsers send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin", "Content-Security-Policy": POLICY,
}  # fmt: skip
_DRAWING = "default-src 'none'; style-src 'unsafe-inline'"  # the drawing's own, as a document that stands alone
_PAGE = 50
#: The desk's pages behind its first one.
_PAGES = ("payments", "incidents", "messages", "refills", "audit")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. ``path`` is what follows the desk's own address, without a slash at its ends; ``base`` is that
    address as the browser sees it, without a slash at its end; ``operator`` is ``None`` for a stranger."""

    method: str
    path: str
    base: str
    operator: Operator | None
    lang: str = "en"
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    hidden: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back. A page has a ``title`` and is ``framed`` by the door; anything else is sent as it is."""

    status: int
    body: str
    title: str = ""
    framed: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


class Site:
    """The pages of a desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def answer(self, ask: Ask) -> Answer:
        """Answer a request. Nobody without the power to view sees anything but that."""
        say = Speech(ask.lang)
        if ask.operator is None or not ask.operator.may("view"):
            body = tag("section", tag("h2", say("denied")), tag("p", say("denied_text")), class_="pf-card")
            return Answer(OperatorRefused.http_status, body, say("denied"))
        number = self.desk.new_form()
        view = View(say, ask.operator, ask.base, ask.hidden, number, self._seal(ask.operator, number))
        try:
            return self._shown(view, ask)
        except PayflowError as error:
            name = "missing" if error.http_status == 404 else "refused"
            return Answer(error.http_status, pages.refused(view, say(name), str(error)), say(name))

    def _shown(self, view: View, ask: Ask) -> Answer:
        parts = [part for part in ask.path.split("/") if part]
        if ask.method == "POST":
            return self._do(view, ask, parts)
        if ask.method not in ("GET", "HEAD"):
            return Answer(405, "", framed=False, headers={"Allow": "GET, HEAD, POST"})
        if parts[:1] == ["payments"] and len(parts) == 3:
            return self._exported(view, parts[1], parts[2])
        if parts == ["static", "desk.css"]:
            return _static("desk.css", "text/css; charset=utf-8")
        title, body = self._page(view, ask, parts)
        done = self.desk.action(ask.query["done"]) if ask.query.get("done") else None
        return Answer(200 if title else 404, join(pages.notice(view, done), body), title or view.say("missing"))

    def _page(self, view: View, ask: Ask, parts: list[str]) -> tuple[str, Html]:
        """A page's title and what is on it; no title where there is none."""
        say, desk = view.say, self.desk
        title = say(parts[0]) if parts and parts[0] in _PAGES else ""
        match parts:
            case []:
                title = say("overview")
                body = pages.overview(view, desk.counts(), desk.unfinished(), desk.incidents(25))
            case ["payments"]:
                body = self._payments(view, ask)
            case ["payments", name]:
                title, body = f"{say('id')} {name}", pages.payment(view, desk.file(name))
            case ["incidents"]:
                body = pages.incidents(view, desk.incidents())
            case ["messages"]:
                body = pages.messages(view, desk.dead_letters())
            case ["refills"]:
                body = pages.refills(view, desk.policies(), desk.due())
            case ["refills", name]:
                title, body = f"{title}: {name}", pages.policy(view, *desk.policy(name))
            case ["audit"]:
                found = desk.actions(_PAGE, ask.query.get("before", ""))
                body = pages.audit(view, found, found[-1].id if len(found) == _PAGE else "")
            case _:
                title, body = "", pages.refused(view, say("missing"), "")
        return title, body

    def _payments(self, view: View, ask: Ask) -> Html:
        text = ask.query.get("q", "").strip()
        if text:
            return pages.payments(view, self.desk.find(text), text)
        found = self.desk.recent(_PAGE, ask.query.get("before", ""))
        return pages.payments(view, found, "", older=found[-1].id if len(found) == _PAGE else "")

    def _exported(self, view: View, name: str, what: str) -> Answer:
        """A payment's story as a file, or its machine as a picture."""
        if what == "machine.svg":
            flow = self.desk.flow
            policies = getattr(flow.config, "policies", None)
            drawn = svg(flow.tables["payment"], flow.payment(name).status, lang=view.say.lang, policies=policies)
            return _sent(drawn, "image/svg+xml", **{"Content-Security-Policy": _DRAWING})
        file = self.desk.file(name)
        if what == "trace.json":
            text, kind = json.dumps(file.trace.as_dict(), ensure_ascii=False, indent=2), "application/json"
        elif what == "trace.txt":
            text, kind = file.trace.text() + "\n", "text/plain; charset=utf-8"
        else:
            return Answer(404, pages.refused(view, view.say("missing"), ""), view.say("missing"))
        saved = f'attachment; filename="payment-{file.payment.id}-{what}"'
        return _sent(text, kind, **{"Content-Disposition": saved})

    def _do(self, view: View, ask: Ask, parts: list[str]) -> Answer:
        if len(parts) != 2 or parts[0] != "do":
            return Answer(405, "", framed=False, headers={"Allow": "GET, HEAD"})
        number = ask.form.get("form", "")
        if not hmac.compare_digest(ask.form.get("seal", "").encode(), self._seal(view.operator, number).encode()):
            raise OperatorRefused("This form was not made here for you; open the page again", code="FORM_FORGED")
        done = self.desk.do(view.operator, parts[1], ask.form.get("target", ""), ask.form, form=number)
        return Answer(303, "", framed=False, headers={"Location": view.link(*_page_of(done), done=done.id)})

    def _seal(self, operator: Operator, number: str) -> str:
        """Only who was shown a form can send it: another site's page can neither read the seal nor make one."""
        told = f"payflow desk\0{operator.name}\0{number}".encode()
        return hmac.new(self.desk.flow.settings.secret, told, hashlib.sha256).hexdigest()

    def frame(self, answer: Answer, ask: Ask) -> str:
        """A whole page around an answer, for a door whose host has none of its own."""
        say = Speech(ask.lang)
        at = ask.path.strip("/")
        links = navigation(ask, say) if ask.operator is not None and ask.operator.may("view") else ()
        nav = [tag("a", text, href=href, aria_current="page" if name == at else None) for name, text, href in links]
        here = f"{ask.base}/{quote(at)}"
        other = tag("a", say("other"), href=f"{here}?lang={say.other_lang}", lang=say.other_lang, class_="pf-lang")
        whole = tag(
            "html",
            tag("head", tag("meta", charset="utf-8"),
                tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
                tag("meta", name="color-scheme", content="light dark"), tag("title", f"{answer.title} · {say('desk')}"),
                trusted('<link rel="icon" href="data:,">'),
                tag("link", rel="stylesheet", href=f"{ask.base}/static/desk.css")),
            tag("body", tag("a", say("skip"), href="#pf-main", class_="pf-skip"),
                tag("header", tag("strong", say("desk")), tag("nav", nav, aria_label=say("pages")), other,
                    class_="pf-bar"),
                tag("main", tag("h1", answer.title), _markup(answer.body), id="pf-main", class_="pf-desk"),
                class_="pf-page"),
            lang=say.html_lang,
        )  # fmt: skip
        return f"<!doctype html>\n{whole}"


def navigation(ask: Ask, say: Speech) -> list[tuple[str, str, str]]:
    """The desk's pages: path, name, address."""
    return [("", say("overview"), f"{ask.base}/"), *((name, say(name), f"{ask.base}/{name}") for name in _PAGES)]


def style() -> Answer:
    """The desk's style sheet: nothing in it is anybody's secret."""
    return _static("desk.css", "text/css; charset=utf-8")


def _page_of(done: OperatorAction) -> list[str]:
    """Where somebody goes back to."""
    if done.payment_id:
        return ["payments", done.payment_id]
    if done.action == "policy":
        return ["refills", done.target]
    return [{"resolve": "incidents", "replay": "messages", "refill": "refills"}.get(done.action, "audit")]


def _markup(body: str) -> Child:
    return body if isinstance(body, Html) else None


def _static(name: str, kind: str) -> Answer:
    text = resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")
    return _sent(text, kind, **{"Cache-Control": "no-cache"})


def _sent(text: str, kind: str, **headers: str) -> Answer:
    return Answer(200, text, framed=False, headers={"Content-Type": kind, **headers})
