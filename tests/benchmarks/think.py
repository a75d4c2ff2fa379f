"""Look-ahead as it ships: time from `on_due` to a searched answer, and the memory of the worker that searches.

The worker runs in the idle class, paused as in a closed window, and knows the shipped model and a model of a player who
is a brawler; decisions are those of whole battles, with a frame's time between an answer and the next one.
"""

from __future__ import annotations

import time
from functools import partial
from random import Random

import numpy as np
import psutil

from cornerman.contract import State
from cornerman.experience.encoder import Encoder
from cornerman.models.exchange import base_model
from cornerman.models.manifest import Identity
from cornerman.opponent.player_model import PlayerModel
from cornerman.opponent.rules import Decisions
from cornerman.search.thought import Due, knowledge
from cornerman.selfplay.worker_process import WorkerProcess
from game_adapter.ringside.game import RINGSIDE
from tests.benchmarks.figures import Figure, median_figure
from tests.support.waiting import wait_for

DECISIONS, BATTLES = 100, 10
FRAME_S = 1 / 60
THINK_MS, WORKER_MB = 50.0, 110.0

Moment = tuple[int, State, list[bool], int]
"""Seat, state, mask and the action that was taken."""


def run(repeats: int) -> list[Figure]:
    """Medians over the repeats of each repeat's median, and what the worker holds at the end."""
    encoder = Encoder(RINGSIDE)
    champion, *_ = base_model(Identity.of(RINGSIDE, encoder), RINGSIDE.base_model)
    model = PlayerModel(champion, encoder.feature_names, RINGSIDE.action_names)
    for seed in range(BATTLES):
        for _ in model.learn(decisions(encoder, [each for each in battle(seed) if each[0] == 1])):
            pass
    options = {"hidden": champion.spec.hidden, "seed": 1, "number": 0}
    worker = WorkerProcess("game_adapter.ringside.game:RINGSIDE", options)
    try:
        worker.know(*knowledge(champion, model.arrays(), 0.5, 1.0))
        worker.order({}, {"kind": "state"})
        wait_for(lambda: worker.answer(0.1) is not None)
        worker.pause(True)
        taken = [thinking_ms(worker, repeat) for repeat in range(repeats)]
        held = psutil.Process(worker.pid).memory_info().rss / 2**20
    finally:
        worker.close()
    first, ended = (np.array(column) for column in zip(*taken, strict=True))  # [repeats, DECISIONS]
    note = f"to the end of the search; p99 {np.percentile(ended, 99):.0f}, first answer p50 {np.median(first):.0f} ms"
    memory = Figure("adapt.worker_mb", held, "MB", "lower", 1, "", "the worker's resident memory", WORKER_MB)
    return [
        median_figure("adapt.think_ms", np.median(ended, 1).tolist(), "ms", "lower", note=note, wanted=THINK_MS),
        memory,
    ]


def battle(seed: int) -> list[Moment]:
    """What comes up in a battle of brawlers."""
    fought, random, moments = RINGSIDE.new_battle(seed), Random(seed), list[Moment]()
    while (seat := fought.seat) is not None:
        action = RINGSIDE.bots["brawler"](fought, random)
        moments.append((seat, fought.state(), fought.action_mask(), action))
        fought.apply(action)
    return moments


def decisions(encoder: Encoder, moments: list[Moment]) -> Decisions:
    seen = np.stack([encoder.encode(state, seat) for seat, state, _, _ in moments])
    masks = np.array([mask for _, _, mask, _ in moments])
    return Decisions(seen, masks, np.array([action for *_, action in moments], np.int64))


def thinking_ms(worker: WorkerProcess, repeat: int) -> tuple[list[float], list[float]]:
    """Milliseconds to the first and to the last answer, by decision."""
    first, ended = list[float](), list[float]()
    moments = [each for seed in range(20) for each in battle(1_000 * (repeat + 1) + seed) if each[0] == 0]
    for at, (seat, state, mask, _) in enumerate(moments[:DECISIONS]):
        number = repeat * DECISIONS + at + 1
        begun = time.perf_counter()
        worker.due(Due(number, seat, state, mask, number))
        for times, ending in ((first, False), (ended, True)):
            wait_for(partial(answered, worker, number, ending), pause_s=0.0002)
            times.append((time.perf_counter() - begun) * 1e3)
        time.sleep(FRAME_S)
    return first, ended


def answered(worker: WorkerProcess, number: int, ended: bool) -> bool:
    thought = worker.thought
    return thought is not None and thought.number == number and (thought.ended or not ended)
