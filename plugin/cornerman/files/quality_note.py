"""How good the recorded data of the last session was, kept in `quality.json` for `cornerman doctor`.

Written by the trainer's thread or at the end of the game; read by the command line.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cornerman.contract import ModelError
from cornerman.files.atomic import read_json, replace_file, to_json

log = logging.getLogger("cornerman")

FILE_NAME = "quality.json"
MAX_SENTENCE = 400


class QualityNote:
    """The note of one session."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._noted: object = None

    def write(self, counts: Mapping[str, Any], ending: bool = False) -> None:
        """Keep `Recorder.quality()`, where something was set aside since the last time or the game is `ending`.

        That it cannot be written costs a line in the log.
        """
        noted = {name: value for name, value in counts.items() if name not in ("recorded", "examples")}
        if (noted == self._noted and not ending) or not (counts["recorded"] or counts["rejected"]):
            return
        examples = {reason: sentence[:MAX_SENTENCE] for reason, sentence in counts["examples"].items()}
        try:
            replace_file(self._path, to_json({**counts, "examples": examples}))
            self._noted = noted
        except OSError as error:
            log.warning("the counts of what was set aside could not be written (%s)", error)

    def erase(self) -> None:
        """Erase it: an example may quote what the player did. OSError where it cannot be erased."""
        self._path.unlink(missing_ok=True)
        self._noted = None


def quality_lines(folder: Path) -> list[str]:
    """What was recorded in the last session and what was set aside, one line a reason with an example."""
    if not (folder / FILE_NAME).exists():
        return [f"nothing was recorded yet in {folder}"]
    try:
        counts = read_json(folder / FILE_NAME, "The note on the recorded data")
        rejected = {str(reason): int(count) for reason, count in counts["rejected"].items()}
        examples = {str(reason): str(sentence) for reason, sentence in counts["examples"].items()}
        recorded, abandoned = int(counts["recorded"]), int(counts["abandoned"])
        not_as_chosen = int(counts["not_as_chosen"])
    except ModelError as error:
        return [str(error)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [f"The note on the recorded data does not hold what it should ({error})."]
    lines = [f"{recorded:,} decisions recorded in the last session, {sum(rejected.values()):,} events set aside"]
    lines += [f"{count:,} x {reason}: {examples.get(reason, '')}" for reason, count in sorted(rejected.items())]
    if abandoned:
        lines.append(f"{abandoned:,} battles never ended and were abandoned")
    if not_as_chosen:
        lines.append(f"{not_as_chosen:,} times the game played another action than the one that was chosen")
    return lines
