"""Bills: fetched from Alipay's own addresses only, and "nothing happened" is not "not made yet"."""

from __future__ import annotations

import pytest

from payflow.errors import GatewayError, InvalidRequest

from .scripted import Script

URL = "alipay.data.dataservice.bill.downloadurl.query"
YESTERDAY, TODAY = "2026-05-27", "2026-05-28"  # the script's clock says 04:26 of the 29th


def code(far: Script, day: str = YESTERDAY) -> str:
    with pytest.raises(GatewayError) as refused:
        far.gateway().statements.fetch(day)
    return refused.value.code


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "http://127.0.0.1:1/x", "http://169.254.169.254/x", "https://[::1]/x", "https://2130706433/x",
     "https://dwbillcenter.alipay.com.evil.example/x", "http://dwbillcenter.alipay.com/x",
     "https://user@dwbillcenter.alipay.com/x", "https://dwbillcenter.alipay.com:8443/x", "https://evil.example/",
     "https://dwbillcenter.alipay.com/a b", "https://dwbillcenter.alipay.com/" + "x" * 3000, "//x", ""],
)  # fmt: skip
def test_b160_a_bill_is_fetched_from_alipay_and_nobody_else(far: Script, url: str) -> None:
    far.say(URL, bill_download_url=url)
    assert code(far) == "BILL_URL_REJECTED"


def test_f60_an_empty_day_is_empty_and_a_bill_that_is_not_made_yet_is_not(far: Script) -> None:
    far.deny(URL, "BILL_NOT_EXIST")
    assert far.gateway().statements.fetch(YESTERDAY) is None
    far.deny(URL, "BILL_NOT_EXIST")
    assert code(far, TODAY) == "BILL_NOT_READY"
    far.deny(URL, "BILL_NOT_EXIST")
    assert code(far, "2026-05") == "BILL_NOT_READY"


@pytest.mark.parametrize("day", ["2026-02-30", "2026-5-1", "20260501", "2026-05-01x", "", "2026-13"])
def test_a_day_that_is_none_is_refused(far: Script, day: str) -> None:
    with pytest.raises(InvalidRequest):
        far.gateway().statements.fetch(day)
