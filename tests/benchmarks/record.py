"""What recording costs the game, and the replay buffer against the ones that others offer.

Sizes as in a typical battle game: 32 numbers an observation, 16 actions, 10,000 rows, batches of 256, one torch thread.
Each peer stores and returns what it can; what it leaves out (masks, sources) is to its advantage.
"""

from __future__ import annotations

import random
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch

from cornerman.contract import Source, Transition
from cornerman.experience.replay_buffer import ReplayBuffer, ready_batch
from cornerman.experience.transitions import layout
from tests.benchmarks.figures import Figure, interleaved, not_measured, percentiles, seconds_a_call
from tests.benchmarks.frame import learn_flat_out
from tests.support.paths import PLUGINS

OBSERVATION_SIZE, NUM_ACTIONS, CAPACITY, BATCH = 32, 16, 10_000, 256
HOOK_CALLS = 400
BUSY = (0.0, 0.0001)  # seconds of pause and of the game's own work before each call: a series, turn after turn
PAUSED = (0.003, 0.001)  # a frame of a window, cut short
MASK = [True] * 12 + [False] * 4


class Game:
    """Four characters, sixteen actions, nothing of its own."""

    name = "bench"
    version = "1"
    action_names = tuple(f"action {number}" for number in range(NUM_ACTIONS))


def run(repeats: int) -> list[Figure]:
    """Every figure of recording."""
    torch.set_num_threads(1)
    return [*hook(repeats), *against_sb3(repeats), *against_cpprb(repeats), against_naive(repeats), overhead()]


# ------------------------------------------------------------------------------------------------------ the hook call


def hook(repeats: int) -> list[Figure]:
    """One whole call of `Host.on_turn` with a 4-character state while the trainer learns flat out.

    `record.hook_us` is after a pause, as a window at 60 frames a second calls it: the processor's caches are cold then,
    and on a shared machine others have used them. `record.hook_busy_us` is turn after turn, as a series plays. What was
    told is checked and encoded on the trainer's thread: that is `record.check_us`, a turn.
    """
    paces = (("", PAUSED), ("_busy", BUSY))
    found: dict[tuple[str, bool], list[list[float]]] = {(name, on): [] for name, _ in paces for on in (False, True)}
    checks, learned, seconds = [], 0, 0.0
    with told(False) as resting, told(True) as learning:
        for _ in range(repeats):
            for name, pace in paces:
                found[name, False].append(percentiles(_hook_calls(resting, *pace), 50, 99))
                learn_flat_out(learning.plugin, True)
                steps, begun = learning.steps, time.perf_counter()
                found[name, True].append(percentiles(_hook_calls(learning, *pace), 50, 99))
                learned, seconds = learned + learning.steps - steps, seconds + time.perf_counter() - begun
                learn_flat_out(learning.plugin, False)
            checks.append(1e6 * resting.check())
    figures = []
    for name, _ in paces:
        p50, p99 = (median(values) for values in zip(*found[name, True], strict=True))
        alone50, alone99 = (median(values) for values in zip(*found[name, False], strict=True))
        note = f"p50; the trainer did {learned / seconds:.0f} steps/s of 64 meanwhile; without it {alone50:.1f}"
        key = f"record.hook{name}_us"
        figures.append(Figure(key, p50, "us", "lower", repeats, "", note))
        figures.append(Figure(f"{key}_p99", p99, "us", "lower", repeats, "", f"without the trainer {alone99:.1f}"))
    note = "a turn, in a loop, on the trainer's thread"
    return [*figures, Figure("record.check_us", median(checks), "us", "lower", repeats, "", note)]


class Told:
    """The plugin as a host loads it, told of one endless battle."""

    def __init__(self, data: str, learning: bool) -> None:
        from game_adapter.host.host import Host

        settings = {"learning": learning, "training_window": "always", "warmup_fraction": 0.0, "device": "cpu"}
        self.host = Host(PLUGINS, data, Game(), {**settings, "candidate_period": 1_000_000})
        self.host.load()
        (self.plugin,) = (loaded.hooks["on_load"].__self__ for loaded in self.host.loaded)
        self.calls = 0
        self.host.on_battle_start(1, {0: "player", 1: "plugin"})
        for _ in range(100):
            self.turn(_state(0), _state(1))
        self.plugin.settle(10.0)

    def turn(self, state: dict[str, Any], next_state: dict[str, Any]) -> float:
        """Seconds of one whole hook call."""
        seat, action = self.calls % 2, self.calls % 12
        self.calls += 1
        begun = time.perf_counter()
        self.host.on_turn(1, seat, state, MASK, action, next_state)
        return time.perf_counter() - begun

    @property
    def steps(self) -> int:
        return int(self.plugin.training._learner.steps)

    def check(self) -> float:
        """Seconds in which the recorder reads one turn."""
        self.plugin.news.read()
        for call in range(HOOK_CALLS):
            self.turn(_state(call % 19), _state(call % 19 + 1))
        begun = time.perf_counter()
        self.plugin.news.read()
        return (time.perf_counter() - begun) / HOOK_CALLS


@contextmanager
def told(learning: bool) -> Iterator[Told]:
    """A plugin in a data folder of its own; every turn that it was told of was recorded."""
    with tempfile.TemporaryDirectory() as data:
        made = Told(data, learning)
        try:
            yield made
        finally:
            made.host.on_battle_end(1, {0: 1, 1: -1})
            made.host.quit()
    assert not made.plugin.recorder.rejected
    assert made.plugin.recorder.recorded == made.calls


def _hook_calls(to: Told, pause_s: float, work_s: float) -> list[float]:
    """Seconds of each call: the game waits, works on its own for a while, and then tells of the turn."""
    taken = []
    for call in range(HOOK_CALLS):
        if pause_s:
            time.sleep(pause_s)
        working = time.perf_counter()
        while time.perf_counter() - working < work_s:
            state, next_state = _state(call % 19), _state(call % 19 + 1)
        taken.append(to.turn(state, next_state))
    return taken


def _state(step: int) -> dict[str, Any]:
    characters = [
        {
            "name": f"fighter {number}",
            "seat": number // 2,
            "health": 90 - 4 * step + number,
            "maxHealth": 100 + number,
            "attack": 40,
            "defense": 20,
            "speed": 35,
        }
        for number in range(4)
    ]
    return {"round": 1, "characters": characters}


# ------------------------------------------------------------------------------------------------- the replay buffer


def _rows(count: int, observation_size: int = OBSERVATION_SIZE) -> list[Transition]:
    generator = np.random.default_rng(1)
    observations = generator.random((count + 1, observation_size), np.float32)
    masks = generator.random((count + 1, NUM_ACTIONS)) < 0.6
    masks[:, 0] = True
    return [
        Transition(
            observations[at],
            masks[at],
            int(generator.choice(np.flatnonzero(masks[at]))),
            float(generator.normal(0, 0.1)),
            observations[at + 1],
            masks[at + 1],
            0.99,
            at // 40,
            0,
            at % 40,
            Source.PLUGIN,
            Source.SCRIPTED,
            1,
        )
        for at in range(count)
    ]


def _filled() -> tuple[ReplayBuffer, Callable[[], object]]:
    """A full ring, and a call that samples into tensors that are ready."""
    ring = ReplayBuffer(CAPACITY, OBSERVATION_SIZE, NUM_ACTIONS, np.random.default_rng(0))
    for row in _rows(CAPACITY):
        ring.append(row)
    ready = ready_batch(BATCH, OBSERVATION_SIZE, NUM_ACTIONS)

    def sample() -> object:
        ring.sample(BATCH, ready.arrays)
        return ready.tensors

    return ring, sample


def against_sb3(repeats: int) -> list[Figure]:
    """Append and sample over stable-baselines3's replay buffer, which stores no masks."""
    keys = ("record.append_vs_sb3", "record.sample_vs_sb3")
    try:
        import stable_baselines3
        from gymnasium import spaces
        from stable_baselines3.common.buffers import ReplayBuffer as PeerBuffer
    except ImportError as error:
        return [not_measured(key, "ratio", "lower", f"{error}; pip install 'stable-baselines3>=2.4'") for key in keys]
    peer = f"stable-baselines3 {stable_baselines3.__version__}"
    space = spaces.Box(0.0, 1.0, (OBSERVATION_SIZE,), np.float32)
    theirs = PeerBuffer(CAPACITY, space, spaces.Discrete(NUM_ACTIONS), "cpu", handle_timeout_termination=False)
    ring, sample = _filled()
    row = _rows(1)[0]
    # Its own collecting loop hands over arrays with one environment in front; they are made before the clock runs.
    given = row.observation[None], row.next_observation[None], np.array([[row.action]])
    reward, done, infos = np.array([row.reward], np.float32), np.array([False]), [{}]

    def add() -> None:
        theirs.add(*given, reward, done, infos)

    for _ in range(CAPACITY):
        add()
    found = interleaved(
        {
            "append": seconds_a_call(lambda: ring.append(row)),
            "their append": seconds_a_call(add),
            "sample": seconds_a_call(sample),
            "their sample": seconds_a_call(lambda: theirs.sample(BATCH)),
        },
        repeats,
    )
    return [
        _ratio(key, found[name], found[f"their {name}"], repeats, peer)
        for key, name in zip(keys, ("append", "sample"), strict=True)
    ]


def against_cpprb(repeats: int) -> list[Figure]:
    """Sample over cpprb's buffer of the same seven columns, its arrays turned into tensors without a copy."""
    key = "record.sample_vs_cpprb"
    try:
        import cpprb
    except ImportError as error:
        return [not_measured(key, "ratio", "lower", f"{error}; pip install cpprb")]
    names = ("observation", "action_mask", "action", "reward", "discount", "next_observation", "next_action_mask")
    columns = layout(OBSERVATION_SIZE, NUM_ACTIONS)
    theirs = cpprb.ReplayBuffer(
        CAPACITY, {name: {"shape": columns[name][0] or 1, "dtype": columns[name][1]} for name in names}
    )
    for row in _rows(CAPACITY):
        theirs.add(**{name: getattr(row, name) for name in names})

    def their_sample() -> object:
        return {name: torch.from_numpy(array) for name, array in theirs.sample(BATCH).items()}

    _, sample = _filled()
    calls = {"sample": seconds_a_call(sample), "their sample": seconds_a_call(their_sample)}
    found = interleaved(calls, repeats)
    return [_ratio(key, found["sample"], found["their sample"], repeats, f"cpprb {_version('cpprb')}")]


@dataclass
class Example:
    """The original design's TrainingExample."""

    state: torch.Tensor
    action: torch.Tensor
    reward: torch.Tensor
    next_state: torch.Tensor
    done: torch.Tensor


def against_naive(repeats: int) -> Figure:
    """Sample over the original design: a list of dataclasses of tensors, random.sample, torch.stack."""
    examples = [
        Example(
            torch.from_numpy(row.observation.copy()),
            torch.tensor(row.action),
            torch.tensor(row.reward),
            torch.from_numpy(row.next_observation.copy()),
            torch.tensor(0.0),
        )
        for row in _rows(CAPACITY)
    ]
    draw = random.Random(0)

    def naive() -> object:
        drawn = draw.sample(examples, BATCH)
        columns = ("state", "action", "reward", "next_state", "done")
        return [torch.stack([getattr(example, name) for example in drawn]) for name in columns]

    _, sample = _filled()
    found = interleaved({"sample": seconds_a_call(sample), "naive": seconds_a_call(naive)}, repeats)
    peer = f"a list and torch.stack, torch {torch.__version__}"
    return _ratio("record.sample_vs_naive", found["sample"], found["naive"], repeats, peer)


def overhead() -> Figure:
    """All memory that a full ring takes, over the bytes of its rows' fields."""
    rows = _rows(100)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    ring = ReplayBuffer(CAPACITY, OBSERVATION_SIZE, NUM_ACTIONS, np.random.default_rng(0))
    for at in range(CAPACITY):
        ring.append(rows[at % 100])
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    row_bytes = sum(
        dtype.itemsize * int(np.prod(shape)) for shape, dtype in layout(OBSERVATION_SIZE, NUM_ACTIONS).values()
    )
    note = f"{row_bytes} bytes a row with masks, source, opponent, version, battle, seat and index"
    return Figure("record.bytes_overhead", taken / (row_bytes * CAPACITY), "ratio", "lower", 1, "", note)


def _ratio(key: str, ours: float, theirs: float, repeats: int, peer: str) -> Figure:
    note = f"{ours * 1e6:.2f} us over {theirs * 1e6:.2f} us"
    return Figure(key, ours / theirs, "ratio", "lower", repeats, peer, note)


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)
