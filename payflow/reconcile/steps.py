"""What a person does about a difference, as a code; the sentences stand where people read them."""

from __future__ import annotations

from .comparing import Found

#: Every suggestion there is.
STEPS = (
    "find_seller",  # money came for an order that this system never made: whose shop uses this merchant?
    "find_refund",  # money went back by a refund that was not made here, by hand at the gateway
    "ask_gateway",  # asked about, and not known yet: ask again
    "ask_support",  # the bill has not what the gateway told us was paid: its support, with the trade number
    "compare_amounts",
    "check_refund",
    "check_reversal",
    "run_doctor",  # the ledger is not what the payment says
    "settle_incident",  # payflow incidents resolve
    "send_back",  # a second payment of one order that only a file tells of: fetch the bill, or refund by hand
)
_OF_KIND = {
    "missing_there": "ask_support", "amount": "compare_amounts", "ledger": "run_doctor", "late": "send_back",
    "duplicate": "send_back",
}  # fmt: skip


def step_of(found: Found) -> str:
    """The suggestion for a difference that somebody has to look at, now or later; "" for one that explains itself."""
    if found.state == "known":
        return "settle_incident"
    if found.state != "open" and not (found.state == "waiting" and found.side == "bill"):
        return ""
    if found.kind == "missing_here":
        return "find_seller" if found.theirs > 0 else "find_refund"
    if found.kind == "status":
        if found.refund_id is not None:
            return "check_refund"
        return "check_reversal" if found.theirs < 0 else "ask_gateway"
    return _OF_KIND.get(found.kind, "ask_support")
