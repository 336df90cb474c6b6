"""Records as good as any, for tests of stores."""

from __future__ import annotations

from typing import Any

from ..identifiers import new_id
from ..records import Changes, Entry, Journal, Message, Payment, Receipt, Transition, replace
from ..store import Store, Wants

NOW = 1_780_000_000_000_000


def payment(number: int = 1, **other: Any) -> Payment:
    """A payment that is as good as any."""
    name = f"{number:026d}"
    facts: dict[str, Any] = {
        "id": name, "gateway": "mock", "account": "main", "merchant": "m", "app": "a",
        "out_trade_no": f"order-{number}", "channel": "qr", "amount": 100, "currency": "CNY", "status": "pending",
        "seq": 1, "told": 1, "created_at": NOW,
    }  # fmt: skip
    return Payment(**{**facts, **other})


def stored(store: Store, *payments: Payment) -> None:
    """Write new payments."""
    store.write(Changes(payments={one.id: (None, one) for one in payments}))


def paid(one: Payment, txn: str | None = None) -> Changes:
    """What a callback writes: the payment moved, its receipt, transition, journal, entries and message."""
    moved = replace(
        one, version=one.version + 1, status="paid", seq=one.seq + 1, told=one.told + 1, captured=one.amount,
        gateway_txn=txn or "t-" + one.id, paid_at=NOW,
    )  # fmt: skip
    receipt = Receipt(
        id=new_id(NOW), gateway="mock", account=one.account, key=f"paid:{moved.gateway_txn}", digest="d", kind="paid",
        source="callback", outcome="accepted", payment_id=one.id, event='{"咖啡":"☕"}', proof="{}", at=NOW,
    )  # fmt: skip
    return Changes(
        payments={one.id: (one.version, moved)},
        receipts=[receipt],
        transitions=[
            Transition(
                entity="payment",
                entity_id=one.id,
                seq=moved.seq,
                payment_id=one.id,
                event="pay",
                from_state="pending",
                to_state="paid",
                cause_kind="callback",
                cause_id=receipt.id,
                trace_id="",
                at=NOW,
            )  # fmt: skip
        ],
        journals=[
            Journal(id=f"capture:{one.id}", kind="capture", ref=one.id, payment_id=one.id, cause_id=receipt.id, at=NOW)
        ],
        entries=[
            Entry(journal_id=f"capture:{one.id}", line=1, ledger_account="gateway", currency="CNY", amount=one.amount),
            Entry(journal_id=f"capture:{one.id}", line=2, ledger_account="sales", currency="CNY", amount=-one.amount),
        ],
        messages=[message(one, moved.told, "payment.paid", moved.seq)],
    )


def message(one: Payment, seq: int, kind: str = "payment.created", transition_seq: int = 1) -> Message:
    """A message of a payment, due now."""
    return Message(
        payment_id=one.id, seq=seq, kind=kind, entity="payment", entity_id=one.id, transition_seq=transition_seq,
        body="{}", created_at=NOW, due_at=NOW,
    )  # fmt: skip


def version(store: Store, one: Payment) -> int:
    """The version a payment is stored at."""
    return store.gather(Wants(payments={one.id})).payments[one.id].version


def together(*parts: Changes) -> Changes:
    """Several sets as one."""
    whole = Changes()
    for part in parts:
        for name in ("payments", "refunds", "attempts", "incidents", "keys", "allowances", "repeats"):
            getattr(whole, name).update(getattr(part, name))
        for name in ("receipts", "transitions", "journals", "entries", "messages"):
            getattr(whole, name).extend(getattr(part, name))
    return whole
