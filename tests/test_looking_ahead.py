"""Look-ahead through the whole plugin: against a player, at its best, with what is known of that player, repeatably."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import psutil

from cornerman.contract import CANDIDATE, Source
from cornerman.evaluation.live.adaptive import Adaptive
from cornerman.evaluation.live.results import LiveBattles
from cornerman.policy.difficulty import ADAPTIVE
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import Trial
from game_adapter.host.match import PLAYER, PLUGIN, SCRIPTED, Match
from game_adapter.ringside.game import RINGSIDE
from tests.support.table import QuickRingside, Table


class Importable(QuickRingside):
    import_name = "game_adapter.ringside.game:RINGSIDE"


GAME = Importable()
AHEAD: dict[str, Any] = {
    "worker": "process",
    "from_nothing": False,
    "hidden": [],
    "practice": 0.0,
    "exploration_fraction": 0.0,
}


def battle(table: Table, opponent: str = PLAYER) -> list[int]:
    """The plugin's actions in one battle against a tactician, said to be a player."""
    match, actions = table.match({0: PLUGIN, 1: opponent}, "tactician"), []
    random = Random(3)
    while not match.over:
        if match.between_rounds:
            table.plugin.settle(60.0)
            match.start_round()
        if match.seat_to_play == 1:
            match.play(int(RINGSIDE.bots["tactician"](played(match), random)))
        else:
            action = match.decide()
            assert action is not None
            actions.append(action)
            match.play(action)
    table.plugin.settle(60.0)
    return actions


def played(match: Match) -> Any:
    return match.battle


def test_player_meets_look_ahead_with_what_is_known_of_them_and_a_bot_does_not(tmp_path: Path) -> None:
    courses = []
    for folder in ("first", "again"):
        with Table(GAME, tmp_path / folder, **AHEAD) as table:
            table.plugin.settle(60.0)
            courses.append([battle(table) for _ in range(2)])
            taken = table.plugin.ahead.actions
            assert taken >= sum(map(len, courses[-1])) - 2, "but for what has one legal action"
            battle(table, SCRIPTED)
            assert table.plugin.ahead.actions == taken
    assert courses[0] == courses[1]
    with Table(GAME, tmp_path / "without", **{**AHEAD, "look_ahead": False}) as table:
        assert [battle(table) for _ in range(2)] != courses[0]
        assert table.plugin.ahead.actions == 0


def test_game_with_hooks_alone_looks_ahead_by_default_and_never_waits_once_it_draws(tmp_path: Path) -> None:
    with Table(GAME, tmp_path, **AHEAD) as table:
        plugin, played, taken = table.plugin, GAME.new_battle(1), []
        while played.seat != 0:
            played.apply(GAME.bots["tactician"](played, Random(1)))
        plugin.on_battle_start(1, {0: PLUGIN, 1: PLAYER})
        plugin.settle(60.0)
        for draws in (False, True):
            if draws:
                plugin.on_frame(16.0, 8.0)
            assert plugin.choose_action(1, 0, played.state(), played.action_mask()) is not None
            taken.append(plugin.ahead.actions)
        assert taken == [1, 1], "on_due was not said"


def test_battle_goes_on_at_the_policys_own_where_the_worker_was_killed(tmp_path: Path) -> None:
    with Table(GAME, tmp_path, **{**AHEAD, "thinking_ms": 50.0}) as table:
        battle(table)
        taken = table.plugin.ahead.actions
        for child in psutil.Process().children():
            child.kill()
            child.wait()
        assert battle(table)
        assert table.plugin.ahead.actions <= taken + 1


def test_weaker_levels_the_adaptive_one_and_trials_do_not_look_ahead(tmp_path: Path) -> None:
    with Table(GAME, tmp_path, difficulty=4, **AHEAD) as table:
        plugin, champion = table.plugin, table.plugin.slot.champion
        battle(table)
        plugin.live.adaptive.restore({"player ": [9_000.0, 1.0, [1.0] * 20]})  # so strong that the champion plays
        plugin.controls.set_difficulty(ADAPTIVE)
        battle(table)
        plugin.controls.set_difficulty(5)
        trial = Trial(Policy(champion.spec, champion.flat, CANDIDATE), 0.0, 1)
        table.on_owner(lambda loop: plugin.champions.try_out(trial))
        battle(table)
        assert plugin.ahead.actions == 0
        table.on_owner(lambda loop: plugin.champions.try_out(None))
        battle(table)
        assert plugin.ahead.actions > 0


def test_results_with_look_ahead_are_compared_with_none_without_it_and_a_trial_has_none() -> None:
    live, seats = LiveBattles(Adaptive(np.random.default_rng(0), 0.5)), {0: Source.PLUGIN, 1: Source.PLAYER}
    kinds = []
    for ahead in (False, True):
        live.start(1)
        assert not live.weights_alone(1)
        live.decided(1, 7, 5, ahead)
        live.decided(1, 7, 5)
        result = live.end(1, seats, {0: 1, 1: -1}, False)
        assert result is not None
        kinds.append(result.kind)
    assert kinds == ["live 5", "live 5 ahead"]
    for tried in (False, True):
        live.start(2, trial=3, tried=tried)
        assert live.weights_alone(2)
