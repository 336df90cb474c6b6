"""How the mock gateway's callbacks get here: retries, threads, processes, HTTP."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from payflow.clock import SECOND, system_clock
from payflow.errors import CallbackRefused, ConfigError, Refused, StoreConflict
from payflow.gateway import Outcome, Reply
from payflow.gateways.mock import Fault, HttpDelivery, InProcessDelivery, MockCallback, MockGateway
from payflow.gateways.mock.outgoing import RETRIES

from .mocking import SECRET, START, Hand, Host, a_mock, back, pay


def paid_mock(**options):
    mock = a_mock(**options)
    mock.charge(pay())
    mock.payer.pay("ORDER-0001")
    return mock


# -- the queue -----------------------------------------------------------------------------------------------------


def test_without_a_way_callbacks_wait():
    mock = paid_mock()
    assert mock.pump().sent == 0
    mock.deliver = Host()
    assert (mock.pump().accepted, mock.pump().sent) == (1, 0)


@pytest.mark.parametrize("status", [0, 100, 201, 204, 301, 400, 401, 404, 500, 503])
def test_only_200_is_an_acknowledgement(status):
    mock = paid_mock(deliver=Host(status))
    assert mock.pump().accepted == 0
    (waiting,) = mock.outgoing()
    assert (waiting.last_status, waiting.tries, waiting.due_at) == (status, 1, START + 15 * SECOND)


def test_a_refused_callback_comes_again_on_schedule_and_then_no_more():
    clock = Hand()
    host = Host(*[500] * 100)
    mock = paid_mock(deliver=host, clock=clock)
    gaps = []
    mock.pump()
    for _ in range(40):
        (waiting,) = mock.outgoing()
        if waiting.ended_at is not None:
            break
        gaps.append((waiting.due_at - clock.now) // SECOND)
        clock.now = waiting.due_at
        mock.pump()
    assert tuple(gaps) == RETRIES
    assert len(host.got) == len(RETRIES) + 1
    assert sum(gaps) == 24 * 3600 + 4 * 60


def test_every_delivery_is_signed_afresh_over_the_same_bytes():
    clock = Hand()
    host = Host(500)
    mock = paid_mock(deliver=host, clock=clock)
    mock.pump()
    clock.forward(3600)
    mock.pump()
    first, second = host.got
    assert first.body == second.body
    assert dict(first.headers)["Mock-Nonce"] != dict(second.headers)["Mock-Nonce"]
    assert mock.read(second.as_callback(), clock.now)
    with pytest.raises(CallbackRefused):
        mock.read(first.as_callback(), clock.now)


def test_a_host_that_breaks_is_asked_again():
    def broken(callback):
        raise RuntimeError("database password is hunter2")

    mock = paid_mock(deliver=broken)
    assert mock.pump().accepted == 0
    assert mock.outgoing()[0].last_status == 0


def test_one_that_died_while_sending_loses_its_callback_after_a_minute():
    mock = paid_mock(deliver=Host())
    assert mock._sender._take(START) is not None
    assert mock.pump(START + 59 * SECOND).sent == 0
    assert mock.pump(START + 60 * SECOND).accepted == 1


def test_callbacks_come_in_the_order_in_which_they_became_true():
    mock = a_mock(deliver=Host())
    for number in range(20):
        mock.charge(pay(f"ORDER-{number:04}"))
        mock.payer.pay(f"ORDER-{number:04}")
    mock.pump(limit=15)
    mock.pump()
    got = [json.loads(one.body)["out_trade_no"] for one in mock.deliver.got]
    assert got == [f"ORDER-{number:04}" for number in range(20)]


def test_an_account_sends_its_own_callbacks_only(tmp_path):
    one = MockGateway("one", SECRET, state=tmp_path / "m.db", clock=Hand(), deliver=Host())
    two = MockGateway("two", SECRET[::-1], state=tmp_path / "m.db", clock=Hand(), deliver=Host())
    one.charge(pay())
    two.payer.pay("ORDER-0001")
    assert (two.pump().sent, one.pump().sent) == (0, 1)


# -- threads and processes -----------------------------------------------------------------------------------------


def test_two_senders_never_send_the_same_callback():
    host = Host()
    mock = a_mock(deliver=host)
    for number in range(60):
        mock.charge(pay(f"ORDER-{number:04}"))
        mock.payer.pay(f"ORDER-{number:04}")
    with ThreadPoolExecutor(6) as threads:
        reports = list(threads.map(lambda _: mock.pump(), range(6)))
    assert sum(report.accepted for report in reports) == 60
    assert max(Counter(one.number for one in host.got).values()) == 1


def test_the_background_thread_sends_at_once_and_stops():
    got = threading.Event()

    def deliver(callback):
        got.set()
        return 200

    mock = MockGateway("mock", SECRET, deliver=deliver)
    mock.start(every_milliseconds=10_000)
    mock.start()
    mock.charge(pay())
    mock.payer.pay("ORDER-0001")
    assert got.wait(5)
    mock.stop()
    mock.stop()
    assert not [one for one in threading.enumerate() if one.name == "mock-mock"]


def _order_and_pay(state, numbers, together, results):
    mock = MockGateway("mock", SECRET, state=state)
    together.wait(60)
    ordered = [mock.charge(pay(number)).outcome is Outcome.CONFIRMED for number in numbers]
    paid = 0
    for number in numbers:
        try:
            mock.payer.pay(number)
            paid += 1
        except Refused as error:
            if error.code != "MOCK_TRADE_SUCCESS":  # the other process was quicker
                raise
    refunds = [mock.refund(pay(number), back(f"R-{os.getpid()}-{number[-3:]}", 600)).outcome for number in numbers]
    results.put((all(ordered), paid, refunds.count(Outcome.CONFIRMED)))


def test_processes_share_one_truth(tmp_path):
    numbers = [f"ORDER-{number:04}" for number in range(100)]
    context = multiprocessing.get_context("spawn")
    results, together = context.Queue(), context.Barrier(2)
    workers = [
        context.Process(target=_order_and_pay, args=(tmp_path / "mock.db", numbers, together, results))
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    told = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert all(ordered for ordered, _, _ in told)
    assert sum(paid for _, paid, _ in told) == 100
    assert sum(refunds for _, _, refunds in told) == 100
    mock = MockGateway("mock", SECRET, state=tmp_path / "mock.db")
    assert [len(trade.captures) for trade in mock.trades(200)] == [1] * 100


def test_f048_a_process_forks_in_the_middle_of_anything(tmp_path):
    mock = MockGateway("mock", SECRET, state=tmp_path / "mock.db")
    mock.charge(pay())
    inside = threading.Event()

    def hold():
        with mock._far.transaction() as sql:
            sql.execute("DELETE FROM mock_fault")
            inside.set()
            time.sleep(0.2)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(10)
    child = os.fork()
    if child == 0:
        signal.alarm(15)  # whoever waits for what the parent held waits for ever
        mock.payer.pay("ORDER-0001")
        os._exit(0)
    holder.join()
    assert mock.query(pay()).outcome is Outcome.CONFIRMED
    assert os.waitpid(child, 0)[1] == 0
    assert mock.trade("ORDER-0001").state == "SUCCESS"


# -- in process ----------------------------------------------------------------------------------------------------


def test_in_process_delivery_answers_as_a_door_would():
    def receive(callback):
        if callback.body == b"refused":
            raise CallbackRefused("No", status=401)
        if callback.body == b"busy":
            raise StoreConflict
        return Reply(200, b"ok")

    deliver = InProcessDelivery(receive)
    assert [deliver(MockCallback("mock", (), body)) for body in (b"", b"refused", b"busy")] == [200, 401, 503]


# -- HTTP ----------------------------------------------------------------------------------------------------------


class Door(BaseHTTPRequestHandler):
    """Answers as the path says: /200/ok, /500/x, /302/x, /hang/x."""

    got: list[tuple[str, bytes]] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.headers["Mock-Signature"], body))
        _, status, text = self.path.split("/")
        if status == "hang":
            self.server.hanging.wait(10)
            return
        self.send_response(int(status))
        if status == "302":
            self.send_header("Location", "/200/ok")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def door():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.hanging = threading.Event()
    Door.got = []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.hanging.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/200/ok", 200),
        ("/200/okay", 0),
        ("/200/", 0),
        ("/500/ok", 500),
        ("/404/x", 404),
        ("/302/x", 302),
        ("/204/", 204),
    ],
)
def test_http_delivery_takes_nothing_but_the_exact_answer(door, path, status):
    mock = paid_mock(deliver=HttpDelivery(lambda account: door + path), clock=system_clock)
    mock.pump()
    (sent,) = mock.outgoing()
    assert sent.last_status == status
    assert (sent.ended_at is not None) == (status == 200)
    assert len(Door.got) == 1
    assert Door.got[0][1] == sent.body


def test_http_delivery_to_nobody_and_to_somebody_slow(door):
    nobody = HttpDelivery(lambda account: "http://127.0.0.1:9/x", timeout=(1, 1))
    slow = HttpDelivery(lambda account: door + "/hang/x", timeout=(1, 1))
    callback = MockCallback("mock", (("Mock-Signature", "x"),), b"{}")
    assert (nobody(callback), slow(callback)) == (0, 0)


def test_http_delivery_goes_to_http_only():
    deliver = HttpDelivery(lambda account: "file:///etc/passwd")
    with pytest.raises(ConfigError):
        deliver(MockCallback("mock", (), b"{}"))
    mock = paid_mock(deliver=deliver)
    assert mock.pump().accepted == 0


def test_http_delivery_asks_where_for_each_account(door):
    asked = []

    def where(account):
        asked.append(account)
        return door + "/200/ok"

    paid_mock(deliver=HttpDelivery(where)).pump()
    assert asked == ["mock"]


def test_delayed_and_lost_deliveries_are_all_made_in_the_end():
    clock = Hand()
    mock = a_mock(clock=clock, deliver=Host(*[500, 0] * 10))
    mock.faults.add(Fault(kind="delay", times=5))
    mock.faults.add(Fault(kind="duplicate", times=5))
    for number in range(20):
        mock.charge(pay(f"ORDER-{number:04}"))
        mock.payer.pay(f"ORDER-{number:04}")
    for _ in range(20):
        mock.pump()
        clock.forward(20)
    assert {one.last_status for one in mock.outgoing()} == {200}
    assert len(mock.outgoing()) == 30
