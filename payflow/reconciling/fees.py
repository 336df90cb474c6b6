"""The fees of a day's bill in the ledger: ``gateway:<account>`` minus, ``fees`` plus, in one journal a day.

A journal for each payment would write a million payments to say what one line says, and the fee of each payment stands
in its row of the bill. WeChat Pay writes fees with five decimals; each row's is rounded to whole fen, half up, as it
is taken off the account.
"""

from __future__ import annotations

from ..errors import StoreConflict
from ..ledger import chain
from ..records import Changes, Entry, Journal, ReconRun, replace
from ..store import ReconStore, Store
from .turns import Turn

FEES = "fees"


def book_fee(turn: Turn, store: Store) -> bool:
    """Book the fees of a run's bill once. False if they are booked already, with another amount."""
    run = turn.run
    if not run.fee:
        return True
    journal = fee_journal(run, turn.clock())
    if _booked(turn.store, journal) is None:
        try:
            store.write(Changes(journals=[journal], entries=fee_entries(journal, run)))
        except StoreConflict:  # somebody else's, or a busy file: read again
            if _booked(turn.store, journal) is None:
                raise
    return _booked(turn.store, journal) == -run.fee


def fee_journal(run: ReconRun, at: int) -> Journal:
    """The journal of a day's fees; its id names the account and the day, so that it cannot be booked twice. It is in no
    payment's chain, and sealed by itself."""
    ref = f"{run.account}:{run.day}"
    journal = Journal(
        id=f"fee:{ref}", kind="fee", ref=ref, payment_id="", cause_kind="reconcile", cause_id=run.id, at=at
    )  # fmt: skip
    text = chain.content(journal, map(chain.line_of, fee_entries(journal, run)))
    return replace(journal, hash=chain.journal_link("", text, journal.seq))


def fee_entries(journal: Journal, run: ReconRun) -> list[Entry]:
    """Its two lines; a bill is written in yuan."""
    lines = ((f"gateway:{run.account}", -run.fee), (FEES, run.fee))
    return [
        Entry(journal_id=journal.id, line=number, ledger_account=name, currency="CNY", amount=amount)
        for number, (name, amount) in enumerate(lines, 1)
    ]


def _booked(store: ReconStore, journal: Journal) -> int | None:
    return store.recon_booked(journal.id)
