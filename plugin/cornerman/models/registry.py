"""Versions on disk: save, verify, load, promote, roll back, prune, forget.

    DATA_DIR/versions/000007/   weights.safetensors  manifest.json  card.md, and ladder.safetensors where one was made
    DATA_DIR/champion.json      which version plays and which played before it

A version is written under a temporary name, synced, renamed, and only then pointed to; what is read is used only after
every check. No torch: a game can play a stored version with numpy alone. One owner at a time: the game's thread while
loading, then the trainer's. Every failure raises ModelError with a message and leaves what was saved.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import numpy as np

from cornerman import __version__
from cornerman.contract import Floats, ModelError
from cornerman.files.atomic import (
    MAX_JSON_BYTES,
    discard,
    disk_errors,
    move_folder,
    parse_json,
    read_file,
    rename,
    replace_file,
    sync_folder,
    to_json,
    write_file,
)
from cornerman.files.tensor_file import pack
from cornerman.models.champion_file import ChampionRecord, read_champions, write_champions
from cornerman.models.manifest import SCHEMA, Identity, Manifest, Manifests, Provenance, card, parse_manifest
from cornerman.models.weights import (
    CARD,
    LADDER,
    LIMITS,
    MANIFEST,
    MAX_LADDER_BYTES,
    MAX_WEIGHTS_BYTES,
    WEIGHTS,
    Ladder,
    damage,
    ladder_bytes,
    ladder_of,
    policy_of,
)
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, split

VERSIONS = "versions"
_LEFTOVER_S = 3600.0
_NAME = re.compile(r"[0-9]{6,9}")


@dataclass(frozen=True, slots=True)
class VersionEntry:
    """One stored version in a list; where it is damaged, `manifest` is None and `problem` says why."""

    version: int
    state: str  # champion, predecessor, kept, rolled back, quarantined, damaged
    manifest: Manifest | None
    problem: str | None = None


class Registry:
    """The versions of one game in one data directory."""

    def __init__(
        self,
        data_dir: Path,
        identity: Identity,
        spec: NetworkSpec,
        now: Callable[[], float],
        read_only: bool = False,
    ) -> None:
        """`spec` is the network that `save` stores; versions with other hidden layers still load.

        `now` gives seconds since 1970, UTC. `read_only`: nothing is written, and whatever would write raises
        ModelError.
        """
        self.folder, self._identity, self.spec = Path(data_dir), identity, spec
        self._now, self._read_only = now, read_only
        self._versions, self._manifests = self.folder / VERSIONS, Manifests()
        self.changes = 0
        """How often the list of versions has changed, or which of them plays."""
        if not read_only:
            with disk_errors("The folder for saved versions cannot be used"):
                self._versions.mkdir(parents=True, exist_ok=True)
                self._sweep()
        self._record = ChampionRecord()
        record, damaged = read_champions(self.folder)
        self.sentences = [sentence if record is None else f"{sentence} Its copy counts." for sentence in damaged]
        self._record_unwritten = record is None or bool(self.sentences)
        self._record = record or self._rebuilt()

    @property
    def champion(self) -> int | None:
        """The version that plays; None before the first promotion."""
        return self._record.champion

    @property
    def predecessor(self) -> int | None:
        return self._record.predecessor

    @property
    def champions(self) -> tuple[int, ...]:
        """All champions in order of promotion; the last one plays."""
        return self._record.champions

    @property
    def rolled_back(self) -> tuple[int, ...]:
        """Champions that were rolled back and are still stored."""
        return self._record.rolled_back

    def manifests(self) -> Iterator[Manifest]:
        """The readable manifests of all versions."""
        for version in self.numbers():
            try:
                yield self.manifest(version)
            except ModelError:  # `versions` lists damaged ones with the reason
                continue

    def numbers(self) -> list[int]:
        """The stored versions, damaged ones included, oldest first."""
        try:
            found = [path for path in self._versions.iterdir() if _NAME.fullmatch(path.name) and path.is_dir()]
        except OSError:
            return []  # the folder was deleted while the game runs; `save` creates it again
        return sorted(int(path.name) for path in found)

    def versions(self) -> list[VersionEntry]:
        """Every stored version with its state; reads the manifests, not the weights."""
        return [self._entry(version) for version in self.numbers()]

    def quarantined(self, version: int) -> bool:
        """Whether a version is imported and was not yet tried with success, as `exchange.try_out` does."""
        return self.manifest(version).origin == "imported" and version not in self._record.cleared

    def imported(self, flat: Floats, spec: NetworkSpec) -> int | None:
        """The imported version that has these very parameters `[P]` and loads; None where there is none."""
        digest = hashlib.sha256(pack(split(np.asarray(flat, np.float32), spec))).hexdigest()
        found = (each.version for each in self.manifests() if (each.origin, each.sha256) == ("imported", digest))
        return next((version for version in found if damage(self._folder(version)) is None), None)

    def _entry(self, version: int) -> VersionEntry:
        try:
            manifest = self.manifest(version)
            return VersionEntry(version, self._state(version, manifest), manifest)
        except ModelError as error:
            return VersionEntry(version, "damaged", None, str(error))

    def _state(self, version: int, manifest: Manifest) -> str:
        if version == self._record.champion:
            return "champion"
        if manifest.origin == "imported" and version not in self._record.cleared:
            return "quarantined"
        if version == self._record.predecessor:
            return "predecessor"
        return "rolled back" if version in self._record.rolled_back else "kept"

    def save(self, flat: Floats, provenance: Provenance, spec: NetworkSpec | None = None) -> int:
        """Store parameters `[P]` as a new version and return its number; it does not play yet. ModelError when it
        cannot be saved; then nothing of it is left and everything older is untouched."""
        self._check_writable()
        spec = spec or self.spec
        if not np.isfinite(flat).all():
            raise ModelError("The new version holds a number that is not finite; it was not saved.")
        weights = pack(split(np.asarray(flat, np.float32), spec))
        numbers, first = self.numbers(), int(provenance.origin == "imported")  # which leaves 0 for an untrained one
        left = provenance == Provenance() and numbers == [1] and all(m.origin == "imported" for m in self.manifests())
        version = 0 if left else max(first, self._record.next_version, *(number + 1 for number in numbers))
        manifest = self._describe(version, spec, provenance, weights)
        described, what = to_json(manifest.as_dict()), f"The manifest of version {version}"
        parse_manifest(parse_json(described, what), what)  # nothing is written that would not be read
        if len(described) > MAX_JSON_BYTES or len(weights) > MAX_WEIGHTS_BYTES:
            raise ModelError(f"Version {version} is larger than what can be read back; it was not saved.")
        files = {WEIGHTS: weights, MANIFEST: described, CARD: card(manifest).encode("utf-8", "replace")}
        self._write_folder(version, files)
        self.changes += 1
        return version

    def _describe(self, version: int, spec: NetworkSpec, provenance: Provenance, weights: bytes) -> Manifest:
        origin = asdict(replace(provenance, from_player=self._from_player(provenance)))
        return Manifest(
            schema=SCHEMA,
            version=version,
            hidden=spec.hidden,
            sha256=hashlib.sha256(weights).hexdigest(),
            weights_bytes=len(weights),
            shapes=dict(spec.arrays()),
            created=datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="seconds"),
            plugin_version=__version__,
            **asdict(self._identity),
            **origin,
        )

    def _from_player(self, provenance: Provenance) -> bool:
        """Whether a version to be saved learned from the player; True where its parent's manifest cannot be read."""
        if provenance.from_player or provenance.rows.get("player", 0) > 0:
            return True
        try:
            return provenance.parent is not None and self.manifest(provenance.parent).from_player
        except ModelError:
            return True

    def _write_folder(self, version: int, files: Mapping[str, bytes]) -> None:
        temporary = self._versions / f".new-{version:06d}"
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            for name, data in files.items():
                write_file(temporary / name, data)
            sync_folder(temporary)
            move_folder(temporary, self._folder(version))
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            if not isinstance(error, FileExistsError):
                shutil.rmtree(self._folder(version), ignore_errors=True)
            raise ModelError(
                f"Version {version} could not be saved ({error.strerror or error}); what was saved before is untouched."
            ) from error

    def manifest(self, version: int) -> Manifest:
        """The checked manifest of a version, without its gate's battles; ModelError with a sentence."""
        what = f"The manifest of version {version}"
        manifest = self._manifests.read(self._folder(version) / MANIFEST, what)
        if manifest.version != version:
            raise ModelError(f"{what} belongs to version {manifest.version}.")
        return manifest

    def load(self, version: int) -> Policy:
        """A version that passed every check: size, SHA-256, names, shapes, types, finite numbers, one inference;
        ModelError with a sentence when it is damaged, made for something else, or missing."""
        manifest = self.manifest(version)
        misfit = manifest.misfit(self._identity)
        if misfit is not None:
            raise ModelError(f"Version {version} cannot play here: {misfit}.")
        data = read_file(self._folder(version) / WEIGHTS, MAX_WEIGHTS_BYTES, f"The weights of version {version}")
        return policy_of(manifest, data, f"version {version}")

    def stored(self, version: int) -> dict[str, bytes]:
        """The files of a version that passes every check, for export; ModelError where one fails."""
        self.load(version)
        names = [name for name in LIMITS if name != LADDER or self.ladder(version)]
        return {name: read_file(self._folder(version) / name, LIMITS[name], f"Version {version}") for name in names}

    def ladder(self, version: int) -> Ladder | None:
        """The ladder of a version; None where it has none. ModelError where one of the two is damaged."""
        path, what = self._folder(version) / LADDER, f"version {version}"
        if not os.path.exists(path):
            return None
        return ladder_of(read_file(path, MAX_LADDER_BYTES, f"The ladder of {what}"), self.load(version), what)

    def save_ladder(self, version: int, ladder: Ladder) -> None:
        """Store a version's ladder in place of the one that it had; ModelError where it cannot be stored."""
        self._check_writable()
        with disk_errors(f"The ladder of version {version} could not be saved"):
            replace_file(self._folder(version) / LADDER, ladder_bytes(ladder))

    def load_champion(self) -> tuple[Policy | None, list[str]]:
        """The newest champion that loads, or None; and a message for each one that does not.

        Damaged champions are removed from the record, so the version returned is the champion from here on.
        """
        sentences, self.sentences = self.sentences, []
        record = self._record
        while record.champion is not None:
            try:
                policy = self.load(record.champion)
            except ModelError as error:
                sentences.append(str(error))
                record = record.without({record.champion})
                continue
            if record != self._record:
                left = f"Version {record.champion} takes its place."
                sentences.append("No trained version is left." if policy.indifferent else left)
            changed = record != self._record or self._record_unwritten
            self._record = record
            if changed and not self._read_only:
                try:
                    self._point(record)
                except ModelError as error:  # the next start finds it out again
                    sentences.append(str(error))
            return policy, sentences
        if sentences:
            sentences.append("No saved version can be used; the computer's side starts anew.")
        return None, sentences

    def promote(self, version: int) -> None:
        """Make a stored version the champion, after loading it once; ModelError when it cannot be or is quarantined."""
        if self.quarantined(version):
            how = "by 'cornerman versions import FILE --game module:attribute' or in the panel"
            raise ModelError(f"Version {version} is in quarantine: import its file once more, {how}, which tries it.")
        self.load(version)
        self._point(self._record.promoted(version))

    def roll_back(self) -> int | None:
        """Make the newest predecessor that loads the champion; returns its number, or None where there is none."""
        record = self._record
        while record.predecessor is not None:
            record = record.rolled()
            try:
                self.load(record.champions[-1])
            except ModelError as error:
                self.sentences.append(str(error))
                continue
            self._point(record)
            return record.champion
        return None

    def clear(self, version: int) -> None:
        """Let an imported version out of quarantine: it was tried with success."""
        self.load(version)
        if version not in self._record.cleared:
            self._point(replace(self._record, cleared=(*self._record.cleared, version)))

    def _check_writable(self) -> None:
        if self._read_only:
            raise ModelError(f"{self.folder} is open for reading only; nothing in it can be changed.")

    def _point(self, record: ChampionRecord) -> None:
        self._check_writable()
        record = replace(record, next_version=max([record.next_version, *(number + 1 for number in self.numbers())]))
        with disk_errors("Which version plays could not be stored", "; what was stored before counts"):
            write_champions(self.folder, record)
        self._record, self._record_unwritten = record, False
        self.changes += 1

    def _rebuilt(self) -> ChampionRecord:
        """The record rebuilt from the manifests, where both files are lost: version 0 and all that passed the gate."""
        trained = (manifest for manifest in self.manifests() if manifest.origin == "trained")
        numbers = [manifest.version for manifest in trained if manifest.version == 0 or manifest.passed_gate]
        if self.sentences:
            self.sentences.append("The order of the champions was rebuilt from the stored versions.")
        return ChampionRecord(champions=tuple(numbers))

    def prune(self, keep: int) -> list[int]:
        """Delete the oldest until `keep` are left; never version 0, the champion, its predecessor, the ladder."""
        numbers = self.numbers()
        with_ladder = (number for number in reversed(self.champions) if os.path.exists(self._folder(number) / LADDER))
        safe = {0, self.champion, self.predecessor, numbers[-1] if numbers else None, next(with_ladder, None)}
        spare = [number for number in numbers if number not in safe]
        return self._delete(spare[: max(0, len(numbers) - keep)])

    def erase_trained_from_player(self) -> list[int]:
        """Delete every version that learned from the player, and its descendants.

        Damaged versions are deleted too, since what they learned from is unknown.
        """
        self._check_writable()
        entries = self.versions()
        tainted = {entry.version for entry in entries if entry.manifest is None or entry.manifest.from_player}
        for entry in entries:  # versions of older manifests do not say it of their ancestors
            if entry.manifest is not None and entry.manifest.parent in tainted:
                tainted.add(entry.version)
        with disk_errors("Leftovers of saved versions could not be erased"):
            self._sweep(older_than_s=-inf)
        return self._delete(sorted(tainted))

    def _delete(self, versions: list[int]) -> list[int]:
        """Remove `versions` from the record, then delete them: a crash in between leaves unused folders, no gap."""
        if not versions:
            return []
        self._point(self._record.without(set(versions)))
        failed: OSError | None = None
        for version in versions:
            gone = self._versions / f".gone-{version:06d}"  # renamed first: no version is found half deleted
            try:
                rename(self._folder(version), gone)
                shutil.rmtree(gone)
            except OSError as error:
                failed = error
        self.changes += 1
        if failed is not None:
            why = f"Not every version could be deleted ({failed.strerror or failed}); try again."
            raise ModelError(why) from failed
        return versions

    def _sweep(self, older_than_s: float = _LEFTOVER_S) -> None:
        """Remove temporary files of a killed process, if they are too old to be still written."""
        for path in (*self._versions.glob(".gone-*"), *self._versions.glob(".new-*"), *self.folder.glob(".*.new")):
            if not path.name.startswith(".gone-") and self._now() - path.stat().st_mtime < older_than_s:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                discard(path)

    def _folder(self, version: int) -> Path:
        return self._versions / f"{version:06d}"
