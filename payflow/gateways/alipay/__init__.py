"""Alipay: open platform 2.0 (``gateway.do``, RSA2), both halves.

Read in this order: reading (notifications → events) · products (our channels → theirs) · gateway (the verbs) ·
client (signed requests, verified answers) · envelope (which bytes were signed) · certificates · statements (bills).
"""

from .certificates import PINNED_ROOT_SN, Roots, cert_sn
from .client import request_text
from .envelope import AnswerRefused, Envelope, opened
from .gateway import PRODUCTION, SANDBOX, Alipay
from .products import PRODUCTS
from .reading import TRADE_STATUS, canonical_text
from .statements import BillRefused, Statements

__all__ = [
    "PINNED_ROOT_SN", "PRODUCTION", "PRODUCTS", "SANDBOX", "TRADE_STATUS", "Alipay", "AnswerRefused", "BillRefused",
    "Envelope", "Roots", "Statements", "canonical_text", "cert_sn", "opened", "request_text",
]  # fmt: skip
