"""`cornerman ghost`: the models of players as fighters: lists them, passes them on, and lets them fight."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from cornerman.contract import Bot, CornermanError, Game, HeadlessGame, ModelError, Source
from cornerman.evaluation.arena import evaluate
from cornerman.evaluation.headless import PolicyBot
from cornerman.experience.battle_store import BattleStore
from cornerman.experience.encoder import Encoder
from cornerman.experience.transitions import DataFormat, StoredBattle, unpack
from cornerman.files.folder_lock import FolderLock
from cornerman.models.exchange import base_model, smoke_battle
from cornerman.models.manifest import Identity
from cornerman.opponent.ghost import ENDING, FOLDER, Ghost, ghosts_in, read_ghost, write_ghost
from cornerman.opponent.players import Players
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import counted
from cornerman.training.bulk.bar import Bar, quietly

NAME = r"[\w-]{1,60}"
"""What an imported ghost may be called."""


class Ghosts:
    """The ghosts of one data folder: of its own players, and imported ones. CornermanError with a sentence."""

    def __init__(self, folder: Path, game: Game, identity: Identity, champion: Callable[[], Policy]) -> None:
        """`champion` reads the stored champion, over which the models of this folder's players are laid; where no
        version is stored, the model that the game ships takes its place."""
        self._stored, self._identity = champion, identity
        self._folder, self._game, self._encoder = folder, game, Encoder(game)
        self._format = identity.data_format

    def _champion(self) -> Policy:
        shipped = self._encoder.declaration.base_model
        if shipped is None or (self._folder / "versions").is_dir():
            return self._stored()
        return base_model(self._identity, shipped)[0]

    def lines(self) -> list[str]:
        """Players whose battles are stored, and imported ghosts."""
        battles = self.battles_by_player()
        imported, sentences = ghosts_in(self._folder, self._format)
        found = [(name or 'unnamed ("")', counted(count, "stored battle")) for name, count in sorted(battles.items())]
        found += [(name, f"{counted(ghost.battles, 'battle')}, imported") for name, ghost in imported.items()]
        width = max([24, *(len(name) for name, _ in found)])
        lines = [f"{name:<{width}} {what}" for name, what in found]
        return [*(lines or ["No player's battles are stored, and no ghost was imported."]), *sentences]

    def find(self, name: str) -> Ghost:
        """An imported ghost by its name, that of a player of this folder ("": who is not named), or that in a file."""
        imported = self._folder / FOLDER / f"{name}{ENDING}"
        if re.fullmatch(NAME, name) and imported.is_file():
            return _read(imported, self._format)
        if name.endswith(ENDING) and Path(name).is_file():
            return _read(Path(name), self._format)
        return self.own(name)

    def bot(self, name: str) -> Bot:
        """The ghost that `find` finds, as a bot."""
        return PolicyBot(self.find(name), self._encoder)

    def own(self, player: str) -> Ghost:
        """The ghost of a player of this folder, learned from the stored battles."""
        model = self._learned(player).model
        if model is None:
            raise CornermanError(f"no battle of {player or 'the player'} is stored in {self._folder}")
        return Ghost(player, model, model.champion, model.battles, model.score.decisions)

    def known(self, player: str) -> dict[str, Any]:
        """What the stored battles say of a player, as `Players.report`."""
        return self._learned(player).report()

    def battles_by_player(self) -> Counter[str]:
        return Counter(battle.end.player for battle in self._battles())

    def _learned(self, player: str) -> Players:
        champion, declared = self._champion(), self._encoder.declaration
        names = self._encoder.feature_names, declared.action_names
        players = Players(lambda: champion, *names, declared.divisors)
        for battle in self._battles():
            if battle.end.player == player:
                players.end(unpack(battle.columns), battle.end)
        due = players.unlearned
        stopped = Bar(quietly).during(
            f"learning how {player or 'the player'} plays", done=lambda: f", {due - players.unlearned} of {due} battles"
        )
        while not stopped() and players.advance():
            pass
        return players

    def export(self, player: str, path: Path) -> str:
        ghost = self.own(player)
        write_ghost(ghost, self._format, path)
        use = "'cornerman ghost import' adds it elsewhere"
        if not isinstance(self._game, HeadlessGame):
            use = f"it fights where {self._game.name} has headless battles, which here it has not"
        return f"The ghost of {counted(ghost.battles, 'battle')} is in {path}; {use}."

    def import_file(self, path: Path) -> str:
        """Import a ghost after every check and a smoke battle, under the name of its file, never over another one."""
        ghost, name = read_ghost(path, self._format), path.name.removesuffix(ENDING)
        if not re.fullmatch(NAME, name):
            raise CornermanError(f"{path.name} is no name for a ghost: use letters, digits, - and _, then {ENDING}")
        target = self._folder / FOLDER / f"{name}{ENDING}"
        if target.exists():
            raise CornermanError(f"there is a ghost {name} already: give {path.name} another name, or remove {target}")
        smoke_battle(ghost, self._headless(), self._encoder)
        with closing(FolderLock(self._folder, "cornerman ghost")):
            target.parent.mkdir(exist_ok=True)
            write_ghost(ghost, self._format, target)
        fights = f"'cornerman ghost play {name}' lets it fight"
        return f"The ghost {name} was imported and has played a smoke battle; {fights}."

    def play(self, name: str, num_battles: int, seed: int) -> str:
        champion, game = self._champion(), self._headless()
        result = evaluate(self.find(name), PolicyBot(champion, self._encoder), game, num_battles, seed)
        low, high = result.interval
        who = f"The ghost of {name or 'the player'}"
        nothing = ", which has learned nothing" if champion.indifferent else ""
        return f"{who} against version {champion.version}{nothing}: {result.win_rate:.1%} won ({low:.1%} to {high:.1%})"

    def _headless(self) -> HeadlessGame:
        if not isinstance(self._game, HeadlessGame):
            only = f"{self._game.name} offers no headless battles, and commands let ghosts fight in no others"
            raise CornermanError(f"{only}: the player's own ghost fights where the game asks for host.ghost_action")
        return self._game

    def _battles(self) -> Iterator[StoredBattle]:
        with closing(BattleStore(self._folder, self._format, read_only=True)) as store:
            for battle in store.battles():
                if Source.PLAYER in battle.end.seats.values():
                    yield battle


def _read(path: Path, data_format: DataFormat) -> Ghost:
    """The ghost in a file; CornermanError that names the file where it cannot be used."""
    try:
        return read_ghost(path, data_format)
    except ModelError as error:
        raise CornermanError(f"{path}: {error}") from error
