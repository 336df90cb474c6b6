"""What all pages share: language, links, head and foot, headers of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib import resources
from urllib.parse import parse_qs, urlencode

from ...clock import BEIJING
from ...language import preferred
from ...markup import Child, Html, join, tag
from ...money import text_from_minor
from ..messages import Incoming, Outgoing
from .words import Speech

#: No inline script and no inline style; forms and streams go to the sandbox alone.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": POLICY, "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
    # Not no-referrer: with it browsers send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin", "Vary": "Accept-Language",
}  # fmt: skip
_KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
STATIC = ("sandbox.css", "live.js", "copy.js", "icon.svg")
GATEWAYS = {"alipay": "Alipay", "wechat": "WeChat Pay"}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class View:
    """One request for a page: its language, and whether that was asked for in the address."""

    request: Incoming
    say: Speech
    asked: bool

    @classmethod
    def of(cls, request: Incoming) -> View:
        """The language from ``?lang=``, else from ``Accept-Language``."""
        asked = _query(request).get("lang", "")
        lang = asked if asked in ("en", "zh") else preferred(request.header("Accept-Language"))
        return cls(request, Speech(lang), asked in ("en", "zh"))

    @property
    def query(self) -> Mapping[str, str]:
        """The query, last values first; what is broken in it is not there."""
        return _query(self.request)

    @property
    def here(self) -> str:
        """The scheme and host this page was asked under; the guard has looked at the host."""
        return f"http://{self.request.header('Host')}"

    def link(self, path: str, **query: str) -> str:
        """A path of ours that keeps the language that was asked for."""
        wanted = {name: value for name, value in query.items() if value}
        if self.asked:
            wanted.setdefault("lang", self.say.lang)
        path, _, fixed = path.partition("?")
        text = "&".join(part for part in (fixed, urlencode(wanted)) if part)
        return f"{path}?{text}" if text else path

    def other_language(self) -> str:
        """This page in the other language."""
        kept = {name: value for name, value in self.query.items() if name != "lang"}
        path = self.request.path if self.request.method in ("GET", "HEAD") else "/"
        return f"{path}?{urlencode({**kept, 'lang': self.say.other})}"


def _query(request: Incoming) -> dict[str, str]:
    try:
        return {name: values[-1] for name, values in parse_qs(request.query, max_num_fields=20).items()}
    except ValueError:
        return {}


def page(view: View, title: str, *body: Child, status: int = 200, bare: bool = False, width: str = "") -> Outgoing:
    """A whole page. ``bare`` leaves the navigation out: a payer is no developer."""
    say = view.say
    pages = (("/", say("Dashboard")), ("/setup", say("Set up a client")), ("/openapi.json", "API"))
    links = [
        tag("a", text, href=view.link(path) if path != "/openapi.json" else path,
            aria_current="page" if path == view.request.path else None)
        for path, text in pages
    ]  # fmt: skip
    language = tag("a", say.other_name, href=view.other_language(), class_="lang", lang=say.other, hreflang=say.other)
    header = tag(
        "header",
        tag("a", tag("img", src="/static/icon.svg", alt="", width=28, height=28), tag("span", "payflow sandbox"),
            href=view.link("/"), class_="brand"),
        None if bare else tag("nav", links, aria_label=say("Pages")),
        tag("span", language, class_="right"),
        class_="bar",
    )  # fmt: skip
    whole = tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("title", f"{title} · payflow sandbox"),
            tag("link", rel="icon", href="/static/icon.svg"),
            tag("link", rel="stylesheet", href="/static/sandbox.css"),
            tag("script", src="/static/live.js", defer=True),
            tag("script", src="/static/copy.js", defer=True),
        ),
        tag(
            "body",
            tag("a", say("Skip to the content"), href="#main", class_="skip"),
            tag("p", say("Sandbox: nothing here is real, and no money moves."), class_="banner"),
            header,
            tag("main", *body, id="main", class_=width or None),
        ),
        lang=say.html_lang,
    )
    return Outgoing(status, b"<!doctype html>\n" + whole.encode("utf-8"), HEADERS)


def see(path: str) -> Outgoing:
    """Go and look there: the answer to a form."""
    return Outgoing(303, b"", {"Location": path, "Cache-Control": "no-store"})


def static(name: str) -> Outgoing | None:
    """A style, script or picture; ``None`` if there is none of that name."""
    if name not in STATIC:
        return None
    content = resources.files(__package__).joinpath("static", name).read_bytes()
    kind = _KINDS[name.rpartition(".")[2]]
    return Outgoing(200, content, {
        "Content-Type": kind, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'",
    })  # fmt: skip


# -- small pieces ---------------------------------------------------------------------------------------------------


def money(amount: int, currency: str = "CNY") -> str:
    """``¥12.50``, or ``USD 12.50``."""
    text = text_from_minor(amount, currency)
    return f"¥{text}" if currency == "CNY" else f"{currency} {text}"


def moment(at: int, *, day: bool = False) -> Html:
    """An instant as a clock in Beijing shows it, the gateways' own zone."""
    if not at:
        return tag("span", "–")
    when = (_EPOCH + timedelta(microseconds=at)).astimezone(BEIJING)
    text = when.strftime("%Y-%m-%d %H:%M:%S" if day else "%m-%d %H:%M:%S")
    return tag("time", text, datetime=when.isoformat(timespec="milliseconds"))


def outside(text: str) -> Html:
    """Words of somebody else: kept apart, so that their direction does not turn ours."""
    return tag("bdi", text)


def badge(view: View, state: str) -> Html:
    """The state of an order, a refund or a callback as a coloured word."""
    return tag("span", view.say(f"state:{state}"), class_=f"badge {state}")


def button(label: str, action: str, *hidden: tuple[str, str], class_: str = "", id_: str | None = None) -> Html:
    """A form of one button."""
    fields = [tag("input", type="hidden", name=name, value=value) for name, value in hidden]
    return tag("form", fields, tag("button", label, class_=class_ or None, id=id_), method="post", action=action)


def notice(view: View, text: str) -> Html:
    """A place for what could not be done; empty most of the time."""
    return tag("div", tag("p", view.say(text)) if text else None, id="notice", data_part=True, role="alert")


def facts(*pairs: tuple[str, Child]) -> Html:
    """A list of names and values."""
    return tag("dl", [join(tag("dt", name), tag("dd", value)) for name, value in pairs], class_="facts")
