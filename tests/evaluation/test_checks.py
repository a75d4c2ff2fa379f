"""Checks of the gate: the same battles for everybody, at once as one by one, and each different battle once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from cornerman.contract import Battles, Bot, HeadlessGame
from cornerman.evaluation.checks import Checks, Opponent, Series
from cornerman.evaluation.faults import BattleFaults
from cornerman.evaluation.headless import Agent
from cornerman.evaluation.significance import Sample
from cornerman.experience.encoder import Encoder
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.selfplay.scalar import ScalarBattles, one_by_one
from game_adapter.ringside.game import RINGSIDE
from tests.support.declared_games import Board, CardTable
from tests.support.duel import Duel, at_level

MANY = 1024


def policy(game: HeadlessGame, seed: int = 0) -> Policy:
    """One that plays by chance what its drawn weights say, and always the same."""
    encoder, random = Encoder(game), np.random.default_rng(seed)
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, (8,))
    flat = draw(spec, random)
    flat[-9 * encoder.num_actions :] = random.normal(size=9 * encoder.num_actions)
    return Policy(spec, flat)


def finished(turns: Any) -> Any:
    """What a generator of turns returns."""
    while True:
        try:
            next(turns)
        except StopIteration as end:
            return end.value


def series(game: HeadlessGame, player: Agent, opponent: Opponent, most: int = MANY, until: float = 1.0) -> Series:
    checks = Checks(game, Encoder(game), 1, BattleFaults())
    found: Series = finished(checks.play(player, opponent, most, lambda sample: sample.battles >= until * most))
    return found


class AtOnce(Board):
    """The board in batches, with bots that play without chance."""

    bots: Mapping[str, Bot] = {"first": lambda battle, random: min(battle.moves())}

    @property
    def batched_bots(self) -> Mapping[str, Any]:
        return {name: one_by_one(bot) for name, bot in self.bots.items()}

    def new_battles(self, num_battles: int, seed: int) -> Battles:
        game: Any = self
        encoder = Encoder(game)
        encoder.declaration = replace(encoder.declaration, random_opening=0)  # a batch knows of none
        battles: Battles = ScalarBattles(game, encoder, num_battles, seed)
        return battles


def test_battles_at_once_give_the_score_of_battles_one_by_one() -> None:
    player, encoder, bot = policy(RINGSIDE, 3), Encoder(RINGSIDE), RINGSIDE.bots["random"]

    def as_scalar(battle: Any, random: Random) -> int:
        """The same policy as a bot, which no batch can ask."""
        observation, mask = encoder.encode(battle.state(), battle.seat), encoder.mask(battle.action_mask())
        return player.act(observation, mask, random)

    at_once = series(RINGSIDE, player, Opponent("random", bot), 2 * MANY)
    apart = series(RINGSIDE, as_scalar, Opponent("random", bot), 400)
    assert (len(at_once.records), len(apart.records)) == (2 * MANY, 400)
    assert at_once.repeated == apart.repeated == 0
    assert 0.05 < at_once.sample.score < 0.95
    gap = at_once.sample.score - apart.sample.score
    assert abs(gap) < 4 * (at_once.sample.error**2 + apart.sample.error**2) ** 0.5
    assert Counter(record.seat for record in at_once.records) == {0: MANY, 1: MANY}


@pytest.mark.parametrize("champion", [False, True])
def test_battles_at_once_take_both_seats_and_end_alike_for_equal_players(champion: bool) -> None:
    player = policy(RINGSIDE, 1)
    opponent = Opponent("oldest", player) if champion else Opponent("brawler", RINGSIDE.bots["brawler"])
    found = series(RINGSIDE, player, opponent)
    assert (abs(found.sample.score - 0.5) < 4 * found.sample.error) == champion
    assert all(record.score in (0.0, 0.5, 1.0) and record.turns > 1 for record in found.records)


@pytest.mark.parametrize("most", [1, MANY])
def test_every_player_meets_an_opponent_in_the_same_battles(most: int) -> None:
    bot = (
        Opponent("tactician", RINGSIDE.bots["tactician"]) if most == 1 else Opponent("random", RINGSIDE.bots["random"])
    )
    first, second = (series(RINGSIDE, policy(RINGSIDE, seed), bot, most) for seed in (1, 2))
    assert Counter(record.start for record in first.records) == Counter(record.start for record in second.records)
    assert {record.seed for record in first.records} == {record.seed for record in second.records}
    other = series(RINGSIDE, policy(RINGSIDE, 1), Opponent("oldest", policy(RINGSIDE, 2)), most)
    assert {record.seed for record in first.records}.isdisjoint(record.seed for record in other.records)


@pytest.mark.parametrize("game", [Board(), AtOnce()], ids=["one by one", "at once"])
def test_checks_count_each_different_battle_once(game: Any) -> None:
    game.bots = AtOnce.bots
    most = MANY if isinstance(game, AtOnce) else 40
    found = series(game, policy(game), Opponent("first", game.bots["first"]), most)
    assert (len(found.records), found.repeated) == (2, most - 2)
    assert {record.seat for record in found.records} == {0, 1}


def test_battles_at_once_begin_with_random_actions_where_the_game_asks_for_them() -> None:
    game: Any = AtOnce(random_opening=3)
    found = series(game, policy(game), Opponent("first", game.bots["first"]))
    assert 100 < len(found.records) < MANY
    assert len(found.records) + found.repeated == MANY
    assert min(record.turns for record in found.records) > 3


def test_bots_sit_where_the_plugin_may_not() -> None:
    asked: set[tuple[int, str]] = set()

    def noting(name: str) -> Bot:
        def decide(battle: Any, random: Random) -> int | None:
            asked.add((battle.seat, name))
            return CardTable.bots["random"](battle, random)

        return decide

    game = CardTable(plugin_seats=(0, 1))
    series(game, noting("player"), Opponent("oldest", noting("oldest"), (noting("a"), noting("b"))), 8)
    assert asked == {(seat, name) for seat in (0, 1) for name in ("player", "oldest")} | {(2, "a"), (2, "b")}
    asked.clear()
    series(game, noting("player"), Opponent("bot", noting("bot")), 8)
    assert asked == {(seat, name) for seat in (0, 1) for name in ("player", "bot")} | {(2, "bot")}


def fails(*_: object) -> Any:
    raise KeyError("stat")


@pytest.mark.parametrize(
    ("owner", "name", "broken"),
    [(AtOnce, "new_battles", fails), (ScalarBattles, "step", fails), (AtOnce, "batched_bots", {"first": fails})],
    ids=["new_battles", "step", "bot"],
)
def test_a_batch_in_which_the_games_code_raises_is_left_out_and_counted(
    owner: type, name: str, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, broken)
    game, faults = AtOnce(), BattleFaults()
    opponent = Opponent("first", game.bots["first"])
    found = finished(Checks(game, Encoder(game), 1, faults).play(policy(game), opponent, MANY, lambda sample: False))
    assert (found.records, faults.num_faulty) == ([], 1)
    assert "KeyError" in faults.sentence


def test_checks_end_early_once_they_know_enough() -> None:
    assert len(series(Duel(), at_level(3), Opponent("low", at_level(0)), 400, until=0.1).records) == 40


def test_code_tells_bots_and_rules_apart_and_stays_the_same() -> None:
    def code(game: Any, bot: Any) -> int:
        return int(finished(Checks(game, Encoder(game), 1, BattleFaults()).code(Opponent("bot", bot))))

    bots = RINGSIDE.bots
    codes = [code(RINGSIDE, bots[name]) for name in ("brawler", "tactician", "brawler")]
    assert codes[0] == codes[2] != codes[1]
    assert code(Duel(), at_level(1)) != code(Duel(mirrored=False), at_level(1))


def test_faulty_battles_are_left_out_and_counted() -> None:
    def broken(battle: Any, random: Random) -> int:
        if random.random() < 0.1:
            raise KeyError("stat")
        return 5

    faults = BattleFaults()
    found: Series = finished(
        Checks(Duel(), Encoder(Duel()), 1, faults).play(broken, Opponent("low", at_level(0)), 200, lambda sample: False)
    )
    assert faults.num_faulty > 5
    assert len(found.records) == 200 - 2 * faults.num_faulty
    score = sum(record.score for record in found.records) / len(found.records)
    assert found.sample == Sample(len(found.records), score, 0.25)
