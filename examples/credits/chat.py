"""The conversation: asked by a form, followed by a stream, stopped by a button. All of it works without JavaScript."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

from flask import Blueprint, Response, render_template, request, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as AnyResponse

from payflow import PayflowError

from .place import here
from .prices import MOST_ASKED
from .purse import purse_of
from .visitor import owner

chat = Blueprint("chat", __name__)

_SHOWN = 30


def conversation(error: PayflowError | None = None) -> str:
    """The page: what was asked, what is being answered, what there is to spend."""
    place, who = here(), owner()
    now = place.flow.clock()
    shown = [
        {"answer": answer, "status": answer.at(now), "live": place.writing.live(answer.id)}
        for answer in place.answers.newest(who, _SHOWN)
    ]
    return render_template(
        "chat.html", shown=shown, purse=purse_of(place.wallet, who), key=secrets.token_hex(12), error=error,
        typed=request.form.get("question", "") if error else "", most=MOST_ASKED,
        writing=any(one["status"] == "writing" for one in shown),
    )  # fmt: skip


@chat.get("/")
def show() -> str:
    """The conversation."""
    return conversation()


@chat.post("/ask")
def ask() -> AnyResponse:
    """The form. Its hidden key makes a double click one question."""
    here().writing.begin(owner(), request.form.get("key", ""), request.form.get("question", ""))
    return redirect(url_for("chat.show") + "#now", 303)


@chat.post("/answers/<answer_id>/stop")
def stop(answer_id: str) -> AnyResponse:
    """The button: the hold is freed, and the answer costs nothing."""
    here().writing.stop(owner(), answer_id)
    return redirect(url_for("chat.show") + "#now", 303)


@chat.get("/answers/<answer_id>/words")
def words(answer_id: str) -> Response:
    """A stream of the words of an answer, from piece ``from`` or where the browser lost it."""
    writing = here().writing
    answer = writing.owned(owner(), answer_id)
    last = request.headers.get("Last-Event-ID", "")
    start = int(last) + 1 if last.isascii() and last.isdigit() else request.args.get("from", 0, int)

    def stream() -> Iterator[str]:
        yield "retry: 500\n\n"
        for come in writing.follow(answer, max(0, start)):
            yield ":\n\n" if come is None else f"id: {come[0]}\ndata: {json.dumps(come[1])}\n\n"
        yield "event: end\ndata: {}\n\n"

    return Response(stream(), mimetype="text/event-stream", headers={"Cache-Control": "no-store"})
