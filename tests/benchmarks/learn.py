"""Learning steps a second against the libraries that a game author would otherwise take. One thread.

A step is what each library does for one: draw 64 of 10,000 stored rows, update the network. Every peer runs as it
comes, with the same sizes and a full buffer; torch flushes denormal numbers for all. Ours draws from two buffers
and learns 16 bursts of 16 steps at once, as the trainer does where that many are due, with action masks, double
Q-learning and a target network that is averaged every step; stable-baselines3 does plain Q-learning without masks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cornerman.experience.replay_buffer import ReplayBuffer, ReplayBuffers
from cornerman.experience.transitions import layout
from cornerman.learning.compiled import cpu_steps
from cornerman.learning.learner import Learner
from cornerman.learning.sliced_burst import SlicedBurst
from cornerman.learning.update import LearnSteps, learn_steps
from cornerman.learning.updates import MOST_BURSTS
from cornerman.policy.q_network import NetworkSpec
from cornerman.settings import Settings
from tests.benchmarks.figures import Figure, interleaved, not_measured, seconds_a_call
from tests.support.plain_network import PlainSpec

OBSERVATION_SIZE, NUM_ACTIONS, CAPACITY, BATCH = 32, 16, 10_000, 64
BURST_STEPS = Settings().burst_steps
STEPS = MOST_BURSTS * BURST_STEPS
PEER_HIDDEN = (64, 64)  # stable-baselines3's default network
OURS, PLAIN, DEFAULT = "ours", "numpy alone", "default"
SB3, SB3_WIDE, TIANSHOU = "stable-baselines3", "wide", "tianshou"

Steps = Callable[[], object]  # learns STEPS steps


@dataclass(frozen=True, slots=True)
class Rows:
    """10,000 made-up rows, the same for everyone."""

    observation: np.ndarray
    next_observation: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray


def run(repeats: int) -> list[Figure]:
    """Ratios to each peer, and steps a second alone."""
    torch.set_num_threads(1)
    flushes = torch.set_flush_denormal(True)
    rows = make_rows()
    default = Settings().hidden_layers(headless=True)
    like_peers = PlainSpec(OBSERVATION_SIZE, NUM_ACTIONS, PEER_HIDDEN)
    on_cpu = cpu_steps(Path())  # tests/__init__.py says where what is compiled is kept
    measured: dict[str, Steps] = {
        OURS: ours(like_peers, rows, on_cpu.learn),
        PLAIN: ours(like_peers, rows, learn_steps),
        DEFAULT: ours(NetworkSpec(OBSERVATION_SIZE, NUM_ACTIONS, default), rows, on_cpu.learn),
    }
    missing: dict[str, str] = {}
    for name, build in (
        (SB3, partial(stable_baselines3, PEER_HIDDEN)),
        (SB3_WIDE, partial(stable_baselines3, default)),
        (TIANSHOU, partial(tianshou, PEER_HIDDEN)),
    ):
        try:
            measured[name] = build(rows)
        except ImportError as error:
            missing[name] = str(error)
    try:
        seconds = interleaved({name: seconds_a_call(steps, 0.25) for name, steps in measured.items()}, repeats)
    finally:
        if flushes:
            torch.set_flush_denormal(False)
    pace = {name: STEPS / value for name, value in seconds.items()}
    how = on_cpu.why_slow or "compiled"
    like_for_like = f"both {'x'.join(map(str, PEER_HIDDEN))} without layer normalisation"
    wide = f"both {'x'.join(map(str, default))}, ours with layer normalisation"
    return [
        ratio("learn.vs_sb3", (OURS, SB3), pace, missing, like_for_like, repeats),
        ratio("learn.numpy_vs_sb3", (PLAIN, SB3), pace, missing, f"{like_for_like}, without numba", repeats),
        ratio("learn.vs_tianshou", (OURS, TIANSHOU), pace, missing, like_for_like, repeats),
        ratio("learn.default_vs_sb3", (DEFAULT, SB3_WIDE), pace, missing, wide, repeats),
        Figure(
            "learn.steps_per_s", pace[DEFAULT], "1/s", "higher", repeats, "", f"the default network, batch 64; {how}"
        ),
    ]


def ratio(
    key: str, pair: tuple[str, str], pace: dict[str, float], missing: dict[str, str], note: str, repeats: int
) -> Figure:
    """How many times as many steps as the peer."""
    mine, other = pair
    package = TIANSHOU if other == TIANSHOU else SB3
    if other in missing:
        return not_measured(key, "x", "higher", missing[other], package)
    paces = f"{pace[mine]:.0f} against {pace[other]:.0f} steps/s, {note}"
    return Figure(key, pace[mine] / pace[other], "x", "higher", repeats, f"{package} {version(package)}", paces)


def make_rows() -> Rows:
    """Noise: how fast a step is does not depend on what is learned."""
    random = np.random.default_rng(0)
    observation, following = random.normal(size=(2, CAPACITY, OBSERVATION_SIZE)).astype(np.float32)
    return Rows(
        observation,
        following,
        random.integers(0, NUM_ACTIONS, CAPACITY),
        random.normal(size=CAPACITY).astype(np.float32),
        random.random(CAPACITY) < 0.1,
    )


# ------------------------------------------------------------------------------------------------------ who is measured


def ours(spec: NetworkSpec, rows: Rows, on_cpu: LearnSteps) -> Steps:
    """The buffers and the learner, as the trainer uses them; half of the rows in each buffer."""
    random = np.random.default_rng(1)
    shapes = layout(OBSERVATION_SIZE, NUM_ACTIONS)
    columns: dict[str, Any] = {name: np.zeros((CAPACITY, *shape), kind) for name, (shape, kind) in shapes.items()}
    mask = random.random((CAPACITY, NUM_ACTIONS)) < 0.7
    mask[:, 0] = True
    columns |= {
        "observation": rows.observation,
        "next_observation": rows.next_observation,
        "action": rows.action,
        "reward": rows.reward,
        "discount": np.where(rows.terminated, 0.0, 0.99).astype(np.float32),
        "next_action_mask": mask & ~rows.terminated[:, None],
    }
    halves = [ReplayBuffer(CAPACITY // 2, OBSERVATION_SIZE, NUM_ACTIONS, random) for _ in range(2)]
    for at, half in enumerate(halves):
        half.append_many({name: column[at::2] for name, column in columns.items()})
    learner = Learner(spec, batch_size=BATCH, on_cpu=on_cpu)
    buffers, burst = ReplayBuffers(*halves), SlicedBurst(learner, BATCH, lambda *_: None)
    first = learner.snapshot()

    def steps() -> None:
        learner.load(first)  # made-up rows hold nothing to learn: a network without LayerNorm comes apart on them
        burst.begin(buffers, BURST_STEPS, MOST_BURSTS)
        while burst.pending:
            burst.advance(1e9)

    steps()
    return steps


def spaces() -> tuple[Any, Any]:
    """Gymnasium's words for the sizes."""
    import gymnasium

    low_high = (-10.0, 10.0)
    return gymnasium.spaces.Box(*low_high, (OBSERVATION_SIZE,), np.float32), gymnasium.spaces.Discrete(NUM_ACTIONS)


def stable_baselines3(hidden: tuple[int, ...], rows: Rows) -> Steps:
    """DQN.train on its own replay buffer."""
    import gymnasium
    from stable_baselines3 import DQN
    from stable_baselines3.common.logger import configure

    class Nowhere(gymnasium.Env[np.ndarray, int]):  # type: ignore[misc]  # an extra that mypy skips
        observation_space, action_space = spaces()

        def reset(self, **_: Any) -> tuple[np.ndarray, dict[str, Any]]:
            return rows.observation[0], {}

    model = DQN(
        "MlpPolicy",
        Nowhere(),
        buffer_size=CAPACITY,
        batch_size=BATCH,
        policy_kwargs={"net_arch": list(hidden)},
        device="cpu",
    )
    model.set_logger(configure(None, []))
    columns = rows.observation, rows.next_observation, rows.action, rows.reward, rows.terminated
    for i in range(CAPACITY):
        model.replay_buffer.add(*(column[i : i + 1] for column in columns), [{}])
    return partial(model.train, STEPS, BATCH)


def tianshou(hidden: tuple[int, ...], rows: Rows) -> Steps:
    """DQN.update on its own replay buffer, double Q-learning as it comes."""
    from tianshou.algorithm import DQN
    from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
    from tianshou.algorithm.optim import AdamOptimizerFactory
    from tianshou.data import Batch, ReplayBuffer
    from tianshou.utils.net.common import Net
    from tianshou.utils.torch_utils import policy_within_training_step, torch_train_mode

    observations, actions = spaces()
    policy = DiscreteQLearningPolicy(
        model=Net(state_shape=(OBSERVATION_SIZE,), action_shape=NUM_ACTIONS, hidden_sizes=hidden),
        action_space=actions,
        observation_space=observations,
    )
    optimizer = AdamOptimizerFactory(lr=1e-3)
    algorithm = DQN(policy=policy, optim=optimizer, gamma=0.99, target_update_freq=500, huber_loss_delta=1.0)
    buffer = ReplayBuffer(CAPACITY)
    for i in range(CAPACITY):
        row = {"obs": rows.observation[i], "obs_next": rows.next_observation[i], "act": rows.action[i]}
        buffer.add(Batch(**row, rew=rows.reward[i], terminated=rows.terminated[i], truncated=False, info={}))

    def steps() -> None:
        with policy_within_training_step(policy), torch_train_mode(algorithm):
            for _ in range(STEPS):
                algorithm.update(buffer=buffer, sample_size=BATCH)

    return steps
