"""What the desk says, in English and Chinese. Names of states, events and codes are the same in both: programs use
them, and an operator finds them in logs and in the gateways' own manuals."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LANGUAGES = ("en", "zh")

_EN: Mapping[str, str] = {
    "desk": "Payments desk", "skip": "Skip to the content", "pages": "Pages", "other": "中文",
    "overview": "Overview", "payments": "Payments", "incidents": "Incidents", "messages": "Messages",
    "refills": "Refills", "audit": "Audit", "search": "Search",
    "search_label": "Payment, order, trade or refund number, or your own reference",
    "found_none": "Nothing is called “{text}” here.", "found": "{count} found for “{text}”",
    "unfinished": "Not finished, the oldest first", "all_finished": "Every payment is finished.",
    "newest": "The newest payments", "none_yet": "There are no payments yet.",
    "open_incidents": "Open incidents", "no_incidents": "No incident is open.",
    "dead_letters": "What handlers gave up on", "no_dead": "No handler has given up on anything.",
    "count_watched_payments": "not finished", "count_waiting_messages": "messages waiting",
    "count_dead_letters": "given up on", "count_open_incidents": "incidents open",
    "count_in_doubt": "in doubt between two databases",
    "id": "Payment", "reference": "Reference", "status": "State", "amount": "Amount", "account": "Account",
    "channel": "Channel", "created": "Created", "order": "Order number", "trade": "Trade at the gateway",
    "trace": "Trace", "captured": "Captured", "refunded": "Refunded", "reserved": "In refunds under way",
    "description": "Description", "updated": "Last change", "next_check": "Looked at again",
    "expires": "Closed if unpaid", "why": "Why it is there", "nothing_waits": "It is finished: nothing is waited for.",
    "reason_incident": "an incident is open: somebody has to decide",
    "reason_dead_letter": "a handler has given up on one of its messages",
    "reason_unattended": "it should have been looked at by now: is the worker running?",
    "reason_overdue": "it should have been closed by now: the gateway does not say what became of it",
    "reason_unknown": "a call to the gateway has no certain answer yet; it is asked until it is known",
    "reason_refunding": "a refund is under way",
    "reason_unconfirmed": "it waits for a person's confirmation: its action is not trusted, or is over its ceiling",
    "reason_unpaid": "it waits for the payer",
    "timeline": "Timeline", "picture": "Its states", "attempts": "Calls to the gateway", "receipts": "What was stated",
    "ledger": "Ledger lines", "refunds": "Refunds", "messages_of": "Messages", "none": "None.",
    "export_json": "Timeline as JSON", "export_text": "Timeline as text",
    "col_at": "When (UTC)", "col_what": "What", "col_op": "Operation", "col_number": "Number", "col_words": "Words",
    "col_kind": "Kind", "col_source": "Source", "col_outcome": "Outcome", "col_repeats": "Again",
    "col_journal": "Journal", "col_line": "Account", "col_money": "Amount", "col_who": "Who", "col_act": "Act",
    "col_target": "On", "col_reason": "Reason", "col_result": "Result", "col_handler": "Handler", "col_error": "Error",
    "col_version": "Version", "col_body": "Policy", "col_state": "State", "col_payment": "Payment",
    "col_count": "Times",
    "acts": "What you can do", "no_acts": "You may look, and do nothing here.",
    "query": "Query now", "query_hint": "Ask the gateway what became of this payment and its refunds.",
    "refund": "Refund", "refund_amount": "Amount (empty: all that is left, {left})", "refund_reason": "Reason",
    "refund_nothing": "There is nothing left to refund.",
    "resolve": "Settle it", "resolve_refund": "Send the money back", "resolve_dismiss": "Close it: looked into",
    "resolve_reason": "What was found",
    "replay": "Send again", "replay_hint": "Messages of this payment that handlers gave up on are sent again.",
    "replay_all": "Send all of them again",
    "refill": "Run the refills that are due", "refill_due": "{due} accounts are due.",
    "policy": "Change the policy", "policy_body": "Fields that change, as JSON", "policy_reason": "Reason",
    "policy_on": "Switch it on", "policy_off": "Switch it off", "no_policies": "There are no refill policies.",
    "on": "on", "off": "off", "versions": "Versions",
    "done_done": "Done: {act}.", "done_refused": "Refused: {act} ({code}). {message}",
    "done_asked": "{act} was begun; how it ended is not known. Look at the timeline.",
    "denied": "You may not look at this", "denied_text": "Ask whoever looks after this system for access.",
    "missing": "There is nothing here", "refused": "This could not be done",
    "older": "Older", "back": "Back",
    "step_receipt": "{account} states {kind} ({source}): {outcome}", "repeats": "stated {count} times more",
    "step_attempt": "{op} at {account}, number {request_key}: {status}",
    "step_transition": "{entity}: {from} → {to} by {event}", "because": "cause: {cause}",
    "step_journal": "booked as {kind}: {lines}", "step_incident": "{kind}: {status}",
    "step_message": "{kind}: {state}", "step_effect": "{handler} has done its work",
    "step_effect_dead": "{handler} has given up: {error}",
    "step_operator": "{operator} asked for {act}: {outcome}",
    "kind_receipt": "statement", "kind_attempt": "call", "kind_transition": "state", "kind_journal": "ledger",
    "kind_incident": "incident", "kind_message": "message", "kind_effect": "handler", "kind_operator": "operator",
    "entity_payment": "payment", "entity_refund": "refund", "entity_attempt": "call",
    "cause_api": "your program", "cause_callback": "a callback", "cause_answer": "an answer to our call",
    "cause_query": "a query", "cause_reconcile": "reconciliation", "cause_operator": "an operator",
    "cause_timer": "its time",
}  # fmt: skip
_ZH: Mapping[str, str] = {
    "desk": "支付操作台", "skip": "跳到正文", "pages": "页面", "other": "English",
    "overview": "总览", "payments": "支付", "incidents": "异常单", "messages": "消息", "refills": "补充额度",
    "audit": "操作记录", "search": "查找",
    "search_label": "支付号、订单号、交易号、退款单号，或您自己的编号",
    "found_none": "没有叫“{text}”的支付。", "found": "“{text}”共找到 {count} 笔",
    "unfinished": "未完成的支付，最早的在前", "all_finished": "所有支付都已完成。",
    "newest": "最新的支付", "none_yet": "还没有支付。",
    "open_incidents": "待处理的异常单", "no_incidents": "没有待处理的异常单。",
    "dead_letters": "处理程序放弃的消息", "no_dead": "没有被放弃的消息。",
    "count_watched_payments": "笔未完成", "count_waiting_messages": "条消息待送达",
    "count_dead_letters": "条被放弃", "count_open_incidents": "张异常单待处理",
    "count_in_doubt": "个跨库事务悬而未决",
    "id": "支付", "reference": "您的编号", "status": "状态", "amount": "金额", "account": "账户",
    "channel": "渠道", "created": "创建时间", "order": "商户订单号", "trade": "网关交易号", "trace": "追踪号",
    "captured": "已收", "refunded": "已退", "reserved": "退款处理中", "description": "说明", "updated": "最近变化",
    "next_check": "下次查看", "expires": "未支付则关闭", "why": "为什么停在这里",
    "nothing_waits": "已经完成，不再等待什么。",
    "reason_incident": "有异常单待人工决定", "reason_dead_letter": "有处理程序放弃了它的消息",
    "reason_unattended": "早该再次查看了：worker 在运行吗？",
    "reason_overdue": "早该关闭了：网关一直没有说明结果",
    "reason_unknown": "有一次对网关的调用结果未知，会一直查询直到明确",
    "reason_refunding": "退款处理中",
    "reason_unconfirmed": "等待人工确认：该动作不受信任，或超出了限额",
    "reason_unpaid": "等待付款人支付",
    "timeline": "时间线", "picture": "状态图", "attempts": "对网关的调用", "receipts": "网关的陈述",
    "ledger": "账本分录", "refunds": "退款", "messages_of": "消息", "none": "无。",
    "export_json": "导出时间线（JSON）", "export_text": "导出时间线（文本）",
    "col_at": "时间（UTC）", "col_what": "内容", "col_op": "操作", "col_number": "编号", "col_words": "原话",
    "col_kind": "种类", "col_source": "来源", "col_outcome": "结果", "col_repeats": "重复",
    "col_journal": "凭证", "col_line": "科目", "col_money": "金额", "col_who": "操作人", "col_act": "操作",
    "col_target": "对象", "col_reason": "原因", "col_result": "结果", "col_handler": "处理程序", "col_error": "错误",
    "col_version": "版本", "col_body": "策略", "col_state": "状态", "col_payment": "支付", "col_count": "次数",
    "acts": "可以做的操作", "no_acts": "您可以查看，但不能在此操作。",
    "query": "立即查询", "query_hint": "向网关查询这笔支付及其退款的结果。",
    "refund": "退款", "refund_amount": "金额（留空则退全部余额 {left}）", "refund_reason": "原因",
    "refund_nothing": "没有可退的金额。",
    "resolve": "处理", "resolve_refund": "退回这笔钱", "resolve_dismiss": "已查明，关闭",
    "resolve_reason": "查明的情况",
    "replay": "重新发送", "replay_hint": "重新发送这笔支付中被处理程序放弃的消息。", "replay_all": "全部重新发送",
    "refill": "执行到期的补充", "refill_due": "{due} 个账户到期。",
    "policy": "修改策略", "policy_body": "要改的字段（JSON）", "policy_reason": "原因",
    "policy_on": "启用", "policy_off": "停用", "no_policies": "没有补充策略。",
    "on": "启用", "off": "停用", "versions": "各版本",
    "done_done": "已完成：{act}。", "done_refused": "被拒绝：{act}（{code}）。{message}",
    "done_asked": "{act}已开始，结果未知，请查看时间线。",
    "denied": "您无权查看", "denied_text": "请向系统管理员申请权限。",
    "missing": "这里什么也没有", "refused": "无法完成",
    "older": "更早", "back": "返回",
    "step_receipt": "{account} 陈述 {kind}（{source}）：{outcome}", "repeats": "又陈述了 {count} 次",
    "step_attempt": "在 {account} 执行 {op}，单号 {request_key}：{status}",
    "step_transition": "{entity}：{from} → {to}，事件 {event}", "because": "起因：{cause}",
    "step_journal": "记账 {kind}：{lines}", "step_incident": "{kind}：{status}",
    "step_message": "{kind}：{state}", "step_effect": "{handler} 已完成处理",
    "step_effect_dead": "{handler} 已放弃：{error}",
    "step_operator": "{operator} 要求{act}：{outcome}",
    "kind_receipt": "陈述", "kind_attempt": "调用", "kind_transition": "状态", "kind_journal": "账本",
    "kind_incident": "异常单", "kind_message": "消息", "kind_effect": "处理程序", "kind_operator": "操作员",
    "entity_payment": "支付", "entity_refund": "退款", "entity_attempt": "调用",
    "cause_api": "您的程序", "cause_callback": "回调", "cause_answer": "对调用的答复", "cause_query": "查询",
    "cause_reconcile": "对账", "cause_operator": "操作员", "cause_timer": "到时",
}  # fmt: skip
CATALOG: Mapping[str, Mapping[str, str]] = MappingProxyType({"en": _EN, "zh": _ZH})


class Speech:
    """One language. ``say("found", count=2, text="x")`` is a sentence of the catalog; ``KeyError`` for none."""

    def __init__(self, lang: str) -> None:
        self.lang = lang if lang in CATALOG else "en"
        self.html_lang = "zh-CN" if self.lang == "zh" else "en"
        self.other_lang = "en" if self.lang == "zh" else "zh"
        self._words = CATALOG[self.lang]

    def __call__(self, name: str, **given: object) -> str:
        said = self._words[name]
        return said.format(**given) if given else said

    def known(self, name: str, otherwise: str) -> str:
        """A word that may be a host's own, which has no translation."""
        return self._words.get(name, otherwise)
