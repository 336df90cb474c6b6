"""Java."""

from __future__ import annotations

from . import Sdk

SDKS = (
    Sdk(
        name="alipay-sdk-java", gateway="alipay", install="com.alipay.sdk:alipay-sdk-java",
        setting="AlipayConfig.setServerUrl",
        setting_zh="AlipayConfig.setServerUrl",
        files=("app_private_key_pkcs8.txt", "alipay_public_key.txt"),
        code="""AlipayConfig config = new AlipayConfig();
config.setServerUrl("@URL@/gateway.do");
config.setAppId("@APP_ID@");
config.setPrivateKey(Files.readString(Path.of("app_private_key_pkcs8.txt")));
config.setAlipayPublicKey(Files.readString(Path.of("alipay_public_key.txt")));
config.setFormat("json");
config.setCharset("UTF-8");
config.setSignType("RSA2");
AlipayClient client = new DefaultAlipayClient(config);
""",
    ),
    Sdk(
        name="wechatpay-java", gateway="wechat", install="com.github.wechatpay-apiv3:wechatpay-java",
        setting="There is no setting for the address: hostName() takes WeChat Pay's own hosts only. Hand in an "
        "OkHttpClient that sends every request here.",
        setting_zh="没有设置地址的选项：hostName() 只接受微信支付的域名。请传入一个把所有请求转到这里的 OkHttpClient。",
        warning="Use RSAPublicKeyConfig: RSAAutoCertificateConfig downloads certificates with a client of its own.",
        warning_zh="请使用 RSAPublicKeyConfig：RSAAutoCertificateConfig 会用它自己的客户端下载证书。",
        files=("wechat_merchant_key.pem", "wechat_public_key.pem"),
        code="""Config config = new RSAPublicKeyConfig.Builder()
    .merchantId("@MCHID@")
    .merchantSerialNumber("@SERIAL@")
    .privateKeyFromPath("wechat_merchant_key.pem")
    .publicKeyFromPath("wechat_public_key.pem")
    .publicKeyId("@PUBLIC_KEY_ID@")
    .apiV3Key("@APIV3_KEY@")
    .build();

HttpUrl sandbox = HttpUrl.get("@URL@");
OkHttpClient toSandbox = new OkHttpClient.Builder().addInterceptor(chain -> {
    HttpUrl url = chain.request().url().newBuilder()
        .scheme(sandbox.scheme()).host(sandbox.host()).port(sandbox.port()).build();
    return chain.proceed(chain.request().newBuilder().url(url).build());
}).build();

HttpClient client = new DefaultHttpClientBuilder().config(config).okHttpClient(toSandbox).build();
NativePayService service = new NativePayService.Builder().httpClient(client).build();
""",
    ),
)  # fmt: skip
