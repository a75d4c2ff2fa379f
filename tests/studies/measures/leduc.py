"""Leduc hold'em as OpenSpiel has it: how far a policy can be exploited, and its chips a hand against a rule bot.

Both are exact: they walk the whole game, so they have no sampling error. Needs `open_spiel`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FOLD, CALL, RAISE = 0, 1, 2
JACK, QUEEN, KING = 0, 1, 2

Observe = Callable[[Any, int], NDArray[np.float32]]


class StochasticPolicy(Protocol):
    """A policy whose chances are known: exploitability depends on how often an action is taken."""

    def probabilities(self, observation: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[Any]:
        """How likely each action is, `[A]`; 0 where the mask forbids it."""


class Greedy:
    """A stored policy (policy.py) that always does what it values most, as it plays at its best."""

    def __init__(self, policy: Any) -> None:
        self._policy, self._random = policy, Random(0)

    def probabilities(self, observation: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[Any]:
        return one_hot(self._policy.act(observation, mask, self._random), len(mask))


@cache
def leduc() -> Any:
    """OpenSpiel's game: actions fold, call, raise; the ante is 1, bets are 2 and 4, at most 13 chips change hands."""
    import pyspiel

    return pyspiel.load_game("leduc_poker")


def information_state(state: Any, player: int) -> NDArray[np.float32]:
    """All that a player knows, `[30]`: seat, own card, public card, every bet of both rounds."""
    return np.array(state.information_state_tensor(player), np.float32)


def as_open_spiel(policy: StochasticPolicy, observe: Observe) -> Any:
    """OpenSpiel's table of what the policy does in each of the 936 situations of both players."""
    from open_spiel.python.policy import tabular_policy_from_callable

    def chances(state: Any) -> dict[int, float]:
        player = state.current_player()
        mask = np.array(state.legal_actions_mask(player), np.bool_)
        found = policy.probabilities(observe(state, player), mask)
        if not np.isclose(found.sum(), 1.0) or found[~mask].any():
            raise ValueError(f"The policy's chances {found} are not chances of the legal actions {mask}.")
        return {action: float(found[action]) for action in state.legal_actions(player)}

    return tabular_policy_from_callable(leduc(), chances)


def exploitability_share(policy: StochasticPolicy, observe: Observe = information_state) -> float:
    """What a best response wins from the policy over what one wins from uniform random play (2.37 chips a hand)."""
    from open_spiel.python.algorithms.exploitability import exploitability
    from open_spiel.python.policy import UniformRandomPolicy

    game = leduc()
    share = exploitability(game, as_open_spiel(policy, observe)) / exploitability(game, UniformRandomPolicy(game))
    return float(share)


def chips_a_hand(policy: StochasticPolicy, opponent: StochasticPolicy, observe: Observe = information_state) -> float:
    """What the policy wins from a rule bot a hand, half of the hands in either seat, expected over all deals."""
    from open_spiel.python.algorithms.expected_game_score import policy_value

    mine, bot = as_open_spiel(policy, observe), as_open_spiel(opponent, information_state)
    start = leduc().new_initial_state()
    return float((policy_value(start, [mine, bot])[0] + policy_value(start, [bot, mine])[1]) / 2)


class RuleBot:
    """Plays as a beginner's guide says: raise with a pair or a king, pay with a queen, give up a jack."""

    def probabilities(self, observation: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[Any]:
        rank, public = ranks(observation)
        if rank == public or (rank == KING and public is None):
            wanted = RAISE if mask[RAISE] else CALL
        elif rank == KING or (rank == QUEEN and public is None):
            wanted = CALL
        else:
            wanted = FOLD if mask[FOLD] else CALL
        return one_hot(wanted, len(mask))


def one_hot(action: int, num_actions: int) -> NDArray[np.float64]:
    """Chances `[A]` of a policy that always does this."""
    chances = np.zeros(num_actions)
    chances[action] = 1.0
    return chances


def ranks(observation: NDArray[np.float32]) -> tuple[int, int | None]:
    """Own and public rank of an information state; two of the six cards are of each rank."""
    own, public = observation[2:8], observation[8:14]
    return int(own.argmax()) // 2, int(public.argmax()) // 2 if public.any() else None
