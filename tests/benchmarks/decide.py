"""What one decision costs the game's thread, alone and while the trainer's thread learns flat out.

A decision is `Policy.act` for an observation of 50 numbers and 11 actions with the default network, masked arg-max
included. The game asks twenty times in a frame of which it sleeps the rest, so the trainer runs in between.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from statistics import median

import numpy as np

from cornerman.experience.replay_buffer import ReplayBuffer
from cornerman.experience.transitions import layout
from cornerman.learning.compiled import cpu_steps
from cornerman.learning.device import configure_trainer_thread
from cornerman.learning.learner import Learner
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from cornerman.settings import Settings
from tests.benchmarks.figures import Figure, median_figure, percentiles, seconds_a_call
from tests.support.opinions import opinion

OBSERVATION_SIZE, NUM_ACTIONS, CAPACITY = 50, 11, 2_000
FRAMES, DECISIONS_A_FRAME, SLEEP_S = 150, 20, 0.004


def run(repeats: int) -> list[Figure]:
    """Median over the repeats of each repeat's percentiles, learning and not in turn."""
    settings = Settings()
    spec = NetworkSpec(OBSERVATION_SIZE, NUM_ACTIONS, settings.hidden_layers(headless=True))
    policy = Policy(spec, opinion(spec, 0))
    decisions(policy)
    alone, learning, paces = [], [], list[float]()
    for _ in range(repeats):
        alone.append(percentiles(decisions(policy), 50, 99))
        learning.append(percentiles(while_learning(spec, settings, policy, paces), 50, 99))
    alone50, alone99, learning50, learning99 = (
        median(column) for columns in (alone, learning) for column in zip(*columns, strict=True)
    )
    pace = f"the trainer did {median(paces):.0f} steps/s meanwhile; without it {alone99:.1f}"
    return [
        vs_bare(policy, repeats),
        Figure("decide.p50_us", alone50, "us", "lower", repeats, "", f"while learning {learning50:.1f}"),
        Figure("decide.p99_us", learning99, "us", "lower", repeats, "", pace),
    ]


def vs_bare(policy: Policy, repeats: int) -> Figure:
    """A decision over the same network's products and activations alone: no mask, bias, normalisation or copy."""
    random = np.random.default_rng(2)
    observation, mask = random.normal(size=OBSERVATION_SIZE).astype(np.float32), np.arange(NUM_ACTIONS) != 3
    weights = [array for name, array in policy.to_arrays().items() if name.endswith(".weight")]
    rows = [observation, *(np.empty(weight.shape[1], np.float32) for weight in weights)]
    zeros = [np.zeros_like(row) for row in rows]  # quicker than the number 0

    def bare() -> None:
        for inputs, weight, outputs, zero in zip(rows, weights[:-1], rows[1:], zeros[1:], strict=False):
            inputs.dot(weight, outputs)
            np.maximum(outputs, zero, out=outputs)
        rows[-2].dot(weights[-1], rows[-1])

    calls = {"act": lambda: policy.act(observation, mask, random), "bare": bare}
    measures = {name: seconds_a_call(call) for name, call in calls.items()}
    pairs = [{name: 1e6 * measure() for name, measure in measures.items()} for _ in range(repeats)]
    note = " over ".join(f"{median(pair[name] for pair in pairs):.2f} us" for name in calls)
    ratios = [pair["act"] / pair["bare"] for pair in pairs]
    return median_figure("decide.vs_bare", ratios, "ratio", "lower", peer="bare numpy", note=note, wanted=2.0)


def decisions(policy: Policy) -> list[float]:
    """Seconds of each decision of a stretch of play."""
    random = np.random.default_rng(2)
    observations = random.normal(size=(DECISIONS_A_FRAME, OBSERVATION_SIZE)).astype(np.float32)
    masks = random.random((DECISIONS_A_FRAME, NUM_ACTIONS)) < 0.7
    masks[:, :2] = True
    seconds = []
    for _ in range(FRAMES):
        for observation, mask in zip(observations, masks, strict=True):
            begun = time.perf_counter()
            policy.act(observation, mask, random)
            seconds.append(time.perf_counter() - begun)
        time.sleep(SLEEP_S)
    return seconds


def while_learning(spec: NetworkSpec, settings: Settings, policy: Policy, paces: list[float]) -> list[float]:
    """The same with a thread that learns without a pause; adds its steps a second to `paces`."""
    ready, stop, steps = threading.Event(), threading.Event(), [0]

    def learn() -> None:
        configure_trainer_thread()
        replay = full_replay()
        learner = Learner(spec, batch_size=settings.batch_size, on_cpu=cpu_steps(Path()).learn)
        while not stop.is_set():
            learner.learn_burst(replay.sample(settings.burst_steps * settings.batch_size))
            steps[0] = learner.steps
            if learner.steps >= 4 * settings.burst_steps:
                ready.set()

    thread = threading.Thread(target=learn)
    thread.start()
    try:
        ready.wait(30.0)
        begun, before = time.perf_counter(), steps[0]
        seconds = decisions(policy)
        paces.append((steps[0] - before) / (time.perf_counter() - begun))
    finally:
        stop.set()
        thread.join()
    return seconds


def full_replay() -> ReplayBuffer:
    """A buffer full of noise."""
    random = np.random.default_rng(3)
    replay = ReplayBuffer(CAPACITY, OBSERVATION_SIZE, NUM_ACTIONS, random)
    shapes = layout(OBSERVATION_SIZE, NUM_ACTIONS)
    columns = {name: np.ones((CAPACITY, *shape), kind) for name, (shape, kind) in shapes.items()}
    columns["observation"] = random.normal(size=(CAPACITY, OBSERVATION_SIZE)).astype(np.float32)
    columns["action"] = random.integers(0, NUM_ACTIONS, CAPACITY)
    replay.append_many(columns)
    return replay
