"""The chat as a process: killed in the middle of an answer, closed cleanly, and two of them over one database."""

from __future__ import annotations

import re
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from .process import Running, check_books, somebody, start
from .world import STORY, STORY_COST, STORY_HELD


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def begin(**how: int) -> Running:
        started.append(start(tmp_path, **how))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.kill()
    check_books(tmp_path)


def ask(running: Running, session: requests.Session, question: str = STORY) -> requests.Response:
    form = {"key": secrets.token_hex(8), "question": question}
    return session.post(f"{running.address}/ask", data=form, timeout=30)


def read(running: Running, session: requests.Session, path: str = "/") -> str:
    page = session.get(f"{running.address}{path}", timeout=10).text
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def wait_until(running: Running, session: requests.Session, text: str, seconds: float = 20) -> str:
    until = time.monotonic() + seconds
    while text not in (page := read(running, session)):
        assert time.monotonic() < until, f"{text!r} does not come: {page}"
        time.sleep(0.1)
    return page


def test_killed_in_the_middle_of_an_answer_the_hold_is_freed_by_time(run: Callable[..., Running]) -> None:
    running = run(ttl=3, pause_ms=200)
    session = somebody(running)
    assert f"{STORY_HELD} held" in ask(running, session).url + read(running, session)
    port = int(running.address.rpartition(":")[2])
    running.kill()
    running = run(port=port, pause_ms=10)
    page = wait_until(running, session, "Broken off: it cost nothing")
    assert "1,000 available" in wait_until(running, session, "1,000 available")
    assert f"{STORY_HELD} released" in page
    assert "1 movements add up to 1,000" in read(running, session, "/statement")
    ask(running, session)
    assert f"{1000 - STORY_COST} available" in wait_until(running, session, f"{STORY_COST} credit:")
    assert running.stop() == 0, "".join(running.lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_closed_in_the_middle_of_an_answer_it_releases_what_is_held(
    run: Callable[..., Running], number: signal.Signals
) -> None:
    running = run(pause_ms=300)
    session = somebody(running)
    ask(running, session)
    with session.get(f"{running.address}{stream_of(running, session)}", stream=True, timeout=10) as words:
        assert next(words.iter_lines()) == b"retry: 500"
        port = int(running.address.rpartition(":")[2])
        assert running.stop(number) == 0, "".join(running.lines)
    assert not [line for line in running.lines if "Traceback" in line or "ERROR" in line], "".join(running.lines)
    running = run(port=port)
    page = read(running, session)
    assert "Stopped: it cost nothing" in page
    assert "1,000 available" in page


def stream_of(running: Running, session: requests.Session) -> str:
    found = re.search(r'data-stream="([^"]+)"', session.get(f"{running.address}/", timeout=10).text)
    assert found is not None
    return found[1]


def test_two_processes_refill_once_and_never_spend_more_than_there_is(run: Callable[..., Running]) -> None:
    one, two = run(pause_ms=500), run(pause_ms=500)  # no answer ends before all eight have asked
    session = somebody(one)
    statuses: list[int] = []

    def tab(running: Running) -> None:
        own = requests.Session()
        own.cookies.update(session.cookies)
        statuses.append(ask(running, own).status_code)

    threads = [threading.Thread(target=tab, args=((one, two)[number % 2],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (
        sorted(statuses) == [200] * 4 + [409] * 4
    )  # four of 205 fit into the 1000 of one refill; a redirect is followed
    assert f"{1000 - 4 * STORY_HELD} available" in read(two, session)
    page = wait_until(one, session, f"{1000 - 4 * STORY_COST} available", 150)
    assert page.count(f"{STORY_COST} credit:") == 4
    assert "5 movements add up to" in read(two, session, "/statement")
    assert {one.stop(), two.stop()} == {0}


def test_an_answer_of_one_process_is_followed_and_stopped_at_the_other(run: Callable[..., Running]) -> None:
    one, two = run(pause_ms=200), run(pause_ms=200)
    session = somebody(one)
    ask(one, session)
    stream = stream_of(two, session)
    ended: list[bytes] = []

    def follow() -> None:
        with session.get(f"{two.address}{stream}", stream=True, timeout=60) as words:
            ended.extend(words.iter_lines())

    following = threading.Thread(target=follow)
    following.start()
    stopped = requests.post(f"{two.address}{stream.replace('/words', '/stop')}", cookies=session.cookies, timeout=10)
    assert stopped.status_code == 200
    following.join(20)
    assert b"event: end" in ended
    assert "1,000 available" in read(one, session)
    time.sleep(1)  # the other goes on for a while, and does not charge either
    assert "Stopped: it cost nothing" in read(one, session)
    assert {one.stop(), two.stop()} == {0}
    assert not [line for line in one.lines + two.lines if "Traceback" in line], "".join(one.lines)


def test_a_pause_that_is_none_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="PAUSE_MS is a number of milliseconds"):
        start(tmp_path, pause_ms=-1)
