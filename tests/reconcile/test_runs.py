"""A run is begun, killed, run twice, run by two at once, waited for, refused — and comes to one result (F-60, F-63)."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from payflow.clock import SECOND
from payflow.errors import GatewayError, InvalidRequest, Refused
from payflow.gateway import BillReading, BillRow, BillSummary
from payflow.reconciling import Reconciler, Standing
from payflow.reconciling.turns import Turn
from payflow.transport import NoAnswer

from . import test_differences as stories
from .conftest import MakeWorld
from .world import DAY, NEXT, World

#: Told again on each of the three databases.
STORIES = [
    stories.test_all_agree,
    stories.test_l12_a_second_run_changes_nothing,
    stories.test_fees_are_booked_once_a_day_and_rounded_row_by_row,
    stories.test_f61_a_lost_callback_is_healed_by_asking,
    stories.test_without_healing_nobody_is_asked,
    stories.test_without_an_answer_it_waits_and_is_due_again,
    stories.test_money_that_came_late_is_stated_by_the_bill,
    stories.test_a_row_without_an_order_vanishes_no_more_than_others,
    stories.test_a_second_payment_whose_callback_was_lost_comes_to_light,
    stories.test_what_a_person_has_looked_into_is_dismissed,
    stories.test_another_amount_of_what_is_paid,
    stories.test_a_ledger_that_says_otherwise,
    stories.test_a_refund_that_has_succeeded_there_is_asked_about,
    stories.test_a_refund_that_waits_for_the_bill_of_its_own_day,
    stories.test_another_amount_of_a_refund_and_the_same_refund_twice,
    stories.test_a_payment_that_was_taken_back_is_explained,
    stories.test_what_no_day_has_is_missing_in_the_end,
]


@pytest.mark.services
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__.removeprefix("test_"))
def test_the_story_is_the_same_on_every_database(
    story: Callable[[World], None], kind: str, database: Callable[[str], str], make_world: MakeWorld
) -> None:
    story(make_world(database(kind)))


@pytest.mark.services
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_accounts_of_one_merchant_on_every_database(
    kind: str, database: Callable[[str], str], make_world: MakeWorld
) -> None:
    stories.test_accounts_of_one_merchant_share_a_bill(lambda **how: make_world(database(kind), **how))


# -- F-60: a bill that is not there, or not right ---------------------------------------------------------------------


def never(code: str, **more: Any) -> Callable[[str], BillReading | None]:
    def fetch(day: str) -> BillReading | None:
        raise GatewayError("No", code=code, **more)

    return fetch


@pytest.mark.parametrize(
    ("trouble", "state", "code"),
    [
        (never("BILL_NOT_READY", retryable=True), "waiting", "BILL_NOT_READY"),
        (never("BILL_REFUSED", retryable=True), "waiting", "BILL_REFUSED"),
        (never("BILL_REFUSED"), "refused", "BILL_REFUSED"),
        (never("BILL_HASH_MISMATCH"), "refused", "BILL_HASH_MISMATCH"),
        (never("BILL_WRONG_DAY"), "refused", "BILL_WRONG_DAY"),
        (never("BILL_URL_REJECTED"), "refused", "BILL_URL_REJECTED"),
        (lambda day: None, "waiting", "BILL_EMPTY"),
    ],
)
def test_f60_no_bill_never_means_that_all_payments_are_missing(
    world: World, trouble: Any, state: str, code: str
) -> None:
    world.paid()
    world.bills.trouble = trouble
    standing = world.reconcile()
    assert (standing.run.state, standing.run.code, standing.differences) == (state, code, 0)
    assert world.incidents() == []
    assert ("main", DAY.name) not in world.reconciler.due()
    world.clock.now += 1801 * SECOND
    assert ("main", DAY.name) in world.reconciler.due()
    world.bills.trouble = None
    assert world.reconcile().run.state == "done"
    assert world.found() == []


def test_a_way_that_is_not_open_is_tried_again(world: World) -> None:
    def lost(day: str) -> BillReading | None:
        raise NoAnswer("No answer")

    world.paid()
    world.bills.trouble = lost
    standing = world.reconcile()
    assert (standing.run.state, standing.run.code, standing.run.tries) == ("waiting", "OUTCOME_UNKNOWN", 1)


@pytest.mark.parametrize("after", [0, 1, 5, 7])
def test_f60_a_bill_that_turns_out_wrong_at_its_end_leaves_nothing(world: World, after: int) -> None:
    for number in range(7):
        world.paid(100 + number)

    def cut_off(day: str) -> Iterator[BillRow | BillSummary]:
        for number, one in enumerate(world.bills.told(day)):
            if number == after:
                raise GatewayError("Cut off", code="BILL_TOTALS_MISMATCH", line=number)
            yield one

    world.bills.trouble = cut_off
    standing = world.reconcile()
    assert (standing.run.state, standing.run.code) == ("refused", "BILL_TOTALS_MISMATCH")
    assert world.store.select("select line from pf_recon_item", 10) == []
    assert world.incidents() == []


def test_a_bill_without_its_sums_is_not_believed(world: World) -> None:
    world.paid()
    world.bills.trouble = lambda day: (one for one in world.bills.told(day) if isinstance(one, BillRow))
    assert world.reconcile().run.code == "BILL_MALFORMED"


def test_an_empty_day_is_done(world: World) -> None:
    standing = world.reconcile()
    assert (standing.run.state, standing.run.bill_rows, standing.differences) == ("done", 0, 0)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"out_trade_no": "x" * 192}, "BILL_MALFORMED_ROW"),
        ({"gateway_txn": "a\x00b"}, "BILL_MALFORMED_ROW"),
        ({"out_refund_no": "\ud800"}, "BILL_MALFORMED_ROW"),
        ({"status": "a\nb"}, "BILL_MALFORMED_ROW"),
        ({"amount": 10**16}, "BILL_TOO_LARGE"),
        ({"fine_fee": -(10**16)}, "BILL_TOO_LARGE"),
    ],
)
def test_hostile_rows_are_refused_before_they_are_stored(world: World, cells: dict[str, Any], code: str) -> None:
    world.put(world.row(world.paid(), **cells))
    standing = world.reconcile()
    assert (standing.run.state, standing.run.code) == ("refused", code)


@pytest.mark.parametrize("day", ["2026-3-10", "2026-02-30", "", "2026-03-10 ", "today", "٢٠٢٦-٠٣-١٠"])
def test_a_day_that_is_none(world: World, day: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        world.reconciler.run("main", day)
    assert refused.value.code == "INVALID_DAY"


def test_a_day_that_is_not_over_and_an_account_that_is_none(world: World) -> None:
    for account, code in (("main", "INVALID_DAY"), ("nobody", "INVALID_REFERENCE")):
        with pytest.raises(InvalidRequest) as refused:
            world.reconciler.run(account, DAY.name)
        assert refused.value.code == code
    del world.main.bills  # type: ignore[attr-defined]
    with pytest.raises(Refused) as unsupported:
        world.reconciler.run("main", "2026-03-01")
    assert unsupported.value.code == "OPERATION_UNSUPPORTED"
    assert world.reconciler.due() == []


def test_a_file_that_is_not_there_leaves_no_trace(world: World) -> None:
    with pytest.raises(InvalidRequest) as refused:
        world.reconcile(file="/nowhere")
    assert refused.value.code == "INVALID_BILL"
    assert world.reconciler.latest() == []


# -- which days -------------------------------------------------------------------------------------------------------


def test_days_are_due_once_their_bill_should_be_there(world: World) -> None:
    world.paid()
    world.clock.now = DAY.end - 1
    assert DAY.name not in [day for _, day in world.reconciler.due()]
    world.clock.now = DAY.end
    due = world.reconciler.due(days=3)
    assert due == [("main", DAY.before(2).name), ("main", DAY.before(1).name), ("main", DAY.name)]
    for account, day in due:
        world.reconciler.run(account, day)
    assert world.reconciler.due(days=3) == []


def test_what_waited_for_a_day_is_due_when_the_day_is_there(world: World) -> None:
    """Its own runner was busy while the day beside was reconciled."""
    world.paid()
    late = world.paid(88, at=DAY.end - SECOND, billed=False)
    world.put(world.row(late), day=NEXT)
    world.reconcile(DAY)
    run = world.store.recon_run(f"mock:m-1:{DAY.name}")
    assert run is not None
    busy = Turn.take(world.store, world.clock, run, 3 * 86_400 * SECOND)
    world.reconcile(NEXT)
    assert world.found(DAY) == [("other_day", "waiting", 0, 88)]
    busy.release()
    assert ("main", DAY.name) in world.reconciler.due()
    world.reconcile(DAY)
    assert world.found(DAY) == [("other_day", "explained", 0, 88)]
    assert ("main", DAY.name) not in world.reconciler.due()


def test_rows_can_be_forgotten_and_what_was_found_stays(world: World) -> None:
    world.paid()
    world.paid(500, billed=False)
    world.reconcile()
    before = world.found()
    assert world.reconciler.forget(DAY.name) == 0
    assert world.reconciler.forget(NEXT.name) == 1
    assert world.store.select("select line from pf_recon_item", 10) == []
    assert world.reconcile().run.state == "done"
    assert world.found() == before
    assert world.bills.asked == [DAY.name]


# -- F-63: killed, twice, two at once ---------------------------------------------------------------------------------


def eventful(world: World) -> None:
    """A day on which something of every kind has happened."""
    for number in range(5):
        world.paid(100 + number)
    world.refunded(world.paid(4000), 250)
    world.put(world.row(world.pay()), world.row(world.paid(billed=False), amount=1))
    world.paid(77, billed=False)
    world.put(
        world.row(world.paid(), gateway_txn="the-second"),
        world.row(world.paid(), out_trade_no="STRANGER", gateway_txn="t-1"),
    )


def result(world: World) -> Any:
    """What it came to, without ids and times."""
    sums = world.reconciler.of("main", DAY.name)
    assert sums is not None
    facts = replace(
        sums.run, created_at=0, updated_at=0, finished_at=0, version=0, runner="", lease_until=None, tries=0
    )
    fees = world.store.select("select journal_id, line, amount from pf_entry where journal_id like 'fee:%'", 10)
    booked = world.store.select("select ledger_account, sum(amount) from pf_entry group by ledger_account", 100)
    return facts, sums.sums, sorted(world.found()), sorted(world.incidents()), sorted(fees), sorted(map(str, booked))


@pytest.fixture
def expected(make_world: MakeWorld) -> Any:
    world = make_world()
    eventful(world)
    world.reconcile()
    return result(world)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", range(1, 22))
def test_f63_a_run_that_stops_at_any_write_is_finished_by_the_next(
    make_world: MakeWorld, expected: Any, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    world = make_world()
    eventful(world)
    writes = 0
    for name in ("recon_write", "recon_begin", "write"):
        real = getattr(world.store, name)

        def counted(*args: Any, real: Any = real, **named: Any) -> Any:
            nonlocal writes
            writes += 1
            if writes >= at:
                raise Killed  # and from now on this process writes nothing any more
            return real(*args, **named)

        monkeypatch.setattr(world.store, name, counted)
    with pytest.raises(Killed):
        world.reconcile()
    monkeypatch.undo()
    world.clock.now += 301 * SECOND  # its lease is over
    assert world.reconcile().run.state == "done"
    assert result(world) == expected


def _run_slowly(url: str, started: Any, pause: float) -> None:
    """Another process: reconciles, slowly."""
    world = World(url)
    eventful_bill(world)

    def slow(day: str) -> Iterator[BillRow | BillSummary]:
        for one in world.bills.told(day):
            started.set()
            time.sleep(pause)
            yield one

    world.bills.trouble = slow
    world.reconcile()


def eventful_bill(world: World) -> None:
    """The bill of a day that another world has had: of its payments as they are stored."""
    rows = world.store.select("select id from pf_payment where captured > 0 order by id", 100)
    world.put(*(world.row(world.flow.payment(name)) for (name,) in rows))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_f63_a_process_that_is_killed_in_the_middle_of_an_import(
    kind: str, database: Callable[[str], str], make_world: MakeWorld
) -> None:
    url = database(kind)
    world = make_world(url)
    for number in range(12):
        world.paid(100 + number)
    fork = multiprocessing.get_context("fork")
    started = fork.Event()
    world.store.close()
    process = fork.Process(target=_run_slowly, args=(url, started, 0.05))
    process.start()
    assert started.wait(30)
    until = time.monotonic() + 30
    while not world.store.select("select line from pf_recon_item", 1):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    staged = len(world.store.select("select line from pf_recon_item", 100))
    assert 0 < staged < 12
    world.clock.now = DAY.end + 12 * 3600 * SECOND
    with pytest.raises(Refused) as running:  # its lease still holds
        world.reconcile()
    assert running.value.code == "RECON_RUNNING"
    world.clock.now += 301 * SECOND
    standing = world.reconcile()
    assert (standing.run.state, standing.run.matched, standing.differences) == ("done", 12, 0)
    assert len(world.store.select("select line from pf_recon_item", 100)) == 12


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_f63_two_runners_at_once_come_to_one_result(
    kind: str, database: Callable[[str], str], make_world: MakeWorld
) -> None:
    world = make_world(database(kind))
    for number in range(8):
        world.paid(100 + number)
    world.paid(77, billed=False)
    world.clock.now = DAY.end + 12 * 3600 * SECOND
    together = threading.Barrier(4)

    def go(_: int) -> Standing | str:
        together.wait()
        try:
            return Reconciler(world.flow, batch=2).run("main", DAY.name)
        except Refused as error:
            return error.code

    with ThreadPoolExecutor(4) as crowd:
        came = list(crowd.map(go, range(4)))
    assert {one for one in came if isinstance(one, str)} <= {"RECON_RUNNING"}
    done = [one for one in came if isinstance(one, Standing)]
    assert done
    assert all((one.run.matched, one.sums) == (8, done[0].sums) for one in done)
    assert world.found() == [("missing_there", "open", 0, 77)]
    assert world.incidents() == [("recon_missing_there", "open")]
    assert len(world.store.select("select id from pf_journal where kind = 'fee'", 10)) == 1


def test_f63_a_runner_that_slept_past_its_lease_writes_nothing(world: World) -> None:
    for number in range(7):
        world.paid(100 + number)
    others: list[Standing] = []

    def sleepy(day: str) -> Iterator[BillRow | BillSummary]:
        for number, one in enumerate(world.bills.told(day)):
            if number == 5:
                world.bills.trouble = None
                world.clock.now += 301 * SECOND
                others.append(world.reconcile())
            yield one

    world.bills.trouble = sleepy
    with pytest.raises(Refused) as over:
        world.reconcile()
    assert over.value.code == "RECON_TAKEN_OVER"
    assert (others[0].run.state, others[0].run.matched) == ("done", 7)
    assert world.reconcile().sums == others[0].sums == ()


def test_books_that_move_meanwhile_are_matched_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = world.pay()
    world.paid(10)
    world.put(world.row(payment))
    real, moved = world.store.recon_unmet_payments, []

    def moving(*args: Any) -> Any:
        if not moved:  # its callback comes between the two passes
            moved.append(world.callback(payment, DAY.start + SECOND))
        return real(*args)

    monkeypatch.setattr(world.store, "recon_unmet_payments", moving)
    world.reconcile(heal=False)
    assert world.found() == [("status", "settled", 1250, 1250)]


def test_what_never_adds_up_is_not_called_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.paid()
    monkeypatch.setattr(world.store, "recon_books", lambda *_: (1, 999))
    standing = world.reconcile()
    assert (standing.run.state, standing.run.code) == ("imported", "RECON_UNBALANCED")
    monkeypatch.undo()
    assert world.reconcile().run.state == "done"


def test_a_fee_that_is_booked_with_another_amount_is_told(world: World) -> None:
    world.paid()
    world.reconcile()
    with world.store._cursor() as cursor:
        cursor.execute("update pf_recon_run set fee = 9")
    assert world.reconcile().run.code == "RECON_FEE_BOOKED"
    with world.store._cursor() as cursor:
        cursor.execute("update pf_recon_run set fee = 8")
    assert world.reconcile().run.code == ""


# -- F-62: whatever zone the server is in -----------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York", "Pacific/Kiritimati"])
def test_f62_the_business_day_is_that_of_beijing(world: World, monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert (DAY.start, DAY.end) == (1773072000 * SECOND, 1773158400 * SECOND)
        world.paid(1, at=DAY.start)
        world.paid(2, at=DAY.end - 1)
        world.put(world.row(world.paid(3, at=DAY.end, billed=False)), day=NEXT)
        assert world.reconcile(DAY).differences == 0
        assert world.reconcile(NEXT).differences == 0
        assert world.store.recon_run(f"mock:m-1:{DAY.name}").moved == 3  # type: ignore[union-attr]
    finally:
        monkeypatch.undo()
        time.tzset()
