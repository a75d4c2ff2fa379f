from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.contract import DataError
from cornerman.experience.encoder import (
    LARGEST_FEATURE,
    Encoder,
    StateProcessor,
    checked_mask,
    legal_action,
    shown,
)
from tests.support.sample_states import Duel, TallDuel, character, duel_state

STATE = {
    "round": 5,
    "characters": [
        character(1, 30, maxHealth=60, attack=10, defense=20, speed=30),
        character(0, 25, maxHealth=100, attack=40, defense=50, speed=60),
        character(1, 0, maxHealth=80, attack=70, defense=80, speed=90),
    ],
}


def changed(**changes: Any) -> dict[str, Any]:
    return {"round": 1, "characters": [character(0), {**character(1), **changes}]}


def refusal(state: Any, seat: int = 0) -> DataError:
    with pytest.raises(DataError) as caught:
        Encoder(Duel()).encode(state, seat)
    return caught.value


def test_the_original_design_s_18_numbers_in_state_order() -> None:
    expected = [0.5, 0.1, 0.2, 0.3, 0.25, 0.4, 0.5, 0.6, 0.0, 0.7, 0.8, 0.9, 0, 0, 0, 0, 0.25, 0.75]
    processed = StateProcessor().process(STATE)
    assert processed.dtype == np.float32
    np.testing.assert_allclose(processed, expected, rtol=1e-6)


def test_process_needs_no_seat() -> None:
    state = {"round": 1, "characters": [{k: v for k, v in character(0).items() if k != "seat"}]}
    assert StateProcessor().process(state)[0] == 0.5


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 99), st.integers(1, 99), st.floats(0, 1000), st.integers(0, 1000)
        ).map(lambda t: character(t[0], min(t[1], t[2]), maxHealth=t[2], attack=t[3], speed=t[4])),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 20),
)
def test_against_a_slow_twin(characters: list[dict[str, Any]], round_: int) -> None:
    seat = characters[-1]["seat"]
    expected = []
    for c in [c for c in characters if c["seat"] == seat] + [c for c in characters if c["seat"] != seat]:
        expected += [c["health"] / c["maxHealth"], c["attack"] / 100, c["defense"] / 100, c["speed"] / 100]
    expected += [0.0] * (16 - len(expected)) + [round_ / 20, len(characters) / 4]
    observation = Encoder(Duel()).encode({"round": round_, "characters": characters}, seat)
    np.testing.assert_array_equal(observation, np.array(expected, np.float32))
    assert np.abs(observation).max() <= LARGEST_FEATURE


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({"health": "41"}, "type", "health of character 2"),
        ({"health": None}, "type", "health"),
        ({"health": True}, "type", "health"),
        ({"attack": np.bool_(True)}, "type", "attack"),
        ({"speed": [3]}, "type", "speed"),
        ({"health": float("nan")}, "range", "finite"),
        ({"health": float("inf")}, "range", "finite"),
        ({"maxHealth": float("inf")}, "range", "maxHealth"),
        ({"maxHealth": 10**400}, "range", "maxHealth"),
        ({"speed": float("nan")}, "range", "speed"),
        ({"seat": "red"}, "seat", "whole number"),
        ({"seat": True}, "seat", "whole number"),
    ],
)
def test_read_refuses_what_is_no_number_with_a_sentence(changes: dict[str, Any], reason: str, words: str) -> None:
    error = refusal(changed(**changes))
    assert error.reason == reason
    assert words in str(error)
    assert str(error).endswith(".")


@pytest.mark.parametrize(
    ("changes", "stats", "clamps"),
    [
        ({"health": 12.5}, (0.125, 0.4, 0.2, 0.35), {}),
        ({"health": np.float32(25.0), "maxHealth": np.int64(50)}, (0.5, 0.4, 0.2, 0.35), {}),
        ({"health": -7}, (0.0, 0.4, 0.2, 0.35), {}),  # an overkill
        ({"health": 130}, (1.0, 0.4, 0.2, 0.35), {}),  # a shield
        ({"health": 37, "attack": None, "defense": None, "speed": None}, (0.37, 0.0, 0.0, 0.0), {}),  # only in percent
        ({"attack": 1000}, (0.5, 10.0, 0.2, 0.35), {}),
        ({"health": -100}, (0.0, 0.4, 0.2, 0.35), {}),
        ({"health": -101}, (0.0, 0.4, 0.2, 0.35), {"health"}),
        ({"health": 201}, (1.0, 0.4, 0.2, 0.35), {"health"}),
        ({"maxHealth": 0}, (0.0, 0.4, 0.2, 0.35), {"maxHealth"}),
        ({"maxHealth": -5, "health": 0}, (0.0, 0.4, 0.2, 0.35), {"maxHealth"}),
        ({"maxHealth": 10**12, "health": 10**11}, (0.1, 0.4, 0.2, 0.35), {}),
        ({"attack": -1, "defense": -30}, (0.5, -0.01, -0.3, 0.35), {}),
        ({"defense": 1001, "attack": -(10**12)}, (0.5, -10.0, 10.0, 0.35), {"attack", "defense"}),
    ],
)
def test_odd_but_honest_stats_are_read_and_what_is_surely_not_meant_is_told(
    changes: dict[str, Any], stats: tuple[float, ...], clamps: set[str]
) -> None:
    clamped: dict[str, str] = {}
    np.testing.assert_allclose(Encoder(Duel()).read(changed(**changes), clamped.__setitem__).stats[1], stats)
    assert clamped.keys() == set(clamps)
    assert all("of character 2" in sentence for sentence in clamped.values())


@pytest.mark.parametrize("key", ["health", "maxHealth", "attack", "defense", "speed", "seat"])
def test_a_missing_stat_is_named(key: str) -> None:
    state = duel_state()
    del state["characters"][1][key]
    error = refusal(state)
    assert error.reason == ("seat" if key == "seat" else "missing")
    assert key in str(error)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (None, "state"),
        ([1, 2], "state"),
        ({}, "state"),
        ({"round": 1}, "state"),
        ({"round": 1, "characters": {"ada": {}}}, "state"),
        ({"round": 1, "characters": [3]}, "state"),
        ({"round": 1, "characters": []}, "characters"),
        (duel_state(1, 1, 2, 3, 4, 5), "characters"),
        (duel_state("3"), "type"),
        (duel_state(None), "type"),
        (duel_state(True), "type"),
    ],
)
def test_a_state_of_the_wrong_shape_is_refused(state: Any, reason: str) -> None:
    assert refusal(state).reason == reason


@pytest.mark.parametrize(
    ("round_", "feature"),
    [(1, 0.05), (20, 1.0), (3.0, 0.15), (21, 1.0), (10**6, 1.0), (0, 0.05), (-3, 0.05), (2.5, 0.1)],
)
def test_rounds_are_clamped_to_1_to_20(round_: Any, feature: float) -> None:
    assert Encoder(Duel()).encode(duel_state(round_), 0)[16] == np.float32(feature)


def test_a_seat_without_a_character_is_refused() -> None:
    error = refusal(duel_state(), seat=2)
    assert error.reason == "seat"
    assert "[0, 1]" in str(error)


def test_the_game_s_own_features_come_last() -> None:
    encoder = Encoder(TallDuel())
    state = {**duel_state(), "field": {"heights": [0.25, -0.5]}}
    assert encoder.observation_size == StateProcessor.size + 1
    assert encoder.feature_names[-1] == "tall"
    assert encoder.encode(state, 1)[-1] == -0.5


@pytest.mark.parametrize(
    ("field", "reason", "words"),
    [
        *(({"heights": [height]}, "range", "'tall'") for height in (float("nan"), float("inf"), -float("inf"))),
        *((field, "encode", "encode failed with") for field in ({}, {"heights": ["tall"]}, {"heights": [None]})),
    ],
)
def test_own_features_that_are_no_numbers_and_whatever_encode_raises_become_a_sentence(
    field: Any, reason: str, words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        Encoder(TallDuel()).encode({**duel_state(), "field": field}, 0)
    assert caught.value.reason == reason


def test_a_wrong_number_of_own_features_is_refused() -> None:
    class Longer(TallDuel):
        def encode(self, state: Any, seat: int) -> list[float]:
            return [0.0, 0.0]

    with pytest.raises(DataError, match="gave 2 numbers; its feature_names are 1"):
        Encoder(Longer()).encode(duel_state(), 0)


def test_the_version_follows_the_layout() -> None:
    class Renamed(Duel):
        action_names = ("strike", "heavy", "block")

    versions = [Encoder(game).version for game in (Duel(), Duel(), Renamed(), TallDuel())]
    assert versions[0] == versions[1]
    assert len(set(versions)) == 3


def test_every_observation_has_an_array_of_its_own() -> None:
    encoder, state = Encoder(Duel()), duel_state()
    first = encoder.encode(state, 0)
    state["characters"][0]["health"] = 1
    assert first[0] == 0.5
    assert encoder.encode(state, 0) is not first


@pytest.mark.parametrize("mask", [[True, False, True], (1, 0, 1), np.array([True, False, True]), np.array([1, 0, 1])])
def test_masks_of_any_honest_kind(mask: Any) -> None:
    result = Encoder(Duel()).mask(mask)
    assert result.dtype == np.bool_
    assert result.tolist() == [True, False, True]
    assert result is not mask


@pytest.mark.parametrize(
    "mask",
    [
        [],
        [True] * 4,
        [False] * 3,
        [[True] * 3],
        [[True], [True, False]],
        None,
        "101",
        [2, 0, 1],
        [0.5, 1, 0],
        [-1, 0, 1],
    ],
)
def test_masks_that_do_not_fit(mask: Any) -> None:
    with pytest.raises(DataError) as caught:
        checked_mask(mask, 3)
    assert caught.value.reason == "mask"


@pytest.mark.parametrize(
    ("action", "reason"),
    [*((action, "action") for action in (-1, 3, "1", True, 1.0, None)), (1, "illegal")],
)
def test_actions_that_cannot_have_been_played(action: Any, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        legal_action(action, np.array([True, False, True]))
    assert caught.value.reason == reason


def test_a_sentence_never_grows_and_never_raises() -> None:
    class Nasty:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    assert shown(Nasty()) == "<Nasty>"
    assert len(shown("x" * 10_000)) == 80
