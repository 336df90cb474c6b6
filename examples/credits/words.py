"""Every text of the chat, in English and Chinese."""

from __future__ import annotations

from typing import Any

from flask import request

TEXTS: dict[str, tuple[str, str]] = {
    # everywhere
    "title": ("Parrot", "鹦鹉"), "subtitle": ("Parrot, a chat on prepaid credit", "鹦鹉：预付额度的聊天"),
    "other_language": ("中文", "English"),
    "skip": ("Skip to the content", "跳到正文"),
    "pages": ("Pages", "页面"),
    "chat": ("Chat", "聊天"), "nav_buy": ("Buy", "购买"), "buy": ("Buy credit", "购买额度"),
    "statement": ("Statement", "明细"),
    "usage": ("Usage", "用量"), "office": ("Operator", "管理"),
    "credit": ("credit", "额度"), "back": ("Back to the chat", "返回聊天"),
    # the conversation
    "toy": ("A toy answers here, a page of rules. No money moves. What is real is the bookkeeping of every credit.",
            "这里回答您的是一个玩具：一页规则，也不会真的扣款。真实的是每一个额度的记账。"),
    "conversation": ("Conversation", "对话"), "ask": ("Your question", "您的问题"), "send": ("Ask", "提问"),
    "hint": ("Tokens read cost {read} credit each, tokens written {written}, at most {most} of those.",
             "每读一个 token 收 {read} 额度，每写一个收 {written} 额度，最多写 {most} 个。"),
    "try": ("Try", "试试"), "try_sum": ("12 * 34", "12 * 34 等于多少"),
    "try_story": ("Tell me a story", "讲个故事"), "try_price": ("What do you cost?", "怎么收费？"),
    "empty": ("Nothing asked yet. The first question brings your free credit of the day.",
              "还没有提问。第一个问题会带来今天的免费额度。"),
    "you": ("You", "您"), "parrot": ("Parrot", "鹦鹉"), "answering": ("answering …", "回答中……"),
    "writing_held": ("{held} held until it is done", "已预留 {held}，答完结算"),
    "stop": ("Stop", "停止"),
    "cost_done": ("{cost} credit: {read} tokens read, {written} written",
                  "{cost} 额度：读 {read}、写 {written} 个 token"),
    "cost_stopped": ("Stopped: it cost nothing, {held} released", "已停止：不收费，已释放 {held}"),
    "cost_lost": ("Broken off: it cost nothing, {held} released", "中断：不收费，已释放 {held}"),
    # the purse
    "purse": ("Your credit", "您的额度"), "available": ("available", "可用"),
    "held": ("{held} held for answers", "{held} 为回答预留中"),
    "promo": ("Bonus", "赠送"), "refill": ("Free", "免费"), "paid": ("Bought", "购买"), "debt": ("Owed", "欠款"),
    "lapses": ("until {at}", "{at} 前有效"),
    "refill_due": ("Free credit is due: a question that finds too little fills you up to {amount}.",
                   "免费额度可领：提问时不够，会自动补到 {amount}。"),
    "refill_next": ("Free credit again from {at}.", "{at} 起可再次领取免费额度。"),
    "tier": ("Tier", "等级"), "ordinary": ("ordinary", "普通"), "heavy": ("heavy", "重度"),
    "spent_first": ("Spent in this order", "按此顺序使用"),
    # buying
    "buy_lead": ("Pay once, spend as you go. Bought credit never lapses.",
                 "一次付款，随用随扣。购买的额度不会过期。"),
    "packs": ("Packs", "套餐"), "small": ("Small", "小包"), "large": ("Large", "大包"),
    "bonus": ("+ {bonus} bonus, for {days} days", "+ 赠送 {bonus}，{days} 天内有效"),
    "no_bonus": ("no bonus", "无赠送"), "buy_for": ("Buy for {money}", "{money} 购买"),
    "free_amount": ("Another amount", "其他金额"), "amount": ("Amount in yuan", "金额（元）"),
    "rate": ("{credit} credit for {money}; from {least} to {most}.", "{money} 换 {credit} 额度；{least} 至 {most}。"),
    "pay_amount": ("Buy", "购买"), "brings": ("brings", "得到"),
    # a payment
    "scan": ("Scan to pay {money}", "扫码支付 {money}"),
    "scan_text": ("Scan the code with the simulated phone, or open that phone here. This page moves on by itself.",
                  "用模拟手机扫码，或直接在这里打开手机。付款后本页会自动更新。"),
    "open_phone": ("Open the phone", "打开手机"), "qr": ("Payment code", "付款码"),
    "paid_head": ("{credit} credit is yours", "{credit} 额度已到账"),
    "paid_bonus": ("{bonus} of it is a bonus that lapses after {days} days.",
                   "其中 {bonus} 为赠送，{days} 天后过期。"),
    "paid_text": ("Credited in the same transaction in which the payment became paid, and once.",
                  "与付款在同一个事务中入账，且只入账一次。"),
    "failed_head": ("The payment failed", "付款失败"), "failed_text": ("No money was taken.", "没有扣款。"),
    "refunded_head": ("{money} went back to you", "{money} 已退还"),
    "refunded_text": ("The credit that it had bought, as far as it was not spent, went back with it.",
                      "它购买的、尚未使用的额度也随之收回。"),
    "payment": ("Payment", "付款"), "status": ("Status", "状态"), "bought": ("Buys", "购得"),
    "created": ("being ordered", "下单中"), "pending": ("waiting for payment", "等待付款"),
    "payment_paid": ("paid", "已付款"), "partially_refunded": ("partly refunded", "部分退款"),
    "refunded": ("refunded", "已退款"), "cancelled": ("cancelled", "已取消"), "failed": ("failed", "失败"),
    "to_statement": ("See it in the statement", "在明细中查看"),
    # the statement
    "statement_lead": ("Every movement of your account, and what caused it.", "账户的每一笔变动及其原因。"),
    "adds_up": ("{count} movements add up to {total}: that is the balance.",
                "{count} 笔变动合计 {total}，与余额一致。"),
    "adds_not": ("{count} movements add up to {total}, and the balance is {balance}.",
                 "{count} 笔变动合计 {total}，而余额为 {balance}。"),
    "no_movements": ("Nothing has moved yet.", "还没有变动。"),
    "at": ("When", "时间"),
    "what": ("What and why", "事项与原因"),
    "change": ("Change", "变动"),
    "balance": ("Balance", "余额"),
    "parts": ("Parts", "组成"),
    "kind_topup": ("Bought", "购买"), "kind_settle": ("Answer", "回答"), "kind_spend": ("Spent", "消费"),
    "kind_refill": ("Free credit", "免费额度"),
    "kind_expiry": ("Lapsed", "过期"),
    "kind_clawback": ("Refunded", "退款收回"),
    "kind_clawback_undone": ("Refund failed", "退款失败，额度返还"), "kind_grant": ("Given", "发放"),
    "kind_adjustment": ("Corrected", "更正"),
    "kind_transfer": ("Transferred", "转账"),
    "kind_bonus": ("Bonus", "赠送"),
    "why_topup": ("payment of {money}", "付款 {money}"), "why_free_amount": ("free amount", "自选金额"),
    "why_refill": ("a question found too little; policy {policy}", "提问时额度不足；策略 {policy}"),
    "why_clawback": ("{money} of the payment of {paid} went back", "{paid} 的付款退回 {money}"),
    "why_expiry": ("its time was over", "已到期"),
    "why_tokens": ("{read} read × {price_read} + {written} written × {price_written}",
                   "读 {read} × {price_read} + 写 {written} × {price_written}"),
    "pending_holds": ("Held now, not spent yet", "预留中，尚未消费"),
    "older": ("Older", "更早"),
    "newer": ("Newer", "更新"),
    "page_of": ("Page {page} of {pages}", "第 {page} 页，共 {pages} 页"),
    "zone": ("Times are those of {zone}.", "时间为 {zone} 时区。"),
    # usage
    "usage_lead": ("The last fourteen days.", "最近十四天。"),
    "usage_plot": ("Credit used each day", "每日使用的额度"),
    "day": ("Day", "日期"), "answers": ("Answers", "回答"), "read": ("Tokens read", "读取 token"),
    "written": ("Tokens written", "写出 token"), "used": ("Credit", "额度"), "total": ("Total", "合计"),
    # the office
    "office_lead": ("What an operator sees and does. There is no login in this toy: put yours in front of it.",
                    "管理员的视角。这个玩具没有登录：请在前面加上您自己的。"),
    "visitors": ("Visitors", "访客"),
    "visitor": ("Visitor", "访客"),
    "no_visitors": ("Nobody yet.", "还没有人。"),
    "held_short": ("held", "预留"), "tier_of": ("Tier of {who}", "{who} 的等级"), "switch": ("Switch", "切换"),
    "top_ups": ("Top-ups", "充值"), "no_top_ups": ("None yet.", "还没有。"),
    "unspent": ("unspent", "未使用"),
    "refund_failed": ("The gateway refused {money}; the credit is back", "网关拒绝退款 {money}，额度已返还"),
    "under_way": ("{money} on its way back", "{money} 退款中"),
    "of_credit": ("{left} of {all}", "{left} / {all}"),
    "refund": ("Refund what is unspent", "退还未使用部分"),
    "refund_of": ("Refund what is unspent of {money} of {who}", "退还 {who} 的 {money} 中未使用部分"),
    "policies": ("Refill policies", "补充策略"),
    "policy_line": ("fills up to {amount}, every {days} day, on demand", "按需补到 {amount}，每 {days} 天"),
    # the phone
    "phone": ("Your phone", "您的手机"), "wallet": ("Wallet", "钱包"), "pay_to": ("Pay Parrot", "付给鹦鹉"),
    "phone_lead": ("A simulated wallet. The gateway behind it signs its callbacks and posts them to the chat.",
                   "模拟钱包。背后的网关会对回调签名，并发送给聊天应用。"),
    "pay": ("Pay {money}", "付款 {money}"), "pay_twice": ("Pay, and call back twice", "付款，并回调两次"),
    "decline": ("Decline", "拒绝付款"), "done_SUCCESS": ("Paid", "付款成功"), "done_REFUND": ("Refunded", "已退款"),
    "done_PAYERROR": ("Declined", "已拒绝"), "done_CLOSED": ("Closed", "已关闭"),
    "phone_done": ("The other page has moved on by itself.", "另一个页面已自动更新。"),
    "phone_failed": ("No money was taken.", "没有扣款。"),
    "phone_unknown": ("The phone does not know this order.", "手机不认识这个订单。"),
    # refusals
    "refused": ("That did not work", "没有成功"), "not_found": ("There is nothing here", "这里什么也没有"),
    "missing_head": ("{missing} credit missing", "还差 {missing} 额度"),
    "missing_text": ("This answer may cost up to {asked}; {available} available.",
                     "这个回答最多需要 {asked}，可用 {available}。"),
    "missing_next": ("Free credit comes again at {at}.", "{at} 可再次领取免费额度。"),
    "CREDIT_CAP_EXCEEDED": ("That is more than may be spent in a day.", "超过了每日上限。"),
    "CREDIT_SPENT": ("There is nothing left to refund: its credit is spent.", "没有可退的：额度已用完。"),
    "NOT_REFUNDABLE": ("There is nothing to refund.", "没有可退的金额。"),
    "INVALID_QUESTION": ("Please ask something, in at most 500 characters.", "请输入问题，最多 500 个字。"),
    "INVALID_AMOUNT": ("This is not an amount that can be paid here.", "这个金额无法支付。"),
    "BUSY": ("Too many answers at once. Please ask again in a moment.", "同时回答太多了，请稍后再问。"),
    "IDEMPOTENCY_CONFLICT": ("This form was sent before with something else. Please try again.",
                             "这张表单已经用过，请再试一次。"),
    "PAYMENT_NOT_FOUND": ("There is no such payment.", "没有这笔付款。"),
    "ANSWER_NOT_FOUND": ("There is no such answer.", "没有这个回答。"),
    "PACK_NOT_FOUND": ("There is no such pack.", "没有这个套餐。"),
    "ACCOUNT_NOT_FOUND": ("There is no such visitor.", "没有这个访客。"),
}  # fmt: skip


def language() -> str:
    """``en`` or ``zh``: what the visitor chose, else what the browser asks for."""
    chosen = request.args.get("lang") or request.cookies.get("lang")
    if chosen in ("en", "zh"):
        return chosen
    return request.accept_languages.best_match(["en", "zh", "zh-CN"], default="en").partition("-")[0]


def say(key: str, /, **facts: Any) -> str:
    """A text in the visitor's language; what is not in the list is shown as it is."""
    texts = TEXTS.get(key)
    text = key if texts is None else texts[language() == "zh"]
    return text.format(**facts) if facts else text
