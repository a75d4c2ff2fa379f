"""Where Ringside's data files lie: in a checkout's `assets/`, or in `game_adapter/assets/` of an installed wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def asset_folders() -> tuple[Path, Path]:
    """The folders that are looked at, the installed one first: beside it may lie some other package's `assets`."""
    return PACKAGE / "assets", PACKAGE.parent / "assets"


def asset(name: str) -> Path:
    """The path of a file or folder under assets, e.g. `asset("roster.toml")`; FileNotFoundError with a sentence."""
    for folder in asset_folders():
        path = folder / name
        if path.exists():
            return path
    looked = " and ".join(str(folder) for folder in asset_folders())
    raise FileNotFoundError(f"Ringside's file {name!r} is missing; looked in {looked}. Please install the game again.")
