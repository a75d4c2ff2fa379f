"""What is stored, for people: a summary with a plot, and files to take recorded battles elsewhere and back.

Exports are `.npz` (numpy, without pickle) or `.jsonl` (a battle a line); imports pass the same checks as new rows, and
what fails is left out and counted. For the command line and tools, never while a game runs. No torch.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
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


@dataclass(slots=True)
class Summary:
    """Rows and battles counted; every name is the contract's or the game's own."""

    battles: int = 0
    rows: int = 0
    cut_off: int = 0  # battles that a limit or the player ended
    decided_by: Counter[str] = field(default_factory=Counter)
    against: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)  # who sat there -> won, drawn, lost
    left_out: Counter[str] = field(default_factory=Counter)  # why rows may not be learned from

    def text(self) -> str:
        """A table for the command line."""
        lines = [f"{self.battles} battles, {self.cut_off} of them cut off; {self.rows} decisions"]
        for title, counts in (
            ("decided by", self.decided_by),
            ("against", self.against),
            ("action", self.actions),
            ("not to be learned from", self.left_out),
        ):
            if counts.total():
                lines += ["", f"{title:<26}{'decisions':>11}{'share':>8}"]
            for name, count in counts.most_common():
                if count:
                    lines.append(f"  {name:<24}{count:>11,}{count / counts.total():>8.0%}")
        if self.outcomes:
            lines += ["", f"{'outcome for':<26}" + "".join(f"{name:>8}" for name in RESULTS.values())]
        for who, results in self.outcomes.items():
            lines.append(f"  {who:<24}" + "".join(f"{results[name]:>8,}" for name in RESULTS.values()))
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file held: battles that may be learned from, and how many rows were left out for which reason."""

    battles: list[StoredBattle]
    left_out: Counter[str]


def summarize(battles: Iterable[StoredBattle], action_names: Sequence[str]) -> Summary:
    """Count what is stored."""
    summary = Summary()
    for battle in battles:
        columns = battle.columns
        summary.battles += 1
        summary.rows += len(battle)
        summary.cut_off += battle.end.truncated
        summary.decided_by += _names(columns["source"])
        summary.against += _names(columns["opponent"])
        summary.actions += Counter(action_names[action] for action in columns["action"].tolist())
        for seat, result in battle.end.outcome.items():
            who = battle.end.seats.get(seat, Source.UNKNOWN).name.lower()
            summary.outcomes.setdefault(who, Counter())[RESULTS[result]] += 1
        summary.left_out += Counter({name: int(bad.sum()) for name, bad in faults(columns).items()})
    return summary


def plot(summary: Summary, path: Path) -> None:
    """Draw the summary into a picture file. ImportError without matplotlib (the extra `plot`)."""
    from matplotlib.figure import Figure  # here and not above: only this needs it

    figure = Figure(figsize=(10, 6), layout="constrained")
    sources, actions, outcomes = figure.subplots(3, 1, height_ratios=(1, 2, 1))
    for axes, title, counts in ((sources, "decisions by", summary.decided_by), (actions, "actions", summary.actions)):
        names = sorted(counts, key=lambda name, counts=counts: counts[name])  # type: ignore[misc]  # bound per axis
        axes.barh(names, [counts[name] for name in names])
        axes.set_title(f"{title} ({summary.rows} in {summary.battles} battles)")
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
    """Write battles to a `.npz` or `.jsonl` file; returns how many rows. ModelError for another ending, OSError."""
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


def _to_npz(data_format: DataFormat, battles: list[StoredBattle]) -> bytes:
    notes = {"header": asdict(data_format), "ends": [end_as_dict(battle.end) for battle in battles]}
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
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > MAX_IMPORT_BYTES:
                raise ModelError(f"The file of battles unpacks to {size:,} bytes; {MAX_IMPORT_BYTES:,} are allowed.")
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays: dict[str, NDArray[Any]] = {name: file[name] for name in file.files}
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"The file of battles is no readable .npz ({error}).") from error
    try:
        notes = parse_json(arrays.pop("notes").tobytes(), "The file's notes")
        _same(data_format, notes["header"])
        counts = [int(count) for count in arrays.pop("battle_rows")]
        ends = [end_from_dict(end) for end in notes["ends"]]
        total = len(arrays["action"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"The file of battles does not hold what it should ({error}).") from error
    if len(counts) != len(ends) or sum(counts) != total or min(counts, default=0) < 0:
        raise ModelError("The file of battles does not hold as many rows as it says.")
    misfit = fit(arrays, data_format.observation_size, data_format.num_actions)
    if misfit:
        raise ModelError(f"The file of battles does not fit this game: {misfit}.")
    start = 0
    for end, count in zip(ends, counts, strict=True):
        yield StoredBattle(end, take(arrays, np.arange(start, start + count)))
        start += count


def _to_jsonl(data_format: DataFormat, battles: list[StoredBattle]) -> bytes:
    lines: list[dict[str, Any]] = [asdict(data_format)]
    for battle in battles:
        rows = {name: column.tolist() for name, column in battle.columns.items()}
        lines.append({**end_as_dict(battle.end), "rows": rows})
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


def _columns(rows: Any, data_format: DataFormat) -> dict[str, NDArray[Any]]:
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


def _names(column: Any) -> Counter[str]:
    return Counter(Source(source).name.lower() for source in column.tolist())
