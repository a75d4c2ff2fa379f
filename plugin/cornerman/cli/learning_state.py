"""What a data folder says of learning, for an author who is stuck: whether it is on, when it last learned and from how
much, why it rested, what the last candidate came to. Nothing is written; a running game may own the folder.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from cornerman.contract import ModelError
from cornerman.experience.battle_store import BattleStore
from cornerman.experience.transitions import DataFormat
from cornerman.files.checkpoint_file import FILE_NAME, CheckpointFile
from cornerman.files.figures_log import read_figures
from cornerman.files.preferences import Preferences, read_preferences
from cornerman.models.history import FILE_NAME as HISTORY
from cornerman.models.history import History
from cornerman.settings import Settings
from cornerman.training.resume import Progress

_LATEST = 2**33  # seconds since 1970
_ANY = DataFormat("", "", "", 0, 0)
_NEVER_OPEN = "never open: call on_round_end or on_break in the game's pauses, or settle where nothing is drawn"


def learning_lines(data: Path, settings: Settings) -> list[str]:
    """Lines for a person; `settings` as they are but for the game's wishes, which the folder does not know."""
    problems = list[str]()
    chosen = read_preferences(data, problems.append) or Preferences()
    lines = [*_switches(chosen, settings), f"battles      {_battles(data, settings)}"]
    lines += [f"learned      {_learned(data, problems)}", *_last_session(data, problems)]
    try:
        lines += [f"candidates   {_last_verdict(data)}"]
    except ModelError as error:
        problems.append(str(error))
    return lines + problems


def _switches(chosen: Preferences, settings: Settings) -> list[str]:
    lines = ["learning     off, by the setting safe_mode"] if settings.safe_mode else []
    for name in ("recording", "learning")[: 2 - settings.safe_mode]:
        switched, wanted = getattr(chosen, name), getattr(settings, name)
        by = "by the settings; a game may wish otherwise" if switched is None else "by the panel's switch"
        lines.append(f"{name:<12} {'on' if (wanted if switched is None else switched) else 'off'}, {by}")
    return lines


def _battles(data: Path, settings: Settings) -> str:
    try:
        with closing(BattleStore(data, _ANY, lambda sentence: None, read_only=True)) as store:
            counts = store.counts()
    except ModelError as error:
        return str(error)
    begins = f"; learning begins at {settings.warm:,}" if counts.transitions < settings.warm else ""
    return f"{counts.battles:,} stored, with {counts.transitions:,} decisions{begins}"


def _learned(data: Path, problems: list[str]) -> str:
    saved, sentences = CheckpointFile(data).load()
    problems += sentences
    if saved is None:
        return "nothing that was saved"
    try:
        progress = Progress.of(saved[1])
    except ModelError as error:
        return str(error)
    by = ", ".join(f"{count:,} of {source}" for source, count in progress.transitions.items())
    when = _moment((data / FILE_NAME).stat().st_mtime) if os.path.exists(data / FILE_NAME) else "earlier"
    return f"from {sum(progress.transitions.values()):,} decisions ({by}), saved {when}"


def _last_session(data: Path, problems: list[str]) -> list[str]:
    """From the log of figures."""
    figures, sentences = read_figures(data)
    problems += sentences
    lines = [line for line in figures if line.get("source") == "game" and _is_sound(line)]
    lines = [line for line in lines if line["session"] == lines[-1]["session"]]
    if not lines:
        return ["last session no log of it, which is written every log_interval_s"]
    begun, steps = lines[-1]["session"], lines[-1]["steps"]
    worked = [begun + line["at"] for line in lines if line.get("steps_per_s")]
    last = f", the last {_moment(worked[-1])}" if worked else ""
    found = [f"last session {_moment(begun)}, {lines[-1]['at']:,.0f} s; {steps:,} learning steps by then{last}"]
    opened = sum(line.get("window_open") is True for line in lines)
    found.append(f"window       {f'open in {100 * opened / len(lines):.0f}% of it' if opened else _NEVER_OPEN}")
    if rests := [str(line["rest"]) for line in lines if line.get("rest")]:
        found.append(f"rested       in {100 * len(rests) / len(lines):.0f}% of it, last: {rests[-1]}")
    return found


def _is_sound(line: dict[str, Any]) -> bool:
    numbers = [line.get(name) for name in ("session", "at", "steps")]
    return all(isinstance(number, int | float) and 0 <= number < _LATEST for number in numbers)


def _last_verdict(data: Path) -> str:
    if not os.path.exists(data / HISTORY):
        return "none was judged yet"
    with closing(History(data, time.time, read_only=True)) as history:
        newest, turned_down = history.gates(1), sum(history.turned_down().values())
    if not newest:
        return "none was judged yet"
    return f"{_moment(newest[0]['time'])}: {newest[0]['reason']} ({turned_down:,} turned down in all)"


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
