"""WeChat Pay's words and ours: states, refund statuses, kinds of notifications, error codes.

- Error codes: https://pay.weixin.qq.com/doc/v3/merchant/4012081709
"""

from __future__ import annotations

from ...gateway import Capabilities, EventKind

#: Their ``trade_state`` → our event. Any other word is ``UNKNOWN``, and so is ``REFUND``: that some of it went back
#: says neither how much nor which refund, so the refunds are asked about.
TRADE_STATE = {
    "SUCCESS": EventKind.PAID,
    "NOTPAY": EventKind.PENDING,
    "USERPAYING": EventKind.PENDING,
    "ACCEPT": EventKind.PENDING,
    "CLOSED": EventKind.CLOSED,
    "REVOKED": EventKind.CLOSED,
    "PAYERROR": EventKind.FAILED,
}

#: Their refund status → our event. ``ABNORMAL`` is on purpose not here: the payer's card did not take the money, and
#: the same refund goes on by hand in their console. To call it failed would free its amount for a second refund.
REFUND_STATUS = {
    "SUCCESS": EventKind.REFUND_SUCCEEDED,
    "PROCESSING": EventKind.REFUND_PROCESSING,
    "CLOSED": EventKind.REFUND_FAILED,
}

#: Their ``event_type`` → what has to be inside: the ``original_type``, and the refund's status.
EVENT_TYPES = {
    "TRANSACTION.SUCCESS": ("transaction", ""),
    "REFUND.SUCCESS": ("refund", "SUCCESS"),
    "REFUND.ABNORMAL": ("refund", "ABNORMAL"),
    "REFUND.CLOSED": ("refund", "CLOSED"),
}

#: What an account without the merchant's private key can do. With the key it can do every operation.
CAPABILITIES = Capabilities(
    channels=frozenset({"jsapi", "mini_program", "app", "h5", "qr", "barcode"}),
    operations=frozenset(),
    currencies=frozenset({"CNY"}),
    max_amount=10_000_000_000,
)
OPERATIONS = frozenset({"charge", "query", "close", "refund", "query_refund"})

# -- error codes ---------------------------------------------------------------------------------------------------

#: The request itself was refused, before any order was looked at: this very request had no effect.
DEFINITE = frozenset({
    "PARAM_ERROR", "SIGN_ERROR", "NO_AUTH", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS", "OPENID_MISMATCH",
    "INVALID_TRANSACTIONID",
})  # fmt: skip

#: Those of them that come with status 500 and are the caller's mistakes all the same. With any other code a 500 says
#: nothing: it may be somebody's on the way.
REFUSED_WITH_500 = frozenset({"OPENID_MISMATCH", "INVALID_TRANSACTIONID"})

#: Documented refusals behind which an order or a refund may exist: from an earlier request whose answer was lost, or
#: because they are about its state. An error is not signed, so before anything is called rejected, it is asked about.
ASK = frozenset({
    "INVALID_REQUEST", "OUT_TRADE_NO_USED", "ORDERPAID", "ORDER_CLOSED", "TRADE_ERROR", "RULE_LIMIT", "ACCOUNT_ERROR",
    "NOT_ENOUGH", "USER_ACCOUNT_ABNORMAL", "REQUEST_BLOCKED", "ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS", "USERPAYING",
    "NO_STATEMENT_EXIST", "STATEMENT_CREATING", "REVERSE_EXPIRE",
    "AUTH_CODE_EXPIRED", "AUTH_CODE_ERROR", "AUTH_CODE_INVALID", "NOT_SUPPORT_CARD",
})  # fmt: skip

#: Documented as not processed: the same request may be sent again later.
NOT_PROCESSED = frozenset({"FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "RATE_LIMITED"})

#: They do not know what became of it themselves.
UNDECIDED = frozenset({"SYSTEM_ERROR", "BANK_ERROR"})

#: The merchant's balance does not cover the refund yet.
NOT_ENOUGH = "NOT_ENOUGH"

_ALIASES = {
    "AUTHCODEEXPIRE": "AUTH_CODE_EXPIRED",
    "NOTSUPORTCARD": "NOT_SUPPORT_CARD",  # their spelling
    "REFUNDNOTEXIST": "RESOURCE_NOT_EXISTS",
    "RESOURCENOTEXIST": "RESOURCE_NOT_EXISTS",
    "ORDERNOTEXISTS": "ORDER_NOT_EXIST",
    "FREQUENCYLIMIT": "FREQUENCY_LIMITED",
}
_KNOWN = {code.replace("_", ""): code for code in DEFINITE | ASK | NOT_PROCESSED | UNDECIDED} | _ALIASES


def canonical(code: object) -> str:
    """One spelling of a documented error code, old (``ORDERNOTEXIST``) or new; ``""`` for anything else."""
    return _KNOWN.get(code.replace("_", ""), "") if isinstance(code, str) else ""
