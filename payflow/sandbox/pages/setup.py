"""How to point a client here: which setting of which SDK, with this sandbox's own address, keys and numbers."""

from __future__ import annotations

import json
from importlib import import_module
from urllib.parse import urlsplit

from ...markup import Html, tag
from ..api import keys
from ..api.verbs import Desk
from ..material import APPS, MERCHANTS, serial_of
from ..messages import Outgoing
from .layout import GATEWAYS, View, facts, page
from .sdks import Sdk

LANGUAGES = {"python": "Python", "node": "Node.js", "java": "Java", "go": "Go", "php": "PHP"}
_NOTICE = "Made by this sandbox for itself, private keys too: they open nothing else. Never put a real key here."


def setup_page(desk: Desk, view: View, language: str) -> Outgoing | None:
    """The page for one language, or the first one ("") with accounts and keys; ``None`` for another."""
    if language and language not in LANGUAGES:
        return None
    say = view.say
    links = [
        tag("a", name, href=view.link(f"/setup/{key}"), aria_current="page" if key == language else None)
        for key, name in LANGUAGES.items()
    ]
    choice = tag("nav", links, class_="langs", aria_label=say("Choose your language"))
    if not language:
        return page(
            view, say("Set up a client"), tag("h1", say("Set up a client")), choice, _address(desk, view),
            _accounts(desk, view), _config(desk, view), _files(desk, view),
        )  # fmt: skip
    sdks: tuple[Sdk, ...] = import_module(f"{__package__}.sdks.{language}").SDKS
    cards = [_sdk(desk, view, sdk) for sdk in sdks]
    return page(view, LANGUAGES[language], tag("h1", LANGUAGES[language]), choice, cards)


def _address(desk: Desk, view: View) -> Html:
    say, url = view.say, desk.world.address
    return tag(
        "section", tag("h2", say("Address of this sandbox")),
        facts(
            (say("Alipay"), tag("code", f"{url}/gateway.do")), (say("WeChat Pay"), tag("code", url)),
            (say("The payer pays here"), tag("code", f"{url}/cashier/…")),
        ),
        tag("p", say("The sandbox speaks plain http and answers on loopback only, unless it was told otherwise."),
            class_="hint"),
        tag("p", say("Callbacks go to any address of this machine."), class_="hint"), class_="card",
    )  # fmt: skip


def _accounts(desk: Desk, view: View) -> Html:
    say, material = view.say, desk.world.material
    alipay = [
        facts(
            (say("Mode"), say(app.mode)), ("app_id", tag("code", app.app_id)), ("seller_id", tag("code", app.seller_id))
        )
        for app in APPS
    ]
    wechat = [
        facts((say("Mode"), say(one.mode)), ("mchid", tag("code", one.mchid)), ("appid", tag("code", one.appid)))
        for one in MERCHANTS
    ]
    shared = facts(
        (say("Certificate serial"), tag("code", serial_of(material.merchant_certificate))),
        (say("Public key id"), tag("code", material.public_key_id)),
        (say("APIv3 key"), tag("code", material.api_v3_key)),
    )
    return tag(
        "section", tag("h2", say("Test accounts")), tag("p", say(_NOTICE), class_="warn"),
        tag("h3", say("Alipay")), tag("div", alipay, class_="accounts"),
        tag("h3", say("WeChat Pay")), tag("div", wechat, class_="accounts"),
        tag("p", say("Every account of a gateway shares one merchant key."), class_="hint"), shared, class_="card",
    )  # fmt: skip


def _config(desk: Desk, view: View) -> Html:
    text = json.dumps(keys.config(desk.world.material, desk.world.address), indent=2, ensure_ascii=False)
    return tag(
        "section", tag("h2", view.say("A ready payflow.json")), _code(view, text),
        tag("p", tag("code", "payflow sandbox --write-config payflow.json"), class_="hint"), class_="card",
    )  # fmt: skip


def _files(desk: Desk, view: View) -> Html:
    rows = [_file(name) for name in keys.names(desk.world.material)]
    return tag(
        "section", tag("h2", view.say("Key files")), tag("p", view.say(_NOTICE), class_="hint"),
        tag("ul", rows, class_="files"), class_="card",
    )  # fmt: skip


def _file(name: str) -> Html:
    return tag("li", tag("a", name, href=f"/sandbox/keys/{name}", download=name))


def _sdk(desk: Desk, view: View, sdk: Sdk) -> Html:
    say, zh = view.say, view.say.lang == "zh"
    warning = sdk.warning_zh if zh else sdk.warning
    files = tag("div", tag("p", say("These files in the folder")), tag("ul", [_file(name) for name in sdk.files]))
    return tag(
        "section",
        tag("p", tag("span", say(GATEWAYS[sdk.gateway]), class_=f"gateway {sdk.gateway}")),
        tag("h2", sdk.name),
        facts((say("Install"), tag("code", sdk.install)),
              (say("Which setting"), sdk.setting_zh if zh else sdk.setting)),
        tag("p", warning, class_="warn") if warning else None,
        files if sdk.files else None,
        _code(view, _filled(desk, sdk.code)), class_="card sdk",
    )  # fmt: skip


def _code(view: View, text: str) -> Html:
    code = tag(
        "pre", tag("code", text.rstrip("\n")), data_copy=view.say("Copy"), data_copied=view.say("Copied"), tabindex=0
    )
    return tag("div", code, class_="code")


def _filled(desk: Desk, code: str) -> str:
    """The code with this sandbox's own values. WeChat Pay's merchant is the one with the public key."""
    material, address = desk.world.material, urlsplit(desk.world.address)
    merchant = MERCHANTS[1]
    values = {
        "URL": desk.world.address, "HOST": address.netloc, "HOSTNAME": address.hostname or "",
        "PORT": str(address.port or 80), "APP_ID": APPS[0].app_id, "MCHID": merchant.mchid, "APPID": merchant.appid,
        "SERIAL": serial_of(material.merchant_certificate), "PUBLIC_KEY_ID": material.public_key_id,
        "APIV3_KEY": material.api_v3_key,
    }  # fmt: skip
    for name, value in values.items():
        code = code.replace(f"@{name}@", value)
    return code
