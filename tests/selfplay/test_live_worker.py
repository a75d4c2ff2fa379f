"""Live worker: one order at a time, paused by any thread, in a process or on a thread with the same answers."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import psutil
import pytest

from cornerman.evaluation.verdict import Bar
from cornerman.experience.encoder import Encoder
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.selfplay.league import Opponents
from cornerman.selfplay.live_worker import LiveWorker, PausableWorker, Practice, WorkerThread
from cornerman.selfplay.orders import Order, judging
from cornerman.selfplay.pool import PoolError
from cornerman.selfplay.worker_process import Answer, WorkerProcess
from cornerman.settings import Settings
from game_adapter.ringside.game import RINGSIDE
from tests.support.waiting import wait_for

HIDDEN = (8,)
ENCODER = Encoder(RINGSIDE)
SPEC = NetworkSpec(ENCODER.observation_size, ENCODER.num_actions, HIDDEN)
LONG_S = 30.0


def process(seed: int, number: int) -> PausableWorker:
    options = {
        "hidden": HIDDEN,
        "seed": seed,
        "number": number,
        "background": False,
    }  # a busy machine starves the idle class
    return WorkerProcess("game_adapter.ringside.game:RINGSIDE", options)


def thread(seed: int, number: int) -> PausableWorker:
    return WorkerThread(RINGSIDE, HIDDEN, seed, number)


def order(present: int = 0) -> Order:
    champion = Policy(SPEC, draw(SPEC, np.random.default_rng(5)), 1)
    return Opponents(RINGSIDE).order(draw(SPEC, np.random.default_rng(present)), 10, [champion], Settings())


def answer(worker: LiveWorker) -> Answer:
    found = worker.answer(LONG_S)
    assert found is not None
    return found


@pytest.fixture(params=[process, thread])
def worker(request: pytest.FixtureRequest) -> Iterator[LiveWorker]:
    start: Callable[[int, int], PausableWorker] = request.param
    live = LiveWorker(start)
    live.start(3)
    yield live
    live.close()


def test_thread_and_process_give_the_same_answers() -> None:
    answers = []
    for start in (process, thread):
        live = LiveWorker(start)
        live.start(3)
        given = []
        for present in (0, 1):
            live.order(*order(present))
            given.append(answer(live))
        answers.append(given)
        live.close()
    for (columns, notes), (others, noted) in zip(*answers, strict=True):
        assert notes == noted
        for name, values in columns.items():
            np.testing.assert_array_equal(values, others[name], err_msg=name)


def test_second_order_before_the_answer_is_refused(worker: LiveWorker) -> None:
    worker.order(*order())
    assert worker.busy
    with pytest.raises(ValueError, match="another order"):
        worker.order(*order())
    answer(worker)
    assert not worker.busy
    worker.order(*order())


def test_paused_worker_gives_no_answer_until_it_may_go_on(worker: LiveWorker) -> None:
    worker.order(*order())
    answer(worker)
    worker.pause(True)
    worker.order(*order())
    assert worker.answer(0.3) is None
    worker.pause(False)
    answer(worker)


def test_worker_that_is_paused_before_it_starts_stays_paused() -> None:
    live = LiveWorker(thread)
    live.pause(True)
    live.start(3)
    live.order(*order())
    assert live.answer(0.2) is None
    live.pause(False)
    answer(live)
    live.close()


def test_close_ends_a_worker_in_the_middle_of_an_order_and_twice_is_no_error(worker: LiveWorker) -> None:
    flat = draw(SPEC, np.random.default_rng(0))
    candidate = Policy(SPEC, flat)
    endless = judging(
        candidate, [candidate], replace(Settings(), gate_min_pairs=9_999, gate_max_pairs=9_999), 1, None, Bar()
    )
    worker.order(*endless)
    assert worker.answer(0.5) is None
    pid, threads = worker.pid, [each for each in threading.enumerate() if each.name == "cornerman-worker"]
    worker.close()
    worker.close()
    wait_for(lambda: pid != os.getpid() or not threads[-1].is_alive())  # the newest one
    assert pid == os.getpid() or not psutil.pid_exists(pid or 0)
    assert worker.answer(0.0) is None
    assert worker.pid is None


@pytest.mark.parametrize(("evenly", "duty_cycle", "longer"), [(True, 1.0, 0.5), (True, 0.25, 2.0), (False, 0.25, 0.0)])
def test_judging_takes_what_a_trainer_that_rests_leaves_of_the_worker(
    evenly: bool, duty_cycle: float, longer: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = list[Any]()
    live, settings = LiveWorker(process), Settings(duty_cycle=duty_cycle)
    monkeypatch.setattr(live, "order", lambda arrays, notes: sent.append(notes))
    practice = Practice(live, Opponents(RINGSIDE), settings)
    practice.due = 1.0
    present = Policy(SPEC, draw(SPEC, np.random.default_rng(0)))
    practice.order(present, 10, [], judging(present, "brawler", settings, 1, 100, Bar()), evenly)
    assert [(notes["longer"], len(notes["orders"])) for notes in sent] == [(longer, 2)]


def test_order_that_always_fails_ends_in_a_sentence(worker: LiveWorker) -> None:
    worker.order({}, {"kind": "collect"})
    with pytest.raises(PoolError, match="KeyError"):
        wait_for(lambda: worker.answer(LONG_S))
