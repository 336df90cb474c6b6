"""Any day, any bill that was changed in any way: each item is matched or one difference, and no fen is lost (I-60)."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payflow.gateway import BillKind, BillOutcome, BillRow

from .world import DAY, NEXT, NOON, World

#: What happened to one order: amount, state, refunded part, when.
orders = st.lists(
    st.tuples(
        st.integers(1, 5000),
        st.sampled_from(["paid", "pending", "cancelled", "late", "twice"]),
        st.sampled_from([0, 0, 1]),
        st.sampled_from([NOON, DAY.start, DAY.end - 1, DAY.end, DAY.start - 1, NEXT.end - 1]),
    ),
    max_size=6,
)
#: What is wrong with the bill: which row, and how.
mutations = st.lists(
    st.tuples(
        st.integers(0, 20),
        st.sampled_from(["gone", "amount", "order", "trade", "again", "next_day", "both_days", "reversal", "other",
                         "under_way", "failed", "refund_of", "nameless"]),
    ),
    max_size=6,
)  # fmt: skip


def happen(world: World, what: tuple[int, str, int, int]) -> None:
    amount, state, refunded, at = what
    day = DAY if at in DAY else NEXT
    payment = world.pay(amount)
    world.put(world.row(payment), day=day)
    if state == "pending":
        return
    if state in ("cancelled", "late"):
        world.flow.cancel(payment.id)
    if state == "cancelled":
        return
    payment = world.callback(payment, at)
    if state == "twice":
        world.callback(payment, at, gateway_txn=f"second-{payment.out_trade_no}")
        world.put(world.row(payment, gateway_txn=f"second-{payment.out_trade_no}"), day=day)
    if refunded and payment.captured:
        refund = world.refunded(payment, amount, billed=False)
        world.put(world.refund_row(payment, refund), day=DAY)


def mutate(rows: list[BillRow], beside: list[BillRow], place: int, how: str) -> None:
    if not rows:
        return
    at = place % len(rows)
    row = rows[at]
    changes: dict[str, dict[str, Any]] = {
        "amount": {"amount": row.amount + 1}, "order": {"out_trade_no": f"STRANGER{place:04d}"},
        "trade": {"gateway_txn": f"other-{place}"}, "reversal": {"kind": BillKind.REVERSAL},
        "other": {"kind": BillKind.OTHER}, "under_way": {"outcome": BillOutcome.UNDER_WAY},
        "failed": {"outcome": BillOutcome.FAILED},
        "refund_of": {"kind": BillKind.REFUND, "out_refund_no": f"HAND{place:04d}"},
        "nameless": {"out_trade_no": None, "gateway_txn": None, "out_refund_no": None},
    }  # fmt: skip
    if how in changes:
        rows[at] = replace(row, **changes[how])
    elif how in ("again", "both_days"):
        # A reader refuses a row that stands twice in one bill, so it comes back changed, or in the day beside.
        (rows if how == "again" else beside).append(
            replace(row, gateway_txn=f"again-{place}") if how == "again" else row
        )
    else:
        del rows[at]
        if how == "next_day":
            beside.append(row)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(orders, mutations, st.booleans(), st.permutations([DAY, NEXT]), st.booleans())
def test_i60_whatever_is_wrong_with_a_bill_no_item_vanishes(
    happened: list[tuple[int, str, int, int]], wrong: list[tuple[int, str]], trusted: bool, order: Any, heal: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(f"sqlite:///{folder}/pf.db")
        for what in happened:
            happen(world, what)
        rows, beside = (world.bills.rows.setdefault(day.name, []) for day in (DAY, NEXT))
        for place, how in wrong:
            mutate(rows, beside, place, how)
        clean = not wrong and all(state in ("paid", "cancelled") for _, state, _, _ in happened)
        for day in order:
            standing = world.reconcile(day, heal=heal, **({} if trusted else {"file": "paper"}))
            assert standing.run.state in ("done", "waiting")
            world.holds()
            run = standing.run
            if run.state != "done":
                continue
            listed = world.differences(day)
            of_bill = [one for one in listed if one.side == "bill"]
            assert run.bill_rows == len(world.bills.rows[day.name]) == run.matched + len(of_bill)
            assert run.moved - run.booked == sum(one.theirs - one.ours for one in listed)
            assert all(one.incident_id for one in listed if one.state in ("open", "known"))
            if clean and heal and trusted:
                assert standing.open == 0, listed
        for day in (DAY, NEXT):
            world.reconcile(day, heal=heal, **({} if trusted else {"file": "paper"}))
        settled = world.everything()
        for day in order:
            world.reconcile(day, heal=heal, **({} if trusted else {"file": "paper"}))
        assert world.everything() == settled
        world.holds()
        world.store.close()
