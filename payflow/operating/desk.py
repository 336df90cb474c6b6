"""The desk: looking things up, and doing what an operator asks for.

Every act is written down before it is done and again when it has ended. It carries the number of the form that asked
for it: a form that is sent twice is one act, and one that was cut off may be sent again, because everything it does
goes by that number, too.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ..assembly import open_wallet
from ..errors import IdempotencyRefused, InvalidRequest, NotFound, PayflowError, StoreError
from ..flow import Flow
from ..identifiers import checked_text, new_id
from ..records import Effect, Incident, OperatorAction, Payment, Policy, PolicyChange, replace
from ..store import History, OperatorStore
from ..trace import Trace, tell
from ..wallet import Wallet
from ..wallet.refilling import RunReport
from .acts import Act, act_named, money_of
from .operator import Operator, allow
from .standing import Standing, standing

if TYPE_CHECKING:
    from ..store import Store

logger = logging.getLogger("payflow.operating")

_FORM = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)
#: One press of the button refills at most so many sets; the rest is left to the next one, or to ``payflow refill run``.
_SETS = 20


@dataclass(frozen=True, slots=True)
class File:
    """All that is known of one payment. ``left`` is what may still be refunded, in minor units."""

    payment: Payment
    history: History
    trace: Trace
    standing: Standing
    left: int


class Desk:
    """What operators look at and do, over one flow. It decides nothing by itself: verbs do, as for everybody.

    What it shows is for those who may ``view``; :class:`payflow.operating.Site` asks for that once, at its door.
    """

    def __init__(self, flow: Flow, *, wallet: Callable[[Flow], Wallet] = open_wallet) -> None:
        self.flow = flow
        self._open_wallet = wallet
        self._wallet: Wallet | None = None

    @property
    def store(self) -> Store:
        """The flow's store."""
        return self.flow.store

    @property
    def _kept(self) -> OperatorStore:
        return cast(OperatorStore, self.flow.store)

    @property
    def has_wallet(self) -> bool:
        """Whether there is credit here."""
        return bool(self.flow.rules.credit.units)

    @property
    def wallet(self) -> Wallet:
        """The wallet; ``UNIT_UNKNOWN`` where there is no credit."""
        if not self.has_wallet:
            raise InvalidRequest("No unit of credit is declared under wallet.units", code="UNIT_UNKNOWN")
        if self._wallet is None:
            self._wallet = self._open_wallet(self.flow)
        return self._wallet

    def new_form(self) -> str:
        """The number of a form that is about to be shown."""
        return new_id(self.flow.clock())

    # -- looking --------------------------------------------------------------------------------------------------

    def find(self, text: str) -> list[Payment]:
        """Payments by their id, the host's reference, an order number, a gateway's trade or a refund's number."""
        return self._kept.payments_named(text.strip(), self.flow.gateways.keys())

    def file(self, payment_id: str) -> File:
        """Everything about a payment; ``PAYMENT_NOT_FOUND``."""
        history = self.store.history(payment_id)
        if history is None:
            raise NotFound("There is no such payment", code="PAYMENT_NOT_FOUND", payment_id=payment_id)
        payment = history.payment
        held_up = standing(
            payment, self.flow.clock(),
            incidents=sum(kept.status != "resolved" for kept in history.incidents),
            dead=sum(kept.dead for kept in history.effects),
        )  # fmt: skip
        left = payment.captured - payment.refunded - payment.reserved
        return File(payment, history, tell(history), held_up, left)

    def unfinished(self, limit: int = 50) -> list[tuple[Payment, Standing]]:
        """Payments that are not finished, the oldest first, and what holds them up."""
        now = self.flow.clock()
        return [(payment, standing(payment, now)) for payment in self._kept.unfinished(limit)]

    def recent(self, limit: int = 50, before: str = "") -> list[Payment]:
        """Payments, the newest first."""
        return self.store.recent_payments(limit, before)

    def incidents(self, limit: int = 100, after: str = "") -> list[Incident]:
        """Incidents that nobody has settled, the oldest first."""
        return self.store.open_incidents(limit, after)

    def dead_letters(self, limit: int = 100) -> list[Effect]:
        """What handlers gave up on, the newest first."""
        return self._kept.dead_letters(limit)

    def policies(self) -> list[Policy]:
        """The refill policies in force."""
        return self.wallet.policies.all() if self.has_wallet else []

    def policy(self, name: str) -> tuple[Policy, Sequence[PolicyChange]]:
        """A policy and its versions; ``POLICY_NOT_FOUND``."""
        return self.wallet.policies.one(name), self.wallet.policies.history(name)

    def due(self) -> int:
        """How many accounts a refill run would look at."""
        return self.store.due_count(self.flow.clock()) if self.has_wallet else 0

    def counts(self) -> dict[str, int]:
        """See :meth:`payflow.store.Store.counts`."""
        return self.store.counts()

    def action(self, name: str) -> OperatorAction | None:
        """One act that was asked for."""
        return self._kept.action(name)

    def actions(self, limit: int = 100, before: str = "") -> list[OperatorAction]:
        """What operators asked for, the newest first."""
        return self._kept.actions(limit, before)

    # -- doing ----------------------------------------------------------------------------------------------------

    def do(
        self, operator: Operator | None, action: str, target: str, fields: Mapping[str, str] | None = None,
        *, form: str | None = None,
    ) -> OperatorAction:  # fmt: skip
        """Do what an operator asks for; the written record of it, with its outcome ``done`` or ``refused``.

        ``form`` is the number of the form (:meth:`new_form`): the same number again gives the same record. Raises
        ``OPERATOR_NOT_ALLOWED``, what is wrong with the form, ``*_NOT_FOUND`` for a target that is not there,
        ``IDEMPOTENCY_CONFLICT`` for the number of another form, and ``STORE_*``: then its end is not known, the
        record says ``asked``, and the same form may be sent again.
        """
        act = act_named(action)
        who = allow(operator, act.name)
        given = act.read(fields or {})
        number = self.new_form() if form is None else form
        if _FORM.fullmatch(number) is None:
            raise InvalidRequest("The form has no number; open the page again", code="INVALID_REFERENCE")
        asked = OperatorAction(
            id=number, operator=who.name, action=act.name, target_kind=act.target_kind, target=target,
            payment_id=self._payment_of(act, target),
            request=json.dumps(given, ensure_ascii=False, sort_keys=True), outcome="asked", at=self.flow.clock(),
        )  # fmt: skip
        known = self._kept.begin_action(asked)
        if known is not None:
            if replace(known, outcome="asked", code="", result="{}", at=asked.at, ended_at=None) != asked:
                raise IdempotencyRefused("This form was used for something else; open the page again", key=number)
            if known.outcome != "asked":
                return known
        return self._done(act, asked, given, again=known is not None)

    def _payment_of(self, act: Act, target: str) -> str:
        """The payment that is concerned; the target has to be there."""
        checked_text("target", target, 191)
        if act.name == "replay" and not target:
            return ""  # every payment's
        if act.target_kind == "payment":
            return self.flow.payment(target).id
        if act.target_kind == "incident":
            found = self._kept.incidents_named([target])
            if not found:
                raise NotFound("There is no such incident", code="INCIDENT_NOT_FOUND", incident_id=target)
            return found[0].payment_id or ""
        return ""

    def _done(self, act: Act, asked: OperatorAction, given: Mapping[str, Any], *, again: bool) -> OperatorAction:
        outcome, code = "done", ""
        try:
            result = _DOING[act.name](self, asked, given, again)
        except StoreError:
            raise  # what has become of it is not known
        except PayflowError as error:
            if error.code == "IDEMPOTENCY_IN_PROGRESS":
                return asked  # the same form is being done at this moment, and ends by itself
            outcome, code, result = "refused", error.code, {"message": error.message}
        ended = replace(
            asked, outcome=outcome, code=code, result=json.dumps(result, ensure_ascii=False),
            ended_at=self.flow.clock(),
        )  # fmt: skip
        self._kept.end_action(ended)
        logger.info(
            "Operator action %s of %s %s: %s%s action_id=%s payment_id=%s", ended.action, ended.target_kind,
            ended.target, outcome, f" ({code})" if code else "", ended.id, ended.payment_id,
            extra={"event": "operator.action", "operator": ended.operator, "payment_id": ended.payment_id},
        )  # fmt: skip
        return ended

    def _query(self, asked: OperatorAction, _: Mapping[str, Any], __: bool) -> dict[str, Any]:
        return {"status": self.flow.query(asked.target).payment.status}

    def _refund(self, asked: OperatorAction, given: Mapping[str, Any], __: bool) -> dict[str, Any]:
        payment = self.flow.payment(asked.target)
        refund = self.flow.refund(
            payment.id, key=f"desk-{asked.id}", amount=money_of(given["amount"], payment), reason=given["reason"]
        ).refund
        if refund is None:
            raise AssertionError("a refund's result has its refund")  # pragma: no cover
        return {"refund": refund.id, "status": refund.status, "amount": refund.amount, "currency": refund.currency}

    def _resolve(self, asked: OperatorAction, given: Mapping[str, Any], again: bool) -> dict[str, Any]:
        (known,) = self._kept.incidents_named([asked.target])
        if again and known.status != "open" and known.resolution.endswith(f" by {asked.operator}"):
            return {"status": known.status, "resolution": known.resolution}  # it was cut off behind the deed
        incident = self.flow.resolve(asked.target, given["how"], asked.operator)
        return {"status": incident.status, "resolution": incident.resolution}

    def _replay(self, asked: OperatorAction, given: Mapping[str, Any], __: bool) -> dict[str, Any]:
        count = self.store.revive(
            handler=given["handler"] or None, payment_id=asked.target or None, now=self.flow.clock()
        )
        return {"count": count}

    def _refill(self, _: OperatorAction, __: Mapping[str, Any], ___: bool) -> dict[str, Any]:
        report = RunReport()
        for _set in range(_SETS):
            if not self.wallet.refills.step(report):
                break
        return {
            "looked": report.looked, "granted": report.granted, "units": report.units, "ordered": report.ordered,
            "failed": report.failed + report.not_ordered, "left": self.due(),
        }  # fmt: skip

    def _policy(self, asked: OperatorAction, given: Mapping[str, Any], __: bool) -> dict[str, Any]:
        kept = self.wallet.policies.change(asked.target, given["body"], by=asked.operator, reason=given["reason"])
        return {"version": kept.version, "enabled": bool(kept.enabled)}


_Doing = Callable[[Desk, OperatorAction, Mapping[str, Any], bool], dict[str, Any]]
_DOING: Mapping[str, _Doing] = {
    "query": Desk._query, "refund": Desk._refund, "resolve": Desk._resolve, "replay": Desk._replay,
    "refill": Desk._refill, "policy": Desk._policy,
}  # fmt: skip
