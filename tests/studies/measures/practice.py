"""A counter in the weights: practice from the shipped model against a model of the player, and who may be promoted.

Battles against the model are mixed with self-play and battles against the champion and the game's bots. What is learned
is held near the champion: the champion's Q-values pull on those of every legal action.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import BatchedBot, Bools, Floats
from cornerman.evaluation.checks import Checks, Opponent
from cornerman.evaluation.faults import BattleFaults
from cornerman.evaluation.significance import best_of, lost
from cornerman.experience.replay_buffer import ReplayBuffer
from cornerman.learning import update
from cornerman.learning.learner import build_learner
from cornerman.opponent.predictor import Predictor
from cornerman.policy.policy import Policy
from cornerman.selfplay.orders import ITSELF, PRESENT, collecting
from cornerman.selfplay.worker import LIVE, Worker
from cornerman.settings import Settings
from game_adapter.ringside.game import RINGSIDE, Ringside
from tests.studies.adapters.opening import encoder, shipped
from tests.studies.measures.adapting import mean_gain
from tests.studies.measures.duel import playing
from tests.studies.measures.gate import sample_of

PLAYER, CHAMPION = "player", "champion"
MIX = {PLAYER: 0.5, CHAMPION: 0.2, ITSELF: 0.1, "brawler": 0.05, "tactician": 0.15}
"""Share of battles by opponent."""
LEARNING_RATE, BATCH_SIZE, USES, BURST = 4e-4, 256, 4.0, 8
PULL = 0.05
"""Of the champion's Q-values: gradient for each 1.0 that a value lies away from theirs, up to 1.0."""
CHECKED, CHECKED_ONE_BY_ONE = LIVE.batched_checks, LIVE.checks
"""Battles of a check, as of candidates beside a game."""


class Fighter:
    """A model of a player as a fighter, for battles many at once: draws what the model foresees."""

    version = -1

    def __init__(self, model: Predictor) -> None:
        self._model = model

    def act_batch(
        self, observations: Floats, action_masks: Bools, random: np.random.Generator, epsilon: float = 0.0
    ) -> NDArray[np.int64]:
        """An action for each observation `[B, F]`."""
        del epsilon
        reached = self._model.probabilities(observations, action_masks).cumsum(1)
        return np.asarray((reached > random.random((len(reached), 1)) * reached[:, -1:]).argmax(1))


class Practice(Ringside):
    """Ringside with the player's model among the bots, those that play in batches alone."""

    def __init__(self, player: Fighter) -> None:
        self._bots: dict[str, Any] = {**super().batched_bots, PLAYER: player}

    @property
    def bots(self) -> Mapping[str, Any]:
        return self._bots

    @property
    def batched_bots(self) -> Mapping[str, BatchedBot]:
        return self._bots


def pulled(plain: Callable[..., tuple[float, float]]) -> Callable[..., tuple[float, float]]:
    """In place of `update.td_gradient`: the same, and the pull towards the champion."""

    def td_gradient(rows: update.Rows, k: int, now: Floats, *following: Floats) -> tuple[float, float]:
        away = now - shipped().q_values_batch(rows.observation[k])
        found = plain(rows, k, now, *following)
        now += np.where(rows.action_mask[k], PULL * away.clip(-1.0, 1.0) / len(now), 0.0).astype(now.dtype)
        return found

    return td_gradient


@contextmanager
def held_near() -> Iterator[None]:
    """What learns with plain numpy in this process is held near the champion."""
    with mock.patch.object(update, "td_gradient", pulled(update.td_gradient)):
        yield


def practise(player: Fighter, steps: int, seed: int) -> Policy:
    """The branch after so many learning steps: the mean of the averaged weights over the second half of them."""
    settings, spec = Settings(learning_rate=LEARNING_RATE, batch_size=BATCH_SIZE, seed=seed), shipped().spec
    worker, learner = Worker(Practice(player), spec.hidden, seed, 0), build_learner(spec, settings, "cpu")
    rows = ReplayBuffer(200_000, spec.observation_size, spec.num_actions, np.random.default_rng(seed))
    order, later = collecting(settings, {PRESENT: 1, CHAMPION: 0}, MIX, {}), list[Floats]()
    learner.load(shipped().flat)
    with held_near():
        while learner.steps < steps:
            columns, _ = worker.obey({PRESENT: learner.averaged(), CHAMPION: shipped().flat}, order)
            own = columns["version"] == 1  # how the player and the bots fare teaches nothing of a counter
            rows.append_many({name: column[own] for name, column in columns.items()})
            for _ in range(max(1, round(USES * own.sum() / BATCH_SIZE / BURST))):
                learner.learn_burst(rows.sample(BURST * BATCH_SIZE))
                later += [learner.averaged()] if 2 * learner.steps >= steps else []
    return Policy(spec, np.asarray(np.mean(later, 0, dtype=np.float64), np.float32), 1)


def gains(player: Fighter, branch: Policy, pairs: int, seed: int) -> list[float]:
    """By pair of battles with the model, how much better the branch fares than the champion in the same battles."""
    found: list[float] = mean_gain(playing(branch), playing(shipped()), playing(player), pairs, seed).tolist()
    return found


def losses(branch: Policy, seed: int) -> dict[str, tuple[float, bool]]:
    """By bot, and against the champion, what the branch loses, and whether the gate's checks would turn it down."""
    checks, found = Checks(RINGSIDE, encoder(), seed, BattleFaults()), {}
    bots = [Opponent(name, bot) for name, bot in RINGSIDE.bots.items()]
    for opponent in (*bots, Opponent(CHAMPION, shipped())):
        most = CHECKED if checks.in_batches(branch, opponent) else CHECKED_ONE_BY_ONE
        best, own = (sample_of(checks, policy, opponent, most) for policy in (shipped(), branch))
        found[opponent.name] = best.score - own.score, bool(lost(own, best_of([best]), own.battles))
    return found
