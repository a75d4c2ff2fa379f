"""Ringside's data files: what is wrong is named with its place; they are found wherever the game lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from game_adapter.ringside import assets
from game_adapter.ringside.assets import asset
from game_adapter.ringside.roster import DataFileError, load_roster, load_rules


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (
            "roster",
            "attack = 24\n",
            "",
            "fighter 1 (Ada): attack is missing; it must be a whole number from 1 to 1000.",
        ),
        ("roster", "attack = 24", "attack = 2.4", "fighter 1 (Ada): attack is 2.4;"),
        ("roster", "attack = 24", "attack = true", "attack is True;"),
        ("roster", "attack = 24", "atack = 24", "fighter 1: 'atack' is not known here; known are name, health,"),
        ("roster", 'name = "Bruno"', 'name = "Ada"', "two fighters are called 'Ada'"),
        ("roster", 'name = "Ada"', 'name = ""', "fighter 1: name is missing or no text"),
        ("roster", "[handicap.1v2]", "[handicap.2v2]", "[handicap.2v2]: a handicap is for 1v2 or 1v3."),
        ("roster", "[handicap.1v2]", "[[handicap.1v2]]", "[handicap.1v2] must be a table"),
        ("roster", "[[fighter]]", "[[figther]]", "'figther' is not known here; known are fighter, handicap."),
        ("roster", "attack = 24", "attack = ", "roster.toml cannot be read as TOML"),
        ("skills", "{power}", "{strength}", "[strike]: in braces the tip may only name {power}, {accuracy}; after"),
        ("skills", "{power}", "{power.real.x}", "[strike]: in braces the tip may only name"),
        ("skills", "missing = 60", "missing = -1", "[mend]: missing is -1; it must be a whole number from 0 to 1000."),
        ("skills", "roll = 10", "rolls = 10", "[rules]: 'rolls' is not known here"),
        ("skills", "rounds = 20", "rounds = 21", "rounds is 21; at most 20 are played."),
        ("skills", "rounds = 20", "", "rounds is missing"),
        ("skills", "[charge]", "[surge]", "'surge' is not known here"),
        ("skills", "defense_scale = 50", "defense_scale = 0", "defense_scale is 0; it must be a whole number from 1"),
    ],
)
def test_wrong_data_file_is_refused_with_what_and_where(
    tmp_path: Path, file: str, old: str, new: str, words: str
) -> None:
    text = asset(f"{file}.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / f"{file}.toml"
    path.write_text(text.replace(old, new, -1 if "[[" in old else 1), encoding="utf-8")
    with pytest.raises(DataFileError) as refused:
        {"roster": load_roster, "skills": load_rules}[file](path)
    assert words in str(refused.value)


def test_assets_are_found_from_a_checkout_and_from_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "game_adapter"
    (package / "assets").mkdir(parents=True)
    (tmp_path / "assets").mkdir()
    monkeypatch.setattr(assets, "PACKAGE", package)
    (tmp_path / "assets" / "roster.toml").touch()
    assert asset("roster.toml") == tmp_path / "assets" / "roster.toml"
    (package / "assets" / "roster.toml").touch()
    assert asset("roster.toml") == package / "assets" / "roster.toml"
    with pytest.raises(FileNotFoundError, match=r"Ringside's file 'nothing.toml' is missing; looked in .*install"):
        asset("nothing.toml")
