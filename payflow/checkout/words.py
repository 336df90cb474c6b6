"""What the page says to a payer, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_EN: Mapping[str, str] = {
    "checkout": "Checkout", "skip": "Skip to the content", "amount": "Amount", "for": "For", "order": "Order",
    "title_confirm": "Please confirm", "text_confirm": "Nothing has been charged yet. Confirm to go on to the payment.",
    "button_confirm": "Confirm and pay {amount}",
    "title_redirect": "Pay with {gateway}", "text_redirect": "You pay at {gateway} and come back here afterwards.",
    "title_form": "Pay with {gateway}", "text_form": "You pay at {gateway} and come back here afterwards.",
    "button_pay": "Go to {gateway}",
    "title_qr": "Scan to pay", "text_qr": "Open {gateway} on your phone and scan this code.",
    "title_sdk": "Pay in the app",
    "text_sdk": "This payment is made inside the app in which you ordered. Open it there.",
    "title_mini_program": "Pay in {gateway}",
    "text_mini_program": "This payment is made inside {gateway}. Open it there.",
    "title_wait": "Waiting for {gateway}", "text_wait": "{gateway} has been asked. This page follows by itself.",
    "title_paid": "Paid", "text_paid": "Thank you. The payment has arrived.",
    "title_refunded": "Refunded", "text_refunded": "{refunded} has gone back to where it came from.",
    "title_partially_refunded": "Paid, partly refunded",
    "text_partially_refunded": "{refunded} has gone back to where it came from.",
    "title_failed": "Not paid", "text_failed": "The payment failed and nothing was charged.",
    "title_cancelled": "Closed", "text_cancelled": "This payment was closed and can no longer be paid.",
    "deadline": "To be paid within", "over": "The time is over; the payment is being closed.",
    "check": "I have paid: check now", "back": "Back to the shop",
    "live": "This page follows the payment by itself.",
    "offline": "No connection at the moment. The payment is not lost; this page goes on when the connection is back.",
    "qr_label": "The code to scan", "qr_missing": "The code cannot be drawn here. Its text:",
    "alipay": "Alipay", "wechat": "WeChat Pay", "mock": "the practice gateway",
    "missing_title": "There is no such payment", "missing_text": "The link is not complete, or was not made here.",
    "refused_title": "This did not work",
}  # fmt: skip
_ZH: Mapping[str, str] = {
    "checkout": "收银台", "skip": "跳到正文", "amount": "金额", "for": "商品", "order": "订单",
    "title_confirm": "请确认", "text_confirm": "尚未扣款。确认后进入支付。",
    "button_confirm": "确认并支付 {amount}",
    "title_redirect": "使用{gateway}付款", "text_redirect": "将前往{gateway}付款，完成后回到这里。",
    "title_form": "使用{gateway}付款", "text_form": "将前往{gateway}付款，完成后回到这里。",
    "button_pay": "前往{gateway}",
    "title_qr": "扫码支付", "text_qr": "请用手机打开{gateway}，扫描此二维码。",
    "title_sdk": "请在应用内支付", "text_sdk": "这笔付款需在您下单的应用内完成，请回到应用中打开。",
    "title_mini_program": "请在{gateway}中支付", "text_mini_program": "这笔付款需在{gateway}内完成，请在其中打开。",
    "title_wait": "等待{gateway}", "text_wait": "已向{gateway}发出请求，本页会自动更新。",
    "title_paid": "支付成功", "text_paid": "谢谢，款项已到账。",
    "title_refunded": "已退款", "text_refunded": "{refunded} 已按原路退回。",
    "title_partially_refunded": "已支付，部分退款", "text_partially_refunded": "{refunded} 已按原路退回。",
    "title_failed": "未支付", "text_failed": "支付失败，没有扣款。",
    "title_cancelled": "已关闭", "text_cancelled": "这笔支付已关闭，不能再付款。",
    "deadline": "剩余时间", "over": "时间已到，正在关闭这笔支付。",
    "check": "我已付款，立即查询", "back": "返回商店",
    "live": "本页会自动跟进支付状态。",
    "offline": "当前没有网络。付款不会丢失，恢复连接后本页会继续更新。",
    "qr_label": "待扫描的二维码", "qr_missing": "此处无法绘制二维码，其内容为：",
    "alipay": "支付宝", "wechat": "微信支付", "mock": "练习网关",
    "missing_title": "没有这笔支付", "missing_text": "链接不完整，或不是由本站生成的。",
    "refused_title": "操作没有成功",
}  # fmt: skip
CATALOG: Mapping[str, Mapping[str, str]] = MappingProxyType({"en": _EN, "zh": _ZH})


def said(lang: str, name: str, **given: str) -> str:
    """A sentence of the catalog."""
    text = CATALOG[lang][name]
    return text.format(**given) if given else text


def gateway_name(lang: str, gateway: str) -> str:
    """What a payer calls the gateway; one of the host's own has its own name."""
    return CATALOG[lang].get(gateway, gateway)
