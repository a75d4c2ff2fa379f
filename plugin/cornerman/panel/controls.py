"""What the panel's switches do to the plugin. The game's thread; nothing here waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cornerman.policy.difficulty import level

if TYPE_CHECKING:
    from cornerman.plugin import Cornerman


READ_ONLY = (
    "The data folder can only be read now: another game uses it, or the disk refuses. Try again when it is free."
)


class Controls:
    """One method a switch or button. Where the data folder is read-only, nothing is recorded, learned or erased."""

    def __init__(self, plugin: Cornerman) -> None:
        self._plugin = plugin

    def set_on(self, on: bool) -> None:
        """The whole plugin: off, the game's own fighter moves and nothing is recorded or learned."""
        self._plugin.switch(on=on)

    def set_recording(self, on: bool) -> None:
        if self._plugin.store.read_only:
            self._plugin.say(READ_ONLY)
            return
        self._plugin.switch(recording=on)
        self._plugin.remember_preferences()

    def set_learning(self, on: bool) -> None:
        if self._plugin.store.read_only:
            self._plugin.say(READ_ONLY)
            return
        self._plugin.set_learning(on)
        self._plugin.remember_preferences()

    def set_difficulty(self, number: int) -> None:
        level(number)
        self._plugin.level = number
        self._plugin.remember_preferences()

    def roll_back(self) -> str:
        """The previous champion plays again, from the trainer's next look at its commands on (some milliseconds)."""
        plugin = self._plugin
        if plugin.store.read_only:
            return READ_ONLY
        if plugin.slot.back(1) is plugin.slot.champion:
            return "There is no earlier version to go back to."

        def back() -> None:
            if plugin.champions.roll_back() and plugin.training is not None:
                plugin.training.drop_candidate()

        plugin.hand_to_trainer(back)
        return "Going back to the version before."

    def take_in(self) -> str:
        """Take in the model that was dropped into the imports folder."""
        if self._plugin.store.read_only:
            return READ_ONLY
        self._plugin.hand_to_trainer(self._plugin.take_in)
        return "Looking at the model in the imports folder."

    def forget(self) -> str:
        """Erase what was recorded and every version that learned from it; the newest one that did not plays then."""
        if self._plugin.store.read_only:
            return READ_ONLY
        plugin = self._plugin
        plugin.cut_recording()
        plugin.results.clear()

        def erase() -> None:
            from cornerman.models.erasure import forget  # SQLite and the judges with it: not at every start of a game

            plugin.say(forget(plugin.champions, plugin.erase_recorded, plugin.clear_memory))

        plugin.hand_to_trainer(erase)
        return "Forgetting what was recorded and learned."
