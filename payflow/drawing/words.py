"""What the drawings say, in English and Chinese. Names of states and events are the same in both: programs use them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..machine import Table

LANGUAGES = ("en", "zh")

WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "en": {
        "payment": "Payment", "refund": "Refund", "attempt": "Attempt",
        "from": "from", "event": "event", "to": "to", "books": "books", "tells": "tells",
        "state": "state", "means": "means",
        "capture": "capture", "refunds": "refund", ", ": ", ", ". ": " ", ".": ".",
        "only where": "only where `{policy}` is `{value}`", "parenthesis": "{said} ({more})",
        "begins": "Begins as {initial}", "begins telling": "Begins as {initial} and tells {tells}",
        "no exit": "No exit: {states}",
        "stays": "Old news that moves nothing: {cells}", "cell": "{states} on {events}", "; ": "; ",
        "refused": "Everything else is refused with `TRANSITION_NOT_ALLOWED`",
        "picture": "The states of a {name}", "now": "now {state}",
        "dashed": "dashed: only where {policies}", "is": "{policy} is {value}",
    },
    "zh": {
        "payment": "支付", "refund": "退款", "attempt": "操作",
        "from": "当前状态", "event": "事件", "to": "之后", "books": "记账", "tells": "通知",
        "state": "状态", "means": "含义",
        "capture": "收款", "refunds": "退款", ", ": "、", ". ": "", ".": "。",
        "only where": "仅当 `{policy}` 为 `{value}`", "parenthesis": "{said}（{more}）",
        "begins": "初始状态为 {initial}", "begins telling": "初始状态为 {initial}，并通知 {tells}",
        "no exit": "没有出口的状态：{states}",
        "stays": "重复的旧消息，状态不变：{cells}", "cell": "{states} 收到 {events}", "; ": "；",
        "refused": "其余一律拒绝，错误码 `TRANSITION_NOT_ALLOWED`",
        "picture": "{name}的状态", "now": "当前为 {state}",
        "dashed": "虚线：仅当 {policies}", "is": "{policy} 为 {value}",
    },
})  # fmt: skip

#: What a built-in state means, in Chinese, by the English of its declaration.
_MEANINGS: Mapping[str, str] = MappingProxyType({
    "ordered, awaiting payment: nothing was sent yet": "已下单，待支付：尚未向网关发送",
    "sent to the gateway, not paid yet": "已发送给网关，尚未支付",
    "the gateway says it is paid, in full": "网关确认已全额支付",
    "paid, and a part went back": "已支付，其中一部分已退回",
    "all of it went back": "已全额退回",
    "closed unpaid": "未支付即关闭",
    "the gateway says it failed": "网关确认失败",
    "its amount is reserved; the gateway has not said anything yet": "金额已预留，网关尚未答复",
    "the gateway is working on it": "网关处理中",
    "the money is back with the payer": "款项已退回付款人",
    "the gateway says it failed; its number is spent for ever": "网关确认失败，此退款单号不再使用",
    "written down with its number; not sent yet": "已连同单号记录，尚未发送",
    "handed to the network: from here on it may have been done": "已交给网络：此后可能已被执行",
    "no usable answer; the gateway is asked until it is known": "没有可用的答复，会一直向网关查询直到明确",
    "the gateway says it did it, or did it before": "网关确认已执行",
    "the gateway says it did not and will not do it": "网关确认没有执行，也不会执行",
    "known not to have reached the gateway": "确知没有到达网关",
})  # fmt: skip


def words(lang: str) -> Mapping[str, str]:
    """The words of a language; ``ValueError`` for one that is not spoken here."""
    if lang not in WORDS:
        raise ValueError(f"lang is one of {', '.join(LANGUAGES)}")
    return WORDS[lang]


def named(table: Table, lang: str) -> str:
    """What a table is called."""
    return words(lang).get(table.name, table.name)


def meaning(table: Table, state: str, lang: str) -> str:
    """What a state means. A host's own words are in the host's own language."""
    said = table.means.get(state, state)
    return _MEANINGS.get(said, said) if lang == "zh" else said


def booking(books: str, lang: str) -> str:
    """What a move books, in words."""
    return words(lang)["refunds" if books == "refund" else books]
