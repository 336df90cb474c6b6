"""Django's checkout under ASGI: a stream waits in the loop, tells what changes, and gives its seat back."""

from __future__ import annotations

import asyncio
from typing import Any

from asgiref.sync import sync_to_async
from django.test import AsyncClient

from .conftest import Shop


async def opened(link: str) -> Any:
    """The answer to a browser that listens."""
    return await AsyncClient().get(f"{link}/events")


def test_a_stream_tells_what_changes(django_shop: Shop) -> None:
    payment = django_shop.pay()
    link = django_shop.link(payment.id)

    async def listen() -> list[bytes]:
        answer = await opened(link)
        assert answer.is_async
        pieces = aiter(answer.streaming_content)
        heard = [await anext(pieces)]
        django_shop.bank.payer.pay(payment.out_trade_no)
        await sync_to_async(django_shop.flow.query)(payment.id)
        while b'"paid"' not in heard[-1]:
            heard.append(await asyncio.wait_for(anext(pieces), 10))
        await pieces.aclose()
        return heard

    heard = asyncio.run(listen())
    assert b'"waiting"' in heard[0]
    assert b'"outcome": "paid"' in heard[-1]


def test_a_seat_is_given_back_when_a_browser_has_gone(django_shop: Shop) -> None:
    link = django_shop.link(django_shop.pay().id)

    async def come_and_go() -> None:
        for _ in range(30):  # there are eight seats
            answer = await opened(link)
            assert answer.status_code == 200
            pieces = aiter(answer.streaming_content)
            await anext(pieces)
            await pieces.aclose()
            answer.close()

    asyncio.run(come_and_go())
