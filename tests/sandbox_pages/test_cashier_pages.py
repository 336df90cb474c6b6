"""Cashier, dashboard and setup as a reader without JavaScript gets them."""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from payflow import sandbox as package
from payflow.language import preferred
from payflow.markup import escape, tag
from payflow.sandbox import Order, Refund, Sandbox
from payflow.sandbox.faults import KINDS
from payflow.sandbox.pages.words import FAULTS_ZH, STATES, ZH, Speech

Put = Callable[..., Order]
NASTY = "\"><script>alert(1)</script>'&\u2028</form><img src=x onerror=alert(2)>\x00\u202e"
ONE = "/cashier/alipay/ORDER_0001"


def page(sandbox: Sandbox, path: str, status: int = 200, **headers: str) -> str:
    answer = requests.get(sandbox.url + path, headers=headers, timeout=10)
    assert answer.status_code == status, answer.text[:500]
    answer.encoding = "utf-8"
    return answer.text


def send(sandbox: Sandbox, path: str, status: int = 303, **fields: str) -> requests.Response:
    answer = requests.post(sandbox.url + path, data=fields, allow_redirects=False, timeout=10)
    assert answer.status_code == status, answer.text[:500]
    return answer


# -- the cashier ----------------------------------------------------------------------------------------------------


def test_opening_the_cashier_makes_a_lazy_trade_exist(sandbox: Sandbox, order: Put) -> None:
    order()
    shown = page(sandbox, ONE)
    assert "¥12.50" in shown
    assert "Flat white" in shown
    opened = sandbox.order("ORDER_0001")
    assert opened.state == "waiting"
    assert opened.number


def test_paying_without_javascript(sandbox: Sandbox, order: Put) -> None:
    order(return_url="http://127.0.0.1:8000/thanks")
    answer = send(sandbox, f"{ONE}/pay")
    assert answer.headers["Location"] == ONE
    shown = page(sandbox, ONE)
    assert sandbox.order("ORDER_0001").state == "paid"
    assert 'href="http://127.0.0.1:8000/thanks?out_trade_no=ORDER_0001"' in shown  # as the gateway's side writes it
    assert 'id="pay"' not in shown


def test_a_side_without_return_addresses_uses_the_orders_own(sandbox: Sandbox, order: Put) -> None:
    order("W1", gateway="wechat", merchant="1900000001", state="waiting", return_url="http://127.0.0.1:8000/thanks")
    send(sandbox, "/cashier/wechat/W1/pay")
    assert 'href="http://127.0.0.1:8000/thanks"' in page(sandbox, "/cashier/wechat/W1")


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "http:///\n"])
def test_a_return_address_that_runs_something_is_no_link(sandbox: Sandbox, order: Put, address: str) -> None:
    order("W1", gateway="wechat", merchant="1900000001", return_url=address)
    send(sandbox, "/cashier/wechat/W1/pay")
    assert 'id="return"' not in page(sandbox, "/cashier/wechat/W1")


def test_paying_twice_says_so(sandbox: Sandbox, order: Put) -> None:
    order()
    send(sandbox, f"{ONE}/pay")
    assert "It is paid already" in send(sandbox, f"{ONE}/pay", 409).text


def test_declining_lets_the_payer_try_again(sandbox: Sandbox, order: Put) -> None:
    order()
    send(sandbox, f"{ONE}/decline")
    assert "You can try again" in page(sandbox, ONE)
    send(sandbox, f"{ONE}/expire")
    assert "This order is closed." in page(sandbox, ONE)


def test_only_code_pay_asks_for_a_password(sandbox: Sandbox, order: Put) -> None:
    order()
    order("CODE_1", product="barcode")
    assert 'id="begin"' not in page(sandbox, ONE)
    assert 'id="begin"' in page(sandbox, "/cashier/alipay/CODE_1")
    send(sandbox, "/cashier/alipay/CODE_1/begin")
    assert sandbox.order("CODE_1").state == "paying"


def test_a_combined_order_shows_its_parts_and_its_sum(sandbox: Sandbox, order: Put) -> None:
    for number, amount in (("PART_1", 100), ("PART_2", 250)):
        order(
            number, gateway="wechat", merchant="1900000001", group_no="WHOLE", amount=amount, subject=f"Thing {amount}"
        )
    shown = page(sandbox, "/cashier/wechat/WHOLE")
    assert "Pay ¥3.50" in shown
    assert "Thing 100" in shown
    assert "Thing 250" in shown


def test_an_order_that_is_not_there(sandbox: Sandbox) -> None:
    assert "There is no such order" in page(sandbox, "/cashier/alipay/NONE", 404)
    assert "没有这个订单" in page(sandbox, "/cashier/alipay/NONE?lang=zh", 404)
    page(sandbox, "/cashier/visa/NONE", 404)
    page(sandbox, "/cashier/alipay/%ff%00", 404)


# -- languages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "lang"),
    [
        ("", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-GB,zh;q=0.5", "en"), ("fr,zh;q=0.2", "zh"), ("fr", "en"),
        ("zh;q=x", "en"), ("zh;q=0", "en"),
    ],
)  # fmt: skip
def test_accept_language(accepted: str, lang: str) -> None:
    assert preferred(accepted) == lang


def test_a_language_that_was_asked_for_is_kept(sandbox: Sandbox, order: Put) -> None:
    order()
    shown = page(sandbox, f"{ONE}?lang=zh", **{"Accept-Language": "en"})
    assert '<html lang="zh-CN">' in shown
    assert f'action="{ONE}/pay?lang=zh"' in shown
    assert send(sandbox, f"{ONE}/pay?lang=zh").headers["Location"] == f"{ONE}?lang=zh"


def test_everything_is_said_in_chinese_too() -> None:
    assert package.__file__ is not None
    folder = Path(package.__file__).parent
    said = set()
    for path in (folder / "pages").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("say", "view.say") and node.args:
                said |= {one.value for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)}
    names = {"paid", "failed", "reversed", "closed"}  # words of dictionaries, looked up where they are said
    missing = {text for text in said - names if isinstance(text, str) and text not in ZH}
    assert missing - {"", "state:"} == set()
    assert set(FAULTS_ZH) == set(KINDS)
    assert all(zh and en for en, zh in STATES.values())
    assert not [text for text, zh in ZH.items() if set(re.findall(r"{\w+}", text)) != set(re.findall(r"{\w+}", zh))]
    assert Speech("zh")("state:paid") == "已支付"


# -- escaping -------------------------------------------------------------------------------------------------------


def test_b151_nothing_from_outside_becomes_markup(sandbox: Sandbox, order: Put) -> None:
    made = order(
        subject=NASTY, payer=NASTY, notify_url=NASTY, return_url=f"http://127.0.0.1/{NASTY}", app=NASTY, product=NASTY,
        group_no=NASTY,
    )  # fmt: skip
    paid = sandbox.pay("ORDER_0001")
    sandbox.trades.refund(paid, Refund(
        gateway="alipay", merchant=made.merchant, out_trade_no=made.out_trade_no, out_refund_no="R1", number="1",
        amount=1, state="processing", reason=NASTY,
    ))  # fmt: skip
    for path in ("/", ONE, "/orders/alipay/ORDER_0001", "/?lang=zh", f"/?before={requests.utils.quote(NASTY)}"):
        shown = requests.get(sandbox.url + path, timeout=10).content.decode()
        assert "alert(1)" not in shown or html.escape("<script>alert(1)") in shown
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown
        assert shown.count("</form>") == len(re.findall(r"<form[ >]", shown))
        assert "\x00" not in shown


def test_a_refund_number_of_strange_characters_is_a_path_of_one_piece(sandbox: Sandbox, order: Put) -> None:
    order()
    paid = sandbox.pay("ORDER_0001")
    sandbox.trades.refund(paid, Refund(
        gateway="alipay", merchant=paid.merchant, out_trade_no="ORDER_0001", out_refund_no="R|*@1", number="1",
        amount=1, state="processing",
    ))  # fmt: skip
    path = re.search(r'action="(/orders/[^"]+/settle)"', page(sandbox, "/orders/alipay/ORDER_0001"))
    assert path is not None
    send(sandbox, html.unescape(path[1]), state="succeeded")
    assert sandbox.order("ORDER_0001").refunded == 1


def test_attributes_are_escaped_and_addresses_looked_at() -> None:
    assert tag("p", "<", title="\"'&") == '<p title="&quot;&#x27;&amp;">&lt;</p>'
    assert escape("a\x00b") == "a\ufffdb"
    for address in ("javascript:alert(1)", " javascript:x", "//evil.example", "data:x", "/\\evil.example"):
        with pytest.raises(ValueError, match="no address"):
            tag("a", "x", href=address)


@pytest.mark.parametrize("path", ["/", "/setup", "/setup/python", "/nothing", ONE])
def test_pages_allow_no_inline_code_and_no_frame(sandbox: Sandbox, order: Put, path: str) -> None:
    order()
    answer = requests.get(sandbox.url + path, timeout=10)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", answer.text)


# -- the dashboard --------------------------------------------------------------------------------------------------


def test_the_dashboard_pages_through_orders(sandbox: Sandbox, order: Put) -> None:
    for number in range(25):
        order(f"ORDER_{number:04}", created_at=1_700_000_000_000_000 + number)
    shown, seen = page(sandbox, "/"), []
    while True:
        seen += re.findall(r'href="/orders/alipay/(ORDER_\d+)"', shown)
        older = re.search(r'href="(/\?before=[^"]+)">Older', shown)
        if older is None:
            break
        shown = page(sandbox, html.unescape(older[1]))
    assert seen == [f"ORDER_{number:04}" for number in reversed(range(25))]


def test_a_timeline_is_drawn_and_said(sandbox: Sandbox, order: Put) -> None:
    order(notify_url="http://127.0.0.1:9/none")
    sandbox.pay("ORDER_0001")
    sandbox.deliver()
    label = re.search(r'<svg [^>]*aria-label="([^"]+)"', page(sandbox, "/"))
    assert label is not None
    assert label[1] == "ordered, opened, paid, told: paid"


def test_faults_are_ordered_and_taken_back_by_form(sandbox: Sandbox) -> None:
    send(sandbox, "/faults", kind="delay", gateway="", operation="", out_trade_no="", times="3", rate="0.5", value="2")
    (fault,) = sandbox.books.faults()
    assert (fault.kind, fault.left, fault.rate, fault.value) == ("delay", 3, 0.5, 2.0)
    send(sandbox, f"/faults/{fault.id}/take-back")
    assert sandbox.books.faults() == []
    assert 'role="alert"' in send(sandbox, "/faults", 400, kind="delay", times="x").text


def test_the_clock_is_set_by_form(sandbox: Sandbox) -> None:
    send(sandbox, "/clock", advance_seconds="3600")
    send(sandbox, "/clock", speed="0")
    assert sandbox.clock.ahead_seconds > 3590
    assert sandbox.clock.speed == 0
    send(sandbox, "/clock", 400, speed="fast")
    send(sandbox, "/rotate/wechat")
    assert sandbox.sides["wechat"].turns == 1  # type: ignore[attr-defined]  # the small side of these tests


def test_a_button_comes_back_to_its_page_and_nowhere_else(sandbox: Sandbox, order: Put) -> None:
    order(notify_url="http://127.0.0.1:9/none")
    sandbox.pay("ORDER_0001")
    (callback,) = sandbox.books.newest_callbacks()
    path = f"/callbacks/{callback.id}/send"
    assert send(sandbox, path, back="/orders/alipay/ORDER_0001").headers["Location"] == "/orders/alipay/ORDER_0001"
    for back in ("https://evil.example", "//evil.example", "/\\evil.example", "/x\r\nX: y"):
        assert send(sandbox, path, back=back).headers["Location"] == "/"


def test_unknown_paths_and_methods(sandbox: Sandbox) -> None:
    page(sandbox, "/nothing", 404)
    page(sandbox, "/static/../sandbox.py", 404)
    send(sandbox, "/nothing", 404)
    assert requests.put(sandbox.url + "/", timeout=10).status_code == 405
    assert requests.head(sandbox.url + "/", timeout=10).content == b""


# -- setup ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["python", "node", "java", "go", "php"])
def test_setup_pages_name_this_sandbox_and_files_that_exist(sandbox: Sandbox, language: str) -> None:
    shown = html.unescape(page(sandbox, f"/setup/{language}"))
    assert urlsplit(sandbox.url).netloc in shown
    assert not re.search(r"@[A-Z_0-9]+@", shown)
    files = re.findall(r'href="/sandbox/keys/([^"]+)"', shown)
    assert files
    assert {requests.get(f"{sandbox.url}/sandbox/keys/{name}", timeout=10).status_code for name in files} == {200}
    assert "沙箱" in page(sandbox, f"/setup/{language}?lang=zh")


def test_python_setup_code_is_python(sandbox: Sandbox) -> None:
    codes = re.findall(r"<code>(from .*?)</code></pre>", page(sandbox, "/setup/python"), re.DOTALL)
    assert len(codes) == 3
    for code in codes:
        ast.parse(html.unescape(code))


def test_the_config_on_the_setup_page_is_one(sandbox: Sandbox) -> None:
    code = re.search(r"<pre[^>]*><code>(\{.*?\})</code>", page(sandbox, "/setup"), re.DOTALL)
    assert code is not None
    assert set(json.loads(html.unescape(code[1]))["gateways"]) == {"alipay", "wechat"}
