"""On the edge: the shipped model as ONNX and int8 files beside numpy, and the plugin on small or emulated machines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cornerman.contract import Bools, Floats
from cornerman.edge.int8 import FilePlayer, to_int8
from cornerman.edge.onnx_file import to_onnx
from cornerman.evaluation.arena import evaluate
from cornerman.experience.encoder import Encoder
from cornerman.models.manifest import Identity
from cornerman.models.store import Store
from game_adapter.host.match import PLUGIN, SCRIPTED
from game_adapter.ringside.game import RINGSIDE
from tests.studies.adapters.opening import shipped
from tests.studies.intervals import Interval, exact, of_mean, wilson
from tests.studies.measures import aarch64, one_core
from tests.studies.study import Figure, Study, Unit, Work, names_of
from tests.support.table import Table

BOTS = ("brawler", "tactician")
INT8 = "int8.onnx"


def record(work: Work, decisions: int) -> int:
    """Let the shipped model play bots in the running plugin, seats and bots in turn, until so many are recorded."""
    settings: dict[str, Any] = {"learning": False, "difficulty": 5, "seed": 1}
    with Table(RINGSIDE, work.folder / "data", **settings, from_nothing=False) as table:
        turns = 0
        while turns < decisions:
            own = table.battles % 2
            match = table.match({own: PLUGIN, 1 - own: SCRIPTED}, BOTS[table.battles // 2 % len(BOTS)])
            while not match.over:
                if match.between_rounds:
                    match.start_round()
                match.play(match.decide())
                turns += 1
        assert table.plugin.settle(60.0)
    return len(recorded(work.folder)[0])


def recorded(folder: Path) -> tuple[Floats, Bools]:
    """Observations and masks of a unit's recorded battles, in the order of the battles."""
    with Store(folder / "data", Identity.of(RINGSIDE, Encoder(RINGSIDE))) as store:
        battles = [battle.columns for battle in store.battles.battles()]
    observations, masks = ([battle[name] for battle in battles] for name in ("observation", "action_mask"))
    return np.concatenate(observations), np.concatenate(masks)


def compared(player: FilePlayer, observations: Floats, masks: Bools) -> list[float]:
    """The largest difference of a legal action's value, equal greedy actions, and decisions."""
    values, wanted = player.values(observations, masks), shipped().q_values_batch(observations)
    same = values.argmax(1) == np.where(masks, wanted, -np.inf).argmax(1)
    return [float(np.abs(values - wanted)[masks].max()), int(same.sum()), len(same)]


def onnx(work: Work, decisions: int) -> list[float]:
    """The ONNX file on the first recorded decisions, as `compared`."""
    observations, masks = recorded(work.folder_of("recorded"))
    return compared(FilePlayer(to_onnx(shipped())), observations[:decisions], masks[:decisions])


def int8(work: Work, decisions: int) -> list[float]:
    """The same in int8, which is made from battles after those."""
    observations, masks = recorded(work.folder_of("recorded"))
    data = to_int8(shipped(), observations[decisions:], masks[decisions:], {})
    (work.folder / INT8).write_bytes(data)
    return compared(FilePlayer(data), observations[:decisions], masks[:decisions])


def lost(work: Work, battles: int, seed: int) -> list[float]:
    """By side-swapped pair, the score of the model against planner minus that of int8 in the same battles."""
    players = shipped(), FilePlayer((work.folder_of("int8") / INT8).read_bytes())
    found = [evaluate(player, RINGSIDE.bots["planner"], RINGSIDE, battles, seed) for player in players]
    own, other = ({(each.seed, each.seat): each.score for each in result.battles} for result in found)
    assert own.keys() == other.keys(), "no battle repeats another one"
    pairs = sorted({number for number, _ in own})
    return [float(np.mean([own[pair, seat] - other[pair, seat] for seat in (0, 1)])) for pair in pairs]


def mean_lost(results: Sequence[Sequence[float]]) -> Interval:
    """Over all pairs."""
    return of_mean([pair for result in results for pair in result])


def share_equal(results: Sequence[Sequence[float]]) -> Interval:
    return wilson(results[0][1], int(results[0][2]))


def study(quick: bool) -> Study:
    """`quick` says only whether all of it runs."""
    seeds, decisions, battles = ([0, 1], 200, 4) if quick else (list(range(20)), 10_000, 200)
    first = Unit("recorded", record, {"decisions": decisions + decisions // 5})
    given = {"decisions": decisions}
    units = [first, Unit("onnx", onnx, given, ("recorded",)), Unit("int8", int8, given, ("recorded",))]
    played = [Unit(f"planner {seed}", lost, {"battles": battles, "seed": seed}, ("int8",)) for seed in seeds]
    units += played
    figures = [
        Figure("edge.onnx.difference", ("onnx",), lambda found: exact(found[0][0]), [1], "at most 1e-5"),
        Figure("edge.onnx.equal", ("onnx",), share_equal, [1], "1.0"),
        Figure("edge.int8.equal", ("int8",), share_equal, [1], "at least 0.98"),
        Figure("edge.int8.lost", names_of(played), mean_lost, seeds, "at most 0.02"),
    ]
    for more_units, more_figures in (aarch64.parts(quick, recorded), one_core.parts(quick)):
        units += more_units
        figures += more_figures
    return Study(units, figures)
