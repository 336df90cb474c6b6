"""The SDKs people use, and how each is pointed here: one module for each language.

Names of settings are those of the SDKs' own sources. ``@URL@`` and the like are filled in when a page is shown.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdk:
    """One SDK. ``setting`` says which of its settings takes the address; ``warning`` what bites."""

    name: str
    gateway: str
    install: str
    setting: str
    setting_zh: str
    files: tuple[str, ...]
    code: str
    warning: str = ""
    warning_zh: str = ""
