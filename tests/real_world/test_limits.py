"""Kind 6: what is saved can be read back; limits are generous, checked when a game loads, and name the game."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.cli.data import StoredData
from cornerman.contract import MAX_ACTIONS, MAX_FEATURES, MAX_NAME, ContractError
from cornerman.edge.onnx_file import to_onnx
from cornerman.experience.encoder import Encoder
from cornerman.models.exchange import export_version, import_version, onnx_notes
from cornerman.models.manifest import Identity, Provenance
from cornerman.models.store import Store
from cornerman.plugin import Cornerman
from cornerman.policy.q_network import NetworkSpec, draw
from tests.support.sample_states import duel_state


class Described:
    """A game with these names; the rest is a duel."""

    def __init__(self, actions: Sequence[Any], name: Any = "duel", version: Any = "1", features: int = 0) -> None:
        self.name, self.version, self.action_names = name, version, actions
        self.feature_names = [f"feature {at}" for at in range(features)]

    def encode(self, state: Any, seat: int) -> list[float]:
        return [0.25] * len(self.feature_names)


SETTINGS = {"learning": False, "hidden": [8], "replay_capacity": 100, "device": "cpu", "from_nothing": True}


def session(folder: Path, game: Any) -> int:
    """A start of the game with one recorded decision; returns the version that played."""
    plugin = Cornerman()
    plugin.on_load(game, str(folder), SETTINGS)
    mask = [True] * len(game.action_names)
    plugin.on_battle_start(1, {0: "plugin", 1: "player"})
    action = plugin.choose_action(battle_id=1, seat=0, state=duel_state(), action_mask=mask)
    assert action is not None
    plugin.on_turn(1, 0, duel_state(), mask, action, duel_state())
    plugin.on_battle_end(1, {0: 1, 1: -1})
    assert plugin.messages() == []
    version = plugin.slot.champion.version
    plugin.on_quit()
    return version


GOOD = {
    "513 actions": Described([f"action {at}" for at in range(513)]),
    "every action there may be": Described([f"a{at}" for at in range(MAX_ACTIONS)]),
    "a no-break space": Described(["Fire\u00a0ball", "Guard"]),
    "letters of many scripts": Described(
        ["Feuerbällchen", "火の玉", "🔥\u200d🛡️", "عربي", "e\u0301"], "Дуэль", "1.0\u2009β"
    ),
    "long names": Described(["x" * MAX_NAME, "y" * MAX_NAME], "z" * MAX_NAME),
    "quotes and slashes": Described(['"', "\\", "/", "'", ""]),
    "features": Described(["a", "b"], features=MAX_FEATURES),
}


@pytest.mark.parametrize("game", GOOD.values(), ids=GOOD)
def test_every_start_plays_the_same_version_and_leaves_no_other(tmp_path: Path, game: Described) -> None:
    assert [session(tmp_path, game) for _ in range(3)] == [0, 0, 0]
    assert [path.name for path in (tmp_path / "versions").iterdir()] == ["000000"]
    identity = Identity.of(game, Encoder(game))  # as much of a game as is asked
    assert "3 battles" in "\n".join(StoredData(tmp_path, identity).lines())


def test_a_version_of_a_large_game_is_exported_and_imported(tmp_path: Path) -> None:
    game = GOOD["every action there may be"]
    session(tmp_path / "one", game)
    identity = Identity.of(game, Encoder(game))
    with closing(Store(tmp_path / "one", identity, who="test")) as store:
        export_version(store.registry, 0, tmp_path / "version.zip")
        assert import_version(store.registry, identity, tmp_path / "version.zip") == 1


@pytest.mark.parametrize("game", GOOD.values(), ids=GOOD)
def test_an_onnx_file_holds_every_name_and_is_imported(tmp_path: Path, game: Described) -> None:
    pytest.importorskip("onnx", reason="the extra onnx is not installed")
    encoder = Encoder(game)
    identity, path = Identity.of(game, encoder), tmp_path / "version.onnx"
    spec = NetworkSpec(identity.observation_size, identity.num_actions, (2,))
    with closing(Store(tmp_path, identity, spec, who="test")) as store:
        store.registry.save(draw(spec, np.random.default_rng(1)), Provenance())
        notes = onnx_notes(store.registry.manifest(0), encoder)
        path.write_bytes(to_onnx(store.registry.load(0), notes))
        assert import_version(store.registry, identity, path) == 1
        assert store.registry.load(1).flat.tobytes() == store.registry.load(0).flat.tobytes()
    assert json.loads(notes["action_names"]) == list(game.action_names)


BAD = {
    "no action": (Described([]), "it has 0 actions"),
    "too many actions": (Described(["a"] * (MAX_ACTIONS + 1)), "it has 8,193 actions; 1 to 8,192 are possible"),
    "too many features": (Described(["a"], features=MAX_FEATURES + 1), "8,193 features of its own"),
    "a name too long": (Described(["a", "b" * (MAX_NAME + 1)]), "at most 1,000 printable characters"),
    "names too long together": (Described(["a" * MAX_NAME] * 501), "more than 500,000 characters together"),
    "a number for a name": (Described(["a", 3]), "the action's name 3 is not a text"),
    "half a surrogate pair": (Described(["a\ud800"]), "the action's name 'a\\ud800'"),
    "a NUL": (Described(["a"], version="1\0"), "its version '1\\x00'"),
    "a line break": (Described(["a\nb"]), "the action's name 'a\\nb'"),
}


@pytest.mark.parametrize(("game", "words"), BAD.values(), ids=BAD)
def test_what_could_not_be_read_back_is_refused_when_the_game_loads(
    tmp_path: Path, game: Described, words: str
) -> None:
    with pytest.raises(ContractError) as refused:
        Cornerman().on_load(game, str(tmp_path), SETTINGS)
    assert str(refused.value).startswith("The game 'duel' cannot be learned: ")
    assert words in str(refused.value)
    assert str(refused.value).isprintable()
    assert not list(tmp_path.rglob("*.safetensors"))
