"""Recorded battles for people: a summary with a plot, and files to take them elsewhere and back.

Exports are `.npz` (numpy, without pickle) or `.jsonl` (a battle a line); imports pass the same checks as new
transitions, and what fails is left out and counted. For the command line and tools, never while a game runs. No torch.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import ModelError, Source
from cornerman.experience.transitions import (
    DataFormat,
    StoredBattle,
    end_as_dict,
    end_from_dict,
    faults,
    fit,
    format_from_dict,
    layout,
    take,
)
from cornerman.files.atomic import parse_json, read_file, replace_file

MAX_IMPORT_BYTES = 512 * 2**20
RESULTS = {1: "won", 0: "drawn", -1: "lost"}
OWN_FIGHTER = "game's own fighter"
"""Who decided in the plugin's seats where no policy did: `choose_action` gave None."""
DECIDED_BY, AGAINST, ACTION, REFUSED = "decided by", "against", "action", "not to be learned from"


@dataclass(slots=True)
class Summary:
    """Battles and their transitions counted; every name is the contract's or the game's own."""

    battles: int = 0
    transitions: int = 0
    cut_off: int = 0  # battles that a limit or the player ended
    counts: dict[str, Counter[str]] = field(
        default_factory=lambda: {title: Counter() for title in (DECIDED_BY, AGAINST, ACTION, REFUSED)}
    )
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)  # who sat there -> won, drawn, lost

    def text(self) -> str:
        lines = [f"{self.battles} battles, {self.cut_off} of them cut off; {self.transitions} decisions"]
        width = max([24, *map(len, self.counts[ACTION])])
        for title, counts in self.counts.items():
            shown = [(name, count) for name, count in counts.most_common() if count]
            lines += ["", f"{title:<{width + 2}}{'decisions':>11}{'share':>8}"] if shown else []
            lines += [f"  {name:<{width}}{count:>11,}{count / counts.total():>8.0%}" for name, count in shown]
            if title == ACTION and (never := [name for name, count in counts.items() if not count]):
                lines.append(f"  never: {', '.join(never)}")
        if self.outcomes:
            lines += ["", f"{'outcome for':<{width + 2}}" + "".join(f"{name:>8}" for name in RESULTS.values())]
        for who, results in self.outcomes.items():
            lines.append(f"  {who:<{width}}" + "".join(f"{results[name]:>8,}" for name in RESULTS.values()))
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file held: battles that may be learned from, and how many transitions were left out, by reason."""

    battles: list[StoredBattle]
    left_out: Counter[str]


def summarize(battles: Iterable[StoredBattle], action_names: Sequence[str]) -> Summary:
    summary = Summary()
    summary.counts[ACTION].update(dict.fromkeys(action_names, 0))
    for battle in battles:
        columns, counts = battle.columns, summary.counts
        summary.battles += 1
        summary.transitions += len(battle)
        summary.cut_off += battle.end.truncated
        names = [source.name.lower() for source in Source]
        ours, own = columns["source"] == Source.PLUGIN, columns["version"] == -1
        for source, by_own in zip(columns["source"].tolist(), (ours & own).tolist(), strict=True):
            counts[DECIDED_BY][OWN_FIGHTER if by_own else names[source]] += 1
        if own[ours][-1:].any():  # it fought to the end
            names[Source.PLUGIN] = OWN_FIGHTER
        counts[AGAINST].update(names[source] for source in columns["opponent"].tolist())
        counts[ACTION].update(action_names[action] for action in columns["action"].tolist())
        counts[REFUSED].update({reason: int(bad.sum()) for reason, bad in faults(columns).items()})
        for seat, result in battle.end.outcome.items():
            who = names[battle.end.seats.get(seat, Source.UNKNOWN)]
            summary.outcomes.setdefault(who, Counter())[RESULTS[(result > 0) - (result < 0)]] += 1
    return summary


def plot(summary: Summary, path: Path) -> None:
    """Draw the summary into a picture file. ImportError without matplotlib (the extra `plot`)."""
    from matplotlib.figure import Figure  # here and not above: only this needs it

    figure = Figure(figsize=(10, 6), layout="constrained")
    sources, actions, outcomes = figure.subplots(3, 1, height_ratios=(1, 2, 1))
    for axes, title in ((sources, DECIDED_BY), (actions, ACTION)):
        ordered = summary.counts[title].most_common()[::-1]
        axes.barh([name for name, _ in ordered], [count for _, count in ordered])
        axes.set_title(f"{title} ({summary.transitions} decisions in {summary.battles} battles)")
    left = np.zeros(len(summary.outcomes))
    for name in RESULTS.values():
        counted = np.array([results[name] for results in summary.outcomes.values()], float)
        outcomes.barh(list(summary.outcomes), counted, left=left, label=name)
        left += counted
    outcomes.set_title("outcomes")
    if summary.outcomes:
        outcomes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))  # beside the bars
    figure.savefig(path)


def export(path: Path, data_format: DataFormat, battles: Iterable[StoredBattle]) -> int:
    """Write battles to a `.npz` or `.jsonl` file; how many transitions. ModelError for another ending, OSError."""
    stored = list(battles)
    write = {".npz": _to_npz, ".jsonl": _to_jsonl}.get(path.suffix)
    if write is None:
        raise ModelError(f"Battles are exported to .npz or .jsonl, not to {path.name}.")
    replace_file(path, write(data_format, stored))
    return sum(map(len, stored))


def load(path: Path, data_format: DataFormat) -> Imported:
    """Read what `export` wrote, as distrustful as of any stranger's file; ModelError with a sentence."""
    read = {".npz": _from_npz, ".jsonl": _from_jsonl}.get(path.suffix)
    if read is None:
        raise ModelError(f"Battles are imported from .npz or .jsonl, not from {path.name}.")
    data = read_file(path, MAX_IMPORT_BYTES, "A file of battles")
    imported = Imported([], Counter())
    for battle in read(data, data_format):
        misfit = fit(battle.columns, data_format.observation_size, data_format.num_actions)
        if misfit:
            raise ModelError(f"{path.name} does not fit this game: {misfit}.")
        wrong = faults(battle.columns)
        imported.left_out.update({name: int(bad.sum()) for name, bad in wrong.items() if bad.any()})
        good = ~np.logical_or.reduce(list(wrong.values()))
        imported.battles.append(StoredBattle(battle.end, take(battle.columns, good)))
    return imported


def fingerprint(battle: StoredBattle) -> bytes:
    """Equal for the same battle in another folder: of all but its number and the player's name, which no file has."""
    digest = sha256(json.dumps({**_end_of(battle), "battle_id": 0}, sort_keys=True).encode())
    for name in sorted(set(battle.columns) - {"battle_id"}):
        digest.update(battle.columns[name].tobytes())
    return digest.digest()


def _end_of(battle: StoredBattle) -> dict[str, Any]:
    """How a battle ended, without the name of the player: the file is made to be passed on."""
    return end_as_dict(replace(battle.end, player=""))


def _to_npz(data_format: DataFormat, battles: list[StoredBattle]) -> bytes:
    notes = {"header": asdict(data_format), "ends": [_end_of(battle) for battle in battles]}
    names = layout(data_format.observation_size, data_format.num_actions)
    arrays: dict[str, Any] = {
        name: np.concatenate([np.empty((0, *shape), dtype), *(battle.columns[name] for battle in battles)])
        for name, (shape, dtype) in names.items()
    }
    arrays["battle_rows"] = np.array([len(battle) for battle in battles], np.int64)
    arrays["notes"] = np.frombuffer(json.dumps(notes).encode(), np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _from_npz(data: bytes, data_format: DataFormat) -> Iterator[StoredBattle]:
    arrays = _arrays(data)
    try:
        notes = parse_json(arrays.pop("notes").tobytes(), "The file's notes")
        _same(data_format, notes["header"])
        counts = [int(count) for count in arrays.pop("battle_rows")]
        ends = [end_from_dict(end) for end in notes["ends"]]
        total = len(arrays["action"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"The file of battles does not hold what it should ({error}).") from error
    misfit = fit(arrays, data_format.observation_size, data_format.num_actions)
    if misfit or len(counts) != len(ends) or sum(counts) != total or min(counts, default=0) < 0:
        raise ModelError(f"The file of battles does not fit: {misfit or 'it holds more or less than it says'}.")
    last = np.cumsum(counts, dtype=np.int64)
    for end, count, after in zip(ends, counts, last, strict=True):
        yield StoredBattle(end, take(arrays, np.arange(after - count, after)))


def _arrays(data: bytes) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size <= MAX_IMPORT_BYTES:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
    except Exception as error:  # zipfile and numpy raise what they like for a file that is damaged
        raise ModelError(f"The file of battles is no readable .npz ({error}).") from error
    raise ModelError(f"The file of battles unpacks to {size:,} bytes; {MAX_IMPORT_BYTES:,} are allowed.")


def _to_jsonl(data_format: DataFormat, battles: list[StoredBattle]) -> bytes:
    lines: list[dict[str, Any]] = [asdict(data_format)]
    for battle in battles:
        rows = {name: column.tolist() for name, column in battle.columns.items()}
        lines.append({**_end_of(battle), "rows": rows})
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


def _from_jsonl(data: bytes, data_format: DataFormat) -> Iterator[StoredBattle]:
    lines = data.splitlines()
    if not lines:
        raise ModelError("The file of battles is empty.")
    _same(data_format, parse_json(lines[0], "The file's first line"))
    for at, line in enumerate(lines[1:], 2):
        value = parse_json(line, f"Line {at} of the file of battles")
        try:
            columns = _columns(value["rows"], data_format)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"Line {at} of the file of battles does not hold what it should ({error}).") from error
        yield StoredBattle(end_from_dict(value), columns)


def _columns(rows: Mapping[str, Any], data_format: DataFormat) -> dict[str, NDArray[Any]]:
    """JSON lists as columns; only numbers where numbers belong, only truth values in masks."""
    columns = {}
    for name, (shape, dtype) in layout(data_format.observation_size, data_format.num_actions).items():
        given = np.array(rows[name])
        if given.size and given.dtype.kind not in {"b": "b", "i": "i", "f": "if"}[dtype.kind]:
            raise ValueError(f"{name} holds {given.dtype}")
        columns[name] = given.astype(dtype).reshape(-1, *shape)
        if not np.array_equal(columns[name].reshape(given.shape).astype(given.dtype), given) and dtype.kind == "i":
            raise ValueError(f"{name} holds numbers that are too large")
    return columns


def _same(data_format: DataFormat, given: Any) -> None:
    differences = data_format.differences(format_from_dict(given))
    if differences:
        raise ModelError(f"The file of battles is of another game or version: {differences}.")
