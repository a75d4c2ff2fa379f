"""Dropping the folder into plugins/ is all it takes: the whole game in processes of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from cornerman.files.packages import importable
from cornerman.learning import compiled
from tests.support.ringside_runs import Run, drop_in, finish, link_in, play, start, versions, write_settings

pytestmark = pytest.mark.slow

BATTLES = 4
QUICK = 'practice = 1.0\nworker = "thread"'
"""A worker process is of the idle class, which other programs starve."""
SERIES = ("--headless", "--from-nothing", "--battles", str(BATTLES), "--seed", "4")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {name: tmp_path_factory.mktemp(name) for name in ("one", "twin", "without")}
    drop_in(folders["one"])
    link_in(folders["twin"])
    for name in ("one", "twin"):
        write_settings(folders[name], QUICK)
    return folders


@pytest.fixture(scope="module")
def runs(folders: dict[str, Path]) -> dict[str, Run]:
    """The same series with the plugin twice, and once without it; all at the same time. The copy compiles for itself,
    as a player's does."""
    started = {name: start(folder, *SERIES, PYTHONHASHSEED="2") for name, folder in folders.items() if name != "one"}
    started["one"] = start(folders["one"], *SERIES, NUMBA_CACHE_DIR=None, PYTHONHASHSEED="1")
    return {name: finish(process, folders[name]) for name, process in started.items()}


def test_dropped_plugin_plays_and_learns_and_writes_to_the_data_folder(
    runs: dict[str, Run], folders: dict[str, Path]
) -> None:
    run = runs["one"]
    run.check_clean()
    assert [battle["battle"] for battle in run.battles] == list(range(1, BATTLES + 1))
    for battle in run.battles:
        assert battle["winner"] in ("cornerman", "brawler", "draw")
    transitions = [battle["transitions"] for battle in run.battles]
    assert transitions[0] > 0
    assert transitions == sorted(set(transitions)), "every battle is recorded"
    assert run.battles[-1]["steps"] > 0
    summary = run.summary
    assert summary is not None
    assert summary["won"] == sum(battle["winner"] == "cornerman" for battle in run.battles)
    assert summary["promotions"] == summary["version"] - run.battles[0]["version"]
    assert summary["evaluation_battles"] == 400
    assert f"{summary['version']:06}" in versions(folders["one"])
    if importable("numba"):
        (code,) = folders["one"].glob("data/series/cornerman/compiled/*")  # what cannot be used is deleted
        assert code.name.endswith(compiled.ways()[0].name)
        assert compiled.is_sealed(code)
    dropped = {path.suffix for path in (folders["one"] / "plugins" / "cornerman").rglob("*") if path.is_file()}
    assert dropped <= {".py", ".pyc", ".toml", ".md", ".typed", ".css"}


def test_game_without_plugins_plays_with_bots(runs: dict[str, Run]) -> None:
    run = runs["without"]
    run.check_clean()
    assert run.output.startswith("No plugins folder at plugins: the game plays without one.\n")
    assert len(run.battles) == BATTLES
    assert {battle["winner"] for battle in run.battles} <= {"stand-in", "brawler", "draw"}
    assert run.summary is not None
    assert run.summary["now"] is run.summary["untrained"] is None


def test_same_seed_gives_the_same_series(runs: dict[str, Run], folders: dict[str, Path]) -> None:
    def course(run: Run) -> list[dict[str, object]]:
        return [{key: value for key, value in battle.items() if key != "seconds"} for battle in run.battles]

    assert course(runs["one"]) == course(runs["twin"])
    assert versions(folders["one"]) == versions(folders["twin"])


def test_pictures_are_drawn(runs: dict[str, Run], folders: dict[str, Path]) -> None:
    from PIL import Image

    for name, least_colours in (("curve", 20), ("battle", 1000), ("menu", 500)):
        for folder in (folders["one"], folders["without"]):
            with Image.open(folder / "out" / f"{name}.png") as picture:
                assert picture.size == ((900, 500) if name == "curve" else (960, 600))
                colours = picture.convert("RGB").getcolors(picture.width * picture.height) or []
                assert len(colours) >= least_colours, f"{name}.png of {folder} is nearly empty"


def test_second_series_goes_on_and_fresh_one_sets_the_old_aside(runs: dict[str, Run], folders: dict[str, Path]) -> None:
    folder, first = folders["twin"], runs["twin"]
    assert first.summary is not None
    before = versions(folder)
    second = play(folder, "--from-nothing", "--battles", "1", "--seed", "4")
    second.check_clean()
    assert second.battles[0]["version"] == first.summary["version"]
    assert second.battles[0]["steps"] > first.battles[-1]["steps"]
    assert before.items() <= versions(folder).items(), "no stored version is touched"

    before = versions(folder)
    settings = write_settings(folder, QUICK + "\nreplay_capacity = 5000")
    older = [folder / "data" / f"series.before-2020010{day}-120000-9" for day in (1, 2, 3)]
    for old in older:
        (old / "cornerman").mkdir(parents=True)
    fresh = play(folder, "--from-nothing", "--battles", "1", "--seed", "4", "--fresh")
    fresh.check_clean()
    assert {**fresh.battles[0], "seconds": 0} == {**first.battles[0], "seconds": 0}
    *kept_before, aside = sorted((folder / "data").glob("series.before-*"))
    assert kept_before == older[1:], "the newest three are kept"
    assert f"Starting over; what was learned before is kept in {aside.relative_to(folder)}" in fresh.output
    assert versions(folder, aside.name) == before
    assert "replay_capacity = 5000" in settings.read_text("utf-8"), "the player's settings were not learned"
