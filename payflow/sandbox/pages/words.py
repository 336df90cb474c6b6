"""What the pages say, in English and Chinese. The English text is the key; states have keys of their own."""

from __future__ import annotations

from dataclasses import dataclass

STATES = {
    "prepared": ("not opened yet", "尚未打开"), "waiting": ("waiting", "等待中"), "paying": ("entering password", "输入密码中"),
    "paid": ("paid", "已支付"), "failed": ("failed", "支付失败"), "closed": ("closed", "已关闭"),
    "reversed": ("reversed", "已撤销"), "finished": ("finished", "已完结"), "processing": ("under way", "处理中"),
    "succeeded": ("succeeded", "成功"), "abnormal": ("abnormal", "异常"), "delivered": ("delivered", "已送达"),
    "given_up": ("given up", "已放弃"), "lost": ("lost", "丢失"),
}  # fmt: skip

ZH = {
    # all pages
    "Dashboard": "总览", "Set up a client": "接入设置", "Pages": "页面", "Skip to the content": "跳到正文",
    "Sandbox: nothing here is real, and no money moves.": "沙箱:一切都是模拟的,不会有任何资金变动。",
    "There is nothing here": "这里没有内容", "Back to the dashboard": "返回总览", "Not possible": "无法操作",
    # cashier
    "Pay an order": "支付订单", "Alipay": "支付宝", "WeChat Pay": "微信支付", "You pay": "应付金额", "Paid": "已支付",
    "To the merchant": "收款商户", "For": "商品", "Order number": "商户订单号", "Time left": "剩余时间",
    "Pay {amount}": "支付 {amount}", "Decline": "拒绝付款", "Let it expire": "让订单超时", "Enter the password": "输入密码",
    "Back to the merchant": "返回商家", "The parts of this payment": "合单明细", "Without a description": "无描述",
    "The payment has been made.": "支付成功。", "This order is closed.": "订单已关闭。",
    "The payment failed.": "支付失败。", "This order was reversed.": "订单已撤销。",
    "The bank declined. You can try again.": "银行拒绝了付款,您可以再试一次。",
    "The payer is entering the password.": "付款人正在输入密码。", "What the payer does": "付款人的操作",
    "There is no such order": "没有这个订单", "It is paid already": "订单已支付", "It is finished": "订单已完结",
    "It is closed": "订单已关闭", "Its time is over": "订单已超时", "The payment failed": "支付失败",
    "It was reversed": "订单已撤销", "It cannot be done now": "现在不能这样操作",
    "Several merchants have an order of this number: say merchant=": "有多个商户使用此订单号:请用 merchant= 指明",
    "See the order on the dashboard": "在总览中查看此订单", "The merchant gave no address to return to.": "商户没有提供返回地址。",
    # dashboard
    "Orders": "订单", "Callbacks": "通知", "Calls": "调用", "Faults": "故障", "Clock": "时钟", "Certificates": "证书",
    "Refunds": "退款", "live": "实时", "Older": "更早", "Newest": "最新", "all": "全部",
    "No order yet. Point a client here: {setup}": "还没有订单。把客户端指向这里:{setup}",
    "see how": "查看方法", "No callback yet.": "还没有通知。", "No call yet.": "还没有调用。",
    "Nothing goes wrong at the moment.": "目前没有安排故障。", "Cashier": "收银台", "Refunded": "已退款",
    "Time": "时间", "Gateway": "网关", "Operation": "操作", "Order": "订单", "Answer": "应答", "State": "状态",
    "Tries": "次数", "Address": "地址", "Send now": "立即发送", "What": "内容", "no answer": "无应答", "Took": "耗时",
    "What should go wrong": "出什么故障", "either": "任意", "any": "任意", "How often": "次数", "always": "一直",
    "Probability": "概率", "Value": "数值", "Order this fault": "安排故障", "Take back": "撤回",
    "Empty: every order": "留空:所有订单", "Empty: its default": "留空:默认值", "-1: always": "-1:一直",
    "Calls (kind)": "调用", "left": "剩余", "Beijing time": "北京时间", "Speed": "速度", "ahead": "快进了",
    "{n} s": "{n} 秒", "{n} min": "{n} 分", "{n} h": "{n} 小时", "{n} d": "{n} 天",
    "Forward by a minute": "快进一分钟", "by an hour": "一小时", "by a day": "一天", "Set": "设定", "times real time": "倍真实时间",
    "Seconds": "秒", "Advance": "快进", "Do what is due now": "立即处理到期事项",
    "Go over to the next one: {gateway}": "更换{gateway}证书", "Clients must fetch or be given the next certificate.":
    "客户端须下载或换上下一张证书。", "What clients ask": "客户端的调用", "What is told to merchants": "发给商户的通知",
    "Things that go wrong": "故障安排",
    # an order
    "Order {number}": "订单 {number}", "The merchant's number": "商户单号", "Its own number": "平台单号", "Merchant": "商户",
    "App": "应用", "Product": "产品", "Amount": "金额", "Payer": "付款人", "Told at": "通知地址", "Returns to": "返回地址",
    "Ordered at": "下单时间", "Expires at": "失效时间", "Paid at": "支付时间", "Closed at": "关闭时间",
    "Part of": "所属合单", "Open the cashier": "打开收银台", "Scan to pay": "扫码付款",
    "Let it succeed": "置为成功", "Let it be abnormal": "置为异常", "Let it be closed": "置为关闭", "No refund.": "没有退款。",
    "Late payment": "关单后付款", "Open": "打开", "What happened": "经过", "Reason": "原因",
    # timeline
    "ordered": "下单", "opened": "打开", "paid": "支付", "closed": "关闭", "failed": "失败", "reversed": "撤销",
    "refund": "退款", "told: {what}": "通知:{what}", "tries: {n}": "{n} 次", "{n} more": "另 {n} 项", "expires": "失效",
    # setup
    "Address of this sandbox": "沙箱地址", "Test accounts": "测试账号", "Key files": "密钥文件", "Copy": "复制", "Copied": "已复制",
    "Download": "下载", "Choose your language": "选择语言", "Which setting": "用哪个设置",
    "This SDK has no setting for the address.": "此 SDK 没有设置地址的选项。", "Account": "账号", "Mode": "模式",
    "key": "公钥模式", "certificate": "证书模式", "public_key": "微信支付公钥", "both": "两者并用(切换期)",
    "Install": "安装", "A ready payflow.json": "现成的 payflow.json", "Its source": "出处",
    "Made by this sandbox for itself, private keys too: they open nothing else. Never put a real key here.":
    "全部由本沙箱自行生成,私钥也是,只能用于本沙箱。切勿在这里使用真实密钥。",
    "The sandbox speaks plain http and answers on loopback only, unless it was told otherwise.":
    "沙箱使用明文 http,默认只在本机回环地址应答。",
    "These files in the folder": "把这些文件放入目录", "The payer pays here": "付款人在这里付款",
    "Callbacks go to any address of this machine.": "通知可发往本机的任何地址。",
    "Every account of a gateway shares one merchant key.": "同一网关的各账号共用一把商户私钥。",
    "Certificate serial": "证书序列号", "Public key id": "公钥 ID", "APIv3 key": "APIv3 密钥",
}  # fmt: skip


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


def chosen(accepted: str) -> str:
    """``en`` or ``zh``, whichever ``Accept-Language`` likes better."""
    best, lang = 0.0, "en"
    for part in accepted[:400].split(","):
        name, _, weight = part.strip().lower().partition(";q=")
        try:
            quality = float(weight or 1)
        except ValueError:
            continue
        if name.partition("-")[0] in ("en", "zh") and quality > best:
            best, lang = quality, name.partition("-")[0]
    return lang
