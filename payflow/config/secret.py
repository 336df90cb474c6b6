"""Secrets: fetched from where the config says they are, measured, and never shown again."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

_MAX_SECRET_FILE = 65_536
_WELL_KNOWN = (
    "changeme", "changeit", "replaceme", "yoursecret", "yourkey", "yourapikey", "placeholder", "notsecret", "password",
    "secretkey", "topsecret", "supersecret", "letmein", "examplesecret", "examplekey",
)  # fmt: skip
#: So short that one random key in some ten thousand has it somewhere: it counts where it stands as a word.
_SHORT = re.compile(rb"(?i)(?<![a-z0-9])(todo|fixme)(?![a-z0-9])")


class Secret:
    """Bytes that no ``repr``, ``str``, format, ``vars`` or pickle shows.

    ``where`` says where they came from, in words; ``file`` is the file, if it was one.
    """

    __slots__ = ("_hidden", "file", "where")

    def __init__(self, value: bytes, where: str, file: Path | None = None) -> None:
        self._hidden = value
        self.where = where
        self.file = file

    def reveal(self) -> bytes:
        """The bytes themselves. Hand them on; do not keep them in a named place."""
        return self._hidden

    def text(self) -> str:
        """The bytes as UTF-8 text, for secrets that are text (a database URL)."""
        return self._hidden.decode("utf-8")

    def __repr__(self) -> str:
        return f"Secret({self.where})"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return format(repr(self), format_spec)

    def __eq__(self, other: object) -> bool:
        import hmac

        return isinstance(other, Secret) and hmac.compare_digest(self._hidden, other._hidden)

    __hash__ = object.__hash__

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not pickled")


class Environment:
    """The environment variables, without showing them to whoever prints the locals of a traceback."""

    __slots__ = ("_variables",)

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __repr__(self) -> str:
        return "Environment(…)"

    def secret(self, name: str) -> Secret | None:
        """The variable as a secret; ``None`` when it is not set."""
        if name not in self._variables:
            return None
        return Secret(os.fsencode(self._variables[name]), f"env {name}")

    def overrides(self, prefix: str) -> dict[str, Secret]:
        """Every variable with this prefix, by its name."""
        return {
            name: Secret(os.fsencode(value), f"env {name}")
            for name, value in sorted(self._variables.items())
            if name.startswith(prefix)
        }


#: setting → what its file is called when it is downloaded, so that a reference may name the folder it lies in.
DOWNLOADED = {
    "app_private_key": ("app_private_key.pem", "应用私钥*.txt", "*应用私钥*"),
    "alipay_public_key": ("alipay_public_key.pem", "alipayPublicKey_RSA2.txt", "*支付宝公钥*"),
    "app_certificate": ("appCertPublicKey*.crt",),
    "alipay_certificate": ("alipayCertPublicKey*.crt",),
    "alipay_root_certificate": ("alipayRootCert.crt",),
    "private_key": ("apiclient_key.pem",),
    "certificate": ("apiclient_cert.pem",),
    "public_key": ("pub_key.pem",),
    "platform_certificates": ("wechatpay_*.pem",),
}


def fetch(
    reference: Mapping[str, str], environment: Environment, folder: Path, setting: str = ""
) -> tuple[Secret | None, str]:
    """The secret a reference points at, or ``None`` and why it cannot be had.

    Where a file is asked for and a folder is named, the one file in it that is called as ``setting`` is downloaded.
    """
    if "env" in reference:
        name = reference["env"]
        found = environment.secret(name)
        return (found, "") if found is not None else (None, f"environment variable {name} is not set")
    name = reference["file"]
    if "\0" not in name and (folder / name).is_dir():
        found_name, why = _in_folder(folder, name, DOWNLOADED.get(setting, ()))
        if why:
            return None, why
        name = found_name
    try:
        with (folder / name).open("rb") as file:
            secret = Secret(file.read(_MAX_SECRET_FILE + 1), f"file {name}")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable path"
        return None, f"file {name} cannot be read ({reason})"
    if len(secret.reveal()) > _MAX_SECRET_FILE:
        return None, f"file {name} is larger than {_MAX_SECRET_FILE} bytes"
    return Secret(_without_line_break(secret.reveal()), secret.where, folder / name), ""


def _in_folder(folder: Path, name: str, patterns: tuple[str, ...]) -> tuple[str, str]:
    """The file in the folder ``name`` that these patterns mean, or why there is no such one."""
    if not patterns:
        return "", f"{name} is a folder, and a file is needed"
    for pattern in patterns:
        found = sorted((folder / name).glob(pattern))
        if len(found) == 1:
            return str(Path(name) / found[0].name), ""
        if found:
            return "", f"folder {name} holds {len(found)} files called {pattern}; name the one that is meant"
    return "", f"folder {name} holds no file called {' or '.join(patterns)}"


def _without_line_break(value: bytes) -> bytes:
    return value[:-2] if value.endswith(b"\r\n") else value[:-1] if value.endswith(b"\n") else value


def missing(secret: Secret) -> str:
    """Why there is nothing in it; empty when there is."""
    value = secret.reveal()
    if not value:
        return f"{secret.where} is empty"
    return f"{secret.where} holds nothing but white space" if not value.strip() else ""


def weakness(secret: Secret, *, least: int = 0, exactly: int = 0) -> str:
    """Why a random key of at least ``least`` (or ``exactly``) bytes is too weak; empty when it is not."""
    value, where = secret.reveal(), secret.where
    if value != value.strip():
        return f"{where} begins or ends with white space"
    if exactly and len(value) != exactly:
        return f"{where} has {len(value)} bytes and needs exactly {exactly}"
    # The word is looked for before the length, because "changeme" deserves to be called by its name.
    if _SHORT.search(value) or any(word in _letters(value) for word in _WELL_KNOWN):
        return f"{where} holds a well-known placeholder"
    if len(value) < least:
        return f"{where} has {len(value)} bytes and needs at least {least}"
    if len(set(value)) == 1:
        return f"{where} is the same character over and over"
    if _repeats(value):
        return f"{where} is a short text over and over"
    if _climbs(value):
        return f"{where} counts up or down instead of being random"
    return ""


def pem_kind(secret: Secret) -> str:
    """What a PEM says it is: ``certificate``, ``private key``, ``public key``; empty for anything else."""
    found = re.search(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----", secret.reveal())
    if found is None:
        return ""
    label = found[1]
    for kind in ("CERTIFICATE", "PRIVATE KEY", "PUBLIC KEY"):
        if label.endswith(kind.encode()):
            return kind.lower()
    return ""


def _letters(value: bytes) -> str:
    return re.sub(rb"[^a-z]", b"", value.lower()).decode("ascii")


def _repeats(value: bytes) -> bool:
    """Whether the whole is a shorter text repeated: it then lies inside its own double without its ends."""
    return len(value) > 1 and value in (value + value)[1:-1]


def _climbs(value: bytes) -> bool:
    """Whether most steps are the same small one, as in ``abcdef…`` or ``987654…``."""
    steps = [after - before for before, after in pairwise(value)]
    return bool(steps) and max(steps.count(1), steps.count(-1)) * 4 > len(steps) * 3
