"""What `cornerman data` does: shows what is stored of recorded battles, draws it, and takes it elsewhere and back."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from cornerman.cli.dataset import Imported, export, load, plot, summarize
from cornerman.contract import CornermanError, ModelError
from cornerman.experience.journal import KINDS, MAX_BYTES, SELF_PLAY, Journal, kind_of
from cornerman.experience.safekeeping import FOLDER_NAME
from cornerman.experience.segment import Header, StoredBattle
from cornerman.experience.transitions import unpack
from cornerman.files.atomic import read_json
from cornerman.files.folder_lock import FolderLock
from cornerman.files.quality_note import quality_lines
from cornerman.models.manifest import Identity, parse_manifest
from cornerman.selfplay.practice import FIRST_ID


class StoredData:
    """The recorded battles of one data folder. Every method raises CornermanError with a sentence."""

    def __init__(self, folder: Path, identity: Identity) -> None:
        """Opens the journal, and makes one where there is none."""
        self._folder, self._identity = folder, identity
        one = identity
        self._header = Header(one.game, one.game_version, one.encoder_version, one.observation_size, one.num_actions)
        try:
            self._journal = Journal(folder / FOLDER_NAME, self._header)
        except OSError as error:
            raise CornermanError(f"{folder} cannot be used ({error.strerror or error}).") from error

    def lines(self) -> list[str]:
        """What is stored, as a table, and what was set aside."""
        lines = [f"Recorded battles in {self._folder}, of {self._identity.game} {self._identity.game_version}", ""]
        lines.append(f"{'kept apart':<20}{'battles':>9}{'decisions':>11}{'kB':>9}")
        for kind in KINDS:
            battles = list(self._journal.battles(kind))
            rows = sum(len(battle.columns["action"]) for battle in battles)
            lines.append(f"  {kind:<18}{len(battles):>9,}{rows:>11,}{self._journal.num_bytes(kind) / 1000:>9,.0f}")
        lines += ["", summarize(self._battles(), self._identity.action_names).text()]
        lines += ["", "Last session", *(f"  {line}" for line in quality_lines(self._folder))]
        if self._journal.messages:
            lines += ["", "Left out", *(f"  {sentence}" for sentence in self._journal.messages)]
        return lines

    def plot(self, path: Path) -> str:
        """Draw what is stored into a picture; says so."""
        try:
            plot(summarize(self._battles(), self._identity.action_names), path)
        except ImportError as error:
            raise CornermanError("a plot needs matplotlib (pip install matplotlib)") from error
        except (OSError, ValueError) as error:  # matplotlib: an ending that it cannot write
            raise CornermanError(f"{path} cannot be drawn: {error}") from error
        return f"Drawn to {path}"

    def export(self, path: Path) -> str:
        """Write every stored battle to a .npz or .jsonl file; says how many."""
        battles = self._battles()
        if not battles:
            raise CornermanError(f"no battle is stored in {self._folder}, so there is nothing to export")
        try:
            rows = export(path, self._header, battles)
        except OSError as error:
            raise CornermanError(f"{path} cannot be written ({error.strerror or error})") from error
        return f"Exported {len(battles):,} battles with {rows:,} decisions to {path}"

    def take_in(self, path: Path) -> list[str]:
        """Add the battles of an exported file, under numbers of their own; says how many, and what was refused.

        Holds the folder's lock meanwhile, so that it never writes into the journal of a game that is running.
        """
        imported = load(path, self._header)
        lock = FolderLock(self._folder, "cornerman data")
        try:
            return self._added(path, imported)
        finally:
            self._journal.close()
            lock.release()

    def _added(self, path: Path, imported: Imported) -> list[str]:
        after = {kind: self._journal.next_battle_id(kind) for kind in KINDS}
        after[SELF_PLAY] = max(after[SELF_PLAY], FIRST_ID)
        added: Counter[str] = Counter()
        rows = 0
        for battle in imported.battles:
            if not len(battle.columns["action"]):
                continue
            taken = [replace(row, battle_id=0) for row in unpack(battle.columns)]
            kind = kind_of(battle.end, taken)
            number = after[kind] + added[kind]
            try:
                self._journal.append(
                    replace(battle.end, battle_id=number), [replace(row, battle_id=number) for row in taken], kind
                )
            except (OSError, ValueError) as error:
                done = f"{added.total()} of {len(imported.battles)} battles were imported before"
                raise CornermanError(f"a battle of {path} could not be stored ({error}); {done}") from error
            added[kind] += 1
            rows += len(taken)
        lines = [f"Imported {added.total():,} battles with {rows:,} decisions from {path}"]
        lines += [f"  {count:,} decisions refused: {reason}" for reason, count in sorted(imported.left_out.items())]
        if any(self._journal.num_bytes(kind) > MAX_BYTES // 2 for kind in added):
            lines.append(f"  the journal keeps {MAX_BYTES // 2**20} MiB of each kind: the oldest battles make room")
        return lines

    def _battles(self) -> list[StoredBattle]:
        return [battle for kind in KINDS for battle in self._journal.battles(kind)]


def identity_of(folder: Path) -> Identity | None:
    """Which game the newest stored version plays: its battles lie beside it; None where no version says."""
    for manifest in sorted((folder / "versions").glob("[0-9]*/manifest.json"), reverse=True):
        try:
            found = parse_manifest(read_json(manifest, "A manifest"), "A manifest")
        except ModelError:
            continue  # a damaged version; an older one knows the game as well
        return Identity(
            found.game, found.game_version, found.encoder_version, found.action_names, found.observation_size
        )
    return None
