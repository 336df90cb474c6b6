"""What ``payflow explain-signature`` says about a callback that was refused."""

from __future__ import annotations

from .findings import Severity, Word

_OK, _WARNING, _ERROR = Severity.OK, Severity.WARNING, Severity.ERROR

#: code → its sentences.
EXPLAINED: dict[str, Word] = {
    "REFUSED": Word(
        _ERROR,
        "payflow refuses it: {why} ({refusal}).",
        "payflow 拒绝了它：{why}（{refusal}）。",
    ),
    "GENUINE": Word(
        _OK,
        "Nothing is wrong: the signature verifies with {key}, and {gateway} made it.",
        "没有问题：签名可用 {key} 验证，确为{gateway}所发。",
    ),
    "OTHERWISE_GENUINE": Word(
        _OK,
        "Everything else is right: the signature verifies with {key}.",
        "其余都正确：签名可用 {key} 验证。",
    ),
    "NOTHING_TO_EXPLAIN": Word(
        _WARNING,
        "A {kind} account has no signatures of Alipay or WeChat Pay.",
        "{kind} 账户没有支付宝或微信支付的签名。",
    ),
    "NO_KEYS": Word(
        _ERROR,
        "No key of {gateway} loads for this account, so nothing can be verified. Run `payflow doctor gateways`.",
        "本账户没有可用的{gateway}密钥，无法验证任何内容。请运行 `payflow doctor gateways`。",
    ),
    "NO_CAUSE_FOUND": Word(
        _WARNING,
        "None of the usual mistakes explains it: the text was changed in another way, or somebody else signed it. "
        "Record the raw bytes where they arrive, before any framework, and compare them with what payflow was given.",
        "常见错误都无法解释：内容以其他方式被改动，或并非{gateway}所签。请在框架之前记录原始字节，并与交给 payflow "
        "的内容比较。",
    ),
    # -- the body ---------------------------------------------------------------------------------------------------
    "BODY_EMPTY": Word(
        _ERROR,
        "The body is empty: a framework or middleware read it first. Hand payflow the raw body, before request.form, "
        "request.json and their like are touched.",
        "请求体为空：框架或中间件已先读取。请在访问 request.form、request.json 等之前把原始请求体交给 payflow。",
    ),
    "BODY_CUT": Word(
        _ERROR,
        "The body has {count} of {length} bytes: it was cut on the way or when it was written down.",
        "请求体只有 {count} 字节，应有 {length} 字节：在传输或记录时被截断。",
    ),
    "BODY_ENDS_EARLY": Word(
        _ERROR,
        "The JSON ends in the middle, behind {count} bytes: it was cut on the way or when it was written down.",
        "JSON 在第 {count} 字节处中断：在传输或记录时被截断。",
    ),
    "BODY_LONGER": Word(
        _ERROR,
        "The body has {count} bytes, and Content-Length says {length}: somebody wrote it anew on the way.",
        "请求体有 {count} 字节，而 Content-Length 为 {length}：途中被重新写过。",
    ),
    "BODY_COMPRESSED": Word(
        _ERROR,
        "The body is compressed ({encoding}); no gateway does that. Take the compression out of the proxy.",
        "请求体被压缩（{encoding}）；网关不会这样做。请关闭代理的压缩。",
    ),
    "BODY_TOO_LARGE": Word(
        _ERROR,
        "The body has {count} bytes; no gateway sends so much.",
        "请求体有 {count} 字节；网关不会发送这么多。",
    ),
    "NOT_POSTED": Word(
        _ERROR,
        "The request is a {method}; callbacks are posted. For Alipay's return_url use its query only to show a page.",
        "请求方法是 {method}；回调使用 POST。支付宝的 return_url 只能用来展示页面。",
    ),
    "MULTIPART": Word(
        _ERROR,
        "The body is multipart/form-data; Alipay sends application/x-www-form-urlencoded. Somebody sent it anew.",
        "请求体是 multipart/form-data；支付宝发送的是 application/x-www-form-urlencoded。说明被重新发送过。",
    ),
    "NOT_A_FORM": Word(
        _ERROR,
        "The body is no form, and Alipay sends forms.",
        "请求体不是表单，而支付宝发送的是表单。",
    ),
    "NOT_JSON": Word(
        _ERROR,
        "The body is not JSON, and WeChat Pay sends JSON.",
        "请求体不是 JSON，而微信支付发送的是 JSON。",
    ),
    "V2_XML": Word(
        _ERROR,
        "This is a WeChat Pay v2 notification (XML), posted to a v3 address. It comes from a payment or refund made "
        "with API v2, or from a refund without notify_url, which goes to the console's address in the v2 format. Send "
        "notify_url with refunds, and give v2 an address of its own.",
        "这是微信支付 v2 通知（XML），却发到了 v3 地址。来自 v2 接口的支付或退款，或未带 notify_url 的退款（按 v2 "
        "格式发往商户平台配置的地址）。"
        "退款请带上 notify_url，v2 请使用单独的地址。",
    ),
    "FORM_TO_JSON": Word(
        _ERROR,
        "The form was turned into JSON on the way; it verifies if it is turned back. Hand payflow the body as it "
        "came.",
        "表单在途中被转换为 JSON；还原后签名可验证。请把原始请求体交给 payflow。",
    ),
    "BODY_WRAPPED": Word(
        _ERROR,
        "The JSON was wrapped ({how}); it verifies if it is unwrapped. Hand payflow the body as it came.",
        "JSON 被包装（{how}）；拆开后签名可验证。请把原始请求体交给 payflow。",
    ),
    "RESERIALISED": Word(
        _ERROR,
        "The JSON was parsed and written anew: it verifies if it is {how}. Hand payflow the raw bytes of the request, "
        "never json.dumps(request.json).",
        "JSON 被解析后重新序列化：按{how}书写即可验证。请把请求的原始字节交给 payflow，不要用 "
        "json.dumps(request.json)。",
    ),
    "BODY_STILL_OPENS": Word(
        _WARNING,
        "The sealed resource opens with your APIv3 key, so the content is WeChat Pay's: it was the bytes around "
        "it, or "
        "the headers, that were changed, or the verifying key is the wrong one.",
        "加密内容可用您的 APIv3 密钥解开，说明内容来自微信支付：被改动的是外层字节或请求头，或验证用的密钥不对。",
    ),
    "LINE_BREAKS": Word(
        _ERROR,
        "White space at its end or its line breaks were changed: it verifies {how}.",
        "末尾空白或换行被改动：{how}即可验证。",
    ),
    "CHARSET_CHANGED": Word(
        _ERROR,
        "The charset was changed: it verifies if the text is taken from {source} back to {target}. Do not decode the "
        "body before payflow has it, and do not let the container guess its charset.",
        "字符集被改动：把文字从 {source} 还原为 {target} 即可验证。请勿在 payflow 之前解码请求体，也不要让容器猜测"
        "字符集。",
    ),
    "CHARACTERS_LOST": Word(
        _ERROR,
        "Characters were lost: there are replacement characters (U+FFFD) where text was decoded with the wrong "
        "charset. "
        "It cannot be put together again.",
        "字符已丢失：用错误的字符集解码后出现了替换字符（U+FFFD），无法还原。",
    ),
    "HTML_ESCAPED": Word(
        _ERROR,
        "The text was escaped as HTML ({what}): it verifies if that is undone. A log page, template or XSS filter "
        "did it.",
        "文本被 HTML 转义（{what}）：还原后即可验证。通常由日志页面、模板或 XSS 过滤器造成。",
    ),
    # -- forms ------------------------------------------------------------------------------------------------------
    "DECODED_PLUS": Word(
        _ERROR,
        "A plus became a space in {fields}: it verifies if it is put back. Something decoded the form once too often, "
        "or sent a + without writing it %2B.",
        "{fields} 中的加号变成了空格：还原后即可验证。表单被多解码一次，或发送时未把 + 写成 %2B。",
    ),
    "PLUS_NOT_ESCAPED": Word(
        _ERROR,
        "The form was written anew without escaping its pluses: it verifies if every + in it stands for itself. "
        "Write + as %2B, or better hand on the body as it came.",
        "表单被重新编码且没有转义加号：把其中每个 + 当作加号本身即可验证。请把 + 写成 %2B，最好直接转交原始请求体。",
    ),
    "ALREADY_DECODED": Word(
        _ERROR,
        "The body is already decoded: it verifies if nothing is decoded any more. Hand payflow the body as it came.",
        "请求体已被解码：不再解码即可验证。请把原始请求体交给 payflow。",
    ),
    "DOUBLE_ENCODED": Word(
        _ERROR,
        "{fields} is percent-encoded twice: it verifies if it is decoded twice. A proxy or a re-sender encoded it "
        "anew.",
        "{fields} 被重复做了百分号编码：解码两次即可验证。代理或转发程序重新编码了它。",
    ),
    "DOUBLE_DECODED": Word(
        _ERROR,
        "{fields} was percent-decoded twice: it verifies if it is encoded once more. Decode a form once only.",
        "{fields} 被做了两次百分号解码：重新编码一次即可验证。表单只应解码一次。",
    ),
    "FIELDS_DROPPED": Word(
        _ERROR,
        "{fields} was dropped on the way: it verifies if it is put back. Empty and unknown fields take part in the "
        "signature; hand on all of them.",
        "{fields} 在途中被丢弃：补回后即可验证。空字段和未知字段也参与签名，请全部转交。",
    ),
    "FIELD_ADDED": Word(
        _ERROR,
        "{fields} was added on the way: it verifies without it. Routing parameters, CSRF tokens and the query do not "
        "belong among the fields.",
        "{fields} 是途中添加的：去掉后即可验证。路由参数、CSRF 令牌和查询参数不应混入字段。",
    ),
    "EMPTY_ADDED": Word(
        _ERROR,
        "Empty fields were added on the way ({fields}): it verifies without them.",
        "途中添加了空字段（{fields}）：去掉后即可验证。",
    ),
    "FIELDS_MISSING": Word(
        _WARNING,
        "Fields that every notification has are missing: {fields}. All of them are signed.",
        "缺少每个通知都有的字段：{fields}。它们都参与签名。",
    ),
    "SIGN_TYPE_INCLUDED": Word(
        _ERROR,
        "The signature is over the text with sign_type in it; Alipay leaves it out for notifications about trades. "
        "Who "
        "made this signed it as a request is signed.",
        "签名文本包含了 sign_type；支付宝的交易通知签名时不含它。说明它是按请求的规则签名的。",
    ),
    "SIGN_TYPE_DROPPED": Word(
        _ERROR,
        "sign_type is missing, and payflow takes RSA2 only where it is said; the signature itself verifies. Hand "
        "on all "
        "fields.",
        "缺少 sign_type，而 payflow 只接受明确标明的 RSA2；签名本身可以验证。请转交全部字段。",
    ),
    "SIGN_TYPE_OLD": Word(
        _ERROR,
        "sign_type is {name}: the app still signs with the old RSA (SHA-1). Set its signature to RSA2 in the console.",
        "sign_type 为 {name}：应用仍使用旧的 RSA（SHA-1）。请在控制台改为 RSA2。",
    ),
    "SIGN_CHANGED": Word(
        _ERROR,
        "The signature text was changed ({how}): it verifies if that is undone.",
        "签名文本被改动（{how}）：还原后即可验证。",
    ),
    "SIGN_UNREADABLE": Word(
        _ERROR,
        "The signature is not base64 of a signature ({count} characters; a 2048-bit key gives 344): it was cut or "
        "changed.",
        "签名不是有效的 base64（{count} 个字符；2048 位密钥应为 344 个）：被截断或改动。",
    ),
    "SIGN_MISSING": Word(
        _ERROR,
        "There is no signature in it: whoever sent this is not {gateway}, or the field was dropped on the way.",
        "没有签名：发送者不是{gateway}，或该字段在途中被丢弃。",
    ),
    "SLASHES_ADDED": Word(
        _ERROR,
        "Quotes were escaped with backslashes in {fields}: it verifies if they are taken away.",
        "{fields} 中的引号被加上反斜杠：去掉后即可验证。",
    ),
    "VALUE_TRIMMED": Word(
        _ERROR,
        "{fields} was trimmed: it verifies with the space that was at its end or beginning. Middleware that trims "
        "texts "
        "must not see callbacks.",
        "{fields} 被去除了首尾空格：补回后即可验证。去空格的中间件不应处理回调。",
    ),
    "VALUE_RESERIALISED": Word(
        _ERROR,
        "The JSON inside {fields} was parsed and written anew: it verifies if it is compact again.",
        "{fields} 中的 JSON 被解析后重新书写：恢复为紧凑格式即可验证。",
    ),
    # -- whose signature --------------------------------------------------------------------------------------------
    "SIGNED_WITH_OWN_KEY": Word(
        _ERROR,
        "It is signed with your own key ({key}), not with {gateway}'s: a test of your own, or somebody who has your "
        "private key.",
        "它是用您自己的密钥（{key}）签名的，不是{gateway}的：是您自己的测试，或有人拿到了您的私钥。",
    ),
    "KEY_OF_OTHER_ACCOUNT": Word(
        _ERROR,
        "It verifies with {key} of account '{other}': the keys of the two accounts are mixed up, or the callback "
        "comes "
        "to the wrong address.",
        "它可用账户“{other}”的 {key} 验证：两个账户的密钥混淆，或回调发到了错误的地址。",
    ),
    "NOT_OUR_APP": Word(
        _ERROR,
        "It is about app {theirs}, and this account is app {ours}{hint}.",
        "它属于应用 {theirs}，而本账户是应用 {ours}{hint}。",
    ),
    "NOT_OUR_MERCHANT": Word(
        _ERROR,
        "It is about merchant {theirs}, and this account is merchant {ours}{hint}.",
        "它属于商户 {theirs}，而本账户是商户 {ours}{hint}。",
    ),
    "STALE_CERTIFICATE": Word(
        _ERROR,
        "It is signed with certificate {name}, which is not among ours ({names}). It may have replaced one of them: "
        "fetch the new one, and keep both for a while.",
        "它由证书 {name} 签名，而我们只有 {names}。可能是证书已轮换：请获取新证书，并在一段时间内保留两者。",
    ),
    "PUBLIC_KEY_UNKNOWN": Word(
        _ERROR,
        "It is signed with public key {name}, and we hold {names}. The console has gone over to the public key (or to "
        "another one): download it, and give it as public_key with this id; keep the certificates for the change.",
        "它由公钥 {name} 签名，而我们只有 {names}。商户平台已切换到（另一个）公钥：请下载并填写 public_key 和该 "
        "ID；切换期间保留平台证书。",
    ),
    "KEY_NAME_WRONG": Word(
        _ERROR,
        "The callback names its key {name}; it verifies with {key}, which the config calls {ours}. Correct the id.",
        "回调中的密钥名为 {name}；可用 {key} 验证，但配置中写的是 {ours}。请改正 ID。",
    ),
    "SERIAL_IS_OURS": Word(
        _ERROR,
        "The callback names {name}, the serial of your own merchant certificate; WeChat Pay names its own. "
        "Somebody of "
        "yours made this.",
        "回调中的序列号 {name} 是您自己的商户证书；微信支付使用的是平台证书。说明它是您自己构造的。",
    ),
    "KEY_EXPIRED_HERE": Word(
        _ERROR,
        "It is signed with {name}, which is not valid any more (or not yet). Fetch the certificate that replaced it.",
        "它由 {name} 签名，而该证书已失效（或尚未生效）。请获取新的证书。",
    ),
    # -- WeChat Pay's headers ---------------------------------------------------------------------------------------
    "HEADERS_DROPPED": Word(
        _ERROR,
        "None of the Wechatpay-… headers arrived: a proxy or CDN dropped them, or whoever sent this is not WeChat "
        "Pay. "
        "Let all headers pass.",
        "没有收到任何 Wechatpay-… 请求头：被代理或 CDN 丢弃，或发送者不是微信支付。请放行全部请求头。",
    ),
    "HEADER_MISSING": Word(
        _ERROR,
        "The headers {names} did not arrive: a proxy or CDN dropped them. Let all headers pass.",
        "没有收到请求头 {names}：被代理或 CDN 丢弃。请放行全部请求头。",
    ),
    "PROBE": Word(
        _OK,
        "This is a probe: WeChat Pay sends wrong signatures on purpose (WECHATPAY/SIGNTEST/) to see whether anybody "
        "looks. To refuse it is right; the genuine one comes again.",
        "这是探测流量：微信支付会故意发送错误签名（WECHATPAY/SIGNTEST/）以检验商户是否验签。拒绝是正确的；真实通知"
        "会再次发送。",
    ),
    "TIMESTAMP_SKEW_SECONDS": Word(
        _ERROR,
        "Its time is {seconds} s {way} ours, and {tolerance} s are allowed. If this is an old capture, say with --at "
        "when it arrived; otherwise one of the clocks is wrong, or it waited in a queue.",
        "其时间比本机{way} {seconds} 秒，允许 {tolerance} 秒。若是旧的记录，请用 --at 指明到达时间；否则是时钟有误"
        "或在队列中滞留。",
    ),
    "TIMESTAMP_MALFORMED": Word(
        _ERROR,
        "Wechatpay-Timestamp is not a time in seconds ({count} characters).",
        "Wechatpay-Timestamp 不是以秒为单位的时间（{count} 个字符）。",
    ),
    # -- what is sealed ---------------------------------------------------------------------------------------------
    "API_V3_KEY_WRONG": Word(
        _ERROR,
        "The signature is right, and the resource does not open: the APIv3 key is not the one in the console{hint}. "
        "The APIv2 key is another one, and a changed key works for what is sealed after the change only.",
        "签名正确但内容无法解密：APIv3 密钥与商户平台不一致{hint}。注意不是 APIv2 密钥；更换后的密钥只能解开更换之"
        "后的内容。",
    ),
    "SEALED_TEXT_CHANGED": Word(
        _ERROR,
        "The resource does not open as it stands, but does with associated_data '{name}': it was changed on the way.",
        "按现有内容无法解密，但使用 associated_data '{name}' 可以：说明它在途中被改动。",
    ),
}  # fmt: skip

#: Why payflow refused it: its own words, as far as people meet them → Chinese.
REFUSALS = (
    ("The form is empty", "表单为空"),
    ("The form has characters that must be escaped", "表单含有必须转义的字符"),
    ("The form has a broken escape", "表单中有损坏的转义"),
    ("The form has too many fields", "表单字段过多"),
    ("The form has a field without", "表单中有不含“=”的字段"),
    ("A form field has no plain name", "表单字段名不合法"),
    ("A form field came more than once", "有字段重复出现"),
    ("The form names a charset", "表单声明了不支持的字符集"),
    ("The form is not in the charset", "表单内容与声明的字符集不符"),
    ("The notification is not signed", "通知没有签名"),
    ("Only notifications signed with RSA2", "只接受 RSA2 签名的通知"),
    ("The signature is not one", "签名格式不正确"),
    ("The signature is not Alipay's", "签名不是支付宝的，或不是针对这些字节的"),
    ("The signature is not WeChat Pay's", "签名不是微信支付的，或不是针对这些字节的"),
    ("This is not a notification about a trade", "这不是交易通知"),
    ("The signed text can be read in two ways", "签名文本有歧义"),
    ("is missing", "缺少必需的请求头或字段"),
    ("Only signatures of type", "签名类型不被接受"),
    ("The message is not of this time", "消息时间与本机时间相差过大"),
    ("The nonce is not one", "随机串格式不正确"),
    ("signed with a key we do not know", "使用了我们没有的密钥签名"),
    ("signed with a certificate that is not valid now", "签名证书当前无效"),
    ("came more than once", "请求头重复出现"),
    ("The body is not JSON", "请求体不是 JSON"),
    ("The JSON is not UTF-8", "JSON 不是 UTF-8"),
    ("The JSON begins with a byte order mark", "JSON 以字节顺序标记开头"),
    ("Something follows the JSON", "JSON 之后还有其他内容"),
    ("The JSON is not an object", "JSON 不是对象"),
    ("does not open with our APIv3 key", "无法用我们的 APIv3 密钥解密"),
    ("The notification has no sealed resource", "通知中没有加密内容"),
    ("The sealed resource", "加密内容不完整或格式不正确"),
    ("is too large", "请求体过大"),
)


def refusal_in_both(english: str) -> tuple[str, str]:
    """Why payflow refused it, in both languages; the English stands in both where there is no Chinese for it."""
    return english, next((chinese for sign, chinese in REFUSALS if sign in english), english)
