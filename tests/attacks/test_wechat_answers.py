"""WeChat Pay half broken: what was sent stays sent, and what is not signed does not end anything for good."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payflow.clock import SECOND, system_clock
from payflow.gateway import Outcome

from ..wechat.far_side import FarSide, Reply, error
from ..wechat.scenes import ORDERS, REFUNDS, order, refund_of


@pytest.fixture(scope="module")
def _far() -> Iterator[FarSide]:
    side = FarSide()
    yield side
    side.stop()


@pytest.fixture
def far(_far: FarSide) -> FarSide:
    _far.clear()
    return _far


PROBE = "WECHATPAY/SIGNTEST/" + "A" * 324
UNBELIEVED = Reply(body={"code_url": "weixin://wxpay/bizpayurl?pr=abc"}, signed=PROBE)


@pytest.mark.parametrize("status", [429, 403])
def test_an_order_that_was_taken_is_not_called_never_sent_by_a_limit(far: FarSide, status: int) -> None:
    # The first answer proves nothing and tells that the order is there by now. NEVER_SENT turns to another account.
    far.says("POST", f"{ORDERS}/native", UNBELIEVED, error(status, "FREQUENCY_LIMITED"))
    gateway = far.gateway()
    assert gateway.charge(order(gateway)).outcome is Outcome.UNKNOWN


def test_an_order_that_was_taken_is_not_called_never_sent_by_an_open_circuit(far: FarSide) -> None:
    far.says("POST", f"{ORDERS}/native", UNBELIEVED)
    gateway = far.gateway()
    client = gateway._client
    assert client is not None
    believed, breakers = client.heard, gateway._transport._breakers

    def and_then_it_breaks(response: object) -> object:
        for _ in range(5):
            breakers.of(gateway.account, "charge").failed()
        return believed(response)  # type: ignore[arg-type]  # passed through

    client.heard = and_then_it_breaks  # type: ignore[method-assign, assignment]  # the moment between two calls
    try:
        assert gateway.charge(order(gateway)).outcome is Outcome.UNKNOWN
    finally:
        del client.heard  # type: ignore[method-assign]  # the class's own again
    assert len(far.heard) == 1


@pytest.mark.parametrize("code", ["PARAM_ERROR", "SIGN_ERROR", "NO_AUTH", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS"])
def test_a_failing_server_refuses_nothing(far: FarSide, code: str) -> None:
    # An unsigned 500 is somebody's trouble on the way; only two codes are documented with it.
    gateway = far.gateway()
    far.says("POST", f"{ORDERS}/native", error(500, code))
    far.says("POST", REFUNDS, error(500, code))
    assert gateway.charge(order(gateway)).outcome is Outcome.UNKNOWN
    assert gateway.refund(order(gateway), refund_of(gateway)).outcome is Outcome.UNKNOWN


def test_one_unsigned_404_does_not_end_the_renewal_of_certificates_for_good(far: FarSide) -> None:
    now = [system_clock()]
    gateway = far.gateway(platform_keys={}, download_certificates=True, surroundings={"clock": lambda: now[0]})
    far.says(
        "GET", "/v3/certificates", error(404, "RESOURCE_NOT_EXISTS"), far.certificates(0xAB12, late_seconds=13 * 3600)
    )
    assert gateway.query(order(gateway)).outcome is Outcome.NEVER_SENT
    now[0] += 13 * 3600 * SECOND
    gateway.query(order(gateway))
    assert [one.path for one in far.heard][:2] == ["/v3/certificates"] * 2
    assert gateway._keys.find("AB12") is not None


def test_a_stranger_on_the_way_writes_no_lines_into_the_log(far: FarSide, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    forged = "X\n2026-01-01 ERROR payflow.flow payment paid\x1b[2K\u2028"
    far.says("POST", f"{ORDERS}/native", Reply(400, {"code": forged, "message": forged}, signed=False,
                                               headers={"Request-ID": "1\r\n 2026 ERROR"}))  # fmt: skip
    far.says("GET", "/v3/certificates", Reply(403, {"code": forged, "message": forged}, signed=False))
    gateway = far.gateway()
    answer = gateway.charge(order(gateway))
    fetching = far.gateway(platform_keys={}, download_certificates=True)
    fetching.query(order(fetching))
    said = [record.getMessage() for record in caplog.records] + list(answer.words.values())
    assert any("ERROR payflow.flow payment paid" in line for line in said)
    assert all(line.isprintable() for line in said)
