"""A headless series: sides change, the table, the JSON lines and the summary say what happened."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from game_adapter.curve import draw_curve
from game_adapter.host.host import Host
from game_adapter.ringside.game import RINGSIDE
from game_adapter.series import HEADER, STAND_IN, Series, run


class Corner:
    """Stands in for a host whose plugin moves like the brawler, and whose version rises after every `every` turns."""

    def __init__(self, every: int = 40, stored: Sequence[int] = (0,), on: bool = True) -> None:
        self.plugins = [SimpleNamespace(name="cornerman", on=on)]
        self.messages: list[str] = []
        self.num_said = 0
        self.turns = self.settled = 0
        self.seats: list[Mapping[int, str]] = []
        self.events: list[str] = []  # oldest first
        self._every, self._stored = every, stored

    def say(self, sentence: str) -> None:
        self.messages.append(sentence)
        self.num_said += 1

    def tell(self, hook: str, **news: Any) -> None:
        self.turns += hook == "on_turn"
        if hook == "on_battle_start":
            self.seats.append(news["seats"])
        if hook == "on_turn" and self.turns % self._every == 0:
            self.events = [*self.events, f"Version {self.turns // self._every} plays."][-3:]

    def choose_action(self, *_: Any) -> int | None:
        return None

    def settle(self, timeout_s: float) -> None:
        self.settled += 1

    def report(self, name: str) -> Mapping[str, Any] | None:
        if not self.plugins[0].on:
            return None
        return {
            "version": self.turns // self._every,
            "recorder": {"recorded": self.turns},
            "learner": {"steps": 3 * self.turns, "steps_per_s": 120.4},
            "device": "cpu",
            "events": [{"age_s": 1.0, "text": text} for text in reversed(self.events)],
        }

    def ask(self, name: str, question: str, **arguments: Any) -> Any:
        assert question == "evaluate"
        version = arguments["version"]
        if not self.plugins[0].on or (version is not None and version not in self._stored):
            return None
        rate = 0.25 if version == 0 else 0.75
        return {
            "version": 9 if version is None else version,
            "win_rate": rate,
            "interval": [rate - 0.05, rate + 0.05],
            "battles": 400,
        }


def series_of(corner: Corner, battles: int = 12, seed: int = 3, bot: str = "brawler") -> Series:
    return Series(cast(Host, corner), RINGSIDE, "cornerman", bot, battles, seed)


def played(corner: Corner, path: Path | None = None, **rest: Any) -> tuple[Series, dict[str, Any], list[str]]:
    said: list[str] = []
    series = series_of(corner, **rest)
    return series, run(series, said.append, path), said


def test_sides_change_every_battle_and_each_break_is_waited_for() -> None:
    corner = Corner()
    battles = list(series_of(corner))
    assert [battle.seat for battle in battles] == [0, 1] * 6
    assert [seats[battle.seat] for seats, battle in zip(corner.seats, battles, strict=True)] == ["plugin"] * 12
    assert corner.settled == sum(battle.rounds for battle in battles)


def test_the_same_seed_plays_the_same_battles_and_another_one_others() -> None:
    def course(seed: int) -> list[tuple[str, int]]:
        return [(battle.winner, battle.rounds) for battle in series_of(Corner(), seed=seed)]

    assert course(3) == course(3)
    assert course(3) != course(4)


def test_lines_table_and_summary_agree(tmp_path: Path) -> None:
    path = tmp_path / "series.jsonl"
    series, summary, said = played(Corner(), path)
    *lines, last = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert last == {"summary": summary}
    assert [line["battle"] for line in lines] == list(range(1, 13))
    assert {line["winner"] for line in lines} <= {"cornerman", "brawler", "draw"}
    assert all(1 <= line["rounds"] <= 20 and line["seconds"] >= 0 and line["version"] >= 0 for line in lines)
    assert summary["won"] == sum(line["winner"] == "cornerman" for line in lines)
    assert (summary["untrained"], summary["now"]) == (0.25, 0.75)
    assert summary["promotions"] == len(series.swaps) == series.version > 2
    assert [row.split()[0] for row in said[said.index(HEADER) + 1 :] if row.endswith("cpu")] == ["10", "12"]
    assert "wins 25.0%  (95 % interval 20.0% to 30.0%)" in "\n".join(said)


def test_a_swap_is_said_once_with_the_battle_in_which_it_happened() -> None:
    series, _, said = played(Corner())
    news = [line.split(maxsplit=1) for line in said if "plays." in line]
    assert news == [[str(battle), f"Version {version} plays."] for battle, version in series.swaps]


def test_a_plugin_that_goes_off_is_said_and_its_seat_is_a_stand_in(tmp_path: Path) -> None:
    class Failing(Corner):
        def tell(self, hook: str, **news: Any) -> None:
            super().tell(hook, **news)
            if hook == "on_battle_end" and news["battle_id"] == 5:
                self.plugins[0].on = False
                self.say("cornerman is now off.")

    series, summary, said = played(Failing())
    assert [line.strip() for line in said if "now off" in line] == ["5 cornerman is now off."]
    assert {battle.winner for battle in series.played[5:]} <= {STAND_IN, "brawler", "draw"}
    assert all(version >= 0 for _, version in series.swaps)
    assert summary["now"] is summary["untrained"] is None
    assert summary["won"] == sum(battle.winner == "cornerman" for battle in series.played[:5])
    assert "No plugin that learns is playing" in said[-1]


def test_the_summary_survives_a_version_0_that_is_lost() -> None:
    _, summary, said = played(Corner(stored=()), battles=2)
    assert (summary["untrained"], summary["now"]) == (None, 0.75)
    assert any("untrained" in line and "can no longer be played" in line for line in said)


def test_what_was_said_while_loading_comes_first() -> None:
    corner = Corner()
    corner.say("settings.toml: there is no setting 'lerning'.")
    corner.events.append("It plays, but cannot learn.")
    _, _, said = played(corner, battles=1)
    assert said[:2] == ["settings.toml: there is no setting 'lerning'.", "It plays, but cannot learn."]


def test_an_interrupt_ends_it_with_a_summary_of_what_was_played(tmp_path: Path) -> None:
    class Interrupted(Corner):
        def settle(self, timeout_s: float) -> None:
            super().settle(timeout_s)
            if len(self.seats) == 4 and self.settled < 1000:
                self.settled = 1000
                raise KeyboardInterrupt

        def report(self, name: str) -> Mapping[str, Any]:
            return {**super().report(name), "version": int(self.settled >= 1000)}  # type: ignore[dict-item]

    path = tmp_path / "series.jsonl"
    _, summary, said = played(Interrupted(), path)
    assert summary["promotions"] == 1, "the swap in the battle that was broken off counts"
    assert summary["battles"] == 3
    assert any(line.startswith("Stopped after 3 battles.") for line in said)
    *lines, last = path.read_text("utf-8").splitlines()
    assert len(lines) == 3
    assert "summary" in json.loads(last)


def test_the_curve_shows_a_series_and_its_swaps(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from PIL import Image

    series, empty = series_of(Corner()), series_of(Corner())
    list(series)
    draw_curve(series, tmp_path / "curve.png")
    draw_curve(empty, tmp_path / "empty.png")
    with Image.open(tmp_path / "curve.png") as picture, Image.open(tmp_path / "empty.png") as blank:
        assert picture.size == blank.size == (900, 500)
        red, blue = (200, 69, 47), (51, 101, 138)  # the line, and the dotted swaps
        colours = {colour for _, colour in picture.convert("RGB").getcolors(450_000) or []}
        assert {red, blue} <= colours
        assert not {red, blue} & {colour for _, colour in blank.convert("RGB").getcolors(450_000) or []}
