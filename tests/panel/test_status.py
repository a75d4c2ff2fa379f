"""The report is what report.py promises, with every key and type, at every stage of a plugin's life."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_type_hints

import pygame

from cornerman.panel.status import Report
from game_adapter.ringside.game import RINGSIDE
from tests.support.choosing import Described
from tests.support.table import Table

NUMBER = (int, float)
NONE = type(None)
PARTS: dict[str, dict[str, Any]] = {
    "plugin": {"on": bool, "recording": bool, "learning": bool, "notice": str},
    "replay": {"fill": int, "capacity": int, "needed": int},
    "recorder": {"recorded": int, "rejected": dict},
    "learner": {"steps": int, "loss": (float, NONE), "accuracy": (float, NONE), "steps_per_s": (float, NONE)}
    | {"processing_time": (float, NONE)},
    "gate": {"state": str, "pairs": int, "score": (float, NONE), "verdict": str, "waits": str},
    "record": {"battles": int, "wins": int, "win_rate": (float, NONE), "interval": (list, NONE)},
    "window": {"open": bool, "why": str},
    "difficulty": {"level": int, "name": str, "levels": list, "note": str},
}


ROWS: dict[str, dict[str, Any]] = {
    "versions": {"version": int, "parent": (int, NONE), "made": str, "origin": str, "rating": (float, NONE)}
    | {"playing": bool, "can_play": bool, "note": str},
    "rated": {"version": int, "rating": float, "low": float, "high": float},
    "bots": {"name": str, "rating": float},
    "you": {"battles": int, "share": float, "low": float, "high": float},
    "actions": {"name": str, "legal": bool, "win": float, "value": float, "chosen": bool},
    "expects": {"name": str, "share": float},
    "expected": {"name": str, "share": float, "taken": bool},
}


def check_rows(kind: str, rows: Any) -> None:
    for row in rows:
        assert row.keys() == ROWS[kind].keys()
        for key, wanted in ROWS[kind].items():
            assert isinstance(row[key], wanted), (kind, key, row[key])


def check_mind(report: Any) -> None:
    strength, decision = report["strength"], report["decision"]
    check_rows("versions", report["versions"])
    check_rows("rated", strength["versions"])
    check_rows("bots", strength["bots"])
    check_rows("you", strength["you"])
    assert all(len(point) == 2 for name in ("loss", "accuracy") for point in strength[name])
    if report["expected"] is not None:
        assert report["expected"].keys() == {"battles", "actions", "age_s"}
        check_rows("expected", report["expected"]["actions"])
    if decision is not None:
        assert decision.keys() == {
            *("battle_id", "seat", "version", "who", "samples", "age_s", "searched", "why", "actions", "expects")
        }
        check_rows("actions", decision["actions"])
        check_rows("expects", decision["expects"])
        assert sum(action["chosen"] for action in decision["actions"]) == 1


def check(report: Any) -> Any:
    """The report, after every promise was held against it."""
    assert report.keys() == get_type_hints(Report).keys()
    for name, keys in PARTS.items():
        assert report[name].keys() >= keys.keys(), name
        for key, kind in keys.items():
            assert isinstance(report[name][key], kind), (name, key, report[name][key])
    assert isinstance(report["version"], int)
    assert isinstance(report["swaps"], int)
    assert isinstance(report["device"], str)
    assert bool(report["device_why"]) == (report["device"] != "none")
    machine = dict(report["machine"])
    frames, reasons = machine.pop("frames"), machine.pop("reasons")
    assert {"cpu_percent", "memory_mb", "worker_mb", "memory_percent", "temperature_c"} <= machine.keys()
    assert all(value is None or isinstance(value, NUMBER) for value in machine.values())
    assert [set(times) for times in (frames["with"], frames["without"])] == [{"p50_ms", "p99_ms", "frames"}] * 2
    assert all(isinstance(why, str) and why for why in reasons)
    check_mind(report)
    for event in report["events"]:
        assert event.keys() == {"age_s", "text"}
        assert isinstance(event["text"], str)
        assert event["age_s"] >= 0
    assert 1 <= report["difficulty"]["level"] <= len(report["difficulty"]["levels"])
    assert report["difficulty"]["name"] == report["difficulty"]["levels"][report["difficulty"]["level"] - 1]
    json.dumps(report, allow_nan=False)  # plain data, all of it
    return report


def test_status_keeps_its_schema_from_before_the_first_battle_to_after_the_end(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, practice=4.0, candidate_period=50) as table:
        first = check(table.plugin.report())
        assert first["record"] == {"battles": 0, "wins": 0, "win_rate": None, "interval": None}
        assert (first["version"], first["swaps"], first["device"]) == (0, 0, "cpu")
        assert first["device_why"] == "The settings ask for the CPU."
        assert (first["window"]["open"], first["window"]["why"]) == (False, "no battle has begun yet")
        assert first["decision"] is None
        table.play(2, settle=True, each_turn=lambda match, turn: check(table.plugin.report()) and None)
        report = check(table.plugin.report())
        assert report["record"]["battles"] == 2
        low, high = report["record"]["interval"]
        assert low <= report["record"]["win_rate"] <= high
        assert report["learner"]["steps"] > 50
        assert report["learner"]["steps_per_s"] > 0
        assert 0 < report["replay"]["fill"] <= report["recorder"]["recorded"]
        assert report["gate"]["verdict"]
        assert report["gate"]["judged"] >= report["gate"]["pairs"] > 0
        assert report["practice"]["decisions"] > 0
        assert report["decision"]["battle_id"] == 2
        assert report["strength"]["loss"][-1] == [report["learner"]["steps"], report["learner"]["loss"]]
        assert report["versions"][-1]["version"] == 0
        assert report["window"]["open"]
        assert report["window"]["why"].startswith("between rounds"), "other programs may leave it hardly any time"
        table.plugin.controls.set_on(False)
        off = check(table.plugin.report())
        assert (off["version"], off["plugin"]["on"], off["window"]["why"]) == (-1, False, "the plugin is off")
    ended = check(table.plugin.report())
    assert ended["window"]["open"] is False


def test_status_keeps_its_schema_without_a_trainer_and_for_a_minimal_game(tmp_path: Path) -> None:
    with Table(Described(), tmp_path, learning=False) as table:
        report = check(table.plugin.report())
        assert (report["device"], report["plugin"]["learning"]) == ("none", False)
        assert (report["window"]["open"], report["window"]["why"]) == (False, "learning is off")


def test_status_is_a_copy(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, learning=False) as table:
        kept = table.plugin.report()
        before = json.dumps(kept)
        table.play(2)
        table.plugin.recording.recorder.rejected["anything"] += 1
        assert json.dumps(kept) == before


def test_game_that_draws_the_panel_is_one_that_draws(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, learning=False) as table:
        assert not table.plugin.training.draws
        table.plugin.on_draw(pygame.Surface((480, 400)))
        assert table.plugin.training.draws
