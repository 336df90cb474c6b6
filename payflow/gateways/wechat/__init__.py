"""WeChat Pay, API v3: orders, refunds and bills sent and asked about; notifications verified, opened and translated.

Read in this order: words (theirs and ours) · keys (whose signature it is) · reading (notifications) · facts (what they
state) · client (signed requests, believed answers) · certificates (keys that renew themselves) · identity (our own key)
· account (opened, nothing sent) · products (what a payment looks like) · refunds · gateway (the verbs) · combined ·
statements (bills).

Without the merchant's private key an account only receives: the host sends with an SDK of its own and announces its
payments with ``Flow.expect``.
"""

from __future__ import annotations

from .account import ORIGINS
from .gateway import WeChat
from .keys import SIGNATURE_TYPE, TOLERANCE_SECONDS, signed_text
from .reading import ALGORITHM, API_V3_KEY_BYTES
from .words import CAPABILITIES, EVENT_TYPES, REFUND_STATUS, TRADE_STATE

__all__ = [
    "ALGORITHM", "API_V3_KEY_BYTES", "CAPABILITIES", "EVENT_TYPES", "ORIGINS", "REFUND_STATUS", "SIGNATURE_TYPE",
    "TOLERANCE_SECONDS", "TRADE_STATE", "WeChat", "signed_text",
]  # fmt: skip
