"""What the plugin learns about a player with, put together as there: foresee, look ahead, learn each battle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from random import Random
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bot
from cornerman.opponent.player_model import PlayerModel
from cornerman.opponent.predictor import STRANGER_TEMPERATURE, ChampionPredictor, Predictor
from cornerman.opponent.rules import Decisions
from cornerman.policy.policy import Policy
from cornerman.search.look_ahead import Effort, LookAhead, effort_for
from cornerman.search.playouts import Playouts
from game_adapter.ringside.game import RINGSIDE
from tests.studies.adapters.opening import encoder, shipped
from tests.studies.measures.duel import Due, Ints, Player, duel, playing
from tests.studies.measures.habits import HabitPlayer

TESTED_PAIRS = 100
"""Of battles with the shipped model, in whose decisions a player is to be foreseen."""


def look_ahead(player: Predictor, effort: Effort | None = None, policy: Policy | None = None) -> LookAhead:
    """The search over the best actions of a policy, the shipped model where None, with a model of the player."""
    playouts = Playouts(RINGSIDE, encoder(), policy or shipped(), player)
    return LookAhead(playouts, effort or effort_for(RINGSIDE))


def stranger() -> Predictor:
    """What the plugin takes for the model of a player of whom nothing is known."""
    return ChampionPredictor(shipped(), STRANGER_TEMPERATURE)


def searched(ahead: LookAhead, states: list[Any], seats: list[int], masks: Any, seed: int) -> Ints:
    """The action after the last improvement, for each decision."""
    actions = shipped().act_batch(
        np.stack([encoder().encode(state, seat) for state, seat in zip(states, seats, strict=True)]),
        masks,
        np.random.default_rng(0),
    )
    for better in ahead.improve(states, seats, masks, seed):
        actions = better.best
    return actions


def looking_ahead(player: Predictor, policy: Policy | None = None) -> Player:
    """A policy, the shipped model where None, with look-ahead, for battles many at once."""
    ahead = look_ahead(player, policy=policy)

    def decide(due: Due) -> Ints:
        states = [due.battles.state(row) for row in due.rows.tolist()]
        seats = due.battles.seat[due.rows].tolist()
        return searched(ahead, states, seats, due.masks, int(due.random.integers(1 << 48)))

    return decide


class Noted:
    """Decisions of one player, as they are recorded."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, Any, Any]] = []

    def add(self, observations: Any, masks: Any, actions: Any) -> None:
        """One decision, or R at once."""
        self._rows.append((np.atleast_2d(observations), np.atleast_2d(masks), np.atleast_1d(actions)))

    @property
    def decisions(self) -> Decisions:
        return Decisions(*(np.concatenate(column) for column in zip(*self._rows, strict=True)))


@cache
def decisions_of(player: HabitPlayer, seed: int) -> Decisions:
    """The player's decisions in `TESTED_PAIRS` of battles with the shipped model."""
    noted = Noted()

    def decide(due: Due) -> Ints:
        actions = player.act_batch(due.observations, due.masks, due.random)
        noted.add(due.observations, due.masks, actions)
        return actions

    duel(playing(shipped()), decide, TESTED_PAIRS, seed)
    return noted.decisions


class Foreseen(NamedTuple):
    """How a model foresees a player in battles that it has not learned."""

    gain: float  # share of decisions that are its likeliest action, minus the same of the champion's own choice
    loss: float  # mean logarithmic loss over that of uniform chances

    @classmethod
    def by(cls, model: Predictor, player: HabitPlayer, seed: int) -> Foreseen:
        observations, masks, actions = decisions_of(player, seed)
        chances = model.probabilities(observations, masks)
        own = shipped().act_batch(observations, masks, np.random.default_rng(0))
        loss = -np.log(chances[np.arange(len(actions)), actions]).sum() / np.log(masks.sum(1)).sum()
        gain = (chances.argmax(1) == actions).mean() - (own == actions).mean()
        return cls(float(gain), float(loss))


def new_model() -> PlayerModel:
    return PlayerModel(shipped(), encoder().feature_names, RINGSIDE.action_names)


def scores(
    player: Bot, seeds: Iterable[int], model: PlayerModel | None = None, ahead: LookAhead | None = None
) -> Iterator[float]:
    """Scores of the shipped model, battle by battle, against a player; with look-ahead where there is an `ahead`.

    The same seeds give the same teams, chances and player. A `model` learns each battle when it is over.
    """
    random = np.random.default_rng(0)
    for number, seed in enumerate(seeds):
        battle, lots, noted, seat = RINGSIDE.new_battle(seed), Random(seed), Noted(), number % 2
        while battle.seat is not None:
            state, mask = battle.state(), np.array(battle.action_mask())
            seen = encoder().encode(state, battle.seat)
            if battle.seat != seat:
                action = player(battle, lots)
                assert action is not None, "a bot of Ringside's decides each turn"
                noted.add(seen, mask, action)
            elif ahead is None:
                action = shipped().act(seen, mask, random)
            else:
                action = int(searched(ahead, [state], [seat], mask[None], lots.getrandbits(48))[0])
            battle.apply(action)
        for _ in model.learn(noted.decisions) if model else ():
            pass
        assert battle.outcome is not None
        yield (1.0 + battle.outcome[seat]) / 2.0


def mean_gain(first: Player, second: Player, against: Player, pairs: int, seed: int) -> NDArray[np.float64]:
    """By pair of battles, how much better `first` fares against a player than `second` does in the same battles."""
    found: NDArray[np.float64] = (duel(first, against, pairs, seed) - duel(second, against, pairs, seed)).mean(1)
    return found
