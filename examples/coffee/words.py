"""Every text of the shop, in English and Chinese."""

from __future__ import annotations

from typing import Any

from flask import request

TEXTS: dict[str, tuple[str, str]] = {
    # the shop
    "title": ("payflow coffee", "payflow 咖啡"),
    "headline": ("What can we make you?", "今天想喝点什么？"),
    "lead": ("No money moves here. The phone and the bank are simulated; everything in between is real.",
             "这里不会真的扣款：手机和银行是模拟的，中间的一切都是真的。"),
    "other_language": ("中文", "English"),
    "skip": ("Skip to the content", "跳到正文"),
    # the menu
    "drink": ("Drink", "饮品"), "size": ("Size", "杯型"), "quantity": ("Cups", "杯数"), "total": ("Total", "合计"),
    "espresso": ("Espresso", "浓缩咖啡"), "americano": ("Americano", "美式"), "latte": ("Latte", "拿铁"),
    "cappuccino": ("Cappuccino", "卡布奇诺"), "mocha": ("Mocha", "摩卡"), "tea": ("Black tea", "红茶"),
    "about_espresso": ("Short and strong", "小而浓"), "about_americano": ("Long and clear", "清爽"),
    "about_latte": ("With a lot of milk", "奶香浓郁"), "about_cappuccino": ("Under thick foam", "绵密奶泡"),
    "about_mocha": ("With chocolate", "巧克力与奶油"),
    "about_tea": ("Steeped slowly", "慢慢浸泡"),
    "small": ("Small", "小杯"), "medium": ("Medium", "中杯"), "large": ("Large", "大杯"),
    "called": ("{drink}, {size}", "{drink}，{size}"), "comma": (", ", "，"),
    "fewer": ("One cup fewer", "少一杯"), "more": ("One cup more", "多一杯"),
    "order": ("Order", "下单"),
    "usual": ("The usual", "老样子"),
    "usual_order": ("Order it at once", "直接下单"),
    "usual_hint": ("A trusted action: up to {per_payment} a cup it goes straight to payment, without asking.",
                   "受信任的操作：每次不超过 {per_payment} 就直接去付款，不再询问。"),
    "usual_used": ("{used} of {per_day} used today", "今日已用 {used}，上限 {per_day}"),
    "usual_over": ("Today's limit is reached: the next one asks again.", "已到今日上限：下一单会再问一次。"),
    "recent": ("Recent orders", "最近的订单"),
    "none_yet": ("Nothing ordered yet. The first cup of the day is yours.", "还没有订单。今天的第一杯就是您的。"),
    "api_hint": ("For programs", "给程序用"),
    # an order
    "back": ("Menu", "菜单"), "order_number": ("Order", "订单"), "price": ("Price", "金额"),
    "gone_back": ("Refunded", "已退"),
    "on_its_way": ("On its way back", "退款中"), "kept": ("Paid", "实付"),
    "gateway_number": ("Gateway's number", "网关单号"),
    "again": ("Order again", "再来一单"),
    "created": ("awaiting your word", "等您确认"), "pending": ("waiting for payment", "等待付款"),
    "paid": ("paid", "已付款"),
    "partially_refunded": ("partly refunded", "部分退款"), "refunded": ("refunded", "已退款"),
    "cancelled": ("cancelled", "已取消"), "failed": ("failed", "失败"),
    "step_created": ("Ordered", "已下单"), "step_pending": ("Confirmed", "已确认"), "step_paid": ("Paid", "已付款"),
    "step_served": ("On the counter", "可取餐"), "step_refunded": ("Refunded", "已退款"),
    "step_cancelled": ("Cancelled", "已取消"), "step_failed": ("Failed", "失败"),
    "head_created": ("Shall we order this?", "确认下单吗？"),
    "text_created": ("Ordering is not a trusted action: nothing has been sent to the gateway yet. It needs your word.",
                     "下单不是受信任的操作，所以还没有向网关发送任何内容。需要您确认。"),
    "head_pending": ("Scan to pay", "扫码付款"),
    "text_pending": ("Scan the code with the simulated phone, or open that phone right here.",
                     "用模拟手机扫码，或者直接在这里打开手机。"),
    "text_sending": ("The order is on its way to the gateway.", "订单正在发送给网关。"),
    "head_paid": ("Paid. Your coffee is being made.", "已付款，咖啡制作中。"),
    "text_paid": ("The gateway has said so, and it is booked once, however often it says it again.",
                  "网关已确认付款，并且只记账一次，无论它再说多少遍。"),
    "head_served": ("Your coffee is on the counter.", "您的咖啡好了，请取餐。"),
    "head_partially_refunded": ("{money} is back with you.", "{money} 已退还给您。"),
    "text_partially_refunded": ("The rest is still with us.", "其余的还在我们这里。"),
    "head_refunded": ("All of it is back with you.", "已全额退还给您。"),
    "text_refunded": ("This order has no way on from here: refunded → paid is not in the table.",
                      "订单到此为止：状态表里没有 refunded → paid。"),
    "head_cancelled": ("Cancelled.", "已取消。"), "head_failed": ("The bank said no.", "银行拒绝了付款。"),
    "text_ended": ("Nothing was paid.", "没有扣款。"),
    "confirm": ("Yes, order it", "确认下单"), "cancel": ("Cancel the order", "取消订单"),
    "open_phone": ("Open the phone", "打开手机"), "qr": ("Payment code", "付款码"),
    "time_left": ("Time left", "剩余时间"), "until": ("until {at} UTC", "{at}（UTC）之前"),
    "refund_all": ("Refund {money}", "退款 {money}"), "refund_some": ("Refund a part", "部分退款"),
    "amount": ("Amount", "金额"),
    "refund": ("Refund", "退款"),
    # its story
    "machine": ("Where the payment is", "支付所处的状态"),
    "story": ("Its story", "它的经过"), "every_step": ("every step", "全部步骤"),
    "callbacks": ("Callbacks received", "收到的回调"),
    "no_callbacks": ("None yet. The gateway calls back when the payer has paid.", "还没有。付款后网关会回调。"),
    "accepted": ("accepted", "已接受"), "stale": ("old news", "旧消息"), "incident": ("incident", "事件"),
    "repeated": ("repeated {count} ×", "重复 {count} 次"),
    "by_callback": ("by callback", "通过回调"), "by_answer": ("in its answer", "在答复中"),
    "by_query": ("when asked", "查询时"), "by_bill": ("in its bill", "在账单中"),
    "says_pending": ("not paid yet", "尚未付款"), "says_paid": ("paid", "已付款"), "says_failed": ("failed", "失败"),
    "says_closed": ("closed", "已关闭"), "says_refund_processing": ("refund under way", "退款处理中"),
    "says_refund_succeeded": ("refund done", "退款完成"), "says_refund_failed": ("refund failed", "退款失败"),
    "says_unknown": ("a word we do not know", "未知的说法"),
    "cause_api": ("asked for here", "本店请求"), "cause_callback": ("the gateway called back", "网关回调"),
    "cause_answer": ("the gateway answered", "网关答复"), "cause_query": ("we asked the gateway", "向网关查询"),
    "cause_timer": ("its time was over", "时间已到"), "cause_operator": ("an operator", "操作员"),
    "cause_reconcile": ("a bill", "对账单"),
    "what_receipt": ("The gateway says: {kind}", "网关说：{kind}"),
    "what_transition": ("{entity}: {to}", "{entity}：{to}"),
    "what_journal": ("Booked: {lines}", "记账：{lines}"),
    "journal_capture": ("capture", "收款"), "journal_refund": ("refund", "退款"),
    "journal_late_receipt": ("money nobody asked for", "多收的款项"), "journal_late_return": ("sent back", "已退回"),
    "what_effect": ("{handler} has done its work", "{handler} 已完成"),
    "what_effect_dead": ("{handler} gave up", "{handler} 放弃了"),
    "what_attempt": ("Asked of the gateway: {op}", "向网关请求：{op}"),
    "what_message": ("Told: {kind}", "通知：{kind}"),
    "what_incident": ("Incident: {kind}", "事件：{kind}"),
    "entity_payment": ("Payment", "支付"), "entity_refund": ("Refund", "退款"), "entity_attempt": ("Request", "请求"),
    "state_delivered": ("delivered", "已送达"), "state_waiting": ("waiting", "等待送达"),
    "state_dead": ("given up", "已放弃"),
    "live": ("live", "实时"), "offline": ("reconnecting …", "正在重连……"),
    # the phone
    "phone": ("Your phone", "您的手机"), "wallet": ("Wallet", "钱包"),
    "pay_to": ("Pay payflow coffee", "付给 payflow 咖啡"),
    "phone_lead": ("A simulated wallet. The gateway behind it signs its callbacks and posts them to the shop.",
                   "模拟钱包。背后的网关会对回调签名，并发送给商店。"),
    "pay": ("Pay {money}", "付款 {money}"),
    "pay_twice": ("Pay, and call back twice", "付款，并回调两次"),
    "decline": ("Decline", "拒绝付款"),
    "done_SUCCESS": ("Paid", "付款成功"), "done_PAYERROR": ("Declined", "已拒绝"),
    "done_CLOSED": ("Closed", "已关闭"),
    "phone_done": ("The shop's page has moved on by itself.", "商店页面已自动更新。"),
    "phone_failed": ("No money was taken.", "没有扣款。"),
    "phone_unknown": ("The phone does not know this order.", "手机不认识这个订单。"),
    # refusals
    "refused": ("That did not work", "没有成功"),
    "not_found": ("There is nothing here", "这里什么也没有"),
    "INVALID_AMOUNT": ("This is not an amount that can be paid or refunded.", "金额不正确。"),
    "INVALID_ORDER": ("This is not on the menu.", "菜单上没有。"),
    "REFUND_EXCEEDS_CAPTURED": ("That is more than what is left to refund.", "超过了可退金额。"),
    "NOT_REFUNDABLE": ("There is nothing to refund.", "没有可退的金额。"),
    "TOKEN_EXPIRED": ("The time to confirm is over.", "确认时间已过。"),
    "TOKEN_USED": ("This order was confirmed already.", "订单已经确认过了。"),
    "TOKEN_FORGED": ("This confirmation is not ours.", "确认令牌无效。"),
    "TOKEN_FOREIGN": ("This confirmation is of another order.", "确认令牌属于另一个订单。"),
    "TRANSITION_NOT_ALLOWED": ("The order has moved on; that is not possible any more.",
                               "订单状态已改变，不能再这样操作。"),
    "PAYMENT_NOT_FOUND": ("There is no such order.", "没有这个订单。"),
    "IDEMPOTENCY_CONFLICT": ("This form was sent before with another order. Please start again.",
                             "这张表单已用于另一个订单，请重新下单。"),
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
