"""Refill policies at run time: taken over from the config, changed by operators, every version kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..clock import Clock
from ..config.shape import examine_part
from ..errors import InvalidRequest, NotFound, StoreConflict
from ..records import Changes, Policy, PolicyChange
from ..refill.policy import policy_of, same_calendar
from ..store import Store

#: Who changes a policy when a config file does.
CONFIG = "config"


class Policies:
    """The refill policies in force. ``units`` are those the wallet knows."""

    def __init__(self, store: Store, clock: Clock, units: frozenset[str], declared: Sequence[Mapping[str, Any]] = ()):
        self.store = store
        self._clock = clock
        self._units = units
        self.declared = declared

    def all(self) -> list[Policy]:
        """Every policy, by name."""
        return self.store.policies()

    def one(self, name: str) -> Policy:
        """One policy; ``POLICY_NOT_FOUND``."""
        found = next((kept for kept in self.all() if kept.name == name), None)
        if found is None:
            raise NotFound("There is no such refill policy", code="POLICY_NOT_FOUND", policy=name)
        return found

    def history(self, name: str) -> list[PolicyChange]:
        """Every version of a policy, newest first."""
        return self.store.policy_changes(name)

    def take_over(self) -> list[str]:
        """Bring in what the config declares and did not declare before; the names that changed.

        What an operator changed stays until the file itself says something new. Safe when two processes start at once.
        """
        known = {kept.name: kept for kept in self.all()}
        changed = []
        for body in self.declared:
            text = _text(body)
            source = hashlib.sha256(text.encode()).hexdigest()
            kept = known.get(body["name"])
            if kept is None or kept.source != source:
                try:
                    self._write(kept, dict(body), CONFIG, "the config declares it", source=source)
                except StoreConflict:
                    continue  # another process starts with the same file
                changed.append(body["name"])
        return changed

    def change(self, name: str, body: Mapping[str, Any], *, by: str, reason: str) -> Policy:
        """Make or change a policy: ``body`` is all of it, or the fields that change. Who and why is kept.

        Raises ``REFILL_POLICY_INVALID`` with the ``path`` of what is wrong, ``STORE_CONFLICT`` when somebody changed it
        at the same time.
        """
        kept = next((one for one in self.all() if one.name == name), None)
        whole = {**(json.loads(kept.body) if kept is not None else {}), **body, "name": name}
        return self._write(kept, {key: value for key, value in whole.items() if value is not None}, by, reason)

    def enable(self, name: str, enabled: bool, *, by: str, reason: str) -> Policy:
        """Switch a policy on or off."""
        return self._write(self.one(name), json.loads(self.one(name).body) | {"enabled": bool(enabled)}, by, reason)

    def _write(
        self, kept: Policy | None, body: dict[str, Any], by: str, reason: str, *, source: str | None = None
    ) -> Policy:
        if not by or not reason:
            raise InvalidRequest("A change of a policy needs who made it, and why", code="INVALID_REFERENCE")
        for problem in examine_part("refill_policy", body):
            raise InvalidRequest(f"{problem.path} {problem.message}", code="REFILL_POLICY_INVALID", path=problem.path)
        version = 1 if kept is None else kept.version + 1
        policy = policy_of(body, version=version)
        if policy.unit not in self._units:
            raise InvalidRequest("This unit is not declared under wallet.units", code="UNIT_UNKNOWN", unit=policy.unit)
        now = self._clock()
        anew = kept is None or not same_calendar(body, json.loads(kept.body)) or (policy.enabled and not kept.enabled)
        new = Policy(
            name=policy.name, version=version, enabled=int(policy.enabled), unit=policy.unit, body=_text(body),
            source=source if source is not None else kept.source if kept is not None else "", changed_by=by,
            reason=reason, changed_at=now, enrol_after="",
            calendar_version=version if kept is None or anew else kept.calendar_version,
            calendar_at=now if kept is None or anew else kept.calendar_at,
        )  # fmt: skip
        log = PolicyChange(
            name=new.name, version=version, enabled=new.enabled, body=new.body, changed_by=by, reason=reason,
            changed_at=now,
        )  # fmt: skip
        self.store.write(
            Changes(policies={new.name: (None if kept is None else kept.version, new)}, policy_changes=[log])
        )
        return new


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(dict(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
