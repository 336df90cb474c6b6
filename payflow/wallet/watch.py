"""The watch over balances: goes through all accounts, a slice at a look, and tells of what nothing explains.

It does not go by when an account was changed: whoever edits a balance by hand leaves that as it was. It goes round. A
slice is one statement over two indexes and takes milliseconds, no index is kept for it that every spend would have to
write, and nothing has to be remembered: who begins anew begins somewhere else. At its pace a million accounts are gone
through in nine minutes.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Sequence
from typing import NamedTuple

from ..clock import seconds
from ..deciding.draft import Draft, compact
from ..flow import Flow
from ..ledger import buckets
from ..records import Incident, replace
from ..store import AccountEnd, Wants
from .statement import explaining

logger = logging.getLogger("payflow.wallet")

#: So many accounts at a look, and how long it rests then.
SLICE = 2000
PAUSE = seconds(1)

UNEXPLAINED, NEGATIVE = "balance_unexplained", "balance_negative"


class Strange(NamedTuple):
    """What is wrong with an account: a kind of incident, and what differs."""

    kind: str
    end: AccountEnd
    says: str

    @property
    def name(self) -> tuple[str, str]:
        """What its incident is unique by."""
        return self.kind, self.end.id

    @property
    def event(self) -> str:
        """What is kept with the incident."""
        return compact({"account": self.end.id, "entry": self.end.seq, "says": self.says})


def judged(end: AccountEnd) -> Strange | None:
    """Whether an account has what its last entry and its buckets say, and owes nothing that is not booked as debt."""
    try:
        kept = buckets.read(end.buckets)
        total = sum(int(one.remaining) for one in kept)
        owes = any(one.kind == buckets.DEBT for one in kept)
    except (ValueError, TypeError):
        return Strange(UNEXPLAINED, end, "its buckets cannot be read")
    if end.balance < 0 and (not owes or total != end.balance):
        return Strange(NEGATIVE, end, f"it has {end.balance}, and that is not booked as debt")
    says = ""
    if end.seq and end.entry_journal is None:
        says = f"entry {end.seq}, its last, is missing"
    elif end.balance != (end.entry_balance or 0):
        says = f"it has {end.balance}, and its last entry says {end.entry_balance or 0}"
    elif end.behind is not None:
        says = f"an entry of {end.behind} stands behind its last one"
    elif end.chain != (end.entry_hash or ""):
        says = "its hash is not that of its last entry"
    elif total != end.balance:
        says = f"it has {end.balance}, and its buckets come to {total}"
    return Strange(UNEXPLAINED, end, says) if says else None


class Watch:
    """One round after another over the accounts of a flow's store."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._after: str | None = None
        self._rests_until = 0

    def look(self) -> int:
        """Look at the next slice, unless the last look was within a second; how many incidents were opened."""
        now = self.flow.clock()
        if now < self._rests_until <= now + PAUSE:
            return 0
        self._rests_until = now + PAUSE
        store = explaining(self.flow.store)
        page = store.account_ends(self._begin() if self._after is None else self._after, SLICE)
        self._after = page[-1].id if len(page) == SLICE else ""
        strange = [found for end in page if (found := judged(end)) is not None]
        return self._tell(strange) if strange else 0

    def _begin(self) -> str:
        """Behind any account, so that who is started again and again gets round as well."""
        store = explaining(self.flow.store)
        accounts, _, _ = store.audit_size()
        return (store.nth_account(random.randrange(accounts)) or "") if accounts > SLICE else ""

    def _tell(self, strange: Sequence[Strange]) -> int:
        opened, _ = self.flow.settle(
            Wants(incidents={one.name for one in strange}), lambda draft: _kept(draft, strange)
        )
        for one, incident in opened:
            logger.error(
                "%s account=%s entry=%d journal=%s: %s incident_id=%s", one.kind, one.end.id, one.end.seq,
                one.end.entry_journal or "-", one.says, incident,
            )  # fmt: skip
        return len(opened)


def _kept(draft: Draft, strange: Sequence[Strange]) -> list[tuple[Strange, str]]:
    """Incidents for what is new: the same finding again says nothing, though a person has dismissed it."""
    opened = []
    for one in strange:
        known = draft.facts.incidents.get(one.name)
        if known is None:
            known = draft.raise_incident(_incident(draft, one), None)
        elif json.loads(known.event) == json.loads(one.event):
            continue
        else:
            draft.put_incident(
                replace(
                    known, status="open", resolution="", event=one.event, count=known.count + 1, updated_at=draft.now
                )
            )
        opened.append((one, known.id))
    return opened


def _incident(draft: Draft, one: Strange) -> Incident:
    return Incident(
        id=draft.new_id(draft.now), kind=one.kind, ref=one.end.id, gateway="", account="", payment_id=None,
        status="open", policy="hold", event=one.event, created_at=draft.now, updated_at=draft.now,
    )  # fmt: skip
