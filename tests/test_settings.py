"""Settings: every one is described and bounded, and everything that is wrong in a file is a sentence."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cornerman.contract import SettingsError
from cornerman.settings import Settings, chosen_settings, describe, read_settings, with_values

NUMBERS = [f for f in fields(Settings) if type(f.default) in (int, float)]
TEXTS = [f for f in fields(Settings) if type(f.default) is str]


def refused(values: dict[Any, Any]) -> str:
    with pytest.raises(SettingsError) as caught:
        with_values(Settings(), values, "here")
    sentence = str(caught.value)
    assert sentence.startswith("here: ")
    assert sentence.endswith((".", "?"))
    return sentence


def test_every_setting_has_a_sentence_and_bounds_that_hold_its_default() -> None:
    assert [name for name, _, _ in describe()] == [f.name for f in fields(Settings)]
    for name, default, sentence in describe():
        assert sentence.endswith("."), name
        assert len(sentence.split()) >= 4, name
        assert with_values(Settings(), {name: default}, "here") == Settings()
    for f in NUMBERS:
        assert f.metadata["low"] < f.metadata["high"], f.name
    for f in TEXTS:
        assert f.default in f.metadata["choices"], f.name


@pytest.mark.parametrize("name", [f.name for f in NUMBERS])
def test_number_out_of_its_range_is_refused_with_the_range(name: str) -> None:
    [f] = [f for f in NUMBERS if f.name == name]
    low, high = f.metadata["low"], f.metadata["high"]
    for value in (low - 1, high + 1, -(10**400), 10**400):
        kind: Any = type(f.default)
        sentence = refused({name: value if abs(value) > 1e300 else kind(value)})
        assert f"{name} must be between {low} and {high}" in sentence
    others = {"batch_size": 1, "gate_min_pairs": 2, "gate_max_pairs": 10_000, "replay_capacity": 10_000_000}
    for value in (low, high):
        assert getattr(with_values(Settings(), {**others, name: value}, "here"), name) == value


@pytest.mark.parametrize("f", NUMBERS, ids=lambda f: str(f.name))
def test_wrong_type_is_refused_and_a_bool_is_no_number(f: Any) -> None:
    wanted = "a whole number" if type(f.default) is int else "a number"
    others: list[Any] = [True, "7", None, [7], {"a": 1}]
    for value in others:
        assert f"{f.name} must be {wanted}, not {value!r}." in refused({f.name: value})
    if type(f.default) is int:
        assert "a whole number, not 7.0" in refused({f.name: 7.0})
    else:
        for value in (math.nan, math.inf, -math.inf):
            assert "must be between" in refused({f.name: value})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"recording": 1}, "recording must be true or false, not 1."),
        ({"device": "gpu"}, "device must be one of auto, cpu, cuda, xpu, mps, not 'gpu'."),
        ({"device": ["cpu"]}, "device must be a text"),
        ({"learnin_rate": 1e-3}, "here: there is no setting 'learnin_rate'. Did you mean learning_rate?"),
        ({"zzz": 1}, "here: there is no setting 'zzz'."),
        ({"cornerman": {"seed": 3}}, "here: there is no setting 'cornerman'. Settings are one flat mapping: give what"),
        ({3: 1}, "no setting 3"),
        ({"gate_min_pairs": 50, "gate_max_pairs": 30}, "gate_min_pairs (50) must not be above gate_max_pairs (30)"),
        ({"batch_size": 500, "replay_capacity": 100}, "batch_size (500) must not be above replay_capacity (100)"),
        *(({"hidden": bad}, "hidden") for bad in (128, "128", [0], [4097], [128, 1.5], [True], [8] * 9, [[8]], None)),
    ],
)
def test_wrong_or_contradicting_values_are_refused_with_a_sentence(values: dict[Any, Any], words: str) -> None:
    assert words in refused(values)


def test_file_overrides_the_settings_of_the_game_and_a_missing_one_changes_nothing(tmp_path: Path) -> None:
    wished = with_values(Settings(), {"seed": 5, "difficulty": 2, "gamma": 1}, "the game")
    assert read_settings(tmp_path / "none.toml") == Settings()
    assert read_settings(tmp_path / "none.toml", wished) is wished
    file = tmp_path / "settings.toml"
    file.write_text('\ufeffdifficulty = 4\ndevice = "cpu"\nhidden = [16]\n', "utf-8")
    read = read_settings(file, wished)
    assert (read.seed, read.difficulty, read.device, read.hidden) == (5, 4, "cpu", (16,))
    assert (wished.difficulty, wished.hidden, type(wished.gamma)) == (2, Settings().hidden, float)


def test_profile_goes_over_the_defaults_and_under_the_game_and_the_players_file(tmp_path: Path) -> None:
    asked, said, file = list[str](), list[str](), tmp_path / "settings.toml"

    def fitting(profile: str) -> dict[str, Any]:
        asked.append(profile)
        return {"duty_cycle": 0.5, "replay_capacity": 300, "seed": 3}

    file.write_text('profile = "pi"\nseed = 1\n', "utf-8")
    taken = chosen_settings(file, {"profile": "desktop", "replay_capacity": 200, "seed": 2}, said.append, fitting)
    assert (taken.profile, taken.duty_cycle, taken.replay_capacity, taken.seed) == ("pi", 0.5, 200, 1)
    assert (asked, said) == (["pi"], [])
    taken = chosen_settings(tmp_path / "none", {"batch_size": 301}, said.append, fitting)
    assert (taken.batch_size, taken.replay_capacity, asked[1]) == (64, 300, "auto")
    [sentence] = said
    assert (
        sentence == "the game: batch_size (301) must not be above replay_capacity (300). None of its wishes are used."
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"difficulty = ", "cannot be read: "),
        (b"difficulty == 3", "cannot be read: "),
        (b"seed = " + b"9" * 5000, "cannot be read: "),
        (b"hidden = " + b"[" * 20_000, "cannot be read: "),
        (b"seed = 1\nseed = 2", "cannot be read: "),
        (b"seed = 1\n# \xff\xfe\x00", "cannot be read: it is no text in UTF-8"),
        (b"#" * 64_001, "is larger than settings can be"),
    ],
    ids=["no value", "no TOML", "endless number", "deep", "twice", "no UTF-8", "huge"],
)
def test_unreadable_file_is_named(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=rf"settings\.toml {why}"):
        read_settings(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(tmp_path)


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=3)
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(st.dictionaries(st.sampled_from([f.name for f in fields(Settings)]), values, max_size=4))
def test_any_value_is_within_bounds_or_refused(given_values: dict[str, Any]) -> None:
    try:
        taken = with_values(Settings(), given_values, "here")
    except SettingsError:
        return
    for f in fields(Settings):
        value = getattr(taken, f.name)
        assert type(value) is type(f.default)
        if type(value) in (int, float):
            assert f.metadata["low"] <= value <= f.metadata["high"]
