"""barebones_game.py: the real framework's battles keep the contract, and go as they go without the adapter.

Needs the extra `barebones`.
"""

from __future__ import annotations

import random as module_random
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from cornerman.evaluation.arena import evaluate
from cornerman.evaluation.game_check import check_game
from cornerman.experience.encoder import Encoder
from cornerman.policy.q_network import NetworkSpec
from cornerman.selfplay.league import Opponents
from cornerman.selfplay.worker import Sizes, Worker
from cornerman.settings import Settings
from game_adapter.host.match import PLAYER, PLUGIN, Match
from tests.support.recording_host import RecordingHost, RecordingPlugin

pytest.importorskip("barebones_rpg", reason="extra barebones")

FEW = Sizes(batched=16, scalar=4, beside=2, turns=16)


@pytest.fixture
def game() -> Any:
    from tests.studies.adapters.encounter import GAME

    return GAME


def weakest(battle: Any) -> int:
    """An attack on whoever of the other side has the least health."""
    others = (battle.combat.enemies if battle.seat == 0 else battle.combat.players).members
    return min((at for at, may in enumerate(battle.action_mask()) if may), key=lambda at: others[at].stats.hp)


def test_battles_keep_the_contract(game: Any) -> None:
    findings = list(check_game(game, 20, 2_000))
    assert [finding for finding in findings if finding.wrong] == []


def test_a_battle_goes_as_it_does_without_the_adapter(game: Any) -> None:
    from tests.studies.plain_games.encounter import fight

    def aim(combat: Any, monster: Any) -> int:
        standing = [at for at, hero in enumerate(combat.players.members) if hero.is_alive()]
        return min(standing, key=lambda at: combat.players.members[at].stats.hp)

    results = []
    for seed in range(60):
        battle, before = game.new_battle(seed), module_random.getstate()
        while battle.outcome is None:
            if battle.seat == 0:
                battle.play_hero()
            else:
                battle.apply(weakest(battle))
        assert module_random.getstate() == before, "the game's own luck is not touched"
        results.append(battle.outcome[0] > 0)
        assert results[-1] == fight(seed, aim)
    assert {True, False} == set(results)


def test_fallen_and_illegal_targets_are_refused_with_a_sentence(game: Any) -> None:
    battle = game.new_battle(1)
    while battle.seat == 0:
        battle.play_hero()
    battle.combat.players.members[0].stats.hp = 0
    assert battle.action_mask() == [False, True]
    with pytest.raises(ValueError, match="action 0 is not possible for"):
        battle.apply(0)


def test_skills_cost_mana_and_aim_at_the_side_they_are_for() -> None:
    from barebones_rpg import AttackAction
    from barebones_rpg.combat import create_heal_skill

    from game_adapter.barebones_game import BarebonesGame
    from tests.studies.plain_games.encounter import Encounter

    skills = (AttackAction(), create_heal_skill("Cure", mp_cost=6, heal_amount=30))
    battle = BarebonesGame("healers", Encounter, Encounter.play_hero, skills, most=2).new_battle(3)
    while battle.seat == 0:
        battle.play_hero()
    acting = battle.combat.get_current_combatant()
    acting.stats.mp = 5
    assert battle.action_mask() == [True, True, False, False], "too little mana for the cure"
    acting.stats.mp, acting.stats.hp = 18, 1
    at = battle.combat.enemies.members.index(acting)
    battle.apply(2 + at)
    assert (acting.stats.mp, acting.stats.hp > 20) == (12, True)


def test_flight_is_drawn(game: Any) -> None:
    from barebones_rpg.combat import RunAction

    battle, run = game.new_battle(2), RunAction()
    run.base_success_rate = 1_000
    battle.combat.execute_action(run, battle.combat.players.members[0], [])
    assert (battle.outcome, battle.seat) == ({0: 0.0, 1: 0.0}, None)


def test_self_play_and_evaluation_seat_cornerman_with_the_enemies(game: Any) -> None:
    encoder = Encoder(game)
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, (8,))
    order = Opponents(game).order(np.zeros(spec.num_parameters, np.float32), 1, [], Settings())
    columns, notes = Worker(game, (8,), 1, 0, FEW).obey(*order)
    assert notes["decisions"] > 0
    assert set(columns["seat"].tolist()) == {1}, "a bot that plays by itself leaves no decisions of the heroes"
    result = evaluate(lambda battle, random: weakest(battle), game.bots["framework"], game, 40, 1)
    assert {battle.seat for battle in result.battles} == {1}


def test_a_game_plays_it_through_a_match_and_the_plugin_is_asked(game: Any, tmp_path: Path) -> None:
    from game_adapter.barebones_game import BarebonesBattle
    from tests.studies.plain_games.encounter import Encounter

    plugin = RecordingPlugin()
    battle: Any = BarebonesBattle(game, Encounter(5))
    match = Match(RecordingHost(tmp_path, plugin), battle, 1, {0: PLAYER, 1: PLUGIN}, game.bots["framework"], Random(1))
    while not match.over:
        match.play(weakest(battle) if match.seat_to_play == 0 else match.decide())
    seats = [arguments["seat"] for name, arguments in plugin.calls if name == "on_turn"]
    assert set(seats) == {0, 1}
    assert plugin.count("on_battle_end") == 1
