"""A worker process that looks ahead: at any time, for the newest decision, beside its orders."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psutil
import pytest

from cornerman.experience.encoder import Encoder
from cornerman.models.exchange import base_model
from cornerman.models.manifest import Identity
from cornerman.opponent.predictor import STRANGER_TEMPERATURE, ChampionPredictor
from cornerman.search.look_ahead import BATCHED, LookAhead
from cornerman.search.playouts import Playouts
from cornerman.search.thought import Due, Thought, knowledge, seen_as
from cornerman.selfplay.live_worker import LiveWorker
from cornerman.selfplay.orders import Order, collecting
from cornerman.selfplay.worker_process import WorkerProcess
from cornerman.settings import Settings
from game_adapter.ringside.game import RINGSIDE
from tests.support.waiting import wait_for

ENCODER = Encoder(RINGSIDE)
CHAMPION, *_ = base_model(Identity.of(RINGSIDE, ENCODER), RINGSIDE.base_model)
KNOWN = knowledge(CHAMPION, {}, 0.5, 1.0)
COLLECT: Order = (
    {"present": CHAMPION.flat},
    collecting(Settings(), {"present": 0}, {"itself": 1.0}, {"itself": 1.0}),
)
LONG_S = 30.0


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    options = {"hidden": CHAMPION.spec.hidden, "seed": 3, "number": 0, "background": False}
    process = WorkerProcess("game_adapter.ringside.game:RINGSIDE", options)
    yield process
    process.close()


def due(number: int, battle: int = 5) -> Due:
    began = RINGSIDE.new_battle(battle)
    assert began.seat is not None
    return Due(number, began.seat, began.state(), began.action_mask(), 77)


def ended(worker: Any, number: int) -> Thought:
    wait_for(lambda: worker.thought is not None and worker.thought.number == number and worker.thought.ended)
    thought: Thought = worker.thought
    return thought


def expected(of: Due) -> tuple[int, int]:
    """What a search in this process finds, and the number for what the seat sees."""
    playouts = Playouts(RINGSIDE, ENCODER, CHAMPION, ChampionPredictor(CHAMPION, STRANGER_TEMPERATURE))
    mask = np.array(of.action_mask)
    *_, found = LookAhead(playouts, BATCHED).improve([of.state], [of.seat], mask[None], of.seed)
    return int(found.best[0]), seen_as(ENCODER.encode(of.state, of.seat), mask)


def test_decision_is_answered_while_the_worker_is_paused_and_orders_go_on_afterwards(worker: WorkerProcess) -> None:
    worker.know(*KNOWN)
    worker.pause(True)
    for number, battle in ((1, 5), (2, 6)):
        worker.due(due(number, battle))
        thought = ended(worker, number)
        assert (thought.action, thought.seen) == expected(due(number, battle))
    worker.order(*COLLECT)
    worker.due(due(3))
    ended(worker, 3)
    assert worker.answer(0.2) is None, "looking ahead does not end the pause"
    worker.pause(False)
    assert worker.answer(LONG_S) is not None


def test_decision_in_the_middle_of_an_order_is_answered_and_so_is_the_order(worker: WorkerProcess) -> None:
    worker.know(*KNOWN)
    for number in range(1, 5):
        worker.order(*COLLECT)
        worker.due(due(number))
        assert ended(worker, number).action == expected(due(number))[0]
        assert worker.answer(LONG_S) is not None


def test_newest_decision_is_answered_whatever_came_before(worker: WorkerProcess) -> None:
    worker.know(*KNOWN)
    for number in range(1, 40):
        worker.due(due(number, number))
    assert ended(worker, 39).action == expected(due(39, 39))[0]


def test_nothing_is_answered_before_anything_is_known(worker: WorkerProcess) -> None:
    worker.due(due(1))
    worker.know(*KNOWN)
    worker.due(due(2))
    assert ended(worker, 2).action == expected(due(2))[0]


def test_state_that_the_game_cannot_restore_is_a_problem_in_words(worker: WorkerProcess) -> None:
    worker.know(*KNOWN)
    broken = due(1)
    del broken.state["acting"]
    worker.due(broken)
    assert "KeyError" in ended(worker, 1).problem
    worker.due(due(2))
    assert ended(worker, 2).action == expected(due(2))[0]


def kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    process.wait()


def test_worker_that_was_killed_is_not_waited_for_and_its_successor_looks_ahead() -> None:
    options = {"hidden": CHAMPION.spec.hidden, "seed": 3, "background": False}

    def start(seed: int, number: int) -> WorkerProcess:
        process = WorkerProcess("game_adapter.ringside.game:RINGSIDE", {**options, "number": number})
        if number == 1:  # the first successor ends before anything is sent to it
            kill(process.pid)
        return process

    live = LiveWorker(start)
    live.know(CHAMPION, KNOWN)
    live.start(1)
    try:
        live.due(due(1))
        ended(live, 1)
        assert live.pid is not None
        kill(live.pid)
        begun = time.monotonic()
        live.due(due(2))
        assert time.monotonic() - begun < 1.0
        live.order(*COLLECT)
        wait_for(lambda: live.answer(0.1) is not None)
        live.due(due(3))
        assert ended(live, 3).action == expected(due(3))[0]
    finally:
        live.close()
