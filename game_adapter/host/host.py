"""What any game uses to have plugins: the host finds and loads them, calls their hooks and isolates their failures.

What crosses is plain data. Every method belongs to the game's thread. A hook that raises never reaches the game: it
counts as "no opinion", and `messages` says so.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from operator import index
from pathlib import Path
from typing import Any

from .crash_marker import CrashMarker
from .loaded_plugin import LoadedPlugin, Refused
from .loading import find_plugins, load_plugin, shadowed_copies
from .manifest import ManifestError
from .panel_key import PanelKey
from .text import printable, shown

log = logging.getLogger("host")

UNCLEAN_ENDS_ALLOWED = 2
"""Unclean ends in a row after which plugins start in safe mode; after one more they are not loaded at all."""
BACK = "Quit the game once as usual, so that it calls host.quit(), and the next start"


class Host:
    """The plugins of one game. `plugins_dir` may be missing: then the game simply has none.

    The methods called like hooks report an event to every plugin; a game with a loop of its own calls them, and `Match`
    does for a game that uses it.
    """

    def __init__(
        self,
        plugins_dir: Path | str,
        data_dir: Path | str,
        game: Any,
        settings: Mapping[str, Any] | None = None,
        mode: str = "",
        panel_key: str = "",
    ) -> None:
        """`settings` are the game's wishes for every plugin.

        `mode` names how the game runs, e.g. "window": then starts after unclean ends are safe ones; "": not counted.
        `panel_key`, e.g. "F1", opens and closes the plugins' panel; "": the game's own menu shows it whenever it calls
        `on_draw`.
        """
        self.plugins_dir, self.data_dir, self.game = Path(plugins_dir), Path(data_dir), game
        with suppress(FileNotFoundError):  # the present folder may have been deleted
            self.data_dir = self.data_dir.absolute()  # a game may go to another one, as file dialogs do
        self.settings = dict(settings or {})
        self.loaded: list[LoadedPlugin] = []
        self.refused: list[Refused] = []
        self.player: str | None = None
        """Who plays, where several people play the game on this machine; `set_player` says it."""
        self.num_said = 0  # messages so far, those that are no longer kept included
        self._marker = CrashMarker(self.data_dir, mode) if mode else None
        self._messages: deque[str] = deque(maxlen=50)
        self._passed_on: set[str] = set()
        self._unknown: set[str] = set()  # misspelt names of plugins that were asked for
        self._progress: Callable[[str], object] | None = None
        self._panel_key = PanelKey(panel_key, self.say) if panel_key else None
        self._trace = os.environ.get("CORNERMAN_TRACE") == "1"

    @property
    def messages(self) -> list[str]:
        """Sentences for the player, oldest first."""
        return list(self._messages)

    def messages_since(self, num_said: int) -> list[str]:
        """The messages that came after the first `num_said` ones, as far as they are kept."""
        new = self.num_said - num_said
        return list(self._messages)[-new:] if new > 0 else []

    @property
    def plugins(self) -> list[LoadedPlugin | Refused]:
        return [*self.loaded, *self.refused]

    def say(self, sentence: str) -> None:
        """Put a sentence where the player sees it, and into the log."""
        log.warning("%s", printable(sentence))
        self._show(sentence)

    def _show(self, sentence: str) -> None:
        self._messages.append(printable(sentence))
        self.num_said += 1

    # ------------------------------------------------------------------------------------------------------- loading

    def load(self, progress: Callable[[str], object] | None = None) -> None:
        """Load every plugin in the folder; call it once, while the game shows its loading screen.

        `progress` is called with a line for that screen now and then, on this thread: draw it and handle events. False
        from it means that the player has left: a plugin that waits for something stops waiting. Any other answer, None
        too, means "go on". `load` still comes to its end, and the game then calls `quit`.
        """
        self._progress = progress
        unclean = self._marker.begin() if self._marker is not None else 0
        for copy in shadowed_copies(__package__, __file__):
            self.say(
                f"The host in {copy} is not used: Python loads the one in {Path(__file__).parent} by the same name. "
                "Give the game's folders an __init__.py each, or its copy of the host another name."
            )
        if not os.path.isdir(self.plugins_dir):
            self.say(f"No plugins folder at {self.plugins_dir}: the game plays without one.")
            return
        try:
            folders, misplaced = find_plugins(self.plugins_dir)
        except OSError as error:
            self.say(f"The plugins folder {self.plugins_dir} cannot be read ({error.strerror}).")
            return
        if unclean == UNCLEAN_ENDS_ALLOWED:
            self._say_safe_start(unclean)
        for name, hint in misplaced.items():
            self._refuse(name, hint)
        for folder in folders:
            if unclean > UNCLEAN_ENDS_ALLOWED:
                why = f"the safe start before ended unexpectedly, too ({unclean} times in a row)"
                self._refuse(folder.name, f"{why}. {BACK} loads it again.")
            else:
                self._load(folder)
        if not self.plugins:
            self.say(f"No plugin in {self.plugins_dir}: the game plays without one.")
        if self.player is not None:
            self.set_player(self.player)
        self._pass_messages_on()

    def _say_safe_start(self, unclean: int) -> None:
        self.settings["safe_mode"] = True
        self.say(
            f"The game ended unexpectedly {unclean} times in a row. This is a safe start: plugins play what they "
            f"know and learn nothing. {BACK} is an ordinary one."
        )

    def _load(self, folder: Path) -> None:
        try:
            manifest, hooks = load_plugin(folder)
            for other in self.loaded:
                if other.name.casefold() == manifest.name.casefold():
                    two = f"{folder} and {other.folder} are both called {manifest.name!r} and would write the same data"
                    again = "it is loaded already; call load() once, and make a new Host after quit()."
                    raise ManifestError(again if folder == other.folder else f"{two}: remove one of them.")
        except ManifestError as error:
            self._refuse(folder.name, str(error))
            return
        plugin = LoadedPlugin(manifest, hooks, self.say, self._trace)
        try:
            self._data_dir(plugin).mkdir(parents=True, exist_ok=True)
        except OSError as error:  # a plugin may well play without it, and says itself what it cannot keep
            log.info("the data folder of %s cannot be made (%s)", plugin.name, error)
        self.loaded.append(plugin)
        plugin.start(self._offered_to(plugin))

    def _refuse(self, name: str, reason: str) -> None:
        refused = Refused(printable(name), printable(reason))
        self.refused.append(refused)
        self.say(f"{refused.name} was not loaded: {refused.reason}")

    def _data_dir(self, plugin: LoadedPlugin) -> Path:
        return self.data_dir / plugin.name

    def _offered_to(self, plugin: LoadedPlugin) -> dict[str, Any]:
        """The arguments of `on_load`."""
        data_dir = str(self._data_dir(plugin))
        return {"game": self.game, "data_dir": data_dir, "settings": self.settings, "progress": self._progress}

    def try_again(self, name: str) -> None:
        """Switch a plugin that failed on again, and its learning."""
        for plugin in self.loaded:
            if plugin.name == name:
                plugin.try_again(self._offered_to(plugin))

    def quit(self) -> None:
        """End every plugin; call it once, whatever ended the game."""
        self._pass_messages_on()
        self._report("on_quit", {})
        for plugin in self.loaded:
            plugin.on, plugin.reason = False, "the game has ended"
        if self._marker is not None:
            self._marker.end()

    # --------------------------------------------------------------------------------------------------- what happens

    def _report(self, hook: str, arguments: Mapping[str, Any]) -> None:
        for plugin in self.loaded:
            plugin.call(hook, arguments)

    def _pass_messages_on(self) -> None:
        """Show the player what plugins have to say, each sentence once; into the log they put it themselves."""
        for plugin in self.loaded:
            for sentence in plugin.call("messages", {}, read=_sentences) or ():
                if sentence not in self._passed_on:
                    self._passed_on.add(sentence)
                    self._show(f"{plugin.name}: {sentence}")

    def on_battle_start(
        self,
        battle_id: int,
        seats: Mapping[int, str],
        sides: Mapping[int, int] | None = None,
        player: str | None = None,
    ) -> None:
        """A battle begins: who controls each seat ("player", "plugin", "scripted").

        `sides` says which seats win together; without it every seat is a side of its own. `player` names the player
        where several people play the game on this machine; without it `self.player` does.
        """
        if not (self.plugins or self.num_said):  # load() leaves one or the other
            self.say("load() was not called before the first battle: no plugin plays or learns.")
        player = self.player if player is None else player
        self._report("on_battle_start", {"battle_id": battle_id, "seats": seats, "sides": sides, "player": player})

    def on_turn(
        self,
        battle_id: int,
        seat: int,
        state: Mapping[str, Any],
        action_mask: Sequence[bool],
        action: int,
        next_state: Mapping[str, Any],
    ) -> None:
        """An action of `seat` was applied; what is handed over here must not change afterwards."""
        turn = {"battle_id": battle_id, "seat": seat, "state": state, "action_mask": action_mask}
        self._report("on_turn", {**turn, "action": action, "next_state": next_state})

    def on_round_end(self, battle_id: int, round: int) -> None:
        """A round is over: the training window opens."""
        self._report("on_round_end", {"battle_id": battle_id, "round": round})
        self._pass_messages_on()

    def on_round_start(self, battle_id: int, round: int) -> None:
        """The next round begins: the training window closes."""
        self._report("on_round_start", {"battle_id": battle_id, "round": round})

    def on_break(self, battle_id: int) -> None:
        """Nothing happens for a while: the training window opens until the next decision or turn. For any game."""
        self._report("on_break", {"battle_id": battle_id})

    def on_choosing(self, battle_id: int, seat: int) -> None:
        """The player of `seat` begins to choose, optional."""
        self._report("on_choosing", {"battle_id": battle_id, "seat": seat})

    def on_due(self, battle_id: int, seat: int, state: Mapping[str, Any], action_mask: Sequence[bool]) -> None:
        """A decision of a plugin's seat comes up, optional: say it as soon as its state is known, go on drawing, and
        ask `choose_action` with the same state when the answer is wanted."""
        due = {"battle_id": battle_id, "seat": seat, "state": state, "action_mask": action_mask}
        self._report("on_due", due)

    def on_battle_end(self, battle_id: int, outcome: Mapping[int, float], truncated: bool = False) -> None:
        """A battle is over; `outcome` per seat, -1 (lost) to 1 (won). `truncated`: cut off without a result."""
        self._report("on_battle_end", {"battle_id": battle_id, "outcome": outcome, "truncated": truncated})
        self._pass_messages_on()

    def on_frame(self, frame_ms: float, slack_ms: float) -> None:
        """A frame is over: how long it was, and how much of it was left to wait; before that wait or right after it."""
        self._report("on_frame", {"frame_ms": frame_ms, "slack_ms": slack_ms})

    def pump(self, budget_ms: float) -> None:
        """Give the plugins so much of the game's waiting; for a loop that waits busily and never lets go of Python."""
        self._report("pump", {"budget_ms": budget_ms})

    def on_draw(self, surface: Any) -> None:
        """Let the plugins draw their panels, once the game's own picture is drawn; with a `panel_key`, while open."""
        if self._panel_key is None:
            self._report("on_draw", {"surface": surface})
        elif self._panel_key.open:
            self._report("on_draw", {"surface": self._panel_key.part(surface)})
            self._panel_key.open = any(plugin.has_panel for plugin in self.loaded)

    def settle(self, timeout_s: float) -> bool:
        """For a game without frames: let the plugins finish learning from what was recorded; whether all of them did,
        False while one still loads or its window is closed. Battles that follow each other without it are learned from
        only after the last one."""
        asked = [plugin for plugin in self.loaded if "settle" in plugin.hooks]
        settled = [plugin.call("settle", {"timeout_s": timeout_s}, read=bool) for plugin in asked]
        self._pass_messages_on()
        return all(settled)

    def forget(self) -> str:
        """Let every plugin erase what it recorded and learned, as "Forget" in a panel does; it asks nobody whether that
        is meant. What the plugins answer, "" without one; `messages` later say what was erased."""
        return self._order("forget", {})

    def forget_player(self, player: str) -> str:
        """As `forget`, what was recorded of one player alone, as where a menu deletes a profile; "": of battles that
        named nobody."""
        return self._order("forget_player", {"player": player})

    def _order(self, hook: str, arguments: Mapping[str, Any]) -> str:
        answers = [plugin.call(hook, arguments, read=printable) for plugin in self.loaded if hook in plugin.hooks]
        self._pass_messages_on()
        return " ".join(filter(None, answers))

    def set_player(self, player: str | None) -> None:
        """Say who plays from now on, as soon as that is known: where a profile is chosen, a panel then shows that one.
        For a machine on which several people play; `on_battle_start` needs no `player` then."""
        self.player = player
        self._report("set_player", {"player": player})

    def set_difficulty(self, level: int) -> None:
        """Let every plugin play at this level, as the dial of a panel does; `report` says which levels there are."""
        self._report("set_difficulty", {"level": level})
        self._pass_messages_on()

    # --------------------------------------------------------------------------------------------- what the game asks

    def on_event(self, event: Any) -> bool:
        """Offer an input event to the plugins' panels; True: the game leaves it alone, a panel used it.

        With a `panel_key` that is the key itself and, while the panel is open, every key and everything of the mouse.
        """
        return self._offer(event) if self._panel_key is None else self._panel_key.event(event, self._offer)

    def _offer(self, event: Any) -> bool:
        return any(plugin.call("on_event", {"event": event}, read=bool) for plugin in self.loaded)

    def choose_action(
        self, battle_id: int, seat: int, state: Mapping[str, Any], action_mask: Sequence[bool]
    ) -> int | None:
        """The first opinion that is a legal action; None: the game's own bot decides."""
        asked = {"battle_id": battle_id, "seat": seat, "state": state, "action_mask": action_mask}
        return self._legal_opinion("choose_action", asked, action_mask)

    def ghost_action(self, seat: int, state: Mapping[str, Any], action_mask: Sequence[bool]) -> int | None:
        """What the present player would do, for a bot that fights as the player; None where no plugin knows."""
        asked = {"seat": seat, "state": state, "action_mask": action_mask}
        return self._legal_opinion("ghost_action", asked, action_mask)

    def hint(self, seat: int, state: Mapping[str, Any], action_mask: Sequence[bool]) -> Mapping[str, Any] | None:
        """What a plugin would do in the place of `seat`, and why, for a player who asks; None where no plugin knows.

        Plain data like `report()["decision"]`, with the index of the action as "action".
        """
        asked = {"seat": seat, "state": state, "action_mask": action_mask}
        for plugin in self.loaded:
            answer = plugin.call("hint", asked, read=_mapping)
            if answer is not None and _is_legal(plugin, _opinion(answer.get("action")), action_mask):
                return dict(answer)
        return None

    def _legal_opinion(self, hook: str, asked: Mapping[str, Any], action_mask: Sequence[bool]) -> int | None:
        for plugin in self.loaded:
            answer = plugin.call(hook, asked, read=_opinion)
            if answer is not None and _is_legal(plugin, answer, action_mask):
                return int(answer)
        return None

    def report(self, name: str) -> Mapping[str, Any] | None:
        """What the plugin called `name` is doing, as plain data; None where it is not loaded or does not say."""
        return self._ask(name, "report", {})

    def evaluate(
        self, name: str, version: int | None, bot: str, num_battles: int, seed: int
    ) -> Mapping[str, Any] | None:
        """How a version of the plugin called `name` (None: its champion) fares against a bot; None where unknown."""
        asked = {"version": version, "bot": bot, "num_battles": num_battles, "seed": seed}
        return self._ask(name, "evaluate", asked)

    def _ask(self, name: str, hook: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if self.loaded and str(name) not in self._unknown.union(plugin.name for plugin in self.plugins):
            self._unknown.add(str(name))
            there = ", ".join(plugin.name for plugin in self.loaded)
            self.say(f"No plugin is called {shown(name)}, so report and evaluate give None; loaded: {there}.")
        answers = (plugin.call(hook, arguments, read=_mapping) for plugin in self.loaded if plugin.name == name)
        answer: Mapping[str, Any] | None = next(answers, None)
        return answer


def _is_legal(plugin: LoadedPlugin, action: Any, action_mask: Sequence[bool]) -> bool:
    """Whether a plugin's answer is a legal action; if not, that counts as a failure of the plugin."""
    if type(action) is int and 0 <= action < len(action_mask) and action_mask[action]:
        return True
    plugin.failed(f"chose {shown(action)}, which is not a legal action")
    return False


def _opinion(answer: Any) -> Any:
    """An int for everything that can be an index (numpy's integers too), else the answer itself."""
    try:
        return index(answer)
    except TypeError:
        return answer


def _mapping(answer: Any) -> Mapping[str, Any] | None:
    return dict(answer) if isinstance(answer, Mapping) else None


def _sentences(answer: Any) -> list[str]:
    return [printable(sentence) for sentence in answer or ()]
