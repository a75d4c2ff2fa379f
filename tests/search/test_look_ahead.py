"""look_ahead.py: finds the action that playing on shows to be better, alone or in batches, and no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import numpy as np
import pytest

from cornerman.contract import Bools, ContractError, Floats, State
from cornerman.experience.encoder import Encoder
from cornerman.models.exchange import base_model
from cornerman.models.manifest import Identity
from cornerman.opponent.predictor import ChampionPredictor, Doubles
from cornerman.search.look_ahead import Effort, LookAhead
from cornerman.search.playouts import Playouts
from game_adapter.ringside.game import RINGSIDE
from tests.support.one_by_one import OneByOne
from tests.support.opinions import valuing


class Bluff:
    """Seat 0 raises (1) or not (0), then seat 1 calls (1) or folds (0): a raise that is folded to wins, one that is
    called loses, and without one it is a draw."""

    def __init__(self) -> None:
        self.seat: int | None = 0
        self.round, self.raised = 1, False
        self.outcome: Mapping[int, float] | None = None

    def state(self) -> State:
        return {"seat": self.seat, "raised": self.raised}

    def action_mask(self) -> Sequence[bool]:
        return [True, True]

    def apply(self, action: int) -> None:
        if self.seat == 0 and action:
            self.seat, self.raised = 1, True
            return
        won = 0.0 if self.seat == 0 else -1.0 if action else 1.0
        self.seat, self.outcome = None, {0: won, 1: -won}


class Bluffs:
    """One battle of it at a time."""

    name, version, action_names, max_characters, max_rounds = "bluffs", "1", ("pass", "go"), 0, None
    feature_names = ("raised",)
    bots: Mapping[str, Any] = {}

    def encode(self, state: State, seat: int) -> Sequence[float]:
        return [float(state["raised"])]

    def new_battle(self, seed: int) -> Bluff:
        return Bluff()

    def restore(self, state: State, seat: int, random: Random) -> Bluff:
        battle = Bluff()
        battle.seat, battle.raised = state["seat"], state["raised"]
        return battle


class Calls:
    """A player who calls that often."""

    def __init__(self, share: float) -> None:
        self.share = share

    def probabilities(self, observations: Floats, action_masks: Bools) -> Doubles:
        return np.tile([1.0 - self.share, self.share], (len(observations), 1))


def bluffing(passes_by: float, calls: float, effort: Effort, game: Bluffs | None = None) -> LookAhead:
    """The look-ahead of a champion whose value of passing is so much above that of raising."""
    game = game or Bluffs()
    encoder = Encoder(game)
    return LookAhead(Playouts(game, encoder, valuing((passes_by, 0.0)), Calls(calls)), effort)


def found(ahead: LookAhead, states: Any, seats: Any, masks: Any, seed: int) -> Any:
    """Every answer, round after round."""
    return [each.best.tolist() for each in ahead.improve(states, seats, masks, seed)]


@pytest.mark.parametrize(
    ("calls", "passes_by", "best"), [(0.05, 0.1, 1), (0.95, 0.1, 0), (0.05, -0.1, 1), (0.95, -0.1, 0)]
)
def test_look_ahead_bluffs_only_whom_the_model_says_to_fold(calls: float, passes_by: float, best: int) -> None:
    ahead = bluffing(passes_by, calls, Effort(2, (8, 16), 2))
    answers = found(ahead, [Bluff().state()], [0], np.ones((1, 2), np.bool_), 3)
    assert answers == [[best]] * 2


def test_look_ahead_keeps_the_champions_choice_where_playouts_are_no_evidence() -> None:
    states, masks = [Bluff().state()] * 200, np.ones((200, 2), np.bool_)
    changed, unchecked = (
        np.mean(found(bluffing(0.1, 0.5, Effort(2, (4,), 2, doubt)), states, [0] * 200, masks, 1)[0])
        for doubt in (0.1, 9.0)
    )
    assert changed < 0.15 < 0.25 < unchecked


def test_search_gives_gains_playouts_and_the_expected_reply() -> None:
    ahead = bluffing(0.1, 0.05, Effort(2, (8, 16), 2))
    *_, search = ahead.improve([Bluff().state()], [0], np.ones((1, 2), np.bool_), 3)
    gains = dict(search.gains(0))
    assert (gains[0], search.samples(0)) == (0.0, 48)
    assert 0.2 < gains[1] < 1.0, "playouts say 0.9, the champion -0.1"
    assert [action for action, _ in search.expects(0, 6)] == [0, 1]
    assert dict(search.expects(0, 6)) == pytest.approx({0: 0.95, 1: 0.05})
    assert len(search.expects(0, 1)) == 1


def refusing(battle: Bluff) -> Bluff:
    def apply(action: int) -> None:
        raise ValueError("3 is not allowed now")

    battle.apply = apply  # type: ignore[method-assign]
    return battle


def with_other_seat(battle: Bluff) -> Bluff:
    battle.seat = 1
    return battle


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda battle: None, "restore: it gave None instead of a battle"),
        (with_other_seat, "restore: seat 1 decides in the battle that it gave, and seat 0 has to"),
        (refusing, "in a battle that restore gave, the game refused action 0: 3 is not allowed now"),
    ],
    ids=["None", "another seat", "another mask"],
)
def test_restore_that_is_wrong_is_named(spoil: Any, problem: str) -> None:
    class Spoilt(Bluffs):
        def restore(self, state: State, seat: int, random: Random) -> Bluff:
            spoilt: Bluff = spoil(super().restore(state, seat, random))
            return spoilt

    ahead = bluffing(0.1, 0.5, Effort(2, (4,), 2), Spoilt())
    with pytest.raises(ContractError) as raised:
        found(ahead, [Bluff().state()], [0], np.ones((1, 2), np.bool_), 3)
    assert str(raised.value) == problem


def test_playout_counts_what_the_policy_expects_after_its_own_decisions() -> None:
    encoder = Encoder(RINGSIDE)
    champion = valuing([0.25] * encoder.num_actions, encoder.observation_size)
    playouts = Playouts(RINGSIDE, encoder, champion, ChampionPredictor(champion), (0.0, 1.0))
    battle = RINGSIDE.new_battle(1)
    rows = np.zeros(8, np.int64)
    guard = np.full(8, 6)
    values = playouts.values([battle.state()], [battle.seat or 0], rows, guard, np.arange(8, dtype=np.uint64), 1)
    assert values == pytest.approx([0.25] * 8)


def test_scalar_and_batched_battles_give_the_same_playouts_where_chances_are() -> None:
    """Other chances are drawn, so the means over many agree."""
    encoder = Encoder(RINGSIDE)
    champion, *_ = base_model(Identity.of(RINGSIDE, encoder), RINGSIDE.base_model)
    battle, num = RINGSIDE.new_battle(5), 400
    means = []
    for game in (RINGSIDE, OneByOne()):
        playouts = Playouts(game, encoder, champion, ChampionPredictor(champion))
        rows, seeds = np.zeros(num, np.int64), np.arange(num, dtype=np.uint64)
        values = playouts.values([battle.state()], [battle.seat or 0], rows, np.zeros(num, np.int64), seeds, 2)
        means.append((values.mean(), values.std() / np.sqrt(num)))
    (batched, spread), (scalar, other) = means
    assert abs(batched - scalar) < 4 * np.hypot(spread, other)


def test_the_same_seed_gives_the_same_answers() -> None:
    encoder = Encoder(RINGSIDE)
    champion, *_ = base_model(Identity.of(RINGSIDE, encoder), RINGSIDE.base_model)
    ahead = LookAhead(Playouts(RINGSIDE, encoder, champion, ChampionPredictor(champion)), Effort())
    battles = [RINGSIDE.new_battle(seed) for seed in range(6)]
    states, seats = [each.state() for each in battles], [each.seat for each in battles]
    masks = np.array([each.action_mask() for each in battles])
    answers = [found(ahead, states, seats, masks, seed) for seed in (4, 4)]
    assert answers[0] == answers[1]
    assert len(answers[0]) == len(Effort().samples)
