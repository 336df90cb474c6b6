"""What the pages say, in English and Chinese. The English text is the key; states have keys of their own."""

from __future__ import annotations

from dataclasses import dataclass

STATES = {
    "prepared": ("not opened yet", "尚未打开"), "waiting": ("waiting", "等待中"),
    "paying": ("entering password", "输入密码中"),
    "paid": ("paid", "已支付"), "failed": ("failed", "支付失败"), "closed": ("closed", "已关闭"),
    "reversed": ("reversed", "已撤销"), "finished": ("finished", "已完结"), "processing": ("under way", "处理中"),
    "succeeded": ("succeeded", "成功"), "abnormal": ("abnormal", "异常"), "delivered": ("delivered", "已送达"),
    "given_up": ("given up", "已放弃"), "lost": ("lost", "丢失"),
}  # fmt: skip

#: What each fault does, in Chinese; in English it is said where it is made.
FAULTS_ZH = {
    "delay": "`value` 秒后才应答（1）",
    "drop_before": "断开连接，什么也没做",
    "drop_after": "照做，然后不应答就断开连接",
    "busy": "请求过多（微信支付 429，支付宝 40005），什么也没做",
    "system_error": "对方系统错误，什么也没做",
    "system_error_after": "照做，然后应答系统错误",
    "bad_gateway": "502 和一页 HTML，什么也没做",
    "bad_gateway_after": "照做，然后应答 502 和一页 HTML",
    "bad_signature": "照做，应答用另一把密钥签名",
    "signtest": "照做，应答带故意的错误签名，如微信支付的探测流量",
    "unsigned": "照做，应答没有签名",
    "malformed": "照做，应答从中间截断",
    "slow_bytes": "照做，应答每秒只来 `value` 个字节（1）",
    "flapping": "`value` 秒正常、`value` 秒断开，如此反复（10）",
    "stale_query": "查询时仍答未支付",
    "wrong_amount": "应答的金额多一分",
    "late_payment": "订单关闭 `value` 秒后付款人付了款（1）",
    "double_payment": "付款人付了两次，第二次另有单号",
    "refund_abnormal": "退款到不了付款人账户",
    "refund_closed": "退款未退即关闭",
    "refund_slow": "退款要处理 `value` 秒（60）",
    "refund_refused": "商户余额不足",
    "pays_by_itself": "下单 `value` 秒后付款人自己付款（0）",
    "callback_lost": "通知从不发出",
    "callback_late": "通知晚 `value` 秒发出（60）",
    "callback_duplicate": "通知多发 `value` 次（1）",
    "callback_reordered": "通知等该订单的另一条先发，最多等 `value` 秒（5）",
    "callback_bad_signature": "通知用另一把密钥签名，仅一次，重发的是真的",
    "callback_signtest": "通知带故意的错误签名，仅一次，重发的是真的",
    "callback_wrong_amount": "通知里的金额多一分",
}

ZH = {
    "What each of them does": "每种故障的作用",
    "every one": "所有订单",
    "its default": "默认值",
    "Dashboard": "总览",
    "Set up a client": "接入设置",
    "Pages": "页面",
    "Skip to the content": "跳到正文",
    "Sandbox: nothing here is real, and no money moves.": "沙箱：一切都是模拟的，不会有任何资金变动。",
    "There is nothing here": "这里没有内容",
    "Back to the dashboard": "返回总览",
    "Not possible": "无法操作",
    "Alipay": "支付宝",
    "WeChat Pay": "微信支付",
    "You pay": "应付金额",
    "Paid": "已支付",
    "To the merchant": "收款商户",
    "For": "商品",
    "Order number": "商户订单号",
    "Time left": "剩余时间",
    "Pay {amount}": "支付 {amount}",
    "Decline": "拒绝付款",
    "Let it expire": "让订单超时",
    "Enter the password": "输入密码",
    "Back to the merchant": "返回商家",
    "The parts of this payment": "合单明细",
    "Without a description": "无描述",
    "The payment has been made.": "支付成功。",
    "This order is closed.": "订单已关闭。",
    "The time to pay is over.": "支付时间已过。",
    "The payment failed.": "支付失败。",
    "This order was reversed.": "订单已撤销。",
    "The bank declined. You can try again.": "银行拒绝了付款，您可以再试一次。",
    "The payer is entering the password.": "付款人正在输入密码。",
    "What the payer does": "付款人的操作",
    "There is no such order": "没有这个订单",
    "It is paid already": "订单已支付",
    "It is finished": "订单已完结",
    "It is closed": "订单已关闭",
    "Its time is over": "订单已超时",
    "The payment failed": "支付失败",
    "It was reversed": "订单已撤销",
    "It cannot be done now": "现在不能这样操作",
    "Several merchants have an order of this number: say merchant=": "有多个商户使用此订单号：请用 merchant= 指明",
    "See the order on the dashboard": "在总览中查看此订单",
    "The merchant gave no address to return to.": "商户没有提供返回地址。",
    "Orders": "订单",
    "Callbacks": "通知",
    "Calls": "调用",
    "Faults": "故障",
    "Clock": "时钟",
    "Certificates": "证书",
    "Refunds": "退款",
    "live": "实时",
    "Older": "更早",
    "Newest": "最新",
    "No order yet. Point a client here: {setup}": "还没有订单。把客户端指向这里：{setup}",
    "see how": "查看方法",
    "No callback yet.": "还没有通知。",
    "No call yet.": "还没有调用。",
    "Nothing goes wrong at the moment.": "目前没有安排故障。",
    "Cashier": "收银台",
    "Refunded": "已退款",
    "Time": "时间",
    "Gateway": "网关",
    "Operation": "操作",
    "Order": "订单",
    "Answer": "应答",
    "State": "状态",
    "Tries": "次数",
    "Address": "地址",
    "Send now": "立即发送",
    "What": "内容",
    "no answer": "无应答",
    "Took": "耗时",
    "What should go wrong": "出什么故障",
    "either": "任意",
    "any": "任意",
    "How often": "次数",
    "always": "一直",
    "Probability": "概率",
    "Value": "数值",
    "Order this fault": "安排故障",
    "Take back": "撤回",
    "-1: always": "-1：一直",
    "left": "剩余",
    "Beijing time": "北京时间",
    "Speed": "速度",
    "ahead": "快进了",
    "{n} s": "{n} 秒",
    "{n} min": "{n} 分",
    "{n} h": "{n} 小时",
    "{n} d": "{n} 天",
    "+1 min": "+1 分钟",
    "+1 h": "+1 小时",
    "+1 d": "+1 天",
    "Set": "设定",
    "times real time": "倍速",
    "Do what is due now": "立即处理到期事项",
    "Go over to the next one: {gateway}": "更换{gateway}证书",
    "Clients must fetch or be given the next certificate.": "客户端须下载或换上下一张证书。",
    "What clients ask": "客户端的调用",
    "What is told to merchants": "发给商户的通知",
    "Order {number}": "订单 {number}",
    "The merchant's number": "商户单号",
    "Its own number": "平台单号",
    "Merchant": "商户",
    "App": "应用",
    "Product": "产品",
    "Payer": "付款人",
    "Told at": "通知地址",
    "Returns to": "返回地址",
    "Ordered at": "下单时间",
    "Expires at": "失效时间",
    "Paid at": "支付时间",
    "Closed at": "关闭时间",
    "Part of": "所属合单",
    "Open the cashier": "打开收银台",
    "Scan to pay": "扫码付款",
    "Let it succeed": "置为成功",
    "Let it be abnormal": "置为异常",
    "Let it be closed": "置为关闭",
    "No refund.": "没有退款。",
    "Late payment": "关单后付款",
    "Open": "打开",
    "ordered": "下单",
    "opened": "打开",
    "paid": "支付",
    "closed": "关闭",
    "failed": "失败",
    "reversed": "撤销",
    "refund": "退款",
    "told: {what}": "通知：{what}",
    "tries: {n}": "{n} 次",
    "{n} more": "另 {n} 项",
    "expires": "失效",
    "Address of this sandbox": "沙箱地址",
    "Test accounts": "测试账号",
    "Key files": "密钥文件",
    "Copy": "复制",
    "Copied": "已复制",
    "Choose your language": "选择语言",
    "Which setting": "用哪个设置",
    "Mode": "模式",
    "key": "公钥模式",
    "certificate": "证书模式",
    "public_key": "微信支付公钥",
    "both": "两者并用（切换期）",
    "Install": "安装",
    "A ready payflow.json": "现成的 payflow.json",
    "Made by this sandbox for itself, private keys too: they open nothing else. Never put a real key here.": (
        "全部由本沙箱自行生成，私钥也是，只能用于本沙箱。切勿在这里使用真实密钥。"
    ),
    "The sandbox speaks plain http and answers on loopback only, unless it was told otherwise.": (
        "沙箱使用明文 http，默认只在本机回环地址应答。"
    ),
    "These files in the folder": "把这些文件放入目录",
    "The payer pays here": "付款人在这里付款",
    "Callbacks go to any address of this machine.": "通知可发往本机的任何地址。",
    "Every account of a gateway shares one merchant key.": "同一网关的各账号共用一把商户私钥。",
    "Certificate serial": "证书序列号",
    "Public key id": "公钥 ID",
    "APIv3 key": "APIv3 密钥",
}


@dataclass(frozen=True, slots=True)
class Speech:
    """Says things in one language: ``en`` or ``zh``."""

    lang: str

    def __call__(self, text: str, **values: object) -> str:
        """The text in this language, with values in its braces."""
        kind, _, state = text.partition(":")
        if kind == "state" and state in STATES:
            return STATES[state][self.lang == "zh"]
        said = ZH.get(text, text) if self.lang == "zh" else text
        return said.format(**values) if values else said

    def fault(self, kind: str, english: str) -> str:
        """What a fault does."""
        return FAULTS_ZH.get(kind, english) if self.lang == "zh" else english

    @property
    def other(self) -> str:
        """The other language."""
        return "en" if self.lang == "zh" else "zh"

    @property
    def other_name(self) -> str:
        """What the other language calls itself."""
        return "English" if self.lang == "zh" else "中文"

    @property
    def html_lang(self) -> str:
        """For the ``lang`` of a page."""
        return "zh-CN" if self.lang == "zh" else "en"
