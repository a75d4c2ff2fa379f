"""Export and import of versions.

An imported file is not trusted: nothing in it is executed, no name in it becomes a path, and nothing is written but a
new version made from the checked numbers alone. It stays in quarantine, where it cannot be promoted, until it has
played a smoke battle; in a game with hooks alone, until its weights have given usable values. Every refusal is a
ModelError with the reason.
"""

from __future__ import annotations

import io
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cornerman.contract import CornermanError, Game, HeadlessGame, ModelError
from cornerman.edge.onnx_file import ILLEGAL, from_onnx, notes_of
from cornerman.experience.declaration import declaration_of
from cornerman.experience.encoder import Encoder
from cornerman.files.atomic import MAX_JSON_BYTES, disk_errors, parse_object, read_file, replace_file, to_json
from cornerman.models.champions import Champions
from cornerman.models.manifest import Identity, Manifest, Provenance, parse_manifest
from cornerman.models.registry import Registry
from cornerman.models.weights import (
    LADDER,
    LIMITS,
    MANIFEST,
    MAX_LADDER_BYTES,
    MAX_WEIGHTS_BYTES,
    WEIGHTS,
    Ladder,
    ladder_of,
    policy_of,
    usable_policy,
)
from cornerman.policy.policy import Acting, Policy

if TYPE_CHECKING:
    from cornerman.evaluation.headless import Played

IMPORTS, EXPORTS = "imports", "exports"
"""The folders inside the data folder for models to import, and for versions that the panel exports."""
SMOKE_SEED = 7
_MAX_ARCHIVE_BYTES = sum(LIMITS.values()) + 2**16
_MAX_MEMBERS = 4
_MAX_DIRECTORY_BYTES = 4096
_END_BYTES, _LOCATOR_BYTES = 22, 20
_WHAT = "The file to import"
ONNX = ".onnx"
ONNX_FORMAT, INT8_FORMAT = "cornerman 1", "cornerman 1 int8"
MASK_RULE = f"masked_values holds {ILLEGAL:g} where action_mask is false; play the action of the largest value"


def export_version(registry: Registry, version: int, path: Path) -> None:
    """Write a checked version to `path` as a .zip, in one step; ModelError when it is damaged or cannot be written."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as writer:
        for name, data in registry.stored(version).items():
            writer.writestr(zipfile.ZipInfo(name), data)  # a fixed date: the same version gives the same bytes
    with disk_errors(f"Version {version} could not be written to {path}"):
        replace_file(path, archive.getvalue())


def export_into(registry: Registry, version: int, folder: Path) -> Path:
    """Export a version into the exports of a data folder; returns the file. ModelError as `export_version`."""
    path = folder / EXPORTS / f"version-{version}.zip"
    with disk_errors(f"The folder {path.parent} could not be made"):
        path.parent.mkdir(exist_ok=True)
    export_version(registry, version, path)
    return path


def import_version(registry: Registry, identity: Identity, path: Path) -> int:
    """Store the version in a .zip or .onnx file as a new one in quarantine and return its number; that of the same one
    where it was imported before.

    ModelError when anything in it is not as `export_version` or `onnx_notes` write it, or it was made for something
    else.
    """
    policy, manifest, ladder = read_file_to_import(identity, path)
    if (known := registry.imported(policy.flat, manifest.spec)) is not None:
        return known
    # The gate's result is not copied: it is about another data folder's champion.
    provenance = Provenance(learning_steps=manifest.learning_steps, origin="imported", from_player=manifest.from_player)
    version = registry.save(policy.flat, provenance, spec=manifest.spec)
    if ladder is not None:
        registry.save_ladder(version, ladder)
    return version


def read_file_to_import(identity: Identity, path: Path) -> tuple[Policy, Manifest, Ladder | None]:
    """The version in a .zip or .onnx file, as `read_version`."""
    return (_read_onnx if path.suffix.lower() == ONNX else read_version)(identity, path)


def read_version(identity: Identity, path: Path) -> tuple[Policy, Manifest, Ladder | None]:
    """The version in a .zip, with its ladder where it has one, after every check; ModelError as `import_version`."""
    read = _zip_reader(path)
    manifest = _fitting(read(MANIFEST, MAX_JSON_BYTES), identity)
    if manifest.weights_bytes > MAX_WEIGHTS_BYTES:
        raise ModelError(f"The version cannot be imported: it claims {manifest.weights_bytes:,} bytes of weights.")
    policy = policy_of(manifest, read(WEIGHTS, manifest.weights_bytes), "the version to import")
    data = read(LADDER, MAX_LADDER_BYTES)
    return policy, manifest, ladder_of(data, policy, "the version to import") if data else None


def _fitting(data: bytes, identity: Identity) -> Manifest:
    """The checked manifest of a version that plays this very game; ModelError."""
    what = "The manifest of the version to import"
    if len(data) > MAX_JSON_BYTES:
        raise ModelError(f"{what} is larger than the {MAX_JSON_BYTES:,} bytes allowed.")
    manifest = parse_manifest(parse_object(data, what), what)
    misfit = manifest.misfit(identity)
    if misfit is not None:
        raise ModelError(f"The version cannot be imported: {misfit}.")
    return manifest


def onnx_notes(manifest: Manifest, encoder: Encoder) -> dict[str, str]:
    """The metadata of a version's ONNX file: for programs elsewhere what goes in and comes out, for the import the
    manifest, without the gate's result, which is about another data folder's champion."""
    layout = {"features": encoder.feature_names, "scales": encoder.declaration.scales}
    return {
        "format": ONNX_FORMAT,
        "game": manifest.game,
        "version": str(manifest.version),
        "encoder": json.dumps({"version": encoder.version, **layout}),
        "action_names": json.dumps(manifest.action_names),
        "mask_rule": MASK_RULE,
        "manifest": to_json(replace(manifest, gate=None).as_dict()).decode(),
    }


def _read_onnx(identity: Identity, path: Path) -> tuple[Policy, Manifest, Ladder | None]:
    """The version in an ONNX file, after every check, with nothing executed; ModelError as `import_version`."""
    data = read_file(path, MAX_WEIGHTS_BYTES + MAX_JSON_BYTES, _WHAT)
    notes = notes_of(data, _WHAT)
    if notes.get("format") == INT8_FORMAT:
        raise ModelError(f"{_WHAT} is in int8, too coarse to learn on from; import the version's file without --int8.")
    if notes.get("format") != ONNX_FORMAT or "manifest" not in notes:
        raise ModelError(f"{_WHAT} is no ONNX file that this Cornerman exported, so nothing in it is used.")
    manifest = _fitting(notes["manifest"].encode(), identity)
    policy = from_onnx(data, manifest.spec, _WHAT)
    return usable_policy(manifest.spec, policy.flat, _WHAT), manifest, None


def play_smoke_battle(registry: Registry, version: int, game: HeadlessGame, encoder: Encoder) -> Played:
    """Let an imported version play against itself, then release it from quarantine; ModelError where that fails."""
    try:
        played = smoke_battle(registry.load(version), game, encoder)
    except (CornermanError, ValueError, ArithmeticError) as error:
        raise ModelError(f"Version {version} failed in its smoke battle and stays in quarantine: {error}") from error
    registry.clear(version)
    return played


def try_out(registry: Registry, version: int, game: Game, encoder: Encoder) -> str:
    """Release an imported version from quarantine after a smoke battle or, with hooks alone, once its weights load and
    give usable values, as `base_model`; returns what it has passed. ModelError where that fails."""
    if isinstance(game, HeadlessGame):
        return f"has played a smoke battle ({play_smoke_battle(registry, version, game, encoder).turns} turns)"
    registry.clear(version)
    return f"gives usable values; {game.name} offers no battles to try it in"


def smoke_battle(agent: Acting, game: HeadlessGame, encoder: Encoder) -> Played:
    """A battle of an agent against itself."""
    # Imported here, because most starts play no smoke battle.
    from cornerman.evaluation.headless import PolicyBot, play_battle

    return play_battle(game, SMOKE_SEED, [PolicyBot(agent, encoder)] * declaration_of(game).num_seats)


def let_base_model_play(champions: Champions, game: Game, encoder: Encoder) -> str:
    """Let the model that the game ships play in place of the game's own fighter; why it cannot, or "".

    Nothing is stored of one that does not fit or fails its smoke battle.
    """
    path = encoder.declaration.base_model
    if path is None or champions.slot.players:
        return ""
    try:
        policy, manifest, ladder = base_model(Identity.of(game, encoder), path)
        if isinstance(game, HeadlessGame):
            smoke_battle(policy, game, encoder)
    except (CornermanError, ValueError, ArithmeticError) as error:
        return f"The model that the game ships ({path.name}) cannot play: {error}"
    champions.promote_base_model(policy, manifest.learning_steps, ladder)
    return ""


def base_model(identity: Identity, path: Path) -> tuple[Policy, Manifest, Ladder | None]:
    """The model that the game ships, as `read_version`; ModelError also where it has learned nothing."""
    found = read_version(identity, path)
    if found[0].indifferent:
        raise ModelError(f"{path} has learned nothing.")
    return found


def waiting_imports(folder: Path) -> list[Path]:
    """The .zip files in the imports folder, sorted by name; none where it cannot be looked into."""
    try:
        return sorted((folder / IMPORTS).glob("*.zip"))
    except OSError:
        return []


def import_waiting(folder: Path, champions: Champions, game: Game, encoder: Encoder) -> str:
    """Import the first waiting model and promote it after `try_out`; returns a message about the result.

    The file is renamed either way, so that it is offered once.
    """
    path = next(iter(waiting_imports(folder)), None)
    if path is None:
        return f"There is no .zip in {folder / IMPORTS}."
    ending = ".taken"
    try:
        version = import_version(champions.registry, Identity.of(game, encoder), path)
        try_out(champions.registry, version, game, encoder)
        champions.promote_stored(version)
        result = f"{path.name} is version {version} and plays now; going back brings the one before it."
    except ModelError as error:
        ending, result = ".refused", f"{path.name} was refused: {error}"
    try:
        path.replace(path.with_name(path.name + ending))
    except OSError as error:
        result += f" {path.name} could not be put aside ({error.strerror or error}); remove it."
    return result


def _zip_reader(path: Path) -> Callable[[str, int], bytes]:
    """Reader of a small, plain .zip's members by name, in memory, b"" for an optional one that is missing."""
    data = read_file(path, _MAX_ARCHIVE_BYTES, _WHAT)
    _check_archive(data)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, OSError) as error:
        raise ModelError(f"{_WHAT} is no .zip of a version ({error}).") from error
    members = {info.filename: info for info in archive.infolist()}
    if len(members) != len(archive.infolist()) or not members.keys() <= LIMITS.keys():
        raise ModelError(f"{_WHAT} holds other files than {', '.join(LIMITS)}, or one twice.")

    def read(name: str, limit: int) -> bytes:
        info = members.get(name)
        if info is None and name == LADDER:
            return b""
        if info is None:
            raise ModelError(f"{_WHAT} has no {name}.")
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ModelError(f"{_WHAT} has a {name} that is encrypted or packed in an unusual way.")
        if stat.S_ISLNK(info.external_attr >> 16) or info.file_size > limit:
            raise ModelError(f"{_WHAT} has a {name} that is a link or larger than allowed.")
        try:
            with archive.open(info) as member:
                content = member.read(limit + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OSError) as error:
            raise ModelError(f"{_WHAT} has a damaged {name} ({error}).") from error
        if len(content) > limit:
            raise ModelError(f"{_WHAT} has a {name} larger than it says.")
        return content

    return read


def _check_archive(data: bytes) -> None:
    """Refuse a zip directory that is large, 64-bit, or not at the end of the file, before parsing it."""
    end = data[-_END_BYTES:]
    members, directory_bytes = int.from_bytes(end[10:12], "little"), int.from_bytes(end[12:16], "little")
    locator = data[-_END_BYTES - _LOCATOR_BYTES : -_END_BYTES]
    if not end.startswith(b"PK\x05\x06") or end[-2:] != b"\0\0" or locator.startswith(b"PK\x06\x07"):
        raise ModelError(f"{_WHAT} is no .zip as Cornerman writes it.")
    if members > _MAX_MEMBERS or directory_bytes > _MAX_DIRECTORY_BYTES:
        raise ModelError(f"{_WHAT} lists more files than a version has.")
