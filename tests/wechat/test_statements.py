"""Bills of a day: announced with a hash, downloaded, unpacked by counted bytes. Section L."""

from __future__ import annotations

import gzip
import hashlib
from functools import partial
from typing import Any

import pytest

from payflow.errors import GatewayError, InvalidRequest
from payflow.gateways.wechat.statements import checked, unpacked

from .far_side import FarSide, Reply, error

zipped = partial(gzip.compress, mtime=0)  # without the time, so that all runs see the same bytes

TEXT = "\ufeff交易时间,公众账号ID\r\n`2026-01-31 08:00:00,`wx0000000000000001\r\n".encode()
TRADE, FILE = "/v3/bill/tradebill", "/v3/billdownload/file"


def announced(far: FarSide, text: bytes = TEXT, **changes: Any) -> Reply:
    sha1 = hashlib.sha1(text, usedforsecurity=False).hexdigest()
    said = {"hash_type": "SHA1", "hash_value": sha1, "download_url": f"{far.url}{FILE}?token=a%2Fb&tartype=gzip"}
    return Reply(body=said | changes)


def bill(far: FarSide, announcement: Reply, file: bytes, **how: Any) -> bytes:
    far.says("GET", TRADE, announcement)
    far.says("GET", FILE, Reply(body=file, signed=False))
    return far.gateway().bill("2026-01-31", **how)


def refusal(far: FarSide, announcement: Reply, file: bytes = b"", **how: Any) -> str:
    with pytest.raises(GatewayError) as caught:
        bill(far, announcement, file, **how)
    return caught.value.code


def test_the_text_of_a_bill(far: FarSide) -> None:
    assert bill(far, announced(far), zipped(TEXT)) == TEXT
    first, second = far.heard
    assert first.target == f"{TRADE}?bill_date=2026-01-31&tar_type=GZIP"
    assert second.target == f"{FILE}?token=a%2Fb&tartype=gzip"  # as it was given, and signed so
    assert second.headers["accept"] == "*/*"


def test_the_kind_of_bill(far: FarSide) -> None:
    far.says("GET", "/v3/bill/fundflowbill", announced(far))
    far.says("GET", FILE, Reply(body=zipped(TEXT), signed=False))
    assert far.gateway().bill("2026-01-31", "fundflow", which="OPERATION") == TEXT
    assert "account_type=OPERATION" in far.heard[0].target


def test_a_file_that_is_not_packed(far: FarSide) -> None:
    assert bill(far, announced(far), TEXT) == TEXT


def test_a_hash_over_the_file_as_it_came(far: FarSide) -> None:
    packed = zipped(TEXT)
    sha1 = hashlib.sha1(packed, usedforsecurity=False).hexdigest().upper()
    assert bill(far, announced(far, hash_value=sha1), packed) == TEXT


def test_a_day_on_which_nothing_was(far: FarSide) -> None:
    assert bill(far, error(400, "NO_STATEMENT_EXIST"), b"") == b""


def test_a_bill_that_is_not_made_yet(far: FarSide) -> None:
    assert refusal(far, error(400, "STATEMENT_CREATING")) == "BILL_NOT_READY"


@pytest.mark.parametrize("reply", [error(403, "NO_AUTH"), error(500, "SYSTEM_ERROR"), Reply(200, {}, signed=False)])
def test_a_bill_that_is_not_given(far: FarSide, reply: Reply) -> None:
    assert refusal(far, reply) == "BILL_REFUSED"


def test_a_download_that_fails(far: FarSide) -> None:
    far.says("GET", TRADE, announced(far))
    far.says("GET", FILE, Reply(403, b"", signed=False))
    with pytest.raises(GatewayError) as caught:
        far.gateway().bill("2026-01-31")
    assert caught.value.code == "BILL_REFUSED"


@pytest.mark.parametrize("file", [zipped(TEXT + b"x"), TEXT[:-1], b"", zipped(TEXT)[:-4],
                                  zipped(TEXT) + b"x", b"\x1f\x8bnonsense"])  # fmt: skip
def test_a_file_that_is_not_the_one_that_was_announced(far: FarSide, file: bytes) -> None:
    assert refusal(far, announced(far), file) == "BILL_HASH_MISMATCH"


@pytest.mark.parametrize("changes", [{"hash_type": "MD5"}, {"hash_value": "x" * 40}, {"hash_value": None}])
def test_a_bill_without_a_hash(far: FarSide, changes: dict[str, Any]) -> None:
    assert refusal(far, announced(far, **changes)) == "BILL_HASH_MISMATCH"


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/v3/billdownload/file", "https://evil.example/v3/billdownload/file", "/v3/x", "", None, 7,
     "file:///etc/passwd", "{url}.evil.example/v3/x", "{url}@evil.example/v3/x", "{url}/v3/a b", "{url}/v3/x#y",
     "{url}/other/x", "{url}/v3/x\r\nHost: evil"],
)  # fmt: skip
def test_an_address_that_is_not_theirs(far: FarSide, url: Any) -> None:
    text = url.replace("{url}", far.url) if isinstance(url, str) else url
    assert refusal(far, announced(far, download_url=text)) == "BILL_URL_REJECTED"
    assert len(far.heard) == 1


def test_a_bomb_is_not_unpacked(far: FarSide) -> None:
    bomb = zipped(bytes(20_000_000))
    assert refusal(far, announced(far), bomb, max_bytes=1_000_000) == "BILL_TOO_LARGE"


def test_a_file_that_is_too_large(far: FarSide) -> None:
    assert refusal(far, announced(far), bytes(2_000), max_bytes=1_000) == "BILL_TOO_LARGE"


def test_as_many_bytes_as_are_allowed() -> None:
    packed = zipped(TEXT)
    sha1 = hashlib.sha1(TEXT, usedforsecurity=False).hexdigest()
    assert unpacked(packed, len(TEXT)) == TEXT
    assert checked(packed, sha1, len(TEXT)) == TEXT


@pytest.mark.parametrize(
    ("day", "kind", "which"),
    [("2026-1-31", "trade", None), ("20260131", "trade", None), ("2026-02-30", "trade", None), ("", "trade", None),
     ("2026-01-31&x=", "trade", None), ("2026-01-31", "other", None), ("2026-01-31", "trade", "BASIC")],
)  # fmt: skip
def test_a_bill_that_cannot_be_asked_for(far: FarSide, day: str, kind: str, which: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        far.gateway().bill(day, kind, which=which)
    assert (caught.value.code, far.heard) == ("INVALID_BILL", [])
