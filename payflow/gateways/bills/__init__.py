"""Bills: what a gateway says, a day later, about everything that happened.

Streaming, in constant memory, for bytes nobody vouches for. A reading gives rows and, last, one summary:

    chunks = checked_sha1(gunzipped(download), hash_value)
    *rows, summary = read_wechat_trade(chunks, day="2026-01-31")    # read_alipay_trade("bill.zip", day="2026-01-31")
    assert isinstance(summary, BillSummary)                         # every check has passed; without it no row counts

Who does not want all rows in memory writes them to a place of its own as they come and believes them once the summary
has come. Everything that is wrong with a bill is a :class:`BillError`; a bill that cannot be read says nothing about
any payment, least of all that one is missing.

Units: amounts are ``int`` minor units (fen) and never negative; a WeChat fee has five decimals of a yuan and is kept
as text, with an ``int`` beside it where it is whole fen; times are instants, microseconds since 1970 UTC, read as
Beijing time.

Sources:

- WeChat Pay, trade bill: https://pay.weixin.qq.com/docs/merchant/products/bill-download/format-trade.html
- WeChat Pay, fund-flow bill: https://pay.weixin.qq.com/docs/merchant/products/bill-download/format-fundflow.html
- WeChat Pay, download and hash: https://pay.weixin.qq.com/doc/v3/merchant/4012084430
- Alipay, bills explained: https://opendocs.alipay.com/open/204/106262
- Alipay, asking for one: https://opendocs.alipay.com/apis/api_15/alipay.data.dataservice.bill.downloadurl.query

Alipay publishes no sample; the lines of sums at the end of its files, and the row 合计 of the second file, are read as
many merchants' programs show them. Sums that are not understood are a ``BILL_TOTALS_MISMATCH``, never a pass.
"""

from __future__ import annotations

from .alipay import read_alipay_account, read_alipay_trade
from .exporting import safe_cell
from .records import BillError, BillKind, BillLimits, BillOutcome, BillRow, BillSummary
from .streams import checked_sha1, gunzipped
from .wechat import read_wechat_fund_flow, read_wechat_trade

__all__ = [
    "BillError", "BillKind", "BillLimits", "BillOutcome", "BillRow", "BillSummary", "checked_sha1", "gunzipped",
    "read_alipay_account", "read_alipay_trade", "read_wechat_fund_flow", "read_wechat_trade", "safe_cell",
]  # fmt: skip
