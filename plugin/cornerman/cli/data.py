"""What `cornerman data` does: shows what is stored of recorded battles, draws it, exports it and imports it again."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from cornerman.cli.dataset import Imported, export, fingerprint, load, plot, summarize
from cornerman.cli.output import draw_to
from cornerman.contract import BattleEnd, CornermanError, ModelError, Transition
from cornerman.experience.battle_store import MAX_BYTES, BattleStore
from cornerman.experience.transitions import StoredBattle, unpack
from cornerman.files.atomic import disk_errors, read_json
from cornerman.files.folder_lock import FolderLock
from cornerman.files.quality_note import quality_lines
from cornerman.models.manifest import Identity, parse_manifest


class StoredData:
    """The recorded battles of one data folder. Every method raises CornermanError with a sentence."""

    def __init__(self, folder: Path, identity: Identity) -> None:
        self._folder, self._action_names, self._format = folder, identity.action_names, identity.data_format

    def lines(self) -> list[str]:
        """What is stored, as a table, and what was set aside."""
        lines = [f"Recorded battles in {self._folder}, of {self._format.game} {self._format.game_version}", ""]
        with closing(self._store()) as store:
            battles, kilobytes = list(store.battles()), store.counts().num_bytes / 1000
        lines += [
            summarize(battles, self._action_names).text(),
            f"{kilobytes:,.0f} kB of the {MAX_BYTES // 1000:,} kB that are kept at most",
        ]
        lines += ["", "Last session, also one that still runs", *(f"  {line}" for line in quality_lines(self._folder))]
        if store.messages:
            lines += ["", "Left out", *(f"  {sentence}" for sentence in store.messages)]
        return lines

    def plot(self, path: Path) -> str:
        return draw_to(path, lambda: plot(summarize(self._battles(), self._action_names), path))

    def export(self, path: Path) -> str:
        battles = self._battles()
        if not battles:
            raise CornermanError(f"no battle is stored in {self._folder}, so there is nothing to export")
        with disk_errors(f"{path} cannot be written"):
            rows = export(path, self._format, battles)
        return f"Exported {len(battles):,} battles with {rows:,} decisions to {path}"

    def import_battles(self, path: Path) -> list[str]:
        """Add the battles of an exported file that are not here yet, under numbers of their own; says how many, and
        what was refused.

        Holds the folder's lock meanwhile, so that it never writes into the store of a game that is running.
        """
        imported = load(path, self._format)
        with closing(FolderLock(self._folder, "cornerman data")), closing(self._store(read_only=False)) as store:
            return _added(store, path, imported)

    def _battles(self) -> list[StoredBattle]:
        with closing(self._store()) as store:
            return list(store.battles())

    def _store(self, read_only: bool = True) -> BattleStore:
        return BattleStore(self._folder, self._format, say=lambda _: None, read_only=read_only)  # shown in the table


def _added(store: BattleStore, path: Path, imported: Imported) -> list[str]:
    """Store what was imported and is not here, and say what was; CornermanError where nothing could be."""
    known = Counter(map(fingerprint, store.battles()))
    battles, here = [], 0
    for battle in filter(len, imported.battles):
        key = fingerprint(battle)
        if known[key]:
            known[key] -= 1  # a file may hold a battle twice that is here once
            here += 1
        else:
            battles.append(battle)
    try:
        store.append(_numbered(battle, number) for number, battle in enumerate(battles, store.next_number()))
    except ModelError as error:
        raise CornermanError(f"the battles of {path} could not be stored, none of them ({error})") from error
    lines = [f"Imported {len(battles):,} battles with {sum(map(len, battles)):,} decisions from {path}"]
    lines += [f"  {here:,} battles were here already"] if here else []
    lines += [f"  {refused:,} decisions refused: {reason}" for reason, refused in sorted(imported.left_out.items())]
    if store.counts().num_bytes > MAX_BYTES // 2:
        lines.append(f"  {MAX_BYTES // 2**20} MiB are kept: the oldest battles make room")
    return lines


def _numbered(battle: StoredBattle, number: int) -> tuple[BattleEnd, list[Transition]]:
    return replace(battle.end, battle_id=number), [replace(row, battle_id=number) for row in unpack(battle.columns)]


def identity_of(folder: Path) -> Identity | None:
    """Which game the newest stored version plays: its battles lie beside it; None where no version says."""
    for manifest in sorted((folder / "versions").glob("[0-9]*/manifest.json"), reverse=True):
        try:
            found = parse_manifest(read_json(manifest, "A manifest"), "A manifest")
        except ModelError:
            continue  # a damaged version; an older one knows the game as well
        return found.identity
    return None
