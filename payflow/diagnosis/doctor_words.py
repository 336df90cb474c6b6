"""What ``payflow doctor gateways`` says about an account before anything is sent: keys, certificates, addresses."""

from __future__ import annotations

from .findings import Severity, Word

_OK, _WARNING, _ERROR = Severity.OK, Severity.WARNING, Severity.ERROR

#: code → its sentences.
DOCTOR: dict[str, Word] = {
    # -- the config and its keys ------------------------------------------------------------------------------------
    "CONFIG_REFUSED": Word(
        _ERROR,
        "The config is refused ({config_code}): {why}. Repair it first; `payflow check` shows all of it.",
        "配置被拒绝（{config_code}）：{why}。请先修正；`payflow check` 会列出全部问题。",
    ),
    "NOTHING_TO_CHECK": Word(
        _OK,
        "This is a {kind} account: it has no keys or addresses of Alipay or WeChat Pay to look at.",
        "这是 {kind} 账户：没有支付宝或微信支付的密钥和地址需要检查。",
    ),
    "GATEWAY_REFUSED": Word(
        _ERROR,
        "payflow cannot open this account ({config_code}): {why}.",
        "payflow 无法打开此账户（{config_code}）：{why}。",
    ),
    "KEY_UNREADABLE": Word(
        _ERROR,
        "{option} ({where}) cannot be used: {why}. Take the file from the console again, and copy all of its lines.",
        "{option}（{where}）无法使用：{why}。请从商户平台重新获取，并完整复制每一行。",
    ),
    "KEYS_LOADED": Word(_OK, "{count} keys load, each where it belongs.", "{count} 个密钥均可读取，且位置正确。"),
    "OWN_KEY_AS_THEIRS": Word(
        _ERROR,
        "{theirs} is your own public key (it belongs to {own}), so nothing {gateway} signs can be verified. Put the "
        "key that the console shows as {gateway}'s there, not the one you uploaded.",
        "{theirs} 填的是您自己的公钥（与 {own} 成对），因此无法验证{gateway}的任何签名。请填控制台中显示的"
        "{gateway}公钥，"
        "而不是您上传的公钥。",
    ),
    "OWN_CERTIFICATE_AS_THEIRS": Word(
        _ERROR,
        "{theirs} is your own certificate ({own}), not one of {gateway}. Yours identifies you; put the one there that "
        "{gateway} signs with.",
        "{theirs} 填的是您自己的证书（{own}），不是{gateway}的证书。您的证书只证明您的身份；此处应填{gateway}用来签"
        "名的证书。",
    ),
    "SAME_KEY_BOTH_SIDES": Word(
        _ERROR,
        "{theirs} and {own} are over the same key: one of them stands on the wrong side. The two sides never share "
        "a key.",
        "{theirs} 与 {own} 是同一个密钥：其中一个填错了位置。双方绝不会共用密钥。",
    ),
    "THEIR_CERTIFICATE_AS_OWN": Word(
        _ERROR,
        "{own} is a certificate of {gateway} (the same as {theirs}), not yours. Download your own certificate again.",
        "{own} 填的是{gateway}的证书（与 {theirs} 相同），不是您的证书。请重新下载您自己的证书。",
    ),
    "CERTIFICATE_NOT_OF_KEY": Word(
        _ERROR,
        "{private} does not belong to {certificate}: requests would be signed with another key than the one {gateway} "
        "looks up. Use the pair that was made together.",
        "{private} 与 {certificate} 不成对：请求会用另一个密钥签名，{gateway}无法验证。请使用一起生成的密钥和证书。",
    ),
    "SERIAL_NOT_OF_CERTIFICATE": Word(
        _ERROR,
        "certificate_serial is not the serial of certificate, which is {serial}. Leave certificate_serial out.",
        "certificate_serial 不是 certificate 的序列号（应为 {serial}）。可直接去掉 certificate_serial。",
    ),
    "PLATFORM_SERIAL_AS_OWN": Word(
        _ERROR,
        "certificate_serial is the serial of {theirs}, a certificate of WeChat Pay; the serial of your own merchant "
        "certificate belongs there.",
        "certificate_serial 填的是微信支付平台证书 {theirs} 的序列号；此处应填您的商户 API 证书序列号。",
    ),
    "CERTIFICATE_OF_OTHER_MERCHANT": Word(
        _WARNING,
        "{option} was issued to merchant {merchant}, and this account is merchant {ours}.",
        "{option} 是签发给商户 {merchant} 的，而本账户的商户号是 {ours}。",
    ),
    "OTHER_ACCOUNTS_OWN_KEY": Word(
        _ERROR,
        "{theirs} is the own key of account '{other}' ({own}), not a key of {gateway}.",
        "{theirs} 是账户“{other}”自己的密钥（{own}），不是{gateway}的密钥。",
    ),
    "KEY_SHARED": Word(
        _WARNING,
        "{option} is also the private key of account '{other}': whoever gets one of them has both. Make one for each.",
        "{option} 与账户“{other}”的私钥相同：泄露一个即泄露两个。请为每个账户单独生成。",
    ),
    # -- certificates -----------------------------------------------------------------------------------------------
    "CERTIFICATE_VALID": Word(
        _OK,
        "{option} ({name}) is valid for {days} more days.",
        "{option}（{name}）还有 {days} 天有效期。",
    ),
    "CERTIFICATE_EXPIRES_SOON": Word(
        _WARNING,
        "{option} ({name}) expires in {days} days. Apply for the next one now and keep both until it does.",
        "{option}（{name}）将在 {days} 天后过期。请立即申请新证书，并在过期前同时保留两者。",
    ),
    "CERTIFICATE_EXPIRED": Word(
        _ERROR,
        "{option} ({name}) expired {days} days ago. Replace it.",
        "{option}（{name}）已过期 {days} 天。请更换。",
    ),
    "CERTIFICATE_NOT_YET_VALID": Word(
        _ERROR,
        "{option} ({name}) becomes valid in {days} days. If it is new, our clock is wrong; otherwise keep the old one "
        "until then.",
        "{option}（{name}）要到 {days} 天后才生效。若是新证书，说明本机时钟有误；否则请在生效前继续使用旧证书。",
    ),
    "ROOT_UNUSABLE": Word(
        _ERROR,
        "alipay_root_certificate holds no root that can be used: {why}. Download alipayRootCert.crt again.",
        "alipay_root_certificate 中没有可用的根证书：{why}。请重新下载 alipayRootCert.crt。",
    ),
    "ROOT_NOT_ALIPAYS": Word(
        _ERROR,
        "alipay_root_certificate is not Alipay's own root file (its name is {name}). Download alipayRootCert.crt "
        "again; "
        "if Alipay has new roots, give their names as alipay_root_cert_sn.",
        "alipay_root_certificate 不是支付宝官方根证书文件（其序列名为 {name}）。请重新下载 alipayRootCert.crt；"
        "若支付宝更换了根证书，请在 alipay_root_cert_sn 中写明。",
    ),
    "CERTIFICATE_CHAIN": Word(
        _ERROR,
        "alipay_certificate does not lead to a root of alipay_root_certificate: {why}. Download both from the same "
        "app, and keep all certificates of the file.",
        "alipay_certificate 无法追溯到 alipay_root_certificate 中的根证书：{why}。请从同一应用下载两者，并保留文件"
        "中的全部证书。",
    ),
    "CHAIN_HOLDS": Word(
        _OK,
        "alipay_certificate leads to a root of alipay_root_certificate.",
        "alipay_certificate 可追溯到 alipay_root_certificate 中的根证书。",
    ),
    # -- sandbox and production -------------------------------------------------------------------------------------
    "SANDBOX_IN_PRODUCTION": Word(
        _ERROR,
        "environment is production, and this is a sandbox account: payments would be called paid, and no money moves.",
        "environment 为 production，但这是沙箱账户：支付会显示成功，却没有真实资金。",
    ),
    "SANDBOX_ADDRESS": Word(
        _ERROR,
        "environment is production, and requests go to {host}, which is a sandbox. Take base_url out.",
        "environment 为 production，但请求发往沙箱地址 {host}。请去掉 base_url。",
    ),
    "SANDBOX_KEYS": Word(
        _ERROR,
        "{option} is a sandbox key ({why}), and this account is not marked as a sandbox.",
        "{option} 是沙箱密钥（{why}），但本账户未标记为沙箱。",
    ),
    "SANDBOX_MEANS_PRODUCTION": Word(
        _ERROR,
        "This account says sandbox, but its requests go to {host}: real money moves. Take sandbox out, or give the "
        "base_url of a sandbox.",
        "本账户标记为沙箱，但请求发往 {host}：会产生真实资金。请去掉 sandbox，或将 base_url 设为沙箱地址。",
    ),
    "PRODUCTION_HOST_IN_DEVELOPMENT": Word(
        _WARNING,
        "environment is {environment}, and requests go to {host}: real money moves from here.",
        "environment 为 {environment}，但请求发往 {host}：这里会产生真实资金。",
    ),
    "PLACE_FITS": Word(_OK, "Address, keys and environment ({environment}) fit together.",
                   "地址、密钥与环境（{environment}）一致。"),
    # -- the callback address ---------------------------------------------------------------------------------------
    "CALLBACK_MISSING": Word(
        _ERROR,
        "callbacks.base_url is not set: {gateway} cannot be told where to call back. Set it to the https address of "
        "your site.",
        "未设置 callbacks.base_url：无法告知{gateway}回调地址。请设为您网站的 https 地址。",
    ),
    "CALLBACK_MALFORMED": Word(
        _ERROR,
        "The callback address {url} is not an address.",
        "回调地址 {url} 不是有效地址。",
    ),
    "CALLBACK_HTTP": Word(
        _ERROR,
        "The callback address {url} is plain http: anybody on the way reads it, and WeChat Pay refuses it. Use https.",
        "回调地址 {url} 使用 http：途经的任何人都能读取，微信支付也会拒绝。请使用 https。",
    ),
    "CALLBACK_QUERY": Word(
        _ERROR,
        "The callback address {url} has a query or a fragment, which WeChat Pay refuses and Alipay's signatures do "
        "not cover. Take it away.",
        "回调地址 {url} 带有参数或锚点：微信支付会拒绝，支付宝签名也不包含它。请去掉。",
    ),
    "CALLBACK_PRIVATE": Word(
        _ERROR,
        "The callback address leads to {address}, which is not reachable from the internet: {gateway} never gets "
        "there. Use a public address or a tunnel.",
        "回调地址指向 {address}，从互联网无法访问：{gateway}永远无法回调。请使用公网地址或内网穿透。",
    ),
    "CALLBACK_NUMERIC": Word(
        _WARNING,
        "The callback address {url} has no name but a number; WeChat Pay refuses such addresses.",
        "回调地址 {url} 使用 IP 而不是域名；微信支付会拒绝。",
    ),
    "CALLBACK_UNRESOLVED": Word(
        _ERROR,
        "The name {host} of the callback address is not found in the DNS. Look at its spelling and its records.",
        "DNS 中找不到回调地址的域名 {host}。请检查拼写和解析记录。",
    ),
    "CALLBACK_PATH": Word(
        _ERROR,
        "The callback address {url} does not end in {path}, where payflow takes callbacks of this account.",
        "回调地址 {url} 不以 {path} 结尾，而 payflow 在此路径接收该账户的回调。",
    ),
    "CALLBACK_PATH_TWICE": Word(
        _WARNING,
        "The callback address {url} has {path} in it twice: callbacks.base_url is the address of your site, the path "
        "is added to it.",
        "回调地址 {url} 中 {path} 出现两次：callbacks.base_url 只写网站地址，路径会自动追加。",
    ),
    "CALLBACK_RIGHT": Word(_OK, "Callbacks come to {url}.", "回调地址为 {url}。"),
    # -- this machine -----------------------------------------------------------------------------------------------
    "HOST_ZONE": Word(
        _OK,
        "This machine's zone is {zone} ({offset}). It need not be Beijing's: payflow signs Beijing time whatever the "
        "zone.",
        "本机时区为 {zone}（{offset}）。无需是北京时区：payflow 始终以北京时间签名。",
    ),
}  # fmt: skip

#: Why a key does not load: what ``payflow.signing`` says → Chinese.
WHY_CHINESE = (
    ("is protected by a password", "有密码保护；请使用无密码的密钥，并限制文件权限"),
    ("is larger than any key", "内容过大，不可能是密钥"),
    ("is empty", "内容为空"),
    ("it must hold one", "含有多个密钥，只能有一个"),
    ("is a PEM text whose base64 lines cannot be read", "是 PEM 文本，但 base64 内容损坏"),
    ("is a PEM text that is cut off", "PEM 文本不完整，或换行被破坏"),
    ("is neither PEM, nor DER, nor one line of base64", "既不是 PEM 或 DER，也不是一行 base64"),
    ("is a private key, and a public one is needed", "是私钥，而此处需要公钥"),
    ("is a private key", "是私钥，放错了位置"),
    ("is a public key, and a private one is needed", "是公钥，而此处需要私钥"),
    ("is a public key", "是公钥，放错了位置"),
    ("is a certificate over a key of an unknown kind", "证书的密钥类型无法识别"),
    ("is a certificate", "是证书，放错了位置"),
    ("is not an RSA key", "不是 RSA 密钥"),
    ("does not hold a private key", "不包含可读取的私钥"),
    ("does not hold a public key", "不包含可读取的公钥"),
    ("does not hold a certificate", "不包含可读取的证书"),
    (" bits; it needs", "密钥长度不符合要求（需 2048 至 8192 位）"),
    ("is not valid now", "当前不在有效期内"),
    ("does not lead to one of the roots", "不是由这些根证书签发的"),
    ("is not one that signs messages", "不是用于签名的证书"),
    ("holds a certificate that is no root", "含有非根证书"),
    ("holds no certificate", "不含证书"),
    ("No certificate at", "没有可读取的证书"),
    ("There is no RSA root", "不含 RSA 根证书"),
    ("a sandbox moves no money", "沙箱没有真实资金，生产环境不允许"),
    ("the mock gateway moves no money", "模拟网关没有真实资金，生产环境不允许"),
    ("is plain http", "使用 http，生产环境不允许：请使用 https"),
    ("has a query or a fragment", "带有参数或锚点，而回调路径会追加在其后"),
    ("and needs exactly 32", "长度不对：必须恰好 32 字节"),
)


def both(english: str) -> tuple[str, str]:
    """A reason in both languages; where there is no Chinese for it, the English stands in both."""
    return english, next((chinese for sign, chinese in WHY_CHINESE if sign in english), english)
