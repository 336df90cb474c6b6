"""The mock gateway under the contract, with its far side in memory and in a file."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager

import pytest

from payflow.testing.callbacks import MockSide
from payflow.testing.gateways import SignedByHeaders
from payflow.testing.material import patched
from payflow.testing.sending import SendingGatewayContract

SIDE = MockSide(secret=b"canary-7f3a91c2-of-the-mock-secret-55")
STRANGER = MockSide()


class OfMock(SignedByHeaders, SendingGatewayContract):
    kinds = tuple(MockSide.KINDS)
    signing_headers = ("Mock-Timestamp", "Mock-Nonce", "Mock-Signature")
    secrets = (SIDE.secret,)

    def signed_callback(self, kind, **told):
        return SIDE.callback(kind, **told)

    def strangers_callback(self, kind, **told):
        return STRANGER.callback(kind, **told)

    def payer_pays(self, gateway, payment):
        if gateway.trade(payment.out_trade_no).state == "NOTPAY":
            gateway.payer.pay(payment.out_trade_no)

    def callbacks_about(self, gateway, payment, now):
        return [callback.as_callback() for callback in gateway.callbacks(payment.out_trade_no, now)]

    @contextmanager
    def cut_off(self, gateway):
        class Broken:
            def transaction(self):
                raise sqlite3.OperationalError("disk I/O error")

        with patched(gateway, "_far", Broken()):
            yield


class TestMockInMemory(OfMock):
    @pytest.fixture
    def gateway(self):
        mock = SIDE.gateway()
        yield mock
        mock.close_far_side()


class TestMockInAFile(OfMock):
    @pytest.fixture
    def gateway(self, tmp_path):
        mock = SIDE.gateway(state=tmp_path / "mock.db")
        yield mock
        mock.close_far_side()
