"""What ``payflow demo`` says, in English and Chinese."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "title": ("The story of one coffee", "一杯咖啡的故事"),
    "lead": (
        "A real flow over SQLite and the mock gateway. No network, no account, no money. Every ✓ was checked.",
        "真实的流程，基于 SQLite 和模拟网关。没有网络，没有账户，没有钱。每个 ✓ 都经过检验。",
    ),
    "untrue": ("This should be true and is not: {text}", "这句话本应为真，却不是：{text}"),
    "order": ("Somebody orders a latte for 25.00 CNY", "有人点了一杯 25.00 元的拿铁"),
    "ordered": ("payment {id} is {status}: ordered, awaiting payment", "支付 {id} 处于 {status}：已下单，等待付款"),
    "not_sent": (
        "'order_coffee' is not a trusted action: a person has to confirm, and the gateway knows of {orders} orders",
        "'order_coffee' 不是受信任的操作：需要有人确认，网关那边有 {orders} 个订单",
    ),
    "confirm": ("A person confirms, with a token that works once", "有人用只能使用一次的令牌确认"),
    "refused_token": ("a changed token: {code}", "被改动的令牌：{code}"),
    "confirmed": (
        "the right one: the payment is {status}, and the payer is shown a {kind} code",
        "正确的令牌：支付变为 {status}，向付款人展示 {kind} 码",
    ),
    "used_token": ("the same token again: {code}", "再次使用同一令牌：{code}"),
    "pay": ("The payer scans and pays", "付款人扫码付款"),
    "not_told": (
        "nobody has told us yet, so the payment is still {status}: a payment is paid when its gateway says so",
        "还没有人通知我们，支付仍为 {status}：网关说已付才算已付",
    ),
    "callback": ("The gateway calls back, twice", "网关回调了两次"),
    "acknowledged": (
        "answers: “{first}” and “{again}”, each after its commit",
        "答复：“{first}”和“{again}”，都在提交之后",
    ),
    "booked_once": (
        "one fact, stated {repeats} time more: captured {money}, booked {booked} time",
        "同一个事实，又陈述了 {repeats} 次：收款 {money}，记账 {booked} 次",
    ),
    "forge": ("Somebody changes one number in a callback", "有人改动了回调里的一个数字"),
    "forged": ("{code}: {said}", "{code}：{said}"),
    "nothing_written": (
        "nothing was written: the payment is still at version {version}",
        "没有写入任何东西：支付仍是版本 {version}",
    ),
    "worker": ("The worker tells the barista", "工作进程通知咖啡师"),
    "one_cup": (
        "{delivered} messages delivered in order, {cups} cup made",
        "按顺序送达 {delivered} 条消息，做了 {cups} 杯",
    ),
    "nothing_left": (
        "another round delivers {delivered}: nothing is told twice",
        "再来一轮，送达 {delivered} 条：不会重复通知",
    ),
    "repeat": ("The order is sent again, because the line was bad", "网络不好，订单又发来一次"),
    "replayed": ("same key, same request: the same payment, {status}", "相同的键，相同的请求：同一笔支付，{status}"),
    "conflict": ("same key, another amount: {code}", "相同的键，不同的金额：{code}"),
    "refund": ("The milk was sour", "牛奶酸了"),
    "part": ("{back} goes back: {status}", "退回 {back}：{status}"),
    "too_much": ("one fen more than what is left: {code}", "比剩余多退一分钱：{code}"),
    "all": ("the rest goes back: {status}, {back} in all", "退回剩下的：{status}，共 {back}"),
    "illegal": ("Can a refunded payment be paid?", "已退款的支付还能再付吗？"),
    "no_cell": ("refunded → paid: {code}", "refunded → paid：{code}"),
    "old_news": (
        "all {count} callbacks so far come once more, are acknowledged, and move nothing: {status}",
        "至今的 {count} 个回调再来一遍，都得到确认，状态不变：{status}",
    ),
    "double": ("The payer pays a second time at the gateway", "付款人在网关又付了一次"),
    "incident": (
        "genuine, and refused by the table, so it is kept as an incident ({kind}); the payment stays {status}",
        "消息是真的，但状态表拒绝，于是记为事件（{kind}）；支付仍为 {status}",
    ),
    "returned": (
        "the policy 'refund' sends that money back by itself: the gateway has returned {money}",
        "策略 'refund' 自动退回这笔钱：网关共退回 {money}",
    ),
    "usual": ("A regular orders the usual", "老顾客点了老样子"),
    "trusted": (
        "'reorder_usual' is trusted up to {ceiling} a cup: 22.00 goes straight to the gateway, {status}",
        "'reorder_usual' 受信任，每杯不超过 {ceiling}：22.00 直接发送到网关，{status}",
    ),
    "over": ("one fen above that ceiling a person is asked again: {status}", "超过限额一分钱，就又要问人：{status}"),
    "doctor": ("The doctor looks at all of it", "最后全面检查"),
    "healthy": ("{count} invariants hold", "{count} 条不变式全部成立"),
    "trace": ("The whole story, as payflow remembers it", "payflow 记住的整个经过"),
    "trace_note": ("payflow trace {id}", "payflow trace {id}"),
    "end": ("{truths} truths checked in {seconds} s.", "{seconds} 秒内检验了 {truths} 个事实。"),
    "next": (
        "Next: 'make run' opens the coffee shop in a browser; 'payflow table' prints the tables.",
        "接下来：'make run' 在浏览器里打开咖啡店；'payflow table' 打印状态表。",
    ),
}
