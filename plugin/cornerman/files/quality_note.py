"""Quality of the last session's recorded data, kept in `quality.json` for `cornerman doctor`.

Written by the trainer's thread or at the end of the game; read by the command line.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cornerman.contract import ModelError
from cornerman.files.atomic import read_json, replace_file, to_json, unlink

log = logging.getLogger("cornerman")

FILE_NAME = "quality.json"
MAX_SENTENCE = 400


class QualityNote:
    """The file of one session."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._written: object = None

    def write(self, counts: Mapping[str, Any], ending: bool = False) -> None:
        """Write `Recorder.quality()` where more was rejected since the last time, or where the game is `ending`.

        A file that cannot be written costs a log line, and is tried again as late as one that was written.
        """
        counted = {name: value for name, value in counts.items() if name not in ("recorded", "examples")}
        if (counted == self._written and not ending) or not (counts["recorded"] or counts["rejected"]):
            return
        self._written = counted
        examples = {reason: sentence[:MAX_SENTENCE] for reason, sentence in counts["examples"].items()}
        try:
            replace_file(self._path, to_json({**counts, "examples": examples}))
        except OSError as error:
            log.warning("the quality of the recorded data could not be written (%s)", error)

    def erase(self) -> None:
        """Delete the file, whose examples may quote what the player did; OSError where it cannot be deleted."""
        unlink(self._path)
        self._written = None


def quality_lines(folder: Path) -> list[str]:
    """What was recorded in the last session and what was rejected, one line a reason with an example."""
    if not os.path.exists(folder / FILE_NAME):
        return [f"nothing was recorded yet in {folder}"]
    try:
        counts = read_json(folder / FILE_NAME, "The note on the recorded data")
        reasons = [
            (str(reason), int(count), str(counts["examples"].get(reason, "")))
            for kind in ("rejected", "clamped")
            for reason, count in sorted(counts.get(kind, {}).items())
        ]
        rejected = sum(map(int, counts["rejected"].values()))
        recorded, abandoned = int(counts["recorded"]), int(counts["abandoned"])
        not_as_chosen, example = int(counts["not_as_chosen"]), str(counts["examples"].get("not as chosen", ""))
    except ModelError as error:
        return [str(error)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [f"The note on the recorded data does not hold what it should ({error})."]
    lines = [f"{recorded:,} decisions recorded in the last session, {rejected:,} events rejected"]
    lines += [f"{count:,} x {reason}: {example}" for reason, count, example in reasons]
    if abandoned:
        what = "1 battle never ended and was" if abandoned == 1 else f"{abandoned:,} battles never ended and were"
        lines.append(f"{what} abandoned")
    if not_as_chosen:
        lines.append(f"{not_as_chosen:,} times the game played another action than was chosen. {example}".rstrip())
    return lines
