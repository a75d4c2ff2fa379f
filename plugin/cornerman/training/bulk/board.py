"""Progress of bulk training for TensorBoard; needs the package tensorboard beside torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cornerman.contract import CornermanError


def tensorboard(folder: Path) -> Callable[[Mapping[str, Any]], None]:
    """Writes one progress entry at a time, by decisions; CornermanError where tensorboard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise CornermanError(
            "--tensorboard needs tensorboard, which is not installed (pip install tensorboard)."
        ) from error
    writer: Any = SummaryWriter(str(folder))  # untyped

    def write(entry: Mapping[str, Any]) -> None:
        step = entry["decisions"]
        for name in ("decisions_per_s", "steps", "battles", "version", "rating"):
            if entry[name] is not None:
                writer.add_scalar(f"train/{name}", entry[name], step)
        for name, score in entry["score"].items():
            writer.add_scalar(f"score/{name}", score, step)
        writer.flush()

    return write
