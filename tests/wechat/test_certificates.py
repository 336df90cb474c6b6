"""Platform certificates that renew themselves, and the public key beside them. Section B."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from payflow.clock import SECOND, system_clock
from payflow.errors import CallbackRefused
from payflow.gateway import Callback, Outcome
from payflow.gateways.wechat import WeChat
from payflow.testing.signed import WeChatSigner, private_key, public_pem

from .far_side import FarSide, Reply, error, platform_certificate
from .scenes import ORDER, ORDERS, REFUNDS, order, refund_answer, refund_of, transaction

CERTIFICATES = "/v3/certificates"
OLD, NEW, NEWER = 0x5DEA10EF55877E3C, 0x5DEA10EF55877E3D, 0x5DEA10EF55877E3E


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return system_clock() + self.ahead * SECOND


def starting(far: FarSide, clock: Any = system_clock, **changes: Any) -> WeChat:
    """An account that begins without any key."""
    options = {"platform_keys": {}, "download_certificates": True, "surroundings": {"clock": clock}}
    return far.gateway(**(options | changes))


def by(serial: int, reply: Reply) -> Reply:
    reply.key = (f"platform-{serial:X}", f"{serial:X}")
    return reply


def asked_for(far: FarSide) -> int:
    return sum(heard.path == CERTIFICATES for heard in far.heard)


def notification(serial: int, now: int) -> Callback:
    """A genuine notification, signed with a platform certificate."""
    signer = WeChatSigner(key_name=f"platform-{serial:X}", key_id=f"{serial:X}")
    return signer.callback(now=now)


def wait_for(condition: Any) -> None:
    for _ in range(200):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("It did not happen within two seconds")


def test_it_begins_without_a_key_and_fetches_one(far: FarSide) -> None:
    far.says("GET", CERTIFICATES, far.certificates(OLD))
    far.says("GET", ORDER, by(OLD, transaction(far)))
    gateway = starting(far)
    assert gateway.query(order(gateway)).outcome is Outcome.CONFIRMED
    assert gateway.query(order(gateway)).outcome is Outcome.CONFIRMED
    assert asked_for(far) == 1
    assert "wechatpay-serial" not in far.heard[1].headers  # only where fields are encrypted


@pytest.mark.parametrize(
    "reply",
    [
        error(500, "SYSTEM_ERROR"), error(401, "SIGN_ERROR"), Reply(200, {"data": []}), Reply(200, {}),
        Reply(200, b"x"),
        Reply(200, {"data": [1]}), Reply(200, {"data": "x"}), Reply(200, {"data": [{"serial_no": "1"}]}),
    ],
)  # fmt: skip
def test_nothing_is_sent_that_could_not_be_believed(far: FarSide, reply: Reply) -> None:
    far.says("GET", CERTIFICATES, reply)
    far.says("POST", f"{ORDERS}/native", Reply(body={"code_url": "weixin://wxpay/bizpayurl?pr=1"}))
    gateway = starting(far)
    answer = gateway.charge(order(gateway))
    assert (answer.outcome, answer.words["code"]) == (Outcome.NEVER_SENT, "NO_PLATFORM_KEY")
    assert not [heard for heard in far.heard if heard.method == "POST"]


def forged(far: FarSide, which: str) -> Reply:
    """What somebody on the way could answer who has neither the APIv3 key nor a platform key."""
    genuine = far.certificates(OLD)
    listed = genuine.body["data"]
    if which == "signed by a stranger":
        genuine.key = ("stranger", f"{OLD:X}")
    elif which == "signed by a key that is not in it":
        genuine.key = (f"platform-{NEW:X}", f"{NEW:X}")
    elif which == "not signed":
        genuine.signed = False
    elif which == "stale":
        genuine.late_seconds = -400
    elif which == "under another serial":
        listed[0]["serial_no"] = f"{NEW:X}"
    elif which == "sealed with another key":
        other = WeChatSigner()
        other.api_v3_key = b"x" * 31 + b"y"
        kept, far.signer = far.signer, other
        listed[0] = far.sealed(f"{OLD:X}", platform_certificate(OLD))
        far.signer = kept
    elif which == "a bare key":
        listed[0] = far.sealed(f"{OLD:X}", public_pem(private_key(f"platform-{OLD:X}")))
    elif which == "expired":
        listed[0] = far.sealed(f"{OLD:X}", platform_certificate(OLD, days=-1, age_days=30))
    return genuine


@pytest.mark.parametrize(
    "which",
    ["signed by a stranger", "signed by a key that is not in it", "not signed", "stale", "under another serial",
     "sealed with another key", "a bare key", "expired"],
)  # fmt: skip
def test_certificates_that_are_not_genuine_are_not_taken(far: FarSide, which: str) -> None:
    far.says("GET", CERTIFICATES, forged(far, which))
    far.says("GET", ORDER, by(OLD, transaction(far)))
    gateway = starting(far)
    assert gateway.query(order(gateway)).words["code"] == "NO_PLATFORM_KEY"


def test_a_probe_on_the_certificates_is_asked_again(far: FarSide) -> None:
    far.says("GET", CERTIFICATES, far.certificates(OLD, signed="WECHATPAY/SIGNTEST/AAAA"), far.certificates(OLD))
    far.says("GET", ORDER, by(OLD, transaction(far)))
    gateway = starting(far)
    assert gateway.query(order(gateway)).outcome is Outcome.CONFIRMED


def test_a_new_certificate_is_found_when_an_answer_names_it(far: FarSide) -> None:
    far.says("GET", CERTIFICATES, far.certificates(OLD, NEW))
    far.says("GET", ORDER, by(NEW, transaction(far)))
    gateway = far.gateway(platform_keys={f"{OLD:X}": platform_certificate(OLD)})
    assert gateway.query(order(gateway)).outcome is Outcome.CONFIRMED
    assert asked_for(far) == 1


def test_forged_serials_cause_one_fetch_a_minute(far: FarSide) -> None:
    far.says("GET", CERTIFICATES, far.certificates(OLD))
    clock = Hands()
    gateway = far.gateway(platform_keys={f"{OLD:X}": platform_certificate(OLD)}, surroundings={"clock": clock})
    for serial in range(0xABC, 0xABC + 20):
        far.says("GET", ORDER, by(serial, transaction(far)))
        assert gateway.query(order(gateway)).outcome is Outcome.UNKNOWN
    assert asked_for(far) == 1
    clock.ahead = 61
    far.says("GET", ORDER, Reply(200, transaction(far).body, key=("platform-ABD", "ABD"), late_seconds=61))
    gateway.query(order(gateway))
    assert asked_for(far) == 2


def test_an_id_of_a_public_key_is_never_looked_for_among_certificates(far: FarSide) -> None:
    far.says("GET", CERTIFICATES, far.certificates(OLD))
    far.says("GET", ORDER, transaction(far))  # signed under PUB_KEY_ID_…
    gateway = far.gateway(platform_keys={f"{OLD:X}": platform_certificate(OLD)})
    assert gateway.query(order(gateway)).outcome is Outcome.UNKNOWN
    assert asked_for(far) == 0


def test_a_notification_with_a_new_key_is_refused_and_taken_when_it_comes_again(far: FarSide) -> None:
    far.says("GET", CERTIFICATES, far.certificates(OLD, NEW))
    gateway = far.gateway(platform_keys={f"{OLD:X}": platform_certificate(OLD)})
    now = system_clock()
    with pytest.raises(CallbackRefused) as caught:
        gateway.read(notification(NEW, now), now)
    assert (caught.value.status, caught.value.code) == (401, "UNKNOWN_KEY")

    def arrived() -> bool:
        try:
            return len(gateway.read(notification(NEW, now), now)) == 1
        except CallbackRefused:
            return False

    wait_for(arrived)
    assert asked_for(far) == 1


def test_a_storm_of_forged_notifications_is_one_fetch(far: FarSide) -> None:
    far.says("GET", CERTIFICATES, far.certificates(OLD))
    gateway = far.gateway(platform_keys={f"{OLD:X}": platform_certificate(OLD)})
    now = system_clock()
    stranger = notification(NEW, now)
    for _ in range(200):
        with pytest.raises(CallbackRefused):
            gateway.read(stranger, now)
    wait_for(lambda: asked_for(far))
    time.sleep(0.05)
    assert asked_for(far) == 1
    assert threading.active_count() < 20


def test_many_that_begin_at_once_fetch_once(far: FarSide) -> None:
    far.says("GET", CERTIFICATES, far.certificates(OLD))
    far.says("GET", ORDER, by(OLD, transaction(far)))
    gateway = starting(far)
    outcomes: list[Outcome] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(gateway.query(order(gateway)).outcome)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [Outcome.CONFIRMED] * 8
    assert asked_for(far) == 1


def test_certificates_are_renewed_every_twelve_hours_and_the_old_ones_go(far: FarSide) -> None:
    clock = Hands()
    far.says("GET", CERTIFICATES, far.certificates(OLD, NEW))
    far.says("GET", ORDER, by(OLD, transaction(far)))
    gateway = starting(far, clock)
    gateway.query(order(gateway))
    clock.ahead = 12 * 3600 + 1
    renewed = far.certificates(NEW, NEWER)
    renewed.late_seconds = clock.ahead
    far.says("GET", CERTIFICATES, renewed)
    far.says("GET", ORDER, by(NEW, Reply(200, transaction(far).body, late_seconds=clock.ahead)))
    assert gateway.query(order(gateway)).outcome is Outcome.CONFIRMED  # with the keys there are; nobody waits
    wait_for(lambda: gateway._keys.find(f"{NEWER:X}"))
    assert gateway._keys.find(f"{OLD:X}") is None


def test_the_set_is_never_emptied(far: FarSide) -> None:
    clock = Hands()
    far.says("GET", CERTIFICATES, far.certificates(OLD))
    far.says("GET", ORDER, by(OLD, transaction(far)))
    gateway = starting(far, clock)
    gateway.query(order(gateway))
    empty = by(OLD, Reply(200, {"data": []}))
    clock.ahead = empty.late_seconds = 13 * 3600
    far.says("GET", CERTIFICATES, empty)
    far.says("GET", ORDER, by(OLD, Reply(200, transaction(far).body, late_seconds=clock.ahead)))
    gateway.query(order(gateway))
    wait_for(lambda: asked_for(far) == 2)
    assert gateway.query(order(gateway)).outcome is Outcome.CONFIRMED


def test_a_merchant_that_only_has_the_public_key_is_told_so_once(
    far: FarSide, caplog: pytest.LogCaptureFixture
) -> None:
    far.says("GET", CERTIFICATES, error(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书"))
    clock = Hands()
    gateway = starting(far, clock)
    for hours in range(3):
        clock.ahead = hours * 3600
        gateway.query(order(gateway))
    assert asked_for(far) == 1
    assert sum("only the public key" in record.message for record in caplog.records) == 1


def test_during_the_switch_either_signs(far: FarSide) -> None:
    keys = {f"{OLD:X}": platform_certificate(OLD), far.signer.key_id: far.signer.public_pem}
    gateway = far.gateway(platform_keys=keys)
    now = system_clock()
    assert gateway.read(far.signer.callback(now=now), now)
    assert gateway.read(notification(OLD, now), now)
    far.says("GET", ORDER, transaction(far))
    assert gateway.query(order(gateway)).outcome is Outcome.CONFIRMED
    assert far.heard[0].headers["wechatpay-serial"] == far.signer.key_id


def test_fields_are_encrypted_to_the_certificate_that_became_valid_last(far: FarSide) -> None:
    newest = platform_certificate(NEW, age_days=0)
    gateway = far.gateway(platform_keys={f"{NEW:X}": newest, f"{OLD:X}": platform_certificate(OLD)})
    path = f"{REFUNDS}/R1/apply-abnormal-refund"
    far.says("POST", path, by(NEW, refund_answer(far, "PROCESSING")))
    refund = refund_of(gateway, gateway_refund="R1")
    assert gateway.apply_abnormal_refund(order(gateway), refund, to="merchant").outcome is Outcome.CONFIRMED
    assert far.heard[0].headers["wechatpay-serial"] == f"{NEW:X}"
