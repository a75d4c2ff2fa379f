"""Ghost: a player's model as a fighter; its file comes back, and anything that is not as written is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.contract import ModelError
from cornerman.experience.transitions import DataFormat
from cornerman.files.tensor_file import seal, unseal
from cornerman.opponent.ghost import FOLDER, Ghost, erase_ghosts, ghosts_in, read_ghost, write_ghost
from cornerman.opponent.player_model import PlayerModel
from cornerman.policy.policy import Policy
from tests.support.habits import ACTIONS, FEATURES, GUARD, battles, champion, learned, never_guards

FORMAT = DataFormat("duel", "1", "abc", len(FEATURES), len(ACTIONS))


@pytest.fixture
def ghost() -> Ghost:
    model = learned(battles(champion(), never_guards, 5, seed=1))
    return Ghost("ann", model, model.champion, model.battles, model.score.decisions)


@pytest.fixture
def path(ghost: Ghost, tmp_path: Path) -> Path:
    write_ghost(ghost, FORMAT, tmp_path / "ann.ghost")
    return tmp_path / "ann.ghost"


def test_ghost_plays_legally_and_with_the_habits_of_its_player(ghost: Ghost) -> None:
    (later,) = battles(champion(), never_guards, 1, seed=9, length=300)
    random = np.random.default_rng(1)
    actions = [ghost.act(*row[:2], random) for row in zip(*later, strict=True)]
    assert later.action_masks[np.arange(300), actions].all()
    assert actions.count(GUARD) < 10
    assert (np.array(actions) == later.actions).mean() > 0.8


def test_ghost_comes_back_from_its_file(ghost: Ghost, path: Path) -> None:
    again = read_ghost(path, FORMAT)
    assert (again.name, again.battles, again.decisions) == ("ann", 5, 150)
    (later,) = battles(champion(), never_guards, 1, seed=9)
    found, wanted = (each.model.probabilities(later.observations, later.action_masks) for each in (again, ghost))
    assert np.allclose(found, wanted)


def test_ghost_of_another_game_or_version_is_refused(path: Path) -> None:
    for other in (replace(FORMAT, game="x"), replace(FORMAT, game_version="2"), replace(FORMAT, num_actions=9)):
        with pytest.raises(ModelError, match="another game or version"):
            read_ghost(path, other)


def nonsense(arrays: dict[str, Any]) -> None:
    for name in arrays:
        if name.startswith("champion."):
            arrays[name] = np.full_like(arrays[name], 1e30)


def leaning(arrays: dict[str, Any], number: float) -> None:
    for name in [name for name in arrays if name.startswith("model.")]:
        del arrays[name]
    size, count = len(FEATURES), len(ACTIONS)
    arrays |= {"model.weights": np.ones(1), "model.pairs": np.zeros((0, 0, 2), np.int64)}
    arrays |= {"model.0.scale": np.ones(size), "model.0.words": np.eye(count), "model.0.sharpness": np.array(8.0)}
    arrays |= {"model.0.leanings": np.full((count, 1 + size), number)}


ARRAYS: dict[str, Callable[[dict[str, Any]], object]] = {
    "champion gives no numbers": nonsense,
    "weights are a table": lambda arrays: arrays.update({"model.weights": np.ones((2, 2)) / 4}),
    "weights are huge": lambda arrays: arrays.update({"model.weights": np.full(len(arrays["model.weights"]), 1e308)}),
    "leanings are huge": lambda arrays: leaning(arrays, 1e200),
}


FACTS: list[dict[str, Any]] = [
    {"schema": 2},
    {"name": "x" * 200},
    {"name": 7},
    {"hidden": [5000]},
    {"hidden": [31]},
    {"hidden": 32},
    {"battles": -1},
    {"game": {"game": "duel"}},
]


@pytest.mark.parametrize("change", [*FACTS, *ARRAYS], ids=str)
def test_file_with_a_right_checksum_that_lies_or_gives_no_chances_is_refused(path: Path, change: Any) -> None:
    arrays, texts = unseal(path.read_bytes(), "The file")
    if isinstance(change, str):
        ARRAYS[change](arrays)
    else:
        texts["ghost"] = json.dumps({**json.loads(texts["ghost"]), **change})
    path.write_bytes(seal(arrays, texts, "The file"))
    with pytest.raises(ModelError):
        read_ghost(path, FORMAT)


def test_ghost_acts_legally_where_its_champion_gives_no_numbers(ghost: Ghost) -> None:
    broken = Policy(ghost.champion.spec, np.full_like(ghost.champion.flat, 1e30))
    model = PlayerModel.from_arrays(ghost.model.arrays(), broken)
    mask = np.array([False, True, False, True, False, False])
    action = replace(ghost, model=model).act(np.ones(len(FEATURES), np.float32), mask, np.random.default_rng(0))
    assert mask[action]


def test_ghosts_of_a_folder_are_listed_damaged_ones_named_and_all_erased(ghost: Ghost, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    write_ghost(ghost, FORMAT, tmp_path / FOLDER / "ann.ghost")
    (tmp_path / FOLDER / "bad.ghost").write_bytes(b"no ghost")
    found, sentences = ghosts_in(tmp_path, FORMAT)
    assert list(found) == ["ann"]
    assert sentences[0].startswith("bad.ghost: ")
    erase_ghosts(tmp_path)
    assert ghosts_in(tmp_path, FORMAT) == ({}, [])
