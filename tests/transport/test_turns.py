"""What is tried again, where, and how long it waits before that."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payflow.breaker import Breakers, State
from payflow.transport import Limits, NeverSent, NoAnswer, Response
from payflow.transport.calling import again, pause_before_next, weighed

from .conftest import GET, POST
from .far_side import answer, says

BUSY = answer(b"{}", status="429 Too Many Requests")
BROKEN = answer(b"{}", status="503 Service Unavailable")


def ends(visit):
    visit.request()


def test_a_post_that_never_left_goes_to_the_backup(far_side, to, nobody, sleeps):
    backup = far_side(says(answer(b"backup")))
    assert to(nobody, backup).send(POST, operation="charge").body == b"backup"
    assert len(sleeps.slept) == 1


def test_a_post_that_met_no_genuine_certificate_goes_to_the_backup(far_side, to, certificates):
    main = far_side(says(answer(b"main")), tls=certificates.good())
    backup = far_side(says(answer(b"backup")))
    assert to(main, backup).send(POST, operation="charge").body == b"backup"
    assert main.requests == []


def test_a_post_without_an_answer_is_never_sent_twice(far_side, to, sleeps):
    main, backup = far_side(ends), far_side(says(answer(b"backup")))
    with pytest.raises(NoAnswer):
        to(main, backup).send(POST, operation="charge")
    assert (len(main.requests), len(backup.requests), sleeps.slept) == (1, 0, [])


def test_a_read_without_an_answer_goes_to_the_backup(far_side, to):
    main, backup = far_side(ends), far_side(says(answer(b"backup")))
    assert to(main, backup).send(GET, operation="query", safe=True).body == b"backup"


def test_the_backup_is_left_alone_while_the_main_host_works(far_side, to):
    main, backup = far_side(says(answer(b"main"))), far_side(says(answer(b"backup")))
    transport = to(main, backup)
    for _ in range(3):
        assert transport.send(GET, operation="query", safe=True).body == b"main"
    assert backup.connections == 0


def test_a_request_that_never_leaves_is_tried_three_times(to, nobody, sleeps):
    with pytest.raises(NeverSent):
        to(nobody).send(POST, operation="charge")
    assert len(sleeps.slept) == 2


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_post_gets_the_5xx_as_its_answer(far_side, to, status):
    side = far_side(says(answer(b"{}", status=f"{status} No")))
    assert to(side).send(POST, operation="charge").status == status
    assert len(side.requests) == 1


def test_a_read_asks_again_after_a_5xx(far_side, to):
    side = far_side(says(BROKEN, BROKEN, answer(b"now")))
    assert to(side).send(GET, operation="query", safe=True).body == b"now"


def test_a_read_gets_the_last_5xx_in_the_end(far_side, to):
    side = far_side(says(BROKEN))
    assert to(side).send(GET, operation="query", safe=True).status == 503
    assert len(side.requests) == 3


def test_f22_a_post_gets_the_429_as_its_answer(far_side, to, sleeps):
    side = far_side(says(BUSY, answer()))
    assert to(side).send(POST, operation="charge").status == 429
    assert (len(side.requests), sleeps.slept) == (1, [])


def test_f22_a_read_backs_off_from_429_on_the_same_host(far_side, to, sleeps):
    main, backup = far_side(says(BUSY, BUSY, answer(b"main"))), far_side(says(answer(b"backup")))
    assert to(main, backup).send(GET, operation="query", safe=True).body == b"main"
    assert len(sleeps.slept) == 2


def test_f22_a_pause_that_was_asked_for_is_kept(far_side, to, sleeps):
    side = far_side(says(answer(b"", status="429 No", headers="Retry-After: 3\r\n"), answer()))
    assert to(side).send(GET, operation="query", safe=True).status == 200
    assert sleeps.slept == [3.0]


def test_f22_a_pause_longer_than_the_call_may_take_ends_the_call(far_side, to, sleeps):
    side = far_side(says(answer(b"", status="429 No", headers="Retry-After: 3600\r\n"), answer()))
    assert to(side).send(GET, operation="query", safe=True).status == 429
    assert (len(side.requests), sleeps.slept) == (1, [])


def test_no_turn_begins_after_the_deadline(to, nobody):
    now = itertools.count(0, 0.3)
    slept = []
    transport = to(nobody, limits=Limits(total_seconds=1.0), clock=lambda: next(now), sleep=slept.append)
    with pytest.raises(NeverSent):
        transport.send(POST, operation="charge")
    assert slept == []


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_b094_a_redirect_is_an_answer_and_leads_nowhere(far_side, to, status):
    elsewhere = far_side(says(answer()))
    for target in ("http://169.254.169.254/latest/meta-data/", f"{elsewhere.url}/"):
        side = far_side(says(answer(b"", status=status, headers=f"Location: {target}\r\n")))
        response = to(side).send(GET, operation="query", safe=True)
        assert (response.status, response.headers["location"]) == (int(status[:3]), target)
        assert len(side.requests) == 1
    assert elsewhere.connections == 0


def test_f36_a_redirect_to_itself_is_asked_once(far_side, to):
    side = far_side(says(answer(b"", status="302 Found", headers="Location: /\r\n")))
    assert to(side).send(GET, operation="query", safe=True).status == 302
    assert len(side.requests) == 1


# -- The circuit ------------------------------------------------------------------------------------------------------


def test_failures_open_the_circuit_and_the_next_call_is_never_sent(far_side, to):
    side = far_side(ends)
    transport = to(side, breakers=Breakers(failures=2))
    for _ in range(2):
        with pytest.raises(NoAnswer):
            transport.send(POST, operation="charge")
    with pytest.raises(NeverSent) as error:
        transport.send(POST, operation="charge")
    assert error.value.code == "GATEWAY_CIRCUIT_OPEN"
    assert 29 < error.value.retry_after_seconds <= 30
    assert len(side.requests) == 2


def test_another_operation_of_the_same_account_goes_on(far_side, to):
    transport = to(far_side(says(BROKEN, answer())), breakers=Breakers(failures=1))
    transport.send(POST, operation="charge")
    assert transport.send(POST, operation="refund").status == 200


@pytest.mark.parametrize(
    ("script", "counts"),
    [
        (ends, True),
        (says(BROKEN), True),
        (says(b"hello\r\n\r\n"), True),
        (says(BUSY), False),
        (says(answer(status="400 Bad Request")), False),
        (says(answer(status="302 Found")), False),
        (says(answer()), False),
    ],
    ids=["no answer", "503", "malformed", "429", "400", "302", "200"],
)
def test_what_counts_as_a_failure(far_side, to, script, counts):
    breakers = Breakers(failures=1)
    with contextlib.suppress(NoAnswer):
        to(far_side(script), breakers=breakers).send(POST, operation="charge")
    assert (breakers.state("wechat-main", "charge").state is State.OPEN) == counts


def test_a_host_that_cannot_be_reached_counts_as_a_failure(to, nobody):
    breakers = Breakers(failures=3)
    with pytest.raises(NeverSent):
        to(nobody, breakers=breakers).send(POST, operation="charge")
    assert breakers.state("wechat-main", "charge").state is State.OPEN


def test_an_interrupted_probe_gives_its_place_back(far_side, to, monkeypatch):
    now = [1_780_000_000.0]
    breakers = Breakers(failures=1, cool_down_seconds=10, clock=lambda: now[0])
    transport = to(far_side(says(BROKEN, answer())), breakers=breakers)
    transport.send(POST, operation="charge")
    now[0] += 10

    def interrupted(*_args, **_named):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("payflow.transport.lines.Lines.exchange", interrupted)
        with pytest.raises(KeyboardInterrupt):
            transport.send(POST, operation="charge")
    assert transport.send(POST, operation="charge").status == 200


def test_a_read_that_got_no_answer_is_not_called_never_sent_when_the_circuit_opens(far_side, to):
    transport = to(far_side(ends), breakers=Breakers(failures=1))
    with pytest.raises(NoAnswer):
        transport.send(GET, operation="query", safe=True)


def test_routing_may_fall_back_only_where_nothing_was_sent(far_side, to, nobody):
    """F-34: the class of the error is the answer to "may another gateway be asked?"."""
    with pytest.raises(NeverSent):
        to(nobody).send(POST, operation="charge")
    with pytest.raises(NoAnswer) as error:
        to(far_side(ends)).send(POST, operation="charge")
    assert not isinstance(error.value, NeverSent)


# -- Deciding ---------------------------------------------------------------------------------------------------------

SENT = [Response(status, {}, b"") for status in (200, 302, 400, 429, 500, 503)]
SENT += [NoAnswer("no", code=code) for code in ("OUTCOME_UNKNOWN", "GATEWAY_TIMEOUT", "GATEWAY_RESPONSE_MALFORMED")]
UNSENT = [NeverSent("no", code=code) for code in ("GATEWAY_UNREACHABLE", "GATEWAY_TLS", "GATEWAY_BUSY")]


@pytest.mark.parametrize("outcome", SENT, ids=repr)
def test_what_may_have_arrived_is_never_repeated_unless_it_is_a_read(outcome):
    assert not again(outcome, safe=False)


@pytest.mark.parametrize("outcome", SENT, ids=repr)
@pytest.mark.parametrize("later", UNSENT, ids=repr)
def test_what_may_have_arrived_stays_so_whatever_comes_later(outcome, later):
    assert weighed(outcome, later) is outcome
    assert weighed(later, outcome) is outcome


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20))
def test_pauses_grow_with_jitter_up_to_two_seconds(chances):
    last = 0.1
    for chance in chances:
        pause = pause_before_next(last, NeverSent("no"), chance)
        assert 0.1 <= pause <= min(2.0, max(0.1, last * 3))
        last = pause


@pytest.mark.parametrize("asked", ["-1", "soon", "1e9", "Wed, 21 Oct 2026 07:28:00 GMT", "١", "9" * 400])
def test_a_pause_that_is_no_number_of_seconds_is_not_kept(asked):
    assert pause_before_next(0.1, Response(429, {"retry-after": asked}, b""), 0.5) <= 2.0
