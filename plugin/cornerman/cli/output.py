"""Standard output and error of the commands, so that printing never fails.

Without a console (pythonw, a windowed build, closed descriptors) output goes nowhere; a character that the console or
pipe cannot show is escaped.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

from cornerman.contract import CornermanError


def prepare_output() -> None:
    """Make both streams usable; call it once, before anything is printed or opened."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: the next file or pipe would be opened under its number, and printed into
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def sentence_of(error: Exception) -> str:
    """What an error says, for a person: of the system's, which file or folder and why, without its number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename} cannot be used ({error.strerror})" if error.filename else error.strerror
    return str(error)


def draw_to(path: Path, draw: Callable[[], None]) -> str:
    """Draw a picture with matplotlib and say so; CornermanError where it is missing or cannot write there."""
    try:
        draw()
    except ImportError as error:
        raise CornermanError("a plot needs matplotlib (pip install matplotlib)") from error
    except (OSError, ValueError) as error:  # matplotlib: an ending that it cannot write
        why = error.strerror if isinstance(error, OSError) else None
        raise CornermanError(f"{path} cannot be drawn: {why or error}") from error
    return f"Drawn to {path}"
