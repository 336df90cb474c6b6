"""The table of an attempt: one operation asked of a gateway.

Silence is not failure: what was sent and not answered is ``unknown`` until a genuine statement settles it. An unknown
attempt keeps its payment from failing.
"""

from __future__ import annotations

from ..machine.declaring import Declaration, State, compiled


class AttemptTable(Declaration):
    """One operation, with the number it goes out under. It books and tells nothing itself."""

    entity = "attempt"

    prepared = State("written down with its number; not sent yet", initial=True)
    sent = State("handed to the network: from here on it may have been done")
    unknown = State("no usable answer; the gateway is asked until it is known")
    confirmed = State("the gateway says it did it, or did it before", final=True)
    rejected = State("the gateway says it did not and will not do it", final=True)
    never_sent = State("known not to have reached the gateway", final=True)

    # event = from → to

    send = prepared.to(sent)

    lose = sent.to(unknown)

    confirm = confirmed.from_(sent, unknown)

    reject = rejected.from_(sent, unknown)

    disown = unknown.to(never_sent)


ATTEMPT = compiled(AttemptTable)
