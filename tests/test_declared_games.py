"""A running game without characters and rounds, by its events: three seats, scores between, pauses."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from cornerman.evaluation.headless import in_turn
from cornerman.plugin import Cornerman
from tests.support.declared_games import AtOnce, Board, CardTable

SETTINGS = {
    "hidden": [8],
    "device": "cpu",
    "worker": "off",
    "training_window": "between_rounds",
    "from_nothing": True,
}
SEATS = {0: "plugin", 1: "scripted", 2: "player"}


def play(plugin: Cornerman, game: Any, battle_id: int) -> None:
    """One battle as a game reports it, with random actions in the seats that are not the plugin's."""
    battle, chance = in_turn(game.new_battle(battle_id)), Random(battle_id)
    plugin.on_battle_start(battle_id, {seat: SEATS[seat] for seat in range(getattr(game, "num_seats", 2))})
    turns: list[tuple[int, Any, Any, int]] = []
    while battle.outcome is None:
        seat, state, mask = battle.seat, battle.state(), battle.action_mask()
        assert seat is not None
        legal = [action for action, may in enumerate(mask) if may]
        action = plugin.choose_action(battle_id, seat, state, mask) if seat == 0 else chance.choice(legal)
        assert action in legal
        battle.apply(action)
        turns.append((seat, state, mask, action))
        if battle.state() != state:  # decisions at once lead there together
            for seat, state, mask, action in turns:
                plugin.on_turn(battle_id, seat, state, mask, action, battle.state())
            turns.clear()
    plugin.on_battle_end(battle_id, battle.outcome)


@pytest.mark.parametrize("game", [Board(), CardTable(), AtOnce()], ids=["board", "cards", "at once"])
def test_plugin_plays_and_records_games_by_what_they_declare(tmp_path: Path, game: Any) -> None:
    plugin = Cornerman()
    plugin.on_load(game, str(tmp_path), {**SETTINGS, "learning": False})
    for battle_id in range(1, 6):
        play(plugin, game, battle_id)
    assert plugin.report()["record"]["battles"] == 5
    counts = plugin.recording.recorder.quality()
    assert counts["rejected"] == counts["clamped"] == {}
    assert counts["recorded"] >= 5 * 5
    result = plugin.evaluate(None, "random", 12, 1)
    assert result is not None
    assert result["wins"] + result["losses"] + result["draws"] == result["battles"]
    plugin.on_quit()


def test_on_break_opens_the_window_until_the_game_goes_on(tmp_path: Path) -> None:
    game, plugin = Board(), Cornerman()
    plugin.on_load(game, str(tmp_path), SETTINGS)
    battle = game.new_battle(1)
    state, mask = battle.state(), battle.action_mask()
    plugin.on_battle_start(1, {0: "plugin", 1: "player"})
    assert not plugin.report()["window"]["open"]
    plugin.on_break(1)
    assert plugin.report()["window"]["open"]
    plugin.choose_action(1, 0, state, mask)
    assert not plugin.report()["window"]["open"]
    plugin.on_break(1)
    battle.apply(0)
    plugin.on_turn(1, 0, state, mask, 0, battle.state())
    assert not plugin.report()["window"]["open"]
    plugin.on_quit()
