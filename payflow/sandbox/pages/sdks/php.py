"""PHP."""

from __future__ import annotations

from . import Sdk

SDKS = (
    Sdk(
        name="alipay-easysdk", gateway="alipay", install="composer require alipaysdk/easysdk",
        setting="Config: protocol and gatewayHost (with the port, without a path)",
        setting_zh="Config 的 protocol 与 gatewayHost（带端口，不带路径）",
        files=("app_private_key_pkcs1.txt", "alipay_public_key.txt"),
        code="""<?php
use Alipay\\EasySDK\\Kernel\\Config;
use Alipay\\EasySDK\\Kernel\\Factory;

$options = new Config();
$options->protocol = 'http';
$options->gatewayHost = '@HOST@';
$options->signType = 'RSA2';
$options->appId = '@APP_ID@';
$options->merchantPrivateKey = file_get_contents('app_private_key_pkcs1.txt');
$options->alipayPublicKey = file_get_contents('alipay_public_key.txt');
$options->notifyUrl = 'http://127.0.0.1:8000/callbacks/alipay';
Factory::setOptions($options);

$result = Factory::payment()->faceToFace()->preCreate('coffee', 'ORDER_0005', '12.50');
""",
    ),
    Sdk(
        name="alipay-sdk-php (AopClient)", gateway="alipay", install="composer require alipaysdk/openapi",
        setting="AopClient::$gatewayUrl",
        setting_zh="AopClient::$gatewayUrl",
        files=("app_private_key_pkcs1.txt", "alipay_public_key.txt"),
        code="""<?php
$aop = new AopClient();
$aop->gatewayUrl = '@URL@/gateway.do';
$aop->appId = '@APP_ID@';
$aop->rsaPrivateKey = file_get_contents('app_private_key_pkcs1.txt');
$aop->alipayrsaPublicKey = file_get_contents('alipay_public_key.txt');
$aop->signType = 'RSA2';
""",
    ),
    Sdk(
        name="wechatpay-php", gateway="wechat", install="composer require wechatpay/wechatpay",
        setting="base_uri, a Guzzle setting that Builder::factory passes on",
        setting_zh="base_uri：Guzzle 的设置，Builder::factory 会原样传递",
        files=("wechat_merchant_key.pem", "wechat_public_key.pem"),
        code="""<?php
use WeChatPay\\Builder;
use WeChatPay\\Crypto\\Rsa;

$instance = Builder::factory([
    'mchid' => '@MCHID@',
    'serial' => '@SERIAL@',
    'privateKey' => Rsa::from('file://' . __DIR__ . '/wechat_merchant_key.pem', Rsa::KEY_TYPE_PRIVATE),
    'certs' => ['@PUBLIC_KEY_ID@' => Rsa::from('file://' . __DIR__ . '/wechat_public_key.pem', Rsa::KEY_TYPE_PUBLIC)],
    'base_uri' => '@URL@/',
]);

$response = $instance->chain('v3/pay/transactions/native')->post(['json' => [
    'mchid' => '@MCHID@', 'appid' => '@APPID@', 'out_trade_no' => 'ORDER_0006', 'description' => 'coffee',
    'notify_url' => 'http://127.0.0.1:8000/callbacks/wechat', 'amount' => ['total' => 1250, 'currency' => 'CNY'],
]]);
""",
    ),
    Sdk(
        name="yansongda/pay", gateway="alipay", install="composer require yansongda/pay",
        setting="There is no setting for the address: it is a constant of the providers (Alipay::URL, Wechat::URL). "
        "Try your shop here with one of the SDKs above, or hand in a client that sends every request here.",
        setting_zh="没有设置地址的选项："
        "地址是常量（Alipay::URL、Wechat::URL）。请用上面的 SDK，或传入一个把所有请求转到这里的客户端。",
        files=(),
        code="""<?php
use GuzzleHttp\\HandlerStack;
use GuzzleHttp\\Middleware;
use Psr\\Http\\Message\\RequestInterface;

$stack = HandlerStack::create();
$stack->push(Middleware::mapRequest(fn (RequestInterface $request) => $request->withUri(
    $request->getUri()->withScheme('http')->withHost('@HOSTNAME@')->withPort(@PORT@)
)));
// Guzzle options of yansongda/pay: 'http' => ['handler' => $stack]
""",
    ),
)  # fmt: skip
