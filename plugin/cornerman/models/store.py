"""Store: the files of one data folder, opened once by the plugin, by bulk training or by a command.

    DATA_DIR/in-use.json            held while the store is open for writing (files/folder_lock.py)
    DATA_DIR/versions/              the versions, and in champion.json which of them plays (registry.py)
    DATA_DIR/battles.sqlite         the recorded battles (experience/battle_store.py)
    DATA_DIR/history.sqlite         what happened to them (history.py)
    DATA_DIR/resume.safetensors     the checkpoint that the next session resumes from (files/checkpoint_file.py)
    DATA_DIR/bulk/                  log and checkpoint of bulk training

A read-only store serves a game whose folder another process writes to, or whose disk refuses. One owner at a time: the
game's thread while loading, then the trainer's.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cornerman.contract import ModelError
from cornerman.evaluation.ratings import Meeting, Rating, rate, rate_linked
from cornerman.experience.battle_store import BattleStore
from cornerman.files.checkpoint_file import CheckpointFile
from cornerman.files.folder_lock import FolderLock
from cornerman.models.manifest import Identity
from cornerman.models.registry import Registry
from cornerman.policy.q_network import NetworkSpec

if TYPE_CHECKING:
    from cornerman.models.history import History


log = logging.getLogger("cornerman")


class Store:
    """The files of one game in one data folder; a context manager that closes itself."""

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        spec: NetworkSpec | None = None,
        who: str = "",
        now: Callable[[], float] = time.time,
        say: Callable[[str], object] = log.warning,
    ) -> None:
        """Claim `folder` for writing as `who`, a name for people; without `who` it is opened read-only.

        `spec` is the network that is saved (default: the usual hidden layers), `say` takes messages about stored
        battles, `now` gives seconds since 1970, UTC. DataInUseError names the process that writes there already,
        ModelError says what the disk refuses.
        """
        self.folder, self.read_only, self._now = folder, not who, now
        self.problem = ""
        """Why the folder cannot be written to, where it should be."""
        self._history: History | None = None
        self.battles = BattleStore(folder, identity.data_format, say, read_only=self.read_only)
        self._lock = FolderLock(folder, who) if who else None
        self.bulk_folder = folder / "bulk"
        made_for = f"{identity.encoder_version} {identity.game}"
        self.checkpoint, self.bulk_checkpoint = (CheckpointFile(at, made_for) for at in (folder, self.bulk_folder))
        try:
            spec = spec or NetworkSpec(identity.observation_size, identity.num_actions)
            self.registry = Registry(folder, identity, spec, now, read_only=self.read_only)
        except ModelError:
            self.close()
            raise

    @classmethod
    def for_playing(
        cls, folder: Path, identity: Identity, spec: NetworkSpec, who: str, say: Callable[[str], None]
    ) -> Store:
        """A store for writing or, where that cannot be, a read-only one whose `problem` says why."""
        try:
            return cls(folder, identity, spec, who, say=say)
        except ModelError as error:
            store = cls(folder, identity, spec, say=say)
            store.problem = str(error)
            return store

    @property
    def has_history(self) -> bool:
        from cornerman.models.history import FILE_NAME

        return self._history is not None or os.path.exists(self.folder / FILE_NAME)

    def history(self) -> History:
        """The record of versions and battles, opened at the first call. ModelError where it cannot be opened.

        A read-only store begins none.
        """
        from cornerman.models.history import History  # SQLite is not needed at every start of a game

        if self._history is None:
            if self.read_only and not self.has_history:
                raise ModelError(f"{self.folder} holds no history of versions and battles yet.")
            self._history = History(self.folder, self._now, self.read_only)
        return self._history

    def ratings(self, meetings: Sequence[Meeting], bots: Sequence[str]) -> dict[str, Rating]:
        """By name, a version by its number; whoever is missing is not rated. The newest champion with a ladder
        keeps its points, and of `bots`, weakest first (none: as the battles rate them), the first one met has 0."""
        came = self.came_with()
        champions = [name for name in map(str, self.registry.champions) if name in came]
        anchors = {name: came[name].points for name in champions[-1:]}
        met = {name for meeting in meetings for name in (meeting.player, meeting.opponent) if not name.isdigit()}
        weakest = next((name for name in bots or [*rate(meetings, anchors)][::-1] if name in met), None)
        return rate_linked(meetings, anchors | ({weakest: 0.0} if weakest else {})) | came

    def came_with(self) -> dict[str, Rating]:
        """What versions with a ladder are rated at their best level, by number; nothing of damaged ones."""
        ratings = {}
        for version in self.registry.numbers():
            with suppress(ModelError):
                if (ladder := self.registry.ladder(version)) is not None:
                    ratings[str(version)] = Rating(ladder.top.points, ladder.top.low, ladder.top.high, 0)
        return ratings

    def close_history(self) -> None:
        if self._history is not None:
            self._history.close()
            self._history = None

    def close(self) -> None:
        """Close every file and let others write; safe to call twice."""
        with ExitStack() as rest:  # each whatever another one raised
            if self._lock is not None:
                rest.callback(self._lock.close)
            rest.callback(self.close_history)
            self.battles.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
