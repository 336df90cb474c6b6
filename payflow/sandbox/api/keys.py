"""The sandbox's keys for clients: as files to download, and as accounts of a ``payflow.json``.

Private keys of test merchants are among them. They are made by the sandbox for itself and open nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..material import Material, pem
from ..settings import ACCOUNTS, account_options

NOTICE = (
    "Everything here, private keys too, was made by this sandbox for itself. It opens nothing else: never use it with "
    "a real account, and never put a real key here."
)
_NEXT = {"alipay_cert_next.crt": "alipay", "wechat_platform_cert_next.pem": "platform"}


def names(material: Material) -> list[str]:
    """The names of all files."""
    return sorted([*material.files(), *_lines(material), *_NEXT])


def content(material: Material, name: str) -> bytes | None:
    """One file; ``None`` if there is none of that name."""
    if name in _NEXT:
        return pem(material.next_certificate(_NEXT[name]))
    return {**material.files(), **_lines(material)}.get(name)


def _lines(material: Material) -> dict[str, bytes]:
    """Keys as one line of base64, which is how some SDKs want them."""
    pkcs8 = "".join(material.private_pem("app").decode("ascii").splitlines()[1:-1])
    return {
        "app_private_key_pkcs1.txt": material.private_line("app").encode("ascii"),
        "app_private_key_pkcs8.txt": pkcs8.encode("ascii"),
        "app_public_key.txt": material.public_line("app").encode("ascii"),
        "alipay_public_key.txt": material.public_line("alipay").encode("ascii"),
    }


def accounts(material: Material, url: str) -> list[dict[str, Any]]:
    """Every account with its options, keys named as files, and where the files are."""
    listed = []
    for name in ACCOUNTS:
        options = fragment(material, url, [name], "secrets")["gateways"][name]
        files = sorted(Path(one).name for one in _files_in(options))
        listed.append({"name": name, "options": options, "files": {one: f"{url}/sandbox/keys/{one}" for one in files}})
    return listed


def fragment(material: Material, url: str, wanted: list[str], folder: str) -> dict[str, Any]:
    """The ``gateways`` of a ``payflow.json``; keys are files in ``folder``. ``LookupError`` for an unknown name."""
    by_content = {text: name for name, text in reversed(material.files().items())}

    def named(value: Any) -> Any:
        if isinstance(value, bytes):
            return {"file": f"{folder}/{by_content[value]}"}
        if isinstance(value, list):
            return [named(one) for one in value]
        return value

    found = {name: account_options(material, url, name) for name in wanted}
    return {"gateways": {name: {key: named(one) for key, one in options.items()} for name, options in found.items()}}


def _files_in(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return (
            [value["file"]] if set(value) == {"file"} else [one for part in value.values() for one in _files_in(part)]
        )
    return [one for part in value for one in _files_in(part)] if isinstance(value, list) else []


def config(material: Material, url: str) -> dict[str, Any]:
    """A whole ``payflow.json`` for development, with the accounts ``alipay`` and ``wechat``."""
    return {
        "version": 1, "environment": "development", "secret": {"file": "secrets/payflow.txt"},
        "payment_gateway": "alipay", **fragment(material, url, ["alipay", "wechat"], "secrets"),
        "store": {"url": "sqlite:///payflow.db"},
    }  # fmt: skip


def write_config(material: Material, url: str, path: Path) -> None:
    """Write :func:`config` and the files it names. A secret of payflow's own that is there already is kept."""
    import secrets

    folder = path.parent / "secrets"
    material.write(folder)
    own = folder / "payflow.txt"
    if not own.exists():
        own.touch(mode=0o600)
        own.write_text(secrets.token_urlsafe(48), encoding="ascii")
    path.write_text(json.dumps(config(material, url), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
