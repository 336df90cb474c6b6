"""Every text of the shop, in English and Chinese."""

from __future__ import annotations

from typing import Any

from flask import request

from payflow.language import LANGUAGES, preferred

TEXTS: dict[str, tuple[str, str]] = {
    # the shop
    "title": ("Eight Leaves", "八叶茶铺"), "subtitle": ("a small tea shop", "一间小茶铺"),
    "headline": ("Eight teas, weighed by hand.", "八款好茶，手工称量。"),
    "lead": (("Bags of fifty grams, packed the moment they are paid. Nobody's money moves here: Alipay "
              "and WeChat Pay are payflow's sandbox, everything in between is real."),
             "每袋五十克，付款即打包。这里不会真的扣款：支付宝和微信支付由 payflow 沙箱扮演，中间的一切都是真的。"),
    "other_language": ("中文", "English"), "skip": ("Skip to the content", "跳到正文"), "nav": ("Shop", "商店"),
    "nav_teas": ("Teas", "茶叶"), "nav_orders": ("My orders", "我的订单"), "nav_basket": ("Basket", "购物篮"),
    "nav_office": ("Office", "办公室"), "nav_desk": ("Operator's desk", "操作台"),
    "basket_holds": ("{count} in the basket", "购物篮中有 {count} 袋"),
    # the teas
    "longjing": ("Longjing", "龙井"), "jasmine": ("Jasmine Pearls", "茉莉龙珠"), "tieguanyin": ("Tieguanyin", "铁观音"),
    "dahongpao": ("Dahongpao", "大红袍"), "silver": ("Silver Needle", "白毫银针"), "puer": ("Ripe Pu'er", "熟普洱"),
    "souchong": ("Lapsang Souchong", "正山小种"), "chrysanthemum": ("Chrysanthemum", "胎菊"),
    "kind_longjing": ("Green, Zhejiang", "绿茶 · 浙江"), "kind_jasmine": ("Scented green, Fujian", "花茶 · 福建"),
    "kind_tieguanyin": ("Oolong, Anxi", "乌龙 · 安溪"), "kind_dahongpao": ("Rock oolong, Wuyi", "岩茶 · 武夷山"),
    "kind_silver": ("White, Fuding", "白茶 · 福鼎"), "kind_puer": ("Dark, Yunnan", "黑茶 · 云南"),
    "kind_souchong": ("Black, Tongmu", "红茶 · 桐木"), "kind_chrysanthemum": ("Flowers, Tongxiang", "花草 · 桐乡"),
    "about_longjing": ("Pressed flat in a hot pan; tastes of roasted chestnut and spring.",
                       "热锅压扁，带炒栗香，春天的味道。"),
    "about_jasmine": ("Leaves rolled into pearls and laid among flowers for five nights.", "揉成珠，与茉莉同窨五夜。"),
    "about_tieguanyin": ("Half open, half rolled; orchid at first, cream at the end.", "半发酵，入口兰香，回味绵甜。"),
    "about_dahongpao": ("Grown between cliffs, roasted over charcoal: dark, mineral, long.",
                        "生于岩间，炭火慢焙，岩韵悠长。"),
    "about_silver": ("Only buds, only dried. Quiet, sweet, a little like melon.", "只取芽，只晾干，清甜如瓜。"),
    "about_puer": ("Piled, turned and rested for years; earthy and soft, kind to the stomach.",
                   "渥堆陈放多年，醇厚温和。"),
    "about_souchong": ("Dried over pine smoke. Somebody has lit a fire in the forest.", "松烟熏制，像林中的一炉火。"),
    "about_chrysanthemum": ("Young flowers, no tea in it at all. For late evenings.",
                            "采未开的花苞，不含茶，适合夜晚。"),
    "brew": ("How to make it", "冲泡"), "brew_heat": ("Water", "水温"), "brew_leaves": ("Leaves", "茶量"),
    "brew_time": ("First steep", "首泡"), "grams": ("{n} g on 200 ml", "{n} 克 / 200 毫升"),
    "seconds": ("{n} seconds", "{n} 秒"), "per_bag": ("50 g", "50 克"), "left": ("{count} bags left", "余 {count} 袋"),
    "few_left": ("Only {count} left", "仅余 {count} 袋"), "none_left": ("Sold out", "已售罄"),
    "add": ("Add to basket", "加入购物篮"), "add_one": ("Add {tea}", "加入 {tea}"),
    "added": ("{tea} is in your basket.", "{tea} 已放入购物篮。"), "to_basket": ("To the basket", "去购物篮"),
    "quantity": ("Bags", "袋数"), "all_teas": ("All teas", "全部茶叶"),
    # the basket
    "basket": ("Your basket", "购物篮"), "basket_empty": ("Nothing in it yet.", "还是空的。"),
    "look_round": ("Look at the teas", "去看看茶"), "update": ("Update", "更新"), "remove": ("Take out", "移出"),
    "remove_one": ("Take {tea} out", "移出 {tea}"), "quantity_of": ("Bags of {tea}", "{tea} 的袋数"),
    "total": ("Total", "合计"), "how": ("How would you like to pay?", "选择支付方式"), "alipay": ("Alipay", "支付宝"),
    "wechat": ("WeChat Pay", "微信支付"), "about_alipay": ("On Alipay's own page", "在支付宝页面付款"),
    "about_wechat": ("Scan a code with WeChat", "用微信扫码付款"),
    "phone_alipay": ("In the Alipay app", "在支付宝 App 付款"), "phone_wechat": ("In WeChat", "在微信付款"),
    "order": ("Order and pay {money}", "下单并支付 {money}"),
    "order_hint": ("Your teas are set aside for a quarter of an hour while you pay.",
                   "付款期间，茶叶为您保留十五分钟。"),
    "only": ("Only {count} left: please take fewer.", "仅余 {count} 袋，请减少数量。"),
    "refused_sold_out": ("Somebody was quicker: there is not enough {tea} left. Nothing was ordered.",
                         "{tea} 刚被买走，余量不足。没有下单。"),
    "refused_price_changed": ("The prices or your basket have changed. Please look again; nothing was ordered.",
                              "价格或购物篮已有变化，请再看一眼。没有下单。"),
    "refused_empty": ("Your basket is empty. Nothing was ordered.", "购物篮是空的。没有下单。"),
    "refused_way": ("Please choose how to pay. Nothing was ordered.", "请选择支付方式。没有下单。"),
    # orders
    "orders": ("My orders", "我的订单"), "orders_empty": ("No orders yet.", "还没有订单。"),
    "order_number": ("Order {number}", "订单 {number}"), "placed": ("Placed", "下单时间"),
    "paid_by": ("Paid by", "支付方式"), "bags_of": ("{count} bags", "{count} 袋"), "one_bag": ("1 bag", "1 袋"),
    "status": ("Status", "状态"), "what": ("What you ordered", "订购明细"), "details": ("Details", "详情"),
    "is_waiting": ("waiting for payment", "等待付款"), "is_paid": ("paid", "已付款"), "is_packed": ("packed", "已打包"),
    "is_cancelled": ("cancelled", "已取消"), "is_failed": ("not paid", "付款失败"),
    "is_refunding": ("refund under way", "退款中"), "is_partly": ("partly refunded", "部分退款"),
    "is_refunded": ("refunded", "已退款"), "step_ordered": ("Ordered", "下单"), "step_paid": ("Paid", "付款"),
    "step_packed": ("Packed", "打包"), "step_refunded": ("Refunded", "退款"), "step_cancelled": ("Cancelled", "已取消"),
    "step_failed": ("Not paid", "未付款"),
    "head_waiting": ("Your tea is set aside. Now it has to be paid.", "茶已为您留好，请付款。"),
    "head_paid": ("Paid. Your tea is being packed.", "已付款，正在打包。"),
    "head_packed": ("Your parcel is packed.", "包裹已打好。"),
    "head_cancelled": ("This order was cancelled.", "订单已取消。"),
    "head_failed": ("This order was not paid.", "订单未付款。"),
    "head_refunding": ("Your money is on its way back.", "退款正在路上。"),
    "head_partly": ("{money} went back to you.", "已退还 {money}。"),
    "head_refunded": ("All your money went back to you.", "款项已全部退还。"),
    "text_waiting": (("Until {at} UTC it is yours. Nobody needs to stay on this page: the order is kept under "
                      "“My orders”."),
                     "保留到 {at}（UTC）。不必停留在此页：订单在“我的订单”里。"),
    "text_paid": ("The gateway has said so.", "支付网关已确认。"),
    "text_packed": ("Parcel {label}, packed {at} UTC.", "包裹 {label}，打包于 {at}（UTC）。"),
    "text_ended": ("Nothing was paid, and the teas are back on the shelf.", "没有扣款，茶叶已回到货架。"),
    "text_refunding": ("The gateway is moving it; this page tells you when it has arrived.",
                       "网关正在处理，到账后此页会显示。"),
    "text_partly": ("The rest was kept for what you have received.", "其余为您已收到的茶叶款。"),
    "text_refunded": ("Thank you for having tried us.", "感谢惠顾。"), "pay_now": ("Pay {money}", "支付 {money}"),
    "go_pay": ("Continue to {gateway}", "前往{gateway}"), "sandbox_payer": ("Play the payer", "扮演付款人"),
    "sandbox_hint": ("This shop runs on payflow's sandbox: there you are the payer.",
                     "本店运行在 payflow 沙箱上：在那里由您扮演付款人。"),
    "sending": ("The order is on its way to the gateway.", "订单正在发往网关。"), "qr": ("Payment code", "付款码"),
    "cancel": ("Cancel the order", "取消订单"), "again": ("Order the same again", "再来一单"),
    "ask": ("Ask for a refund", "申请退款"), "ask_why": ("What is wrong? (you need not say)", "有什么问题？（可不填）"),
    "ask_send": ("Send", "提交"),
    "asked": ("You asked for a refund. We look at it and answer here.", "您已申请退款，我们会在这里答复。"),
    "declined": ("We cannot refund this order.", "此订单不能退款。"),
    "refund_failed": ("The refund did not go through. We look into it.", "退款没有成功，我们正在处理。"),
    "we_say": ("We say", "我们的答复"),
    # the office
    "office": ("Office", "办公室"), "office_asking": ("They want their money back", "退款申请"),
    "office_asking_none": ("Nobody is waiting for an answer.", "没有待答复的申请。"),
    "office_orders": ("Orders", "订单"), "office_orders_none": ("No orders yet.", "还没有订单。"),
    "office_shelf": ("On the shelf", "货架"), "customer_says": ("The customer says", "客户说"),
    "says_nothing": ("nothing", "没有说明"), "amount": ("Amount in yuan", "金额（元）"),
    "amount_hint": ("empty: all", "留空为全部"), "refund": ("Refund", "退款"),
    "refund_of": ("Refund order {number}", "退款，订单 {number}"), "decline": ("Decline", "拒绝"),
    "decline_of": ("Decline order {number}", "拒绝，订单 {number}"), "why": ("A word to the customer", "给客户的话"),
    "more_bags": ("Bags that came in", "新到袋数"), "put_up": ("Put on the shelf", "上架"),
    "more_of": ("Bags of {tea} that came in", "{tea} 新到袋数"), "door": ("For staff", "员工入口"),
    "name": ("Name", "姓名"), "password": ("Password", "密码"), "enter": ("Sign in", "登录"),
    "leave": ("Sign out", "退出"),
    "door_hint": ("The password was printed when the shop was opened.", "密码在开店时显示在终端里。"),
    "wrong_password": ("That is not right.", "不正确。"),
    "too_many_tries": ("Too many tries. Please wait a minute.", "尝试次数过多，请稍等一分钟。"),
    "column_order": ("Order", "订单"), "column_when": ("Placed (UTC)", "下单（UTC）"), "column_what": ("Teas", "茶叶"),
    "column_total": ("Total", "合计"), "column_status": ("Status", "状态"), "column_do": ("Action", "操作"),
    "column_stock": ("Bags", "袋数"), "column_tea": ("Tea", "茶叶"),
    # refusals
    "refused": ("That did not work", "没有成功"), "not_found": ("There is nothing here", "这里什么也没有"),
    "INVALID_AMOUNT": ("This is not an amount that can be refunded.", "金额不正确。"),
    "REFUND_EXCEEDS_CAPTURED": ("That is more than what is left to refund.", "超过了可退金额。"),
    "NOT_REFUNDABLE": ("There is nothing to refund.", "没有可退的金额。"),
    "TRANSITION_NOT_ALLOWED": ("The order has moved on; that is not possible any more.",
                               "订单状态已改变，不能再这样操作。"),
    "INVALID_KEY": ("This form is too old. Please load the page again.", "表单已过期，请刷新页面。"),
    "IDEMPOTENCY_CONFLICT": ("This form was sent before with something else. Please load the page again.",
                             "这张表单已提交过其他内容，请刷新页面。"),
}  # fmt: skip

#: How each tea is made: degrees, grams for 200 ml, seconds of the first steep.
BREWING = {
    "longjing": (80, 3, 90), "jasmine": (80, 3, 120), "tieguanyin": (95, 5, 45), "dahongpao": (98, 6, 30),
    "silver": (85, 4, 150), "puer": (100, 5, 20), "souchong": (95, 4, 60), "chrysanthemum": (100, 3, 180),
}  # fmt: skip


def language() -> str:
    """``en`` or ``zh``: what the visitor chose, else what the browser asks for."""
    chosen = request.args.get("lang") or request.cookies.get("lang")
    return chosen if chosen and chosen in LANGUAGES else preferred(request.headers.get("Accept-Language", ""))


def say(key: str, /, **facts: Any) -> str:
    """A text in the visitor's language; what is not in the list is shown as it is."""
    texts = TEXTS.get(key)
    text = key if texts is None else texts[language() == "zh"]
    return text.format(**facts) if facts else text
