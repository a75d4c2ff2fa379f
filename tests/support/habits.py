"""A small network as the champion of an invented game, and players who play like it with one habit."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats
from cornerman.opponent.player_model import PlayerModel
from cornerman.opponent.rules import Decisions
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec

FEATURES = ("slot 1 health", "slot 2 health", "round", "ally 1 acts", "ally 2 acts", "enemy 1 open", "enemy 2 open")
ACTIONS = ("hit enemy 1", "hit enemy 2", "smash enemy 1", "smash enemy 2", "guard", "wait")
GUARD = 4

Habit = Callable[[Floats, Bools], Bools]
"""Given observations `[B, F]` and masks `[B, A]`, the actions that the player thinks of `[B, A]`."""


def champion(seed: int = 0) -> Policy:
    """Its Q-values differ by some tenths, and no action is the best one for it on the whole."""
    random = np.random.default_rng(seed)
    spec = NetworkSpec(len(FEATURES), len(ACTIONS), (32,))
    flat = random.normal(0.0, 0.6, spec.num_parameters).astype(np.float32)
    values = Policy(spec, flat).q_values_batch(random.random((500, len(FEATURES)), np.float32))
    flat[-len(ACTIONS) :] -= values.mean(0)  # the head's bias
    return Policy(spec, flat, version=1)


def no_habit(observations: Floats, masks: Bools) -> Bools:
    return masks


def never_guards(observations: Floats, masks: Bools) -> Bools:
    thought = masks.copy()
    thought[:, GUARD] = False
    return thought


def guards_when_low(observations: Floats, masks: Bools) -> Bools:
    """Guards whenever the first one's health is below half."""
    thought = masks.copy()
    low = (observations[:, 0] < 0.5).nonzero()[0]
    thought[low] = False
    thought[low, GUARD] = True
    return thought


def hurt_one_waits(observations: Floats, masks: Bools) -> Bools:
    """Guards or waits where the one that acts is below half health."""
    thought = masks.copy()
    acting = np.where(observations[:, 3] > 0, observations[:, 0], observations[:, 1])
    thought[acting < 0.5, :GUARD] = False
    return thought


def battles(policy: Policy, habit: Habit, num_battles: int, seed: int, length: int = 30) -> list[Decisions]:
    """Decisions of so many battles of a player who takes the best action among those thought of."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(num_battles):
        observations = random.random((length, len(FEATURES)), np.float32)
        acts = random.integers(0, 2, length)
        observations[:, 3], observations[:, 4] = acts == 0, acts == 1
        observations[:, 5:] = random.integers(0, 2, (length, 2))
        masks = random.random((length, len(ACTIONS))) < 0.8
        masks[:, GUARD] = True
        masks[:, 0] = True
        values = policy.q_values_batch(observations)
        actions: NDArray[np.int64] = np.where(habit(observations, masks), values, -np.inf).argmax(1)
        found.append(Decisions(observations, masks, actions))
    return found


def learned(played: Iterable[Decisions], model: PlayerModel | None = None) -> PlayerModel:
    """A model, or a new one laid over `champion`, after these battles."""
    model = model or PlayerModel(champion(), FEATURES, ACTIONS)
    for battle in played:
        for _ in model.learn(battle):
            pass
    return model
