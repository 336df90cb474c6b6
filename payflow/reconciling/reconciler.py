"""Reconciling a day, from its bill to its incidents; and which days are to be reconciled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, cast

from ..clock import seconds
from ..errors import InvalidRequest, Refused
from ..flow import Flow
from ..gateway import BillReading, Bills, Gateway
from ..reconcile import Day
from ..records import Difference, ReconRun
from ..store import ReconStore
from .fees import book_fee
from .healing import Healing
from .importing import bring_in
from .matching import Matching
from .turns import Progress, Turn, silent

_DAYS_BACK = 7
_ASK_AGAIN = seconds(1800)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands: the run, and what its differences come to by (side, kind, state)."""

    run: ReconRun
    sums: tuple[tuple[str, str, str, int, int, int], ...]  # side, kind, state, how many, theirs, ours

    @property
    def differences(self) -> int:
        """How many rows, payments and refunds do not agree, or did not."""
        return sum(one[3] for one in self.sums)

    @property
    def open(self) -> int:
        """How many of them wait for a person."""
        return sum(one[3] for one in self.sums if one[2] == "open")

    @property
    def waiting(self) -> int:
        """How many wait for another day's bill, or for an answer of the gateway."""
        return sum(one[3] for one in self.sums if one[2] == "waiting")


class Reconciler:
    """Reconciles days over one flow. Any number may run at the same time: one of them is at a day.

    ``batch``: rows that are held in memory at once. ``lease_seconds``: how long a runner that says nothing is believed
    to be alive.
    """

    def __init__(self, flow: Flow, *, batch: int = 4000, lease_seconds: float = 300) -> None:
        if flow.store.joined:
            raise Refused("A joined flow asks no gateway: reconcile on a flow of its own", code="JOINED_FLOW")
        self.flow = flow
        self.batch = batch
        self.lease = seconds(lease_seconds)
        self.store = cast(ReconStore, flow.store)

    # -- one day ------------------------------------------------------------------------------------------------

    def run(
        self,
        account: str,
        day: str,
        *,
        file: str | PathLike[str] | None = None,
        heal: bool = True,
        progress: Progress = silent,
    ) -> Standing:
        """Reconcile the Beijing ``day`` of the merchant behind ``account``; what is done already stays done.

        The bill is fetched, or read from ``file``. A bill that is not there yet or cannot be believed leaves the run
        ``waiting`` or ``refused`` with its code, and says nothing about any payment. ``heal``: ask the gateway about
        what the bill has as paid and we have not.

        Raises ``InvalidRequest`` (``INVALID_DAY``, ``INVALID_REFERENCE``, ``INVALID_BILL``), ``Refused``
        (``OPERATION_UNSUPPORTED``; ``RECON_RUNNING``: somebody else is at it), ``StoreError``.
        """
        gateway, bills = self._billing(account)
        when = Day.of(day)
        if self.flow.clock() < when.end:
            raise InvalidRequest("That day is not over yet", code="INVALID_DAY", day=day)
        known = self.store.recon_run(_name(gateway, day))
        imported = known is not None and known.state in ("imported", "done")
        if imported and known is not None and not known.kept:
            return self.standing(known)  # its rows were forgotten: what was found stays
        reading = self._reading(bills, when, file)
        wanted = ReconRun(
            id=_name(gateway, day), account=account, gateway=gateway.kind, merchant=gateway.merchant, day=day,
            state="importing",
        )  # fmt: skip
        turn = Turn.take(self.store, self.flow.clock, wanted, self.lease, progress)
        try:
            self._reconcile(turn, bills, reading, "file" if file is not None else "gateway", heal=heal)
        except BaseException:
            _let_go(turn)
            raise
        if turn.run.state == "done":
            self._look_again_beside(turn.run)
        return self.standing(turn.run)

    def _reading(
        self, bills: Bills, day: Day, file: str | PathLike[str] | None
    ) -> Callable[[], BillReading | None]:  # fmt: skip
        if file is None:
            return lambda: bills.fetch(day.name)
        opened = bills.read(file, day.name)
        return lambda: opened

    def _reconcile(
        self, turn: Turn, bills: Bills, reading: Callable[[], BillReading | None], origin: str, *, heal: bool
    ) -> None:
        matching = Matching(turn, self._accounts(turn.run), self.batch)
        if turn.run.state not in ("imported", "done") and not bring_in(
            turn, reading, origin, lambda: matching.books()[0], self.batch
        ):
            turn.release()
            return
        if turn.run.state == "done":
            turn.write(state="imported")  # what is found changes from now on
        healing = Healing(self.flow, matching, bills if turn.run.origin == "gateway" else None)
        if not matching.balance() or (heal and healing.heal() and not matching.balance()):
            turn.release(state="imported", code="RECON_UNBALANCED", next_try_at=self.flow.clock() + _ASK_AGAIN)
            return
        healing.announce()
        code = "" if book_fee(turn, self.flow.store) else "RECON_FEE_BOOKED"
        waits = any(state == "waiting" and side == "bill" for side, _, state, *_ in self.store.recon_sums(turn.run.id))
        turn.release(
            state="done", code=code, finished_at=turn.run.finished_at or self.flow.clock(),
            next_try_at=self.flow.clock() + _ASK_AGAIN if waits else None,
        )  # fmt: skip

    def _look_again_beside(self, run: ReconRun) -> None:
        """What other days have put down to this one, or have missed, is looked at again, now that its bill is here."""
        mine = f"{run.gateway}:{run.merchant}:"
        waiting: dict[str, dict[str, Difference]] = {}
        for one in self.store.recon_waiting_for(run.day):
            if one.run.startswith(mine) and one.run != run.id:
                waiting.setdefault(one.run, {})[one.item] = one
        missed: dict[str, set[str]] = {}
        for one in self.differences(run.id):
            if one.kind == "other_day" and one.side == "bill":
                item = f"r{one.refund_id}" if one.refund_id is not None else f"p{one.payment_id}"
                missed.setdefault(mine + one.other_day, set()).add(item)
        for name, items in missed.items():
            for one in self.store.recon_differences(name, items=items):
                if one.kind == "missing_there":
                    waiting.setdefault(name, {})[one.item] = one
        for name, differences in waiting.items():
            self._look_again(name, list(differences.values()))

    def _look_again(self, name: str, differences: Sequence[Difference]) -> None:
        other = self.store.recon_run(name)
        if other is None or other.state != "done":
            return  # it will look around by itself
        try:
            turn = Turn.take(self.store, self.flow.clock, other, self.lease)
        except Refused:
            return  # its runner will, or whoever is due next
        try:
            matching = Matching(turn, self._accounts(turn.run), self.batch)
            matching.look_again(differences)
            Healing(self.flow, matching, None).announce()
        finally:
            _let_go(turn)

    # -- which days ---------------------------------------------------------------------------------------------

    def due(self, *, days: int = _DAYS_BACK) -> list[tuple[str, str]]:
        """(account, day) of what is to be reconciled by now, oldest first, as far back as ``days``.

        A day is due when its bill should be there and it is not done; when its next try has come; and when it waits
        for another day whose bill is here. One account for each merchant.
        """
        now, found = self.flow.clock(), list[tuple[str, str]]()
        waiting = self.store.recon_waiting()
        for gateway in self._merchants():
            bills = cast(Any, gateway).bills
            mine = f"{gateway.kind}:{gateway.merchant}:"
            for back in range(days, 0, -1):
                day = Day.at(now).before(back).name
                run = self.store.recon_run(mine + day)
                if _is_due(run, now, bills.ready_at(day)) or any(
                    name == mine + day and other and self._is_here(mine + other) for name, other in waiting
                ):
                    found.append((gateway.account, day))
        return sorted(found, key=lambda one: (one[1], one[0]))

    def _is_here(self, name: str) -> bool:
        run = self.store.recon_run(name)
        return run is not None and run.state == "done"

    def _merchants(self) -> Iterator[Gateway]:
        """One account of each merchant whose bills can be fetched."""
        seen = set()
        for gateway in self.flow.gateways.values():
            name = gateway.kind, gateway.merchant
            able = isinstance(getattr(gateway, "bills", None), Bills) and "query" in gateway.capabilities.operations
            if able and name not in seen:
                seen.add(name)
                yield gateway

    # -- looking ------------------------------------------------------------------------------------------------

    def standing(self, run: ReconRun) -> Standing:
        """How a run stands."""
        return Standing(run, tuple(self.store.recon_sums(run.id)))

    def of(self, account: str, day: str) -> Standing | None:
        """The run of this merchant and day."""
        gateway, _ = self._billing(account)
        run = self.store.recon_run(_name(gateway, Day.of(day).name))
        return None if run is None else self.standing(run)

    def latest(self, limit: int = 30) -> list[Standing]:
        """The newest days."""
        return [self.standing(run) for run in self.store.recon_runs(limit)]

    def differences(self, run: str) -> Iterator[Difference]:
        """Every difference of a run, one page in memory at a time."""
        after = ""
        while listed := self.store.recon_differences(run, after=after):
            after = listed[-1].item
            yield from listed

    def forget(self, before: str, *, progress: Progress = silent) -> int:
        """Delete the stored rows of bills of days before ``before``; runs and differences stay. How many runs."""
        until, count = Day.of(before).name, 0
        for run in self.store.recon_runs(100_000):
            if run.day >= until or not run.kept or run.state != "done":
                continue
            turn = Turn.take(self.store, self.flow.clock, run, self.lease, progress)
            try:
                for line in range(20_000, run.staged + 20_000, 20_000):
                    turn.write(until_line=min(line, run.staged))
                turn.write(kept=0)
                count += 1
            finally:
                _let_go(turn)
        return count

    # -- who it is about ----------------------------------------------------------------------------------------

    def _billing(self, account: str) -> tuple[Gateway, Bills]:
        gateway = self.flow.gateways.get(account)
        if gateway is None:
            raise InvalidRequest("There is no such account", code="INVALID_REFERENCE", account=account)
        bills = getattr(gateway, "bills", None)
        if not isinstance(bills, Bills):
            raise Refused(f"{gateway.kind} gives no bills", code="OPERATION_UNSUPPORTED", account=account)
        return gateway, bills

    def _accounts(self, run: ReconRun) -> list[str]:
        """Every account of ours at the run's merchant: they share one bill."""
        same = [
            name
            for name, gateway in self.flow.gateways.items()
            if (gateway.kind, gateway.merchant) == (run.gateway, run.merchant)
        ]
        return sorted(same, key=lambda name: (name != run.account, name))


def _name(gateway: Gateway, day: str) -> str:
    return f"{gateway.kind}:{gateway.merchant}:{day}"


def _is_due(run: ReconRun | None, now: int, ready_at: int) -> bool:
    if run is None:
        return now >= ready_at
    if run.runner and (run.lease_until or 0) > now:
        return False  # somebody is at it
    if run.state == "done":
        return run.next_try_at is not None and run.next_try_at <= now
    return run.next_try_at is None or run.next_try_at <= now


def _let_go(turn: Turn) -> None:
    """Give the turn back, if it is still ours; what went wrong is told by whoever was at it."""
    try:
        if turn.run.runner:
            turn.release()
    except Exception:  # noqa: BLE001 -- the lease ends by itself, and the first error is the one to be told
        return
