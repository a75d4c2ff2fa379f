"""Worker pool: a worker that is lost is replaced and its order carried out, as often as makes sense."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psutil
import pytest

from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.selfplay.orders import PRESENT, collecting
from cornerman.selfplay.pool import PoolError, WorkerPool
from cornerman.selfplay.worker import BULK
from cornerman.selfplay.worker_process import WorkerProcess
from cornerman.settings import Settings
from tests.support.waiting import wait_for

ORDER = collecting(Settings(), {PRESENT: 7}, {"itself": 0.5, "random": 0.5}, {"itself": 1.0})
ARRAYS = {PRESENT: draw(NetworkSpec(57, 11, (8,)), np.random.default_rng(0))}


@contextmanager
def pool_of(game: str, count: int = 1) -> Iterator[WorkerPool]:
    options = {"hidden": (8,), "seed": 0, "bulk": True}
    pool = WorkerPool(lambda number: WorkerProcess(game, {**options, "number": number}), count)
    try:
        yield pool
    finally:
        pool.close()


def answer_of(pool: WorkerPool) -> Any:
    return wait_for(lambda: pool.answer(0, 0.2))


def test_a_worker_that_is_killed_is_replaced_and_goes_on_with_its_order() -> None:
    with pool_of("game_adapter.ringside.game:RINGSIDE") as pool:
        pid = pool.pids[0]
        os.kill(pid, signal.SIGKILL)
        pool.order(0, ARRAYS, ORDER)
        columns, notes = answer_of(pool)
        assert pool.replaced == 1
        assert pool.pids[0] != pid
        assert notes["decisions"] == BULK.turns * (BULK.batched + BULK.beside)
        assert set(columns["version"].tolist()) == {7, -1}
        assert (columns["discount"] <= 0.99).all()
        pid = pool.pids[0]
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("ordered", [False, True], ids=["before an order", "at an order"])
def test_a_game_that_always_fails_ends_the_pool_in_its_own_words(ordered: bool) -> None:
    def use(pool: WorkerPool) -> None:
        if ordered:
            psutil.wait_procs([psutil.Process(pool.pids[0])], timeout=30.0)  # so that it cannot take the order
            pool.order(0, ARRAYS, ORDER)
        answer_of(pool)

    with pool_of("tests.support.breaking_game:BREAKS") as pool, pytest.raises(PoolError, match="no ring today"):
        use(pool)


def test_workers_of_bulk_training_keep_their_priority_and_hold_blas_to_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker has a main thread and a reader; BLAS would add one for every core."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    with pool_of("game_adapter.ringside.game:RINGSIDE") as pool:
        pool.order(0, ARRAYS, ORDER)
        answer_of(pool)
        worker = psutil.Process(pool.pids[0])
        assert worker.num_threads() == 2
        assert worker.nice() == psutil.Process().nice()
        if hasattr(os, "sched_getscheduler"):
            assert os.sched_getscheduler(worker.pid) == os.sched_getscheduler(0)
