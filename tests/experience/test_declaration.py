"""What a game declares: read once at load; games that declare nothing new stay what stored versions know."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from cornerman.contract import ContractError, DataError
from cornerman.experience.declaration import declaration_of
from cornerman.experience.encoder import Encoder
from cornerman.models.manifest import Identity
from game_adapter.ringside.game import RINGSIDE
from tests.support.paths import ROOT
from tests.support.recordings import Bench
from tests.support.sample_states import Duel, duel_state


def game(**declared: Any) -> Any:
    return SimpleNamespace(**{"name": "plain", "version": "1", "action_names": ("a", "b"), **declared})


def board(state: Any, seat: int) -> list[float]:
    return [float(state[seat]), float(state[1 - seat])]


BOARD = {"max_characters": 0, "feature_names": ("mine", "theirs"), "encode": board}


def test_shipped_version_is_of_the_declared_game() -> None:
    """Stored versions keep loading: the layout of a game that declares nothing new is the one they were made for."""
    (path,) = (ROOT / "assets" / "models").glob("*.zip")
    with ZipFile(path) as packed:
        stored = json.loads(packed.read("manifest.json"))
    assert Identity.of(RINGSIDE, Encoder(RINGSIDE)).encoder_version == stored["encoder_version"]
    assert Encoder(Duel()).version == "093209bab011"


def test_game_without_characters_is_seen_by_its_own_features_alone() -> None:
    """Any plain data is a state, no round is asked for, and battles of it are recorded."""
    bench = Bench(game(**BOARD))
    assert bench.encoder.feature_names == ("mine", "theirs")
    np.testing.assert_array_equal(bench.encoder.encode([1, 3], 1), np.array([3, 1], np.float32))
    bench.begin()
    for turn in range(4):
        bench.turn(turn % 2, [turn, 0], [turn + 1, 0], action_mask=(True, True))
    bench.end()
    assert not bench.rejected
    assert [row.reward for row in bench.rows] == [0.0, 0.0, 1.0, -1.0]
    assert bench.rows[0].next_observation.tolist() == [2.0, 0.0]


def test_game_without_characters_may_have_rounds() -> None:
    encoder = Encoder(game(**BOARD | {"encode": lambda state, seat: [0.0, 0.5]}, max_rounds=40))
    np.testing.assert_array_equal(encoder.encode({"round": 10}, 0), np.array([0.25, 0, 0.5], np.float32))
    with pytest.raises(DataError, match=r"is not a mapping with 'round'\."):
        encoder.encode([1], 0)


def test_declared_characters_stats_and_rounds_set_the_layout() -> None:
    encoder = Encoder(game(max_characters=6, stats={"armor": 20}, max_rounds=None))
    assert encoder.observation_size == 13
    party = [{"seat": at % 2, "health": at, "maxHealth": 5, "armor": 5 * at} for at in range(6)]
    expected = [0, 0, 0.4, 0.5, 0.8, 1.0, 0.2, 0.25, 0.6, 0.75, 1.0, 1.25, 1.0]
    np.testing.assert_allclose(encoder.encode({"characters": party}, 0), expected, rtol=1e-6)
    clamps: dict[str, str] = {}
    assert encoder.read({"characters": [{**party[0], "armor": 900}]}, clamps.__setitem__).stats == ((0.0, 10.0),)
    assert clamps == {"armor": "armor of character 1 is 900; it counts as 200, the largest there is."}
    with pytest.raises(DataError, match=r"7 characters; an observation has room for 6 \(declare the game's max_char"):
        encoder.encode({"characters": [*party, party[0]]}, 0)
    with pytest.raises(DataError, match="has no armor"):
        encoder.encode({"characters": [{"seat": 0, "health": 1, "maxHealth": 1}]}, 0)
    assert len({Encoder(game(stats={"armor": scale})).version for scale in (20, 30, 20)}) == 2
    tall = [game(feature_names=("tall",), encode=board, feature_scales={"tall": scale}) for scale in (2, 9)]
    assert len({Encoder(each).version for each in tall}) == 1, "these are for words alone"


def test_rounds_beyond_the_declared_ones_are_clamped_and_told() -> None:
    clamps: dict[str, str] = {}
    assert Encoder(game(max_rounds=30)).read(duel_state(30), clamps.__setitem__).round == 30
    assert not clamps
    assert Encoder(Duel()).read(duel_state(21), clamps.__setitem__).round == 20
    assert clamps == {"the round": "The state's round is 21 and counts as 20; declare the game's max_rounds."}


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"max_characters": 0}, "it has max_characters 0 and no feature_names: declare what its seats see"),
        ({"max_characters": "six"}, "its max_characters is 'six'; declare a whole number from 0 to 256"),
        ({"max_characters": -1}, "its max_characters is -1"),
        ({"max_characters": 250, "stats": dict.fromkeys(map(str, range(99)), 1)}, "have 25,002 features"),
        ({"max_rounds": 0}, "its max_rounds is 0; declare a whole number from 1"),
        ({"max_rounds": 2.5}, "its max_rounds is 2.5"),
        ({"stats": ("attack",)}, 'such as {"attack": 100.0}'),
        ({"stats": {"attack": 0}}, "above 0"),
        ({"stats": {"attack": float("nan")}}, "above 0"),
        ({"feature_scales": {"tall": 9}}, "its feature_scales name 'tall', none of its feature_names"),
        ({"feature_scales": {"tall": 0}}, 'such as {"cards in hand": 10}'),
        ({"num_seats": 0}, "its num_seats is 0; declare a whole number from 1 to 64"),
        ({"num_seats": 3, "sides": (0, 1)}, "there is one side a seat"),
        ({"sides": "red"}, "its sides are 'red'; declare one whole number a seat"),
        ({"plugin_seats": (0, 2)}, "the plugin sits in seats there are"),
        ({"plugin_seats": ()}, "the plugin sits in seats there are"),
        ({"plugin_seats": 1}, "its plugin_seats are 1; declare different seats from 0 to 1"),
        ({"seats_alike": "no"}, "its seats_alike is 'no'; declare True or False"),
        ({"max_decisions": None}, "its max_decisions is None"),
        ({"random_opening": -1}, "its random_opening is -1"),
        ({"standing": 0.5}, "its standing is no method standing(state, side)"),
        ({"feature_names": ("tall",)}, "it has feature_names and no method encode(state, seat)"),
        ({"feature_names": (3,), "encode": board}, "the feature's name 3 is not a text"),
        ({"feature_names": "mine theirs", "encode": board}, "its feature_names are 'mine theirs'; declare a sequence"),
        ({"feature_names": ("mine", "mine"), "encode": board}, "its feature_names have 'mine' more than once"),
        ({"action_names": "fire ice"}, "its action_names are 'fire ice'; declare a sequence of names, such as"),
        ({"action_names": None}, "its action_names are None; declare a sequence of names"),
        ({"action_names": ("fire", "ice", "fire")}, "its action_names have 'fire' more than once; give each a name"),
        ({"bots": dict}, "; bots must be a mapping of names to functions (battle, random) -> action: declare it with"),
        ({"bots": ("random",)}, "its bots are ('random',); bots must be a mapping of names"),
    ],
)
def test_declaration_of_refuses_with_a_sentence(declared: dict[str, Any], words: str) -> None:
    with pytest.raises(ContractError) as refused:
        declaration_of(game(**declared))
    assert str(refused.value).startswith("The game 'plain' cannot be learned: ")
    assert words in str(refused.value)


def test_declaration_of_a_class_asks_for_an_object() -> None:
    with pytest.raises(ContractError, match="'plain' cannot be learned: it is a class; give an object of it"):
        declaration_of(type("Plain", (), vars(game())))  # type: ignore[arg-type]  # as a game with a fault may


@pytest.mark.parametrize(
    ("given", "missing"), [({"version": "1", "action_names": ("a",)}, "no name;"), ({"name": "x"}, "no version and no")]
)
def test_game_without_name_version_or_actions_is_a_sentence(given: dict[str, Any], missing: str) -> None:
    nameless: Any = SimpleNamespace(**given)
    with pytest.raises(ContractError, match=missing):
        declaration_of(nameless)
