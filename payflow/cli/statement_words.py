"""What ``payflow statement`` and ``payflow usage`` say, in English and Chinese."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    # -- kinds of movements
    "topup": ("top-up", "充值"),
    "grant": ("grant", "赠送"),
    "spend": ("spend", "消费"),
    "settle": ("settled hold", "预留结算"),
    "transfer": ("transfer", "转账"),
    "expiry": ("lapsed", "过期"),
    "refill": ("refill", "补充"),
    "clawback": ("taken back by a refund", "退款扣回"),
    "clawback_undone": ("given back, the refund failed", "退款失败返还"),
    "repayment": ("freed credit pays debt", "释放的额度偿还欠款"),
    "adjustment": ("correction", "更正"),
    # -- causes
    "payment": ("payment {id}, order {order}, {gateway} {money}", "支付 {id}，订单 {order}，{gateway} {money}"),
    "refund": ("refund {order} of {money}", "退款单 {order}，{money}"),
    "hold": ("hold {key} of {held:,}", "预留 {key}，共 {held:,}"),
    "policy": ("policy {name}", "策略 {name}"),
    "version": ("policy {name} version {version}, {trigger}", "策略 {name} 第 {version} 版，{trigger}"),
    "demand": ("on demand", "按需"),
    "schedule": ("by schedule", "按计划"),
    "operator": ("by an operator", "由操作员"),
    "trigger_payment": ("paid for", "已付款"),
    "to": ("to {other}", "转给 {other}"),
    "from": ("from {other}", "来自 {other}"),
    "by": ("by {by}", "操作员 {by}"),
    "key": ("key {key}", "键 {key}"),
    "no_journal": ("its journal is missing: run payflow doctor", "缺少凭证：请运行 payflow doctor"),
    # -- figures
    "opening": ("opening balance", "期初余额"),
    "closing": ("closing balance", "期末余额"),
    "more": ("only the first {limit} movements: there are more", "仅显示前 {limit} 笔，还有更多"),
    "nothing": ("no movements", "没有流水"),
    "differs": (
        "The account says it has {balance:,}, and its entries come to {closing:,}: run payflow doctor.",
        "账户显示余额 {balance:,}，而分录合计 {closing:,}：请运行 payflow doctor。",
    ),
    "now": ("now: balance {balance:,}, held {held:,}", "当前：余额 {balance:,}，预留 {held:,}"),
    # -- usage
    "usage": ("Usage of {what}", "{what} 用量"),
    "all": ("all accounts", "全部账户"),
    "no_use": ("(no use named)", "（未注明用途）"),
    "no_usage": ("Nothing was used.", "没有用量。"),
    "total": ("total", "合计"),
}


def said(name: str, lang: str) -> str:
    """A word, or the name itself where there is none (a kind of a later version)."""
    found = WORDS.get(name)
    return name if found is None else found[lang == "zh"]
