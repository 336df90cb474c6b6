"""An answer under way: credit is held, words come, and at the end the hold is settled at the true cost, or released.

Each answer is written by a thread of this process. Whoever stops it frees its hold at once; if the process dies, time
frees it. Whether it was settled or released first, the database decides: never both.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

from payflow import IdempotencyRefused, InvalidRequest, NotFound, PayflowError, Refused, Wallet

from . import model
from .answers import Answer, Answers
from .prices import MOST_ASKED, UNIT, Used, estimate

logger = logging.getLogger("credits.writing")

#: Answers that one process writes at once.
_SEATS = 16
_HEARTBEAT = 0.5


class Live:
    """An answer that is being written here: its pieces so far, and whoever waits for the next."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.stopped = threading.Event()
        self._pieces: list[str] = []
        self._closed = False
        self._news = threading.Condition()

    def add(self, piece: str) -> None:
        """One piece more."""
        with self._news:
            self._pieces.append(piece)
            self._news.notify_all()

    def close(self) -> None:
        """There is no more."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    @property
    def text(self) -> str:
        """What has been written so far."""
        return "".join(self._pieces)

    @property
    def count(self) -> int:
        """How many pieces."""
        return len(self._pieces)

    def pieces(self, start: int) -> Iterator[tuple[int, str] | None]:
        """Pieces from number ``start``, as they come; ``None`` now and then while there are none."""
        while True:
            with self._news:
                if len(self._pieces) <= start and not self._closed:
                    self._news.wait(_HEARTBEAT)
                come, closed = self._pieces[start:], self._closed
            yield from enumerate(come, start)
            start += len(come)
            if closed and not come:
                return
            if not come:
                yield None


class Writing:
    """Everything that is being written in this process. ``pause`` is how long a piece takes, in seconds."""

    def __init__(self, wallet: Wallet, answers: Answers, *, pause: float) -> None:
        self.wallet = wallet
        self.answers = answers
        self._pause = pause
        self._live: dict[str, Live] = {}
        self._seats = threading.BoundedSemaphore(_SEATS)

    def live(self, answer_id: str) -> Live | None:
        """The answer, if it is being written here."""
        return self._live.get(answer_id)

    # -- beginning ----------------------------------------------------------------------------------------------

    def begin(self, owner: str, key: str, question: str) -> Answer:
        """Hold what an answer can cost at most, and begin to write it. The same key is the same answer.

        Raises ``INVALID_QUESTION``, ``BUSY``, and whatever a hold raises: ``CREDIT_INSUFFICIENT`` above all.
        """
        asked = _cleaned(question)
        self.welcome(owner)
        if not self._seats.acquire(blocking=False):
            raise Refused("Too many answers are being written; ask again in a moment", code="BUSY")
        writes = False
        try:
            answer, writes = self._reserved(owner, key, asked)
            if writes:
                live = self._live[answer.id] = Live(answer)
                threading.Thread(target=self._write, args=(live,), name=f"answer-{answer.id}", daemon=True).start()
        finally:
            if not writes:
                self._seats.release()
        return answer

    def welcome(self, owner: str) -> None:
        """An account for whoever has none yet."""
        self.wallet.open(owner, UNIT)
        with self.answers.transaction() as connection:
            Answers.greet(connection, owner, self.wallet.flow.clock())

    def _reserved(self, owner: str, key: str, question: str) -> tuple[Answer, bool]:
        """The answer's row and its hold, in one transaction; whether it is new."""
        read = model.counted(question)
        with self.answers.transaction() as connection:
            known = Answers.by_key(connection, owner, key)
            if known is not None:
                if known.question != question:
                    raise IdempotencyRefused("This key belongs to another question", key=key)
                return known, False
            hold = self.wallet.joined(connection).hold(
                owner, UNIT, estimate(read), key=key, use="chat", memo=question[:80]
            )
            answer = Answer(
                id=secrets.token_hex(8), owner=owner, key=key, question=question, text="", read=read, written=0,
                cost=0, held=hold.amount, hold_id=hold.id, status="writing", asked_at=hold.created_at,
                until=hold.expires_at,
            )  # fmt: skip
            Answers.add(connection, answer)
        return answer, True

    # -- writing ------------------------------------------------------------------------------------------------

    def _write(self, live: Live) -> None:
        try:
            for piece in model.answer(live.answer.question):
                if live.stopped.wait(self._pause):
                    return  # whoever stopped it has freed the hold
                live.add(piece)
            self._settle(live)
        except Exception:
            logger.exception("The answer %s broke off; time frees its hold", live.answer.id)
        finally:
            live.close()
            self._live.pop(live.answer.id, None)
            self._seats.release()

    def _settle(self, live: Live) -> None:
        """Pay the true cost and keep the answer, in one transaction."""
        used = Used(live.answer.read, model.counted(live.text))
        done = replace(live.answer, text=live.text, written=used.written, cost=used.cost, status="done")
        try:
            with self.answers.transaction() as connection:
                self.wallet.joined(connection).settle(done.hold_id, used.cost)
                Answers.end(connection, done)
        except Refused as refused:  # it was stopped, or its time was over, a moment ago
            logger.info("The answer %s was not settled (%s)", done.id, refused.code)
            if refused.code == "HOLD_EXPIRED":
                with self.answers.transaction() as connection:
                    Answers.end(connection, replace(done, cost=0, status="lost"))

    # -- stopping -----------------------------------------------------------------------------------------------

    def stop(self, owner: str, answer_id: str) -> None:
        """Stop an answer and free its hold: it costs nothing. One that is done stays done. ``ANSWER_NOT_FOUND``."""
        self._stop(self.owned(owner, answer_id))

    def _stop(self, answer: Answer) -> None:
        live = self._live.get(answer.id)
        text = live.text if live is not None else answer.text
        try:
            with self.answers.transaction() as connection:
                self.wallet.joined(connection).release(answer.hold_id)
                written = model.counted(text)
                Answers.end(connection, replace(answer, text=text, written=written, status="stopped"))
        except Refused as refused:  # HOLD_SETTLED: it was done a moment before
            logger.info("The answer %s was not stopped (%s)", answer.id, refused.code)
        if live is not None:
            live.stopped.set()

    def owned(self, owner: str, answer_id: str) -> Answer:
        """An owner's answer; ``ANSWER_NOT_FOUND``."""
        found = self.answers.one(answer_id)
        if found is None or found.owner != owner:
            raise NotFound("There is no such answer", code="ANSWER_NOT_FOUND")
        return found

    def follow(self, answer: Answer, start: int) -> Iterator[tuple[int, str] | None]:
        """Its pieces as they come; of an answer that another process writes only its end can be waited for."""
        live = self._live.get(answer.id)
        if live is not None:
            yield from live.pieces(start)
            return
        while answer.at(self.wallet.flow.clock()) == "writing":
            yield None
            time.sleep(_HEARTBEAT)
            answer = self.answers.one(answer.id) or answer

    def close(self) -> None:
        """Stop whatever is being written; every hold is freed."""
        for live in list(self._live.values()):
            try:
                self._stop(live.answer)
            except PayflowError as error:
                logger.warning("The answer %s could not be stopped (%s)", live.answer.id, error.code)


def _cleaned(question: str) -> str:
    """A question as it is kept: no control characters, no more than is allowed."""
    asked = " ".join("".join(char if char.isprintable() else " " for char in question).split())
    if not asked:
        raise InvalidRequest("There is no question", code="INVALID_QUESTION")
    if len(asked) > MOST_ASKED:
        raise InvalidRequest(f"A question has at most {MOST_ASKED} characters", code="INVALID_QUESTION")
    return asked
