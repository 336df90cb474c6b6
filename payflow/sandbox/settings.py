"""What stands in the settings of a client that talks to the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .material import APPS, MERCHANTS, Material, pem, serial_of

ACCOUNTS = ("alipay", "alipay-certificate", "wechat", "wechat-public-key", "wechat-switch")


def account_options(material: Material, url: str, name: str, folder: Path | None = None) -> Mapping[str, Any]:
    """The account ``name`` of :data:`ACCOUNTS` for ``payflow.json``; ``LookupError`` for another name.

    With ``folder`` every key is a reference to a file that is written there; without, the bytes themselves, as the
    ``from_config`` of a gateway takes them.
    """
    files = {} if folder is None else material.write(folder)

    def key(file: str, text: bytes) -> Any:
        return text if folder is None else {"file": str(files[file].absolute())}

    if name in ACCOUNTS[:2]:
        return _alipay(material, url, name, key)
    if name in ACCOUNTS[2:]:
        return _wechat(material, url, name, key)
    raise LookupError(f"There is no account {name}; there are {', '.join(ACCOUNTS)}")


def _alipay(material: Material, url: str, name: str, key: Any) -> dict[str, Any]:
    app = APPS[ACCOUNTS.index(name)]
    options = {
        "gateway": "alipay", "app_id": app.app_id, "seller_id": app.seller_id, "sandbox": True,
        "base_url": f"{url}/gateway.do", "app_private_key": key("app_private_key.pem", material.private_pem("app")),
    }  # fmt: skip
    if app.mode == "key":
        options["alipay_public_key"] = key("alipay_public_key.pem", material.public_pem("alipay"))
        return options
    options["app_certificate"] = key("app_cert.crt", pem(material.app_certificate))
    options["alipay_certificate"] = key("alipay_cert.crt", pem(material.alipay_certificate))
    options["alipay_root_certificate"] = key("alipay_root_cert.crt", pem(material.root_certificate))
    return options


def _wechat(material: Material, url: str, name: str, key: Any) -> dict[str, Any]:
    merchant = MERCHANTS[ACCOUNTS.index(name) - 2]
    options: dict[str, Any] = {
        "gateway": "wechat", "appid": merchant.appid, "mchid": merchant.mchid, "sandbox": True, "base_url": url,
        "api_v3_key": key("wechat_api_v3_key.txt", material.api_v3_key.encode("ascii")),
        "private_key": key("wechat_merchant_key.pem", material.private_pem("merchant")),
        "certificate_serial": serial_of(material.merchant_certificate),
    }  # fmt: skip
    if merchant.mode in ("certificate", "both"):
        options["platform_certificates"] = [key("wechat_platform_cert.pem", pem(material.platform_certificate))]
    if merchant.mode in ("public_key", "both"):
        options["public_key"] = key("wechat_public_key.pem", material.public_pem("wechat_public"))
        options["public_key_id"] = material.public_key_id
    return options
