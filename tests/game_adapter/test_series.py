"""A headless series: seats change, the table, the JSON lines and the summary say what happened."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from game_adapter.ringside.game import RINGSIDE
from game_adapter.series import HEADER, STAND_IN, Series, run
from tests.support.recording_host import RecordingHost, RecordingPlugin


class Boxer(RecordingPlugin):
    """A plugin without opinions whose version rises after every `every` turns; `stored` versions can be evaluated."""

    def __init__(self, every: int = 40, stored: Sequence[int] = (0,)) -> None:
        super().__init__()
        self.events: list[str] = []  # oldest first
        self.said: list[str] = []
        self.version = self.settled = 0
        self._every, self._stored = every, stored

    def on_turn(self, battle_id: int) -> None:
        self.calls.append(("on_turn", {"battle_id": battle_id}))
        if self.turns % self._every == 0:
            self.version += 1
            self.events = [*self.events, f"Version {self.version} plays."][-3:]

    @property
    def turns(self) -> int:
        return self.count("on_turn")

    @property
    def seats(self) -> list[Mapping[int, str]]:
        return [arguments["seats"] for hook, arguments in self.calls if hook == "on_battle_start"]

    def settle(self, timeout_s: float) -> None:
        self.settled += 1

    def messages(self) -> list[str]:
        return self.said

    def report(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "recorder": {"recorded": self.turns},
            "learner": {"steps": 3 * self.turns, "steps_per_s": 120.4},
            "device": "cpu",
            "events": [{"age_s": 1.0, "text": text} for text in reversed(self.events)],
        }

    def evaluate(self, version: int | None) -> dict[str, Any] | None:
        if version is not None and version not in self._stored:
            return None
        rate = 0.25 if version == 0 else 0.75
        interval = [rate - 0.05, rate + 0.05]
        return {"version": 9 if version is None else version, "win_rate": rate, "interval": interval, "battles": 400}


Play = Callable[..., tuple[Series, dict[str, Any], list[str]]]


@pytest.fixture
def series_of(tmp_path: Path) -> Callable[..., Series]:
    def made(plugin: Boxer, battles: int = 12, seed: int = 3) -> Series:
        host = RecordingHost(tmp_path, plugin, "cornerman")
        host.plugins_dir.mkdir(exist_ok=True)
        host.load()
        return Series(host, RINGSIDE, "cornerman", "brawler", battles, seed)

    return made


@pytest.fixture
def play(series_of: Callable[..., Series]) -> Play:
    """Plays a series; returns it, its summary and what was printed."""

    def played(plugin: Boxer, path: Path | None = None, **options: Any) -> tuple[Series, dict[str, Any], list[str]]:
        said: list[str] = []
        series = series_of(plugin, **options)
        return series, run(series, said.append, path), said

    return played


def test_seats_change_every_battle_and_each_break_is_waited_for(series_of: Callable[..., Series]) -> None:
    corner = Boxer()
    battles = list(series_of(corner))
    assert [battle.seat for battle in battles] == [0, 1] * 6
    assert [seats[battle.seat] for seats, battle in zip(corner.seats, battles, strict=True)] == ["plugin"] * 12
    assert corner.settled == sum(battle.rounds for battle in battles)


def test_promotions_count_also_two_in_one_break(play: Play) -> None:
    class Fast(Boxer):
        def settle(self, timeout_s: float) -> None:
            super().settle(timeout_s)
            self.version += 2 * (self.settled in (2, 5))

    plugin = Fast(every=10_000)
    plugin.version = 3  # from the series before
    _, summary, said = play(plugin, battles=2)
    assert (summary["version"], summary["promotions"]) == (7, 4)
    assert "4 versions promoted by the gate" in said


def test_lines_table_and_summary_agree(play: Play, tmp_path: Path) -> None:
    path = tmp_path / "series.jsonl"
    series, summary, said = play(Boxer(), path)
    *lines, last = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert last == {"summary": summary}
    assert [line["battle"] for line in lines] == list(range(1, 13))
    assert {line["winner"] for line in lines} <= {"cornerman", "brawler", "draw"}
    assert all(1 <= line["rounds"] <= 20 and line["seconds"] >= 0 and line["version"] >= 0 for line in lines)
    assert summary["won"] == sum(line["winner"] == "cornerman" for line in lines)
    assert (summary["untrained"], summary["now"]) == (0.25, 0.75)
    assert summary["promotions"] == len(series.swaps) == series.version > 2
    assert [row.split()[0] for row in said[said.index(HEADER) + 1 :] if row.endswith("cpu")] == ["10", "12"]
    assert "wins 25.0%  (95% interval 20.0% to 30.0%)" in "\n".join(said)
    printed = [line.split(maxsplit=1) for line in said if "plays." in line]
    assert printed == [[str(battle), f"cornerman: Version {version} plays."] for battle, version in series.swaps]


def test_plugin_that_goes_off_is_printed_and_a_bot_stands_in(play: Play) -> None:
    class Failing(Boxer):
        def on_choosing(self, battle_id: int) -> None: ...

        def on_battle_end(self, battle_id: int) -> None:
            raise ValueError("no more")

    series, summary, said = play(Failing())
    assert ["3 cornerman failed in on_battle_end" in line for line in said if "now off" in line] == [True]
    assert {battle.winner for battle in series.played[3:]} <= {STAND_IN, "brawler", "draw"}
    assert all(version >= 0 for _, version in series.swaps)
    assert summary["now"] is summary["untrained"] is None
    assert summary["won"] == sum(battle.winner == "cornerman" for battle in series.played[:3])
    assert "No plugin that learns is playing" in said[-1]


def test_summary_survives_a_lost_version_0(play: Play) -> None:
    _, summary, said = play(Boxer(stored=()), battles=2)
    assert (summary["untrained"], summary["now"]) == (None, 0.75)
    assert any("untrained" in line and "can no longer be played" in line for line in said)


def test_messages_and_events_are_printed_once_and_those_of_loading_first(play: Play) -> None:
    class Late(Boxer):
        def settle(self, timeout_s: float) -> None:
            if self.count("on_battle_end") == 1 and not self.events:
                self.events = self.said = ["A battle was left out."]

    plugin = Late(every=10_000)
    plugin.said = ["settings.toml: there is no setting 'lerning'."]
    _, _, said = play(plugin, battles=3)
    assert said[0] == "cornerman: settings.toml: there is no setting 'lerning'."
    text = "\n".join(said)
    assert text.count("lerning") == text.count("cornerman: A battle was left out.") == 1


def test_interrupt_ends_the_series_with_a_summary(play: Play, tmp_path: Path) -> None:
    class Interrupted(Boxer):
        def settle(self, timeout_s: float) -> None:
            super().settle(timeout_s)
            if len(self.seats) == 4 and self.settled < 1000:
                self.settled = 1000
                raise KeyboardInterrupt

        def report(self) -> dict[str, Any]:
            return super().report() | {"version": int(self.settled >= 1000)}

    path = tmp_path / "series.jsonl"
    _, summary, said = play(Interrupted(), path)
    assert summary["promotions"] == 1, "the swap in the battle that was broken off counts"
    assert summary["battles"] == 3
    assert any(line.startswith("Stopped after 3 battles.") for line in said)
    *lines, last = path.read_text("utf-8").splitlines()
    assert len(lines) == 3
    assert "summary" in json.loads(last)
