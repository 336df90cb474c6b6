"""The guide for ASGI hosts, as it is written: its config, its shop, an order, a genuine callback, the story."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .guides import DOCS, ROOT, read

SECRET = "Zt6RnW1yQh8Xv3Bk9Mj5Lp2Cs7Dg4Fa0"

#: What a payer and a gateway do to the shop, in the guide's own folder.
VISIT = f"""
import asyncio, httpx
from shop import app, engine, flow
from sqlalchemy import text
from payflow.testing.callbacks import MockSide

async def visit():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        ordered = (await client.post("/orders/A-1")).json()
        assert ordered["status"] == "pending", ordered
        assert ordered["next"]["text"]
        again = (await client.post("/orders/A-1")).json()
        assert again["payment"] == ordered["payment"], "the key is the order"
        payment = flow.payment(ordered["payment"])
        call = MockSide(secret={SECRET!r}.encode()).callback("paid", out_trade_no=payment.out_trade_no, amount=2500)
        for _ in range(2):
            reply = await client.post("/callbacks/mock", content=call.body, headers=dict(call.headers))
            assert reply.status_code == 200, reply.text
        assert (await client.get("/payments/" + payment.id)).json() == {{"status": "paid"}}
        cut = await client.post("/callbacks/mock", content=call.body[:-1], headers=dict(call.headers))
        assert cut.status_code == 401
        assert (await client.post("/callbacks/nobody", content=b"x")).status_code == 404
        missing = await client.get("/payments/nothing")
        assert (missing.status_code, missing.json()["error_code"]) == (404, "PAYMENT_NOT_FOUND")

asyncio.run(visit())
with engine.connect() as connection:
    assert connection.execute(text("select count(*) from orders")).scalar() == 1
"""


@pytest.mark.parametrize("guide", ["asgi.md", "asgi.zh.md"])
def test_an_order_of_the_guides_shop_is_paid(guide: str, tmp_path: Path) -> None:
    named = re.findall(r"<!-- docs-test:([\w.]+) -->\n```\w+\n(.*?)```", read(DOCS / guide), re.DOTALL)
    assert [name for name, _ in named] == ["payflow.json", "shop.py"]
    for name, text in named:
        (tmp_path / name).write_text(text, encoding="utf-8")
    environ = {
        **os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8",
        "PAYFLOW_SECRET": "kq3JxV9w2LrT8mZp5YcN7bHd4GfS6aEu", "PAYFLOW_MOCK_SECRET": SECRET,
    }  # fmt: skip

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words], check=False, cwd=tmp_path, env=environ, capture_output=True, encoding="utf-8"
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    run("-c", VISIT)
    assert "by callback: accepted" in run("-m", "payflow.cli", "trace", "A-1")
    run("-m", "payflow.cli", "worker", "--once")
    run("-m", "payflow.cli", "doctor")
