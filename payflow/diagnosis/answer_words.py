"""What ``payflow doctor gateways`` says about the gateway's answer to a harmless signed question."""

from __future__ import annotations

from .findings import Severity, Word

_OK, _WARNING, _ERROR = Severity.OK, Severity.WARNING, Severity.ERROR

#: code → its sentences.
ANSWERS: dict[str, Word] = {
    # -- on the way -------------------------------------------------------------------------------------------------
    "RECEIVES_ONLY": Word(
        _OK,
        "Without a private key this account only receives, so the gateway was not asked anything.",
        "本账户没有私钥，只接收回调，因此没有向网关发出请求。",
    ),
    "NOT_ASKED": Word(
        _WARNING,
        "The gateway was not asked, because of the key errors above.",
        "由于上述密钥错误，没有向网关发出请求。",
    ),
    "GATEWAY_UNREACHABLE": Word(
        _ERROR,
        "{host} cannot be reached from here. Look at DNS, firewall and outgoing proxy; payflow takes no proxy from "
        "the "
        "environment.",
        "从本机无法连接 {host}。请检查 DNS、防火墙和出口网络；payflow 不使用环境变量中的代理。",
    ),
    "GATEWAY_TLS": Word(
        _ERROR,
        "{host} does not prove with its certificate that it is {host}: something on the way answers in its place, or "
        "the trusted roots of this machine are out of date. Payflow never sends without that proof.",
        "{host} 的 TLS 证书无法验证：途中有设备代为应答，或本机根证书过旧。未通过验证时 payflow 绝不发送。",
    ),
    "GATEWAY_SILENT": Word(
        _ERROR,
        "{host} took the question and did not answer it ({code_of}). Try again; if it stays so, something on the way "
        "holds answers back.",
        "{host} 收到请求但没有应答（{code_of}）。请重试；若持续如此，说明途中有设备拦截了应答。",
    ),
    "GATEWAY_STATUS": Word(
        _ERROR,
        "{host} answered with status {status} and nothing that is {gateway}'s. The address is wrong, or a proxy "
        "answered.",
        "{host} 返回状态 {status}，内容不是{gateway}的应答。地址有误，或是代理应答。",
    ),
    "GATEWAY_BUSY": Word(
        _WARNING,
        "{gateway} answered that it is busy or limits us ({word}). Nothing is proven; try again in a minute.",
        "{gateway}应答繁忙或限流（{word}）。未能证明任何结论；请一分钟后重试。",
    ),
    "CLOCK_AGREES": Word(
        _OK,
        "Our clock and the clock of {host} agree within {seconds} s.",
        "本机时钟与 {host} 的时钟相差不超过 {seconds} 秒。",
    ),
    "CLOCK_SKEW": Word(
        _WARNING,
        "Our clock is {seconds} s {way} the clock of {host}. From 300 s on WeChat Pay refuses every request and every "
        "callback is refused. Let the system keep its time (NTP).",
        "本机时钟比 {host} {way} {seconds} 秒。达到 300 秒时，微信支付会拒绝所有请求，回调也会全部被拒。请启用时间"
        "同步（NTP）。",
    ),
    # -- proven -----------------------------------------------------------------------------------------------------
    "GATEWAY_PROVEN": Word(
        _OK,
        "{gateway} knows our signature, and we know theirs: it answered a question about an order that does not exist "
        "({word}), signed.",
        "{gateway}能验证我们的签名，我们也能验证对方的签名：对一个不存在的订单，对方给出了带签名的应答（{word}）。",
    ),
    "OUR_SIGNATURE_TAKEN": Word(
        _OK,
        "{gateway} takes our signature: it answered that the order does not exist ({word}). Such answers are not "
        "signed.",
        "{gateway}接受我们的签名：应答订单不存在（{word}）。此类应答没有签名。",
    ),
    "THEIR_SIGNATURE_PROVEN": Word(
        _OK,
        "An answer of {gateway} verifies with our key {name}.",
        "{gateway}的应答可用我们的密钥 {name} 验证。",
    ),
    "API_V3_KEY_PROVEN": Word(
        _OK,
        "The APIv3 key is right: it opens the platform certificates.",
        "APIv3 密钥正确：能解开平台证书。",
    ),
    "API_V3_KEY_WRONG": Word(
        _ERROR,
        "The APIv3 key is wrong: what WeChat Pay seals does not open with it. Set a new one in the console (API "
        "security) and put the same 32 characters here; the APIv2 key is another one.",
        "APIv3 密钥错误：无法解开微信支付加密的内容。请在商户平台“API安全”中重新设置，并在此填写相同的 32 个字符；"
        "注意不是 APIv2 密钥。",
    ),
    "THEIR_SIGNATURE_UNPROVEN": Word(
        _WARNING,
        "No signed answer could be had without ordering anything, so {names} is not proven yet; the first order or "
        "callback will do that.",
        "不下单就无法取得带签名的应答，因此 {names} 尚未得到验证；第一笔订单或回调会验证它。",
    ),
    "THEIR_KEY_WRONG": Word(
        _ERROR,
        "{gateway} answered, and the signature does not verify with {names}: it is not the key {gateway} uses for "
        "this "
        "account. Copy it from the console of exactly this app or merchant, from the environment you call.",
        "{gateway}有应答，但签名无法用 {names} 验证：它不是{gateway}为本账户使用的密钥。请从该应用或商户（及对应环"
        "境）的控制台重新复制。",
    ),
    "THEIR_KEY_UNKNOWN": Word(
        _ERROR,
        "{gateway} signs with {name}, and we hold {names}. Add that one beside them.",
        "{gateway}使用 {name} 签名，而我们只有 {names}。请将其一并添加。",
    ),
    "ANSWER_UNSIGNED": Word(
        _ERROR,
        "{gateway} answered without a signature ({word}), which proves nothing: {their_words}.",
        "{gateway}的应答没有签名（{word}），不能证明任何结论：{their_words}。",
    ),
    "PUBLIC_KEY_ONLY": Word(
        _OK,
        "This merchant has no platform certificates, only the WeChat Pay public key, as all new merchants.",
        "该商户没有平台证书，只有微信支付公钥（新商户均如此）。",
    ),
    "PUBLIC_KEY_NEEDED": Word(
        _ERROR,
        "This merchant has no platform certificates any more: apply for the WeChat Pay public key in the console, and "
        "give it as public_key with its public_key_id.",
        "该商户已没有平台证书：请在商户平台申请微信支付公钥，并填写 public_key 和 public_key_id。",
    ),
    # -- Alipay refuses ---------------------------------------------------------------------------------------------
    "ALIPAY_SIGN_REFUSED": Word(
        _ERROR,
        "Alipay does not accept our signature ({word}): app_private_key does not belong to the public key or "
        "certificate uploaded for app {app}. Upload the public half of this private key, or use the other one.",
        "支付宝不接受我们的签名（{word}）：app_private_key 与应用 {app} 上传的公钥或证书不成对。请上传该私钥对应的"
        "公钥，或换用正确的私钥。",
    ),
    "ALIPAY_APP_UNKNOWN": Word(
        _ERROR,
        "Alipay does not know app {app} at this address ({word}). Look at app_id; an app of the sandbox exists "
        "only in "
        "the sandbox, and a new one is online only after its review.",
        "支付宝在该地址找不到应用 {app}（{word}）。请核对 app_id；沙箱应用只在沙箱中有效，新应用审核上线后才可用。",
    ),
    "ALIPAY_NO_PUBLIC_KEY": Word(
        _ERROR,
        "No public key is uploaded for app {app} ({word}). Upload the app's public key or certificate in the console.",
        "应用 {app} 尚未上传公钥（{word}）。请在控制台上传应用公钥或证书。",
    ),
    "ALIPAY_CERT_UNKNOWN": Word(
        _ERROR,
        "Alipay does not know the app certificate {name} for app {app} ({word}). Download appCertPublicKey again; "
        "if the "
        "app is in key mode, take the certificates out and give alipay_public_key.",
        "支付宝找不到应用 {app} 的证书 {name}（{word}）。请重新下载 appCertPublicKey；若应用使用公钥模式，请去掉证"
        "书并填写 alipay_public_key。",
    ),
    "ALIPAY_ROOT_REFUSED": Word(
        _ERROR,
        "Alipay does not accept our root certificates ({word}). Download alipayRootCert.crt again.",
        "支付宝不接受我们的根证书序列号（{word}）。请重新下载 alipayRootCert.crt。",
    ),
    "ALIPAY_TIMESTAMP": Word(
        _ERROR,
        "Alipay does not accept our time ({word}): the clock of this machine is far off.",
        "支付宝不接受我们的时间（{word}）：本机时钟偏差过大。",
    ),
    "ALIPAY_AES_KEY": Word(
        _ERROR,
        "Alipay cannot open what we encrypt ({word}): aes_key is not the one set for app {app}, or none is set there.",
        "支付宝无法解密我们的内容（{word}）：aes_key 与应用 {app} 设置的不一致，或未设置。",
    ),
    "ALIPAY_AUTH_TOKEN": Word(
        _ERROR,
        "app_auth_token is not valid or has run out ({word}). Let the merchant authorise the app again.",
        "app_auth_token 无效或已过期（{word}）。请让商户重新授权。",
    ),
    "ALIPAY_NOT_CONTRACTED": Word(
        _ERROR,
        "App {app} may not use this interface ({word}). Sign the product's contract, add it to the app and put the "
        "app "
        "online.",
        "应用 {app} 没有此接口的权限（{word}）。请签约产品、为应用添加该能力并上线。",
    ),
    "ALIPAY_REFUSED": Word(
        _ERROR,
        "Alipay refuses the question ({word}): {their_words}.",
        "支付宝拒绝了请求（{word}）：{their_words}。",
    ),
    # -- WeChat Pay refuses -----------------------------------------------------------------------------------------
    "WECHAT_SIGN_REFUSED": Word(
        _ERROR,
        "WeChat Pay does not accept our signature ({word}): private_key is not the one of merchant certificate {name} "
        "of merchant {merchant}. Use apiclient_key.pem and apiclient_cert.pem of one download. They say: "
        "{their_words}.",
        "微信支付不接受我们的签名（{word}）：private_key 与商户 {merchant} 的证书 {name} 不成对。"
        "请使用同一次下载的 apiclient_key.pem 和 apiclient_cert.pem。对方说明：{their_words}。",
    ),
    "WECHAT_SERIAL_REFUSED": Word(
        _ERROR,
        "WeChat Pay does not know certificate {name} of merchant {merchant}, or it is expired or revoked ({word}). "
        "Look "
        "at the serial in the console (API security). They say: {their_words}.",
        "微信支付不认可商户 {merchant} 的证书 {name}，或证书已过期、作废（{word}）。请在商户平台“API安全”核对序列号"
        "。对方说明：{their_words}。",
    ),
    "WECHAT_TIMESTAMP": Word(
        _ERROR,
        "WeChat Pay does not accept our time ({word}): the clock of this machine is more than five minutes off.",
        "微信支付不接受我们的时间（{word}）：本机时钟偏差超过五分钟。",
    ),
    "WECHAT_API_V3_KEY_UNSET": Word(
        _ERROR,
        "Merchant {merchant} has no APIv3 key set in the console ({word}). Without one no callback is sent either.",
        "商户 {merchant} 未在商户平台设置 APIv3 密钥（{word}）。未设置时也不会发送回调。",
    ),
    "WECHAT_MERCHANT_UNKNOWN": Word(
        _ERROR,
        "WeChat Pay does not know merchant {merchant} ({word}). Look at mchid.",
        "微信支付找不到商户 {merchant}（{word}）。请核对 mchid。",
    ),
    "WECHAT_APP_NOT_BOUND": Word(
        _ERROR,
        "App {app} is not bound to merchant {merchant} ({word}). Bind it in the console (product centre, AppID "
        "accounts).",
        "应用 {app} 未与商户 {merchant} 绑定（{word}）。请在商户平台“产品中心－AppID账号管理”绑定。",
    ),
    "WECHAT_NO_AUTH": Word(
        _ERROR,
        "Merchant {merchant} may not do this ({word}): the product is not opened, or the order is another merchant's. "
        "They say: {their_words}.",
        "商户 {merchant} 没有权限（{word}）：产品未开通，或订单属于其他商户。对方说明：{their_words}。",
    ),
    "WECHAT_REFUSED": Word(
        _ERROR,
        "WeChat Pay refuses the question ({word}): {their_words}.",
        "微信支付拒绝了请求（{word}）：{their_words}。",
    ),
}  # fmt: skip
