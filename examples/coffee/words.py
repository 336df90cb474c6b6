"""Every text of the shop, in English and Chinese."""

from __future__ import annotations

from flask import request

TEXTS: dict[str, tuple[str, str]] = {
    "title": ("payflow coffee", "payflow 咖啡"),
    "lead": ("Order a coffee. No money moves: the phone is simulated, everything else is real.",
             "点一杯咖啡。不会真的扣款：手机是模拟的，其余都是真的。"),
    "drink": ("Drink", "饮品"),
    "size": ("Size", "杯型"),
    "order": ("Order", "下单"),
    "usual": ("The usual, without asking", "老样子，不用问我"),
    "usual_hint": ("A trusted action under its ceiling: it goes straight to payment.",
                   "受信任的操作，未超过限额：直接去付款。"),
    "recent": ("Recent orders", "最近的订单"),
    "none_yet": ("Nothing ordered yet.", "还没有订单。"),
    "espresso": ("Espresso", "浓缩"), "americano": ("Americano", "美式"), "latte": ("Latte", "拿铁"),
    "mocha": ("Mocha", "摩卡"), "tea": ("Tea", "茶"),
    "small": ("small", "小杯"), "medium": ("medium", "中杯"), "large": ("large", "大杯"),
    "created": ("ordered, awaiting your word", "已下单，等您确认"),
    "pending": ("waiting for payment", "等待付款"),
    "paid": ("paid", "已付款"),
    "partially_refunded": ("partly refunded", "部分退款"),
    "refunded": ("refunded", "已退款"),
    "cancelled": ("cancelled", "已取消"),
    "failed": ("failed", "失败"),
    "confirm_lead": ("This order is not a trusted action, so nothing has been sent. Shall we?",
                     "这个订单不是受信任的操作，所以还没有发送。要继续吗？"),
    "confirm": ("Yes, confirm", "确认下单"),
    "cancel": ("Cancel the order", "取消订单"),
    "scan": ("Scan to pay, or open the phone here", "扫码付款，或在这里打开手机"),
    "open_phone": ("Open the phone", "打开手机"),
    "thanks": ("Paid. Your coffee is being made.", "已付款，咖啡正在制作。"),
    "refund_all": ("Refund everything", "全部退款"),
    "refund_part": ("Refund 1 yuan", "退 1 元"),
    "back_again": ("The money is back.", "钱已退回。"),
    "ended": ("This order has ended; nothing was paid.", "订单已结束，没有付款。"),
    "machine": ("Where the payment is", "支付所处的状态"),
    "story": ("Its story", "它的经过"),
    "callbacks": ("Callbacks received", "收到的回调"),
    "no_callbacks": ("None yet.", "还没有。"),
    "again": ("again", "重复"),
    "once": ("once", "一次"),
    "back": ("Back to the menu", "返回菜单"),
    "live": ("live", "实时"),
    "offline": ("reconnecting …", "正在重连……"),
    "phone": ("Your phone", "您的手机"),
    "phone_lead": ("A simulated wallet. The gateway behind it signs and sends real callbacks.",
                   "模拟钱包。背后的网关会签名并发送真正的回调。"),
    "pay": ("Pay", "付款"),
    "pay_twice": ("Pay, and let the gateway call back twice", "付款，并让网关回调两次"),
    "decline": ("Decline", "拒绝付款"),
    "phone_done": ("Done. Look at the shop's page.", "完成。请看商店页面。"),
    "phone_unknown": ("The phone does not know this order.", "手机不认识这个订单。"),
    "reference": ("Order", "订单"),
    "other_language": ("中文", "English"),
    "token_used": ("This order was confirmed already.", "订单已经确认过了。"),
}  # fmt: skip


def language() -> str:
    """``en`` or ``zh``: what the visitor chose, else what the browser asks for."""
    chosen = request.args.get("lang") or request.cookies.get("lang")
    if chosen in ("en", "zh"):
        return chosen
    return request.accept_languages.best_match(["en", "zh", "zh-CN"], default="en").partition("-")[0]


def say(key: str) -> str:
    """A text in the visitor's language; what is not in the list is shown as it is."""
    texts = TEXTS.get(key)
    return key if texts is None else texts[language() == "zh"]
