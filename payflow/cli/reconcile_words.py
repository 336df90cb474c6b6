"""The sentences of ``payflow reconcile``, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

Words = Mapping[str, tuple[str, str]]

#: What differs.
KINDS: Words = {
    "missing_here": ("in the bill, unknown here", "账单有，本地没有"),
    "missing_there": ("ours, not in the bill", "本地有，账单没有"),
    "amount": ("another amount", "金额不一致"),
    "status": ("another state", "状态不一致"),
    "late": ("paid after it had ended here", "本地已结束后才支付"),
    "duplicate": ("paid twice, or in two bills", "重复支付或重复出账"),
    "other_day": ("of the day beside", "属于相邻账期"),
    "reversed": ("paid and taken back", "已支付并被撤销"),
    "ledger": ("the ledger says otherwise", "分录账不一致"),
    "other": ("concerns no order", "与订单无关"),
}
#: What has become of it.
STATES: Words = {
    "open": ("open", "待处理"),
    "waiting": ("waiting", "等待中"),
    "healed": ("healed", "已自动修复"),
    "settled": ("agrees by now", "现已一致"),
    "known": ("has its incident", "已有异常单"),
    "explained": ("explained", "已解释"),
    "dismissed": ("dismissed", "已人工关闭"),
}
#: What a person does about it.
SUGGESTIONS: Words = {
    "": ("", ""),
    "find_seller": (
        "Money for an order that is not ours: find out who else sells with this merchant number.",
        "收到了不属于本系统订单的款项：请查明还有谁在使用该商户号收款。",
    ),
    "find_refund": (
        "A refund that was not made here, by hand at the gateway perhaps: find out who made it.",
        "该退款不是由本系统发起（可能在商户平台手工操作）：请查明发起人。",
    ),
    "ask_gateway": (
        "The gateway was asked and does not say paid, or did not answer: reconcile the day again.",
        "已向网关查询但未确认支付（或无应答）：请稍后再次对账。",
    ),
    "ask_support": (
        "The gateway told us that it was done, and its bill has it not: ask its support with the numbers.",
        "网关曾确认该笔成功，但账单中没有：请携带单号联系网关客服。",
    ),
    "compare_amounts": (
        "Compare the order at the gateway with ours before anything is shipped or refunded.",
        "发货或退款之前，请先核对网关与本地的订单金额。",
    ),
    "check_refund": (
        "The bill and our refund do not say the same: look at it with `payflow trace`.",
        "账单与本地退款状态不一致：请用 `payflow trace` 查看。",
    ),
    "check_reversal": (
        "Taken back there, paid here: do not ship; refund nothing, the money is gone already.",
        "网关已撤销而本地为已支付：请勿发货；款项已退回，请勿再退款。",
    ),
    "run_doctor": (
        "The ledger is not what the payment says: run `payflow doctor`.",
        "分录账与支付单不符：请运行 `payflow doctor`。",
    ),
    "settle_incident": (
        "Settle its incident: `payflow incidents resolve`.",
        "请处理对应的异常单：`payflow incidents resolve`。",
    ),
    "send_back": (
        "Money that has no place here. Fetch the bill from the gateway instead of a file, or send it back by hand.",
        "该笔款项在本地没有归属。请改用从网关获取账单（而非文件），或手工退回。",
    ),
}
#: How a run stands.
RUNS: Words = {
    "importing": ("importing", "导入中"),
    "imported": ("imported", "已导入"),
    "waiting": ("waiting for its bill", "等待账单"),
    "refused": ("bill refused", "账单被拒"),
    "done": ("done", "完成"),
}
STAGES: Words = {
    "import": ("reading the bill", "读取账单"),
    "match": ("matching", "核对"),
    "books": ("looking for ours", "反查本地"),
    "heal": ("asking the gateway", "查询网关"),
}
TEXT: Words = {
    "title": ("Reconciliation", "对账报告"),
    "bill": ("bill", "账单"),
    "books": ("books", "本地账"),
    "rows": ("rows", "行"),
    "payments": ("payments", "笔支付"),
    "refunds": ("refunds", "笔退款"),
    "matched": ("matched", "一致"),
    "differences": ("differences", "差异"),
    "open": ("open", "待处理"),
    "fees": ("fees", "手续费"),
    "net": ("net", "净额"),
    "nothing": ("Gateway, payments and ledger agree.", "网关、支付单与分录账一致。"),
    "more": ("{count} more: --format csv has them all", "另有 {count} 条：--format csv 可导出全部"),
    "not_yet": (
        "No bill yet that can be believed ({code}): nothing is said about any payment. --due tries it again.",
        "账单尚不可用（{code}）：不对任何支付下结论；--due 会再次尝试。",
    ),
    "no_run": ("This day has not been reconciled.", "这一天尚未对账。"),
    "nothing_due": ("Nothing is due.", "没有需要对账的日期。"),
    "running": ("Another runner is at it.", "另一个进程正在对账。"),
    "forgotten": (
        "Rows of {count} bills deleted; runs and differences stay.",
        "已删除 {count} 份账单的明细；对账结果保留。",
    ),
}
COLUMNS: Words = {
    "kind": ("difference", "差异"),
    "state": ("state", "状态"),
    "theirs": ("bill", "账单金额"),
    "ours": ("books", "本地金额"),
    "currency": ("currency", "币种"),
    "out_trade_no": ("order", "商户订单号"),
    "gateway_txn": ("trade", "网关交易号"),
    "out_refund_no": ("refund", "商户退款单号"),
    "payment_id": ("payment", "支付单"),
    "refund_id": ("our refund", "退款单"),
    "incident_id": ("incident", "异常单"),
    "other_day": ("day", "相关日期"),
    "item": ("item", "条目"),
    "step": ("suggested step", "建议"),
}  # fmt: skip


def said(words: Words, code: str, lang: str) -> str:
    """A word or sentence; a code that has none is shown as it is."""
    return words[code][lang == "zh"] if code in words else code
