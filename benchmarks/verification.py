"""From the raw bytes of a callback to verified, translated facts, against the RSA verification alone.

Raw: ``RSAPublicKey.verify`` of the prepared message with a prepared signature, the key parsed beforehand.
payflow: ``gateway.read``: strict parsing, canonical text, the same RSA verification, freshness, (WeChat) opening
the sealed resource, translation, and the proof that is stored. Both by processor time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from .material import DIGEST, PADDING, AlipayDesk, CertifiedDesk, Signed, WeChatDesk, trade_number
from .measuring import Figure, Jobs, Scale, compare, slices


def verify_alipay(scale: Scale) -> Figure:
    says = "Alipay notify: raw body to verified fields, against RSA alone"
    return _verify(AlipayDesk(), Figure("verify_alipay", says, 0.35, unit="verifications/s"), scale)


def verify_wechat(scale: Scale) -> Figure:
    says = "WeChat Pay notify: raw body to verified, opened fields, against RSA alone"
    return _verify(WeChatDesk(), Figure("verify_wechat", says, 0.45, unit="verifications/s"), scale)


def verify_wechat_certificate(scale: Scale) -> Figure:
    """With five platform certificates known: the right one is looked up, and has to be valid at this moment."""
    says = "WeChat Pay notify with certificate look-up, against RSA alone"
    return _verify(CertifiedDesk(), Figure("verify_wechat_certificate", says, 0.45, unit="verifications/s"), scale)


def _verify(desk: AlipayDesk | WeChatDesk, figure: Figure, scale: Scale) -> Figure:
    gateway = desk.gateway()
    known = desk.key.public_key()
    material = [desk.paid(f"bench{number:020d}", trade_number()) for number in range(scale.verifications)]
    now = int(dict(material[0].callback.headers).get("Wechatpay-Timestamp", "0")) * 1_000_000

    def raw(signed: Sequence[Signed]) -> int:
        for one in signed:
            known.verify(one.signature, one.message, PADDING, DIGEST)
        return len(signed)

    def ours(signed: Sequence[Signed]) -> int:
        for one in signed:
            gateway.read(one.callback, now)
        return len(signed)

    def prepare(_round: int) -> tuple[Jobs, Jobs]:
        return slices(material, raw), slices(material, ours)

    figure.notes.append(f"body of {len(material[0].callback.body)} bytes")
    return compare(figure, scale.rounds, prepare, time.process_time)
