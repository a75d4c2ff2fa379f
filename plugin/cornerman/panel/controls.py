"""Controls: what the panel's switches and buttons do. Called on the game's thread; nothing here waits.

Files are changed on the thread that owns them. Where the data folder is read-only, nothing in it is changed, and a
message says so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from cornerman.contract import ModelError
from cornerman.evaluation.live.results import LiveBattles
from cornerman.experience.battle_store import Counts
from cornerman.experience.encoder import shown
from cornerman.experience.event_queue import Recording
from cornerman.files.preferences import Preferences, read_preferences, write_preferences
from cornerman.models.champions import Champions
from cornerman.models.exchange import EXPORTS, IMPORTS, export_into
from cornerman.models.store import Store
from cornerman.panel.status import Switches
from cornerman.policy.difficulty import ADAPTIVE
from cornerman.policy.policy_slot import counted, name_of

READ_ONLY = "The data folder can only be read now: another game uses it, or the disk refuses. Try again later."


class Loop(Protocol):
    """The training loop, for commands on the thread that owns it."""

    def drop_candidate(self) -> None: ...
    def forget(self) -> None: ...
    def forget_player(self, player: str) -> Counts: ...


class Training(Protocol):
    """The training service; `call` runs a command on the thread that owns the files."""

    @property
    def alive(self) -> bool: ...
    def start(self) -> None: ...
    def start_later(self) -> None: ...
    def pause(self, paused: bool) -> None: ...
    def call(self, command: Callable[[Loop | None], None]) -> None: ...
    def forget_figures(self) -> None: ...
    def erase_log(self) -> None: ...


class Messages(Protocol):
    """Takes messages for the player: `say` those that need attention; and drops what it holds of the player."""

    def say(self, sentence: str) -> None: ...
    def event(self, text: str) -> None: ...
    def forget_player(self) -> None: ...


class PanelControls:
    """One method for each switch and button; those of buttons return a message for the player."""

    def __init__(
        self,
        switches: Switches,
        recording: Recording,
        live: LiveBattles,
        store: Store,
        champions: Champions,
        training: Training,
        import_model: Callable[[], str],
        metrics: Messages,
    ) -> None:
        """`import_model` imports the model in the imports folder and returns a message about the result."""
        self._switches, self._recording, self._live = switches, recording, live
        self._store, self._champions, self._training = store, champions, training
        self._import, self._metrics, self._message, self._event = import_model, metrics, metrics.say, metrics.event
        self._chosen: Preferences | None = None  # what the player chose, None before the first choice

    def set_on(self, on: bool) -> None:
        """Switch the plugin; off, the game's own fighter moves and nothing is recorded or learned."""
        self._switches.on = on
        self._apply()

    def set_recording(self, on: bool) -> None:
        """Switch recording, at once, also in mid-battle."""
        if self._changeable():
            self._switches.recording = on
            self._apply()
            self.remember(recording=on)

    def set_learning(self, on: bool) -> None:
        if self._changeable():
            self.apply_learning(on)
            self.remember(learning=on)

    def apply_learning(self, on: bool) -> None:
        """Switch learning for this session. Where no trainer runs, one starts: in mid-battle, when the next one begins.

        Importing numba or torch stalls frames even from another thread, which does no harm between two battles.
        """
        if self._store.read_only:
            return
        self._switches.learning = on
        if on and not self._training.alive:
            if self._recording.open and not {"numba", "torch"} & set(sys.modules):
                self._training.start_later()
                self._message("Learning starts with the next battle.")
            else:
                self._training.start()
        self._apply()

    def set_difficulty(self, number: int) -> None:
        """Set the difficulty from the next decision on; a message where there is no such level."""
        if number not in range(1, ADAPTIVE + 1):
            self._message(f"The difficulty goes from 1 to {ADAPTIVE}; {shown(number)} is no level.")
            return
        self._switches.level = int(number)
        self.remember(difficulty=int(number))

    def _changeable(self) -> bool:
        if self._store.read_only:
            self._message(READ_ONLY)
        return not self._store.read_only

    def _apply(self) -> None:
        switches = self._switches
        self._live.void()
        self._recording.switch(switches.on and switches.recording)
        self._training.pause(not (switches.on and switches.learning))

    def restore(self) -> None:
        """Set the switches from the stored preferences; called once, before anything is recorded or learned."""
        self._chosen = chosen = read_preferences(self._store.folder, self._message)
        if chosen is None:
            return
        if chosen == Preferences():  # damaged: said once
            self.save()
        switches = self._switches
        if chosen.recording is not None:
            switches.recording = chosen.recording and not self._store.read_only
        if chosen.learning is not None:
            switches.learning = chosen.learning
        if chosen.difficulty is not None:
            switches.level = chosen.difficulty
        self._live.adaptive.restore(chosen.players)

    def remember(self, **chosen: Any) -> None:
        """Keep what the player chose now, by name, beside what was chosen before, and what the adaptive difficulty has
        learned of its players; called after a battle, too."""
        players = self._live.adaptive.state()
        self._chosen = replace(self._chosen or Preferences(), players=players, **chosen)
        if self._training.alive:
            self._training.call(lambda loop: self.save())

    def save(self) -> None:
        """Store the preferences; called at the end of the game, or on the thread that owns the files."""
        if self._chosen is not None and not self._store.read_only:
            write_preferences(self._store.folder, self._chosen)

    def _order(self, command: Callable[[Loop | None], None], answer: str) -> str:
        """Run a command on the thread that owns the files, its ModelError as a message; gives the answer at once."""

        def run(loop: Loop | None) -> None:
            try:
                command(loop)
            except ModelError as error:
                self._message(str(error))

        self._training.call(run)
        return answer

    def roll_back(self) -> str:
        """Roll the champion back, within milliseconds."""
        if self._store.read_only:
            return READ_ONLY
        if len(self._champions.slot.champions) < 2:
            return "There is no earlier version to go back to."

        def roll_back(loop: Loop | None) -> None:
            if self._champions.roll_back() and loop is not None:
                loop.drop_candidate()

        return self._order(roll_back, "Going back to the version before.")

    def promote(self, version: int) -> str:
        """Let a stored version play."""
        if self._store.read_only:
            return READ_ONLY
        before = self._champions.slot.playing()
        if before is not None and before.version == version:
            return f"Version {version} plays already."

        def promote(loop: Loop | None) -> None:
            self._champions.choose(version)
            if loop is not None:
                loop.drop_candidate()
            self._event(f"Version {version} plays, as you chose, after {name_of(before)}.")

        return self._order(promote, f"Version {version} is checked, then it plays.")

    def export(self, version: int) -> str:
        """Write a stored version to a file in the data folder's exports."""
        if self._store.read_only:
            return READ_ONLY

        def export(loop: Loop | None) -> None:
            path = export_into(self._champions.registry, version, self._store.folder)
            self._event(f"Version {version} is in {path}; another game takes it from the {IMPORTS} of its data folder.")

        return self._order(export, f"Writing version {version} to the {EXPORTS} of the data folder.")

    def import_model(self) -> str:
        if self._store.read_only:
            return READ_ONLY

        def import_model(loop: Loop | None) -> None:
            before = self._champions.slot.champion
            self._message(self._import())
            if loop is not None and self._champions.slot.champion is not before:
                loop.drop_candidate()

        return self._order(import_model, "Checking the model in the imports folder.")

    def count_battles(self, player: str, tell: Callable[[int], None]) -> None:
        """Pass the number of a player's stored battles to `tell`, on the thread that owns the files."""
        self._order(lambda loop: tell(self._store.battles.count_of(player)), "")

    def forget_player(self, player: str) -> str:
        """Erase what was recorded of one player ("": of battles that named nobody), and that player's model; versions
        stay."""
        if self._store.read_only:
            return READ_ONLY
        self._recording.cut(player)
        self._live.adaptive.forget(f"player {player}")
        self._live.void(player=player)
        if self._chosen is not None:
            self.remember()

        def erase(loop: Loop | None) -> None:
            erased = self._recording.forget_player(player) if loop is None else loop.forget_player(player)
            self._champions.slot.ghost = None
            self._metrics.forget_player()
            self._champions.erase_player_battles(player)
            self._event(player_forgotten(player, erased))

        return self._order(erase, f"Forgetting what was recorded of {player or 'players without a name'}.")

    def forget(self) -> str:
        """Erase what was recorded and every version that learned from it; the newest remaining one plays."""
        if self._store.read_only:
            return READ_ONLY
        self._live.forget()
        self._recording.cut()
        if self._chosen is not None:
            self._chosen = replace(self._chosen, players={})

        def erase(loop: Loop | None) -> None:
            from cornerman.models.erasure import forget  # not needed at every start of a game
            from cornerman.opponent.ghost import erase_ghosts

            def clear() -> None:
                (self._training.forget_figures if loop is None else loop.forget)()
                self._training.erase_log()  # last, since the disk may refuse

            ghosts = partial(erase_ghosts, self._store.folder)
            self._message(forget(self._champions, self._recording.erase, clear, ghosts))
            self.save()

        return self._order(erase, "Forgetting what was recorded and learned.")


def player_forgotten(player: str, erased: Counts) -> str:
    """A message about what was erased of a player; "": of battles that named nobody."""
    whose = f"of {player}" if player else "without a player's name"
    if not erased.battles:
        return f"No recorded battle {whose} was found."
    battles, decisions = counted(erased.battles, "recorded battle"), counted(erased.transitions, "decision")
    stay = 'Versions that learned from them stay; "Forget all that was learned" erases those, too.'
    return f"Forgotten: {battles} {whose} ({decisions}), and what was known of how they play. {stay}"
