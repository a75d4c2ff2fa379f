"""What the panel's switches do to the plugin. The game's thread; nothing here waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cornerman.contract import CornermanError, ModelError
from cornerman.difficulty import level

if TYPE_CHECKING:
    from cornerman.plugin import Cornerman


class Controls:
    """One method a switch or button."""

    def __init__(self, plugin: Cornerman) -> None:
        self._plugin = plugin

    def set_on(self, on: bool) -> None:
        """The whole plugin: off, the game's own fighter moves and nothing is recorded or learned."""
        self._plugin.switch(on=on)

    def set_recording(self, on: bool) -> None:
        self._plugin.switch(recording=on)

    def set_learning(self, on: bool) -> None:
        self._plugin.set_learning(on)

    def set_difficulty(self, number: int) -> None:
        level(number)
        self._plugin.level = number

    def roll_back(self) -> str:
        """The previous champion plays at once; the note on disk follows."""
        plugin = self._plugin
        policy = plugin.lineage.roll_back()
        if policy is None:
            return "There is no earlier version to go back to."

        def note() -> None:
            try:
                plugin.registry.roll_back()
            except CornermanError as error:
                plugin.say(str(error))

        plugin.hand_to_trainer(note)
        return f"Version {policy.version} plays again."

    def forget(self) -> str:
        """Erase what was recorded and every version; a new version 0 plays once that is done."""
        plugin = self._plugin
        for battle_id in plugin.open_battles:
            plugin.recorder.abandon(battle_id)

        def erase() -> None:
            try:
                gone = plugin.registry.erase_trained_from_player()
                champion, _ = plugin.registry.load_champion()
                plugin.lineage.restart(champion or plugin.first_version(plugin.lineage.champion.spec))
            except ModelError as error:
                plugin.say(str(error))
                return
            if plugin.training is not None:
                plugin.training.forget()
            plugin.say(f"Forgotten: {len(gone)} versions and everything that was recorded.")

        plugin.hand_to_trainer(erase)
        return "Forgetting what was recorded and learned."
