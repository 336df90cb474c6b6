"""Many refills at once are the same refills as one by one: every row of every table is equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payflow.doctor import broken
from payflow.wallet.refilling import Refills

from .test_refills import DAY, daily
from .world import Purse

TABLES = ("pf_account", "pf_journal", "pf_entry", "pf_refill")


def rows(purse: Purse) -> dict[str, list[Any]]:
    return {name: sorted(map(repr, purse.store.select(f"select * from {name}", 10_000))) for name in TABLES}


POLICIES = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["add", "top_up", "reset"]), "amount": st.integers(1, 500),
        "catch_up": st.sampled_from(["none", "one", "all"]), "anchor": st.sampled_from(["rolling", "2026-01-01T00:00"]),
        "first": st.sampled_from(["now", "next"]), "expires": st.sampled_from(["never", "next"]),
    },
    optional={
        "expires_days": st.integers(1, 3), "active_within_days": st.integers(1, 3),
        "rules": st.just([{"spent_at_least": 20, "within_days": 2, "amount": 77}]),
    },
)  # fmt: skip
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("forward"), st.integers(1, 3)),
        st.tuples(st.just("spend"), st.integers(0, 3), st.integers(1, 120)),
        st.tuples(st.just("hold"), st.integers(0, 3), st.integers(1, 60)),
        st.tuples(st.just("promo"), st.integers(0, 3), st.integers(1, 90)),
        st.tuples(st.just("run")),
    ),
    max_size=12,
)  # fmt: skip


def lived(url: str, body: dict[str, Any], steps: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    ids = iter(range(10**6))
    purse = Purse(url, refills=[daily(trigger="scheduled", **body)])
    purse.flow._ids = lambda _now: f"{next(ids):026d}"
    for number in range(4):
        purse.given(f"owner-{number}", 10 * number + 1)
    for place, (what, *given_) in enumerate([*steps, ("run",)]):
        if what == "forward":
            purse.clock.forward(given_[0] * DAY / 2)
        elif what == "run":
            purse.wallet.refills.run(batch=3)
        elif what == "promo":
            until = purse.clock() + DAY * 1_000_000
            purse.given(f"owner-{given_[0]}", given_[1], key=f"p-{place}", kind="promo", expires_at=until)
        elif purse.available(f"owner-{given_[0]}") >= given_[1]:
            verb = purse.wallet.spend if what == "spend" else purse.wallet.hold
            verb(f"owner-{given_[0]}", "tokens", given_[1], key=f"k-{place}")
    found = rows(purse)
    assert broken(purse.store) == []
    purse.store.close()
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(POLICIES, STEPS)
def test_rows_and_records_book_the_same(body: dict[str, Any], steps: list[tuple[Any, ...]]) -> None:
    at_once = lived("sqlite:///:memory:", body, steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Refills, "_plain", lambda self, due, report: [account.id for account in due])
        one_by_one = lived("sqlite:///:memory:", body, steps)
    assert at_once == one_by_one


def test_a_set_that_somebody_changed_meanwhile_is_looked_at_again(
    make_purse: Callable[..., Purse], monkeypatch: pytest.MonkeyPatch
) -> None:
    purse = make_purse(refills=[daily(trigger="scheduled")])
    for number in range(3):
        purse.given(f"owner-{number}", 50)
    written = purse.store.write_refills

    def late(*args: Any) -> None:
        purse.wallet.spend("owner-1", "tokens", 50, key="meanwhile")
        monkeypatch.setattr(purse.store, "write_refills", written)
        written(*args)

    monkeypatch.setattr(purse.store, "write_refills", late)
    assert purse.wallet.refills.run().granted == 3
    assert [purse.available(f"owner-{number}") for number in range(3)] == [150, 100, 150]
