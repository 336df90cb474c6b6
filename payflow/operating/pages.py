"""The desk's pages: what was looked up, as markup. Pure; what may be done is shown to those who may do it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from ..clock import iso
from ..deciding.incidents import WITH_MONEY
from ..markup import Child, Html, join, tag
from ..money import text_from_minor
from ..records import Effect, Incident, OperatorAction, Payment, Policy, PolicyChange
from .desk import File
from .operator import Operator
from .standing import Standing
from .telling import lines, signed
from .words import Speech

_GOOD = frozenset({"paid", "succeeded", "done", "delivered", "accepted", "confirmed", "resolved", "on"})
_BAD = frozenset({"failed", "refused", "dead", "incident", "open", "rejected"})
_WAIT = frozenset({"created", "pending", "processing", "requested", "unknown", "sent", "prepared", "asked", "waiting"})


@dataclass(frozen=True, slots=True)
class View:
    """For whom a page is made: their language and powers, where the desk is (``base``), the number and the seal of its
    forms, and the hidden fields that a framework wants in them."""

    say: Speech
    operator: Operator
    base: str
    hidden: Sequence[tuple[str, str]]
    form: str
    seal: str

    def link(self, *path: str, **query: str) -> str:
        """The address of one of the desk's pages."""
        told = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items() if value)
        return "/".join([self.base, *(quote(part, safe="") for part in path)]) + (f"?{told}" if told else "")


# -- small pieces ---------------------------------------------------------------------------------------------------


def moment(at: int | None) -> Html:
    """An instant, UTC, to the second; the whole of it where a reader asks for it."""
    whole = iso(at)
    if whole is None or not at:
        return tag("span", "–")
    return tag("time", whole[:19].replace("T", " "), datetime=whole)


def badge(word: str) -> Html:
    """A state as a coloured word."""
    tone = "good" if word in _GOOD else "bad" if word in _BAD else "wait" if word in _WAIT else "calm"
    return tag("span", word, class_=f"pf-badge pf-{tone}")


def money(amount: int, currency: str) -> str:
    """``12.50 CNY``."""
    return f"{text_from_minor(amount, currency)} {currency}"


def outside(text: str) -> Html:
    """Words of somebody else, whose direction must not turn ours."""
    return tag("bdi", text)


def table(view: View, caption: str, heads: Sequence[str], rows: Iterable[Sequence[Child]], empty: str) -> Html:
    """A table that can be scrolled by itself, or the sentence that it is empty."""
    written = [tag("tr", [tag("td", cell) for cell in row]) for row in rows]
    head = tag("h2", caption)
    if not written:
        return tag("section", head, tag("p", empty, class_="pf-empty"), class_="pf-card")
    whole = tag(
        "table", tag("caption", caption, class_="pf-unseen"),
        tag("thead", tag("tr", [tag("th", view.say(name), scope="col") for name in heads])), tag("tbody", written),
    )  # fmt: skip
    return tag(
        "section", head, tag("div", whole, class_="pf-scroll", tabindex=0, role="region", aria_label=caption),
        class_="pf-card",
    )  # fmt: skip


def facts(pairs: Iterable[tuple[str, Child]]) -> Html:
    """Names and values."""
    return tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs], class_="pf-facts")


def form(view: View, action: str, target: str, *body: Child) -> Html:
    """A form that asks for one act."""
    fields = [("target", target), ("form", view.form), ("seal", view.seal), *view.hidden]
    return tag(
        "form", [tag("input", type="hidden", name=name, value=value) for name, value in fields], *body,
        method="post", action=view.link("do", action), class_="pf-form",
    )  # fmt: skip


def field(label: str, name: str, *, id_: str, value: str = "", required: bool = False, longest: int = 200) -> Html:
    """A line of text with its label."""
    entry = tag("input", id=id_, name=name, value=value, required=required, maxlength=longest, autocomplete="off")
    return tag("div", tag("label", label, for_=id_), entry, class_="pf-field")


def button(text: str, *, name: str | None = None, value: str | None = None, strong: bool = False) -> Html:
    """A button of a form."""
    return tag("button", text, type="submit", name=name, value=value, class_="pf-strong" if strong else None)


def notice(view: View, done: OperatorAction | None) -> Child:
    """What came of the act that was asked for last."""
    if done is None:
        return None
    act = view.say(done.action)
    if done.outcome == "refused":
        told = json.loads(done.result).get("message", "")
        text = view.say("done_refused", act=act, code=done.code, message=told)
    else:
        text = view.say(f"done_{done.outcome}", act=act)
    tone = {"done": "good", "refused": "bad"}.get(done.outcome, "wait")
    result = _plain(done.result) if done.outcome != "refused" else ""
    more = tag("small", result) if result else None
    return tag("div", tag("p", text), more, class_=f"pf-notice pf-{tone}", role="status")


def search(view: View, text: str = "") -> Html:
    """The box that finds payments."""
    label = view.say("search_label")
    return tag(
        "form", tag("label", label, for_="pf-q"),
        tag("div", tag("input", id="pf-q", name="q", type="search", value=text, maxlength=191, autocomplete="off"),
            button(view.say("search"), strong=True), class_="pf-row"),
        method="get", action=view.link("payments"), role="search", class_="pf-search pf-card",
    )  # fmt: skip


# -- pages ----------------------------------------------------------------------------------------------------------


def overview(
    view: View, counts: Mapping[str, int], unfinished: Sequence[tuple[Payment, Standing]], incidents: Sequence[Incident]
) -> Html:
    """What there is to do."""
    say = view.say
    tiles = [
        tag("li", tag("strong", str(count)), tag("span", say.known(f"count_{name}", name)))
        for name, count in counts.items()
    ]
    heads = ("id", "reference", "status", "amount", "account", "created", "why")
    rows = [
        (
            _link(view, payment), outside(payment.reference), badge(payment.status),
            money(payment.amount, payment.currency), outside(payment.account), moment(payment.created_at),
            why_short(view, standing),
        )
        for payment, standing in unfinished
    ]  # fmt: skip
    return join(
        search(view), tag("ul", tiles, class_="pf-tiles"),
        table(view, say("unfinished"), heads, rows, say("all_finished")),
        _incident_table(view, incidents),
    )  # fmt: skip


def why_short(view: View, standing: Standing) -> Html:
    """The weightiest reason."""
    if not standing.reasons:
        return tag("span", "–")
    text = view.say(f"reason_{standing.reasons[0]}")
    return tag("strong", text, class_="pf-bad-text") if standing.stuck else tag("span", text)


def payments(view: View, found: Sequence[Payment], text: str, *, older: str = "") -> Html:
    """What a search found, or the newest."""
    say = view.say
    caption = say("found", count=len(found), text=text) if text else say("newest")
    heads = ("id", "reference", "status", "amount", "account", "channel", "created")
    rows = [
        (
            _link(view, one), outside(one.reference), badge(one.status), money(one.amount, one.currency),
            outside(one.account), one.channel, moment(one.created_at),
        )
        for one in found
    ]  # fmt: skip
    empty = say("found_none", text=text) if text else say("none_yet")
    more = tag("p", tag("a", say("older"), href=view.link("payments", before=older))) if older else None
    return join(search(view, text), table(view, caption, heads, rows, empty), more)


def payment(view: View, file: File) -> Html:
    """One payment: where it is and why, what can be done, and everything that happened to it."""
    return join(_head(view, file), acts(view, file), story(view, file))


def _head(view: View, file: File) -> Html:
    say, kept = view.say, file.payment
    reasons = [tag("li", say(f"reason_{reason}")) for reason in file.standing.reasons]
    told = tag("ul", reasons, class_="pf-reasons") if reasons else tag("p", say("nothing_waits"))
    shown: list[tuple[str, Child]] = [
        (say("status"), badge(kept.status)), (say("amount"), money(kept.amount, kept.currency)),
        (say("captured"), money(kept.captured, kept.currency)), (say("refunded"), money(kept.refunded, kept.currency)),
        (say("reserved"), money(kept.reserved, kept.currency)), (say("reference"), outside(kept.reference or "–")),
        (say("account"), outside(f"{kept.account} ({kept.gateway})")), (say("channel"), kept.channel),
        (say("order"), outside(kept.out_trade_no)), (say("trade"), outside(kept.gateway_txn or "–")),
        (say("trace"), outside(kept.trace_id)), (say("created"), moment(kept.created_at)),
        (say("updated"), moment(kept.updated_at)), (say("expires"), moment(kept.expires_at)),
        (say("next_check"), moment(kept.next_check_at)), (say("description"), outside(kept.description or "–")),
    ]  # fmt: skip
    return tag(
        "section", tag("h2", say("why")),
        tag("div", told, class_="pf-why pf-stuck" if file.standing.stuck else "pf-why"),
        tag("p", tag("small", file.trace.why())), facts(shown), class_="pf-card",
    )  # fmt: skip


def acts(view: View, file: File) -> Html:
    """The acts this operator may do to this payment."""
    say, may, kept = view.say, view.operator.may, file.payment
    forms: list[Child] = []
    if may("query"):
        forms.append(form(view, "query", kept.id, tag("p", say("query_hint")), button(say("query"), strong=True)))
    if may("refund"):
        left = money(file.left, kept.currency)
        body: list[Child] = [tag("p", say("refund_nothing"))]
        if file.left > 0:
            body = [
                field(say("refund_amount", left=left), "amount", id_="pf-amount", longest=20),
                field(say("refund_reason"), "reason", id_="pf-reason", longest=80), button(say("refund")),
            ]  # fmt: skip
            forms.append(form(view, "refund", kept.id, *body))
        else:
            forms.append(tag("div", *body, class_="pf-form"))
    if may("resolve"):
        forms += [
            _settle(view, incident, place)
            for place, incident in enumerate(file.history.incidents)
            if incident.status == "open"
        ]
    if may("replay") and any(effect.dead for effect in file.history.effects):
        forms.append(form(view, "replay", kept.id, tag("p", say("replay_hint")), button(say("replay"))))
    shown: Child = forms or tag("p", say("no_acts"), class_="pf-empty")
    return tag("section", tag("h2", say("acts")), tag("div", shown, class_="pf-acts"), class_="pf-card")


def _settle(view: View, incident: Incident, place: int = 0) -> Html:
    say = view.say
    head = tag("p", badge(incident.kind), " ", money(incident.amount, incident.currency) if incident.currency else None)
    buttons = [button(say("resolve_dismiss"), name="how", value="dismiss")]
    if incident.kind in WITH_MONEY and incident.payment_id is not None:
        buttons.insert(0, button(say("resolve_refund"), name="how", value="refund"))
    reason = field(say("resolve_reason"), "reason", id_=f"pf-found-{place}")
    return form(view, "resolve", incident.id, head, reason, tag("div", buttons, class_="pf-row"))


def story(view: View, file: File) -> Html:
    """Everything that happened, told once in its order and then by kind."""
    say, kept, history = view.say, file.payment, file.history
    told = [
        tag(
            "li", tag("time", line.at[:23].replace("T", " "), datetime=line.at),
            tag("span", say(f"kind_{line.kind}"), class_=f"pf-kind pf-kind-{line.kind}"),
            tag("span", outside(line.text), tag("small", outside(line.more)) if line.more else None),
        )
        for line in lines(file.trace.steps, say)
    ]  # fmt: skip
    exports = tag(
        "p", tag("a", say("export_json"), href=view.link("payments", kept.id, "trace.json"), download=True), " · ",
        tag("a", say("export_text"), href=view.link("payments", kept.id, "trace.txt"), download=True),
    )  # fmt: skip
    picture = tag("img", src=view.link("payments", kept.id, "machine.svg"), alt=f"{say('picture')}: {kept.status}")
    return join(
        tag("section", tag("h2", say("picture")), tag("div", picture, class_="pf-scroll pf-picture"), class_="pf-card"),
        tag("section", tag("h2", say("timeline")), tag("ol", told, class_="pf-timeline"), exports, class_="pf-card"),
        table(
            view, say("refunds"), ("col_number", "col_state", "col_money", "col_reason", "created"),
            [(outside(one.out_refund_no), badge(one.status), money(one.amount, one.currency), outside(one.reason),
              moment(one.created_at)) for one in history.refunds], say("none"),
        ),
        _incident_table(view, history.incidents, of_payment=True),
        table(
            view, say("attempts"), ("created", "col_op", "col_number", "col_state", "col_words"),
            [(moment(one.created_at), one.op, outside(one.request_key), badge(one.status), outside(_plain(one.words)))
             for one in history.attempts], say("none"),
        ),
        table(
            view, say("receipts"), ("col_at", "col_kind", "col_source", "col_outcome", "col_repeats"),
            [(moment(one.at), one.kind, one.source, badge(one.outcome), str(one.repeats)) for one in history.receipts],
            say("none"),
        ),
        table(
            view, say("ledger"), ("col_journal", "col_line", "col_money"),
            [(outside(one.journal_id), outside(one.ledger_account), signed(one.amount, one.currency))
             for one in history.entries], say("none"),
        ),
        _message_table(view, file),
    )  # fmt: skip


def _message_table(view: View, file: File) -> Html:
    def state(one: object) -> str:
        dead, delivered = getattr(one, "dead_at", None), getattr(one, "delivered_at", None)
        return "dead" if dead is not None else "delivered" if delivered is not None else "waiting"

    rows = [
        (str(one.seq), one.kind, badge(state(one)), str(one.tries), outside(one.last_error))
        for one in file.history.messages
    ]
    heads = ("col_number", "col_kind", "col_state", "col_count", "col_error")
    return table(view, view.say("messages_of"), heads, rows, view.say("none"))


def _incident_table(view: View, found: Sequence[Incident], *, of_payment: bool = False) -> Html:
    say = view.say
    rows = [
        (
            moment(one.created_at), badge(one.kind), badge(one.status),
            money(one.amount, one.currency) if one.currency else "–", str(one.count),
            tag("a", one.payment_id, href=view.link("payments", one.payment_id)) if one.payment_id else "–",
            outside(one.resolution),
        )
        for one in found
    ]  # fmt: skip
    heads = ("created", "col_kind", "col_state", "col_money", "col_count", "col_payment", "col_result")
    caption, empty = ("incidents", "none") if of_payment else ("open_incidents", "no_incidents")
    return table(view, say(caption), heads, rows, say(empty))


def incidents(view: View, found: Sequence[Incident]) -> Html:
    """Every open incident; those that belong to no payment are settled here."""
    lonely = [one for one in found if one.payment_id is None and one.status == "open"]
    forms = [_settle(view, one, place) for place, one in enumerate(lonely)] if view.operator.may("resolve") else []
    return join(_incident_table(view, found), tag("section", forms, class_="pf-acts pf-card") if forms else None)


def messages(view: View, dead: Sequence[Effect]) -> Html:
    """What handlers gave up on."""
    say = view.say
    rows = [
        (moment(one.at), outside(one.handler), tag("a", one.payment_id, href=view.link("payments", one.payment_id)),
         str(one.seq), outside(one.error))
        for one in dead
    ]  # fmt: skip
    heads = ("col_at", "col_handler", "col_payment", "col_number", "col_error")
    again = form(view, "replay", "", button(say("replay_all"))) if dead and view.operator.may("replay") else None
    return join(table(view, say("dead_letters"), heads, rows, say("no_dead")), again)


def refills(view: View, policies: Sequence[Policy], due: int) -> Html:
    """The refill policies, and the run that grants what is due."""
    say = view.say
    rows = [
        (
            tag("a", one.name, href=view.link("refills", one.name)), badge("on" if one.enabled else "off"),
            f"v{one.version}", one.unit, outside(one.changed_by), moment(one.changed_at),
        )
        for one in policies
    ]  # fmt: skip
    heads = ("col_body", "col_state", "col_version", "account", "col_who", "col_at")
    run = tag("p", say("refill_due", due=due))
    if view.operator.may("refill"):
        run = form(view, "refill", "", run, button(say("refill"), strong=True))
    return join(tag("section", run, class_="pf-card"), table(view, say("refills"), heads, rows, say("no_policies")))


def policy(view: View, kept: Policy, versions: Sequence[PolicyChange]) -> Html:
    """One refill policy, how it came to be, and how it is changed."""
    say = view.say
    forms: list[Child] = []
    if view.operator.may("policy"):
        switch = "off" if kept.enabled else "on"
        entry = tag(
            "textarea", "{\n}", id="pf-body", name="body", rows=6, required=True, maxlength=10000, spellcheck="false"
        )
        forms = [
            form(view, "policy", kept.name, tag("div", tag("label", say("policy_body"), for_="pf-body"), entry,
                 class_="pf-field"), field(say("policy_reason"), "reason", id_="pf-why", required=True),
                 button(say("policy"))),
            form(view, "policy", kept.name, tag("input", type="hidden", name="enabled", value=switch),
                 field(say("policy_reason"), "reason", id_="pf-why-switch", required=True),
                 button(say(f"policy_{switch}"))),
        ]  # fmt: skip
    body = json.dumps(json.loads(kept.body), ensure_ascii=False, indent=2)
    rows = [
        (f"v{one.version}", badge("on" if one.enabled else "off"), moment(one.changed_at), outside(one.changed_by),
         outside(one.reason), tag("code", outside(one.body)))
        for one in versions
    ]  # fmt: skip
    heads = ("col_version", "col_state", "col_at", "col_who", "col_reason", "col_body")
    return join(
        tag("section", tag("h2", outside(kept.name)), tag("pre", body), class_="pf-card"),
        tag("section", forms, class_="pf-acts pf-card") if forms else None,
        table(view, say("versions"), heads, rows, say("none")),
    )  # fmt: skip


def audit(view: View, found: Sequence[OperatorAction], older: str) -> Html:
    """What operators asked for, the newest first."""
    say = view.say
    rows = [
        (
            moment(one.at), outside(one.operator), say(one.action),
            tag("a", one.payment_id, href=view.link("payments", one.payment_id)) if one.payment_id
            else outside(one.target or "–"),
            badge(one.outcome), outside(f"{one.code} {_plain(one.request)} → {_plain(one.result)}".strip()),
        )
        for one in found
    ]  # fmt: skip
    heads = ("col_at", "col_who", "col_act", "col_target", "col_outcome", "col_result")
    more = tag("p", tag("a", say("older"), href=view.link("audit", before=older))) if older else None
    return join(table(view, say("audit"), heads, rows, say("none")), more)


def refused(view: View, title: str, text: str) -> Html:
    """What could not be done, and the way back."""
    back = tag("p", tag("a", view.say("back"), href=view.link("")))
    return tag("section", tag("h2", title), tag("p", text), back, class_="pf-card", role="alert")


def _link(view: View, one: Payment) -> Html:
    return tag("a", one.id, href=view.link("payments", one.id))


def _plain(text: str) -> str:
    """A flat JSON object as a line."""
    found = json.loads(text)
    if isinstance(found.get("amount"), int) and "currency" in found:
        found["amount"] = money(found["amount"], found.pop("currency"))
    return ", ".join(f"{name}: {value}" for name, value in found.items() if value not in ("", None))
