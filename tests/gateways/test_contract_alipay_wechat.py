"""Alipay and WeChat Pay under the contract, with generated keys that sign real notifications."""

from __future__ import annotations

import pytest

from payflow.testing.callbacks import AlipaySide, WeChatSide
from payflow.testing.gateways import GatewayContract, SignedByHeaders


class TestAlipay(GatewayContract):
    kinds = tuple(AlipaySide.KINDS)
    tolerance = None  # Alipay signs no freshness; a replay states a fact that is known

    side = AlipaySide()
    stranger = AlipaySide(key_name="stranger")

    @pytest.fixture
    def gateway(self):
        return self.side.gateway()

    def signed_callback(self, kind, **told):
        return self.side.callback(kind, **told)

    def strangers_callback(self, kind, **told):
        return self.stranger.callback(kind, **told)


class TestWeChat(SignedByHeaders):
    kinds = tuple(WeChatSide.KINDS)
    signing_headers = (
        "Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial", "Wechatpay-Signature", "Wechatpay-Signature-Type",
    )  # fmt: skip

    side = WeChatSide()
    stranger = WeChatSide(key_name="stranger")
    secrets = (side.signer.api_v3_key,)

    @pytest.fixture
    def gateway(self):
        return self.side.gateway()

    def signed_callback(self, kind, **told):
        return self.side.callback(kind, **told)

    def strangers_callback(self, kind, **told):
        return self.stranger.callback(kind, **told)
