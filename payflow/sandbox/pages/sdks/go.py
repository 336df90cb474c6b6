"""Go."""

from __future__ import annotations

from . import Sdk

SDKS = (
    Sdk(
        name="smartwalle/alipay", gateway="alipay", install="go get github.com/smartwalle/alipay/v3",
        setting="alipay.WithSandboxGateway, with isProduction false",
        setting_zh="alipay.WithSandboxGateway，isProduction 取 false",
        files=("app_private_key_pkcs8.txt", "alipay_public_key.txt"),
        code="""key, _ := os.ReadFile("app_private_key_pkcs8.txt")
public, _ := os.ReadFile("alipay_public_key.txt")

client, err := alipay.New("@APP_ID@", string(key), false,
	alipay.WithSandboxGateway("@URL@/gateway.do"))
if err != nil {
	log.Fatal(err)
}
err = client.LoadAliPayPublicKey(string(public))
""",
    ),
    Sdk(
        name="wechatpay-go", gateway="wechat", install="go get github.com/wechatpay-apiv3/wechatpay-go",
        setting="There is no setting for the address: hand in an http.Client whose transport sends every request here.",
        setting_zh="没有设置地址的选项：请传入一个 http.Client，由它的 Transport 把所有请求转到这里。",
        files=("wechat_merchant_key.pem", "wechat_public_key.pem"),
        code="""type toSandbox struct{}

func (toSandbox) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.URL.Scheme, request.URL.Host, request.Host = "http", "@HOST@", "@HOST@"
	return http.DefaultTransport.RoundTrip(request)
}

func newClient(ctx context.Context) (*core.Client, error) {
	key, err := utils.LoadPrivateKeyWithPath("wechat_merchant_key.pem")
	if err != nil {
		return nil, err
	}
	public, err := utils.LoadPublicKeyWithPath("wechat_public_key.pem")
	if err != nil {
		return nil, err
	}
	return core.NewClient(ctx,
		option.WithWechatPayPublicKeyAuthCipher("@MCHID@", "@SERIAL@", key, "@PUBLIC_KEY_ID@", public),
		option.WithHTTPClient(&http.Client{Transport: toSandbox{}}))
}
""",
    ),
    Sdk(
        name="gopay", gateway="wechat", install="go get github.com/go-pay/gopay",
        setting="SetProxyHost of wechat.ClientV3. gopay's Alipay client (gateway.do) has no setting for the address: "
        "use smartwalle/alipay.",
        setting_zh="wechat.ClientV3 的 SetProxyHost。"
        "gopay 的支付宝客户端（gateway.do）没有设置地址的选项：请用 smartwalle/alipay。",
        files=("wechat_merchant_key.pem", "wechat_public_key.pem"),
        code="""key, _ := os.ReadFile("wechat_merchant_key.pem")
public, _ := os.ReadFile("wechat_public_key.pem")

client, err := wechat.NewClientV3("@MCHID@", "@SERIAL@", "@APIV3_KEY@", string(key))
if err != nil {
	log.Fatal(err)
}
client.SetProxyHost("@URL@")
err = client.AutoVerifySignByPublicKey(public, "@PUBLIC_KEY_ID@")
""",
    ),
)  # fmt: skip
