"""The fields of ``biz_content``, each with what Alipay demands of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from ...clock import BEIJING, SECOND, from_datetime
from ...strictjson import Inexact
from .refusing import Refused, business, invalid

#: 100 000 000 yuan, https://opendocs.alipay.com/open/02ivbs.
MAX_AMOUNT = 10_000_000_000
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,2}))?", re.ASCII)
_NUMBER = re.compile(r"[0-9A-Za-z_]{1,64}", re.ASCII)
_RELATIVE = re.compile(r"([1-9][0-9]{0,4})([mhdc])", re.ASCII)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
_FORBIDDEN = frozenset("/=&")
_UNIT = {"m": 60, "h": 3600, "d": 86_400}
_LONGEST = 15 * 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def text(biz: Mapping[str, Any], name: str, limit: int, *, required: bool = False) -> str:
    """A text field; "" if it is missing and may be."""
    found = biz.get(name)
    if found is None or found == "":
        if required:
            raise invalid(f"{name}不能为空")
        return ""
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str) or len(found) > limit:
        raise invalid(f"{name}类型或长度有误，最长{limit}个字符")
    return found


def number(biz: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    """One of the merchant's own numbers: letters, digits and underscores."""
    found = text(biz, name, 64, required=required)
    if found and not _NUMBER.fullmatch(found):
        raise invalid(f"{name}只能包含字母、数字、下划线")
    return found


def subject(biz: Mapping[str, Any]) -> str:
    """The order's title; Alipay forbids ``/``, ``=`` and ``&`` in it."""
    found = text(biz, "subject", 256, required=True)
    if not _FORBIDDEN.isdisjoint(found):
        raise invalid("subject不可使用特殊字符，如 /，=，& 等")
    return found


def amount(biz: Mapping[str, Any], name: str) -> int:
    """Yuan with at most two decimals, as text or as a number, in fen."""
    found = biz.get(name)
    if isinstance(found, Inexact):
        found = found.text
    written = str(found) if isinstance(found, (str, int)) and not isinstance(found, bool) else ""
    match = _AMOUNT.fullmatch(written)
    if match is None:
        raise invalid(f"{name}不能为空，单位为元，最多两位小数")
    fen = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    if fen < 1:
        raise invalid(f"{name}不能小于0.01")
    if fen > MAX_AMOUNT:
        raise business("ACQ.TOTAL_FEE_EXCEED", "订单金额超过限额")
    return fen


def instant(written: str) -> int | None:
    """``yyyy-MM-dd HH:mm:ss`` in Beijing as an instant; ``None`` if it is not one."""
    if not _INSTANT.fullmatch(written):
        return None
    try:
        return from_datetime(datetime.strptime(written, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING))
    except ValueError:
        return None


def written(at: int, *, milliseconds: bool = False) -> str:
    """An instant as Alipay writes it."""
    moment = (_EPOCH + timedelta(microseconds=at)).astimezone(BEIJING)
    full = moment.strftime("%Y-%m-%d %H:%M:%S")
    return f"{full}.{moment.microsecond // 1000:03d}" if milliseconds else full


def expiry(biz: Mapping[str, Any], now: int, default_seconds: int) -> int:
    """When the order ends: ``time_expire``, else ``timeout_express``, else what is usual for the product."""
    absolute = text(biz, "time_expire", 32)
    if absolute:
        at = instant(absolute)
        if at is None:
            raise invalid("time_expire格式为yyyy-MM-dd HH:mm:ss")
        return at
    return after(text(biz, "timeout_express", 6), "timeout_express", now) or now + default_seconds * SECOND


def after(relative: str, name: str, now: int) -> int:
    """The instant ``30m``, ``2h``, ``1d`` or ``1c`` (the end of the day) from now; 0 if nothing is said."""
    if not relative:
        return 0
    match = _RELATIVE.fullmatch(relative)
    if match is None or (match[2] == "c" and match[1] != "1"):
        raise invalid(f"{name}取值范围：1m～15d")
    if match[2] == "c":
        return end_of_day(now)
    seconds = int(match[1]) * _UNIT[match[2]]
    if seconds > _LONGEST:
        raise invalid(f"{name}取值范围：1m～15d")
    return now + seconds * SECOND


def end_of_day(now: int) -> int:
    """The midnight that comes, in Beijing."""
    day = 86_400 * SECOND
    ahead = 8 * 3600 * SECOND
    return (now + ahead) // day * day + day - ahead


def checked_timestamp(given: str) -> Refused | None:
    """What is wrong with the public parameter ``timestamp``. Its form is checked; no window for it is documented."""
    if not given:
        return Refused("40001", "isv.missing-timestamp", "缺少时间戳参数", genuine=False)
    if instant(given) is None:
        return Refused("40002", "isv.invalid-timestamp", "非法的时间戳参数")
    return None
