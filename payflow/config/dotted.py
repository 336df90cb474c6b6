"""Names that stand for things outside the config: the host's functions, the world's time zones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from importlib import import_module
from typing import Any

from ..clock import BEIJING
from ..errors import ConfigError
from .problems import did_you_mean


def function_of(name: str, path: str) -> Callable[..., Any]:
    """The function ``module:function`` names. Raises ``CONFIG_UNKNOWN_FUNCTION`` with ``path``, and why."""
    module_name, _, attributes = name.partition(":")
    reason = ""
    cause: Exception | None = None
    found: Any = None
    try:
        found = import_module(module_name)
    except Exception as error:  # noqa: BLE001 -- whatever the host's module raises while it is imported
        reason, cause = f"module {module_name} cannot be imported ({type(error).__name__}: {error})", error
    for attribute in attributes.split(".") if not reason else ():
        if not hasattr(found, attribute):
            hint = did_you_mean(attribute, [one for one in dir(found) if not one.startswith("_")])
            reason = f"{module_name} has no '{attribute}'{hint}"
            break
        found = getattr(found, attribute)
    if not reason and not callable(found):
        reason = f"{name} is not a function"
    if reason:
        raise ConfigError(reason, path=path, code="CONFIG_UNKNOWN_FUNCTION") from cause
    function: Callable[..., Any] = found
    return function


def zone_of(name: str) -> tzinfo:
    """The IANA time zone of that name. Raises ``CONFIG_UNKNOWN_TIME_ZONE``.

    ``Asia/Shanghai`` works without a time zone database: it has been eight hours ahead, without exception, since 1991.
    """
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # not even a file name, or no such zone (ZoneInfoNotFoundError)
        if name == "Asia/Shanghai":
            return BEIJING
    hint = did_you_mean(name, available_timezones())
    raise ConfigError(f"is not a known time zone{hint}", path="$.time_zone", code="CONFIG_UNKNOWN_TIME_ZONE")
