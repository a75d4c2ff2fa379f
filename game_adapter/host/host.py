"""What any game uses to have plugins: find them in a folder, load them, call their hooks, isolate their failures.

A game needs this file and manifest.py and nothing of the plugin: what crosses is plain data. Every method belongs to
the game's thread. A hook that raises never reaches the game: it counts as "no opinion", and is told in `messages`.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from operator import index
from pathlib import Path
from typing import Any

from .crash_marker import CrashMarker
from .hooks import LOADING_HOOKS, SLOW_HOOK_MS, bind
from .manifest import Manifest, ManifestError, read_manifest

log = logging.getLogger("host")

FAILURES_ALLOWED = 3
FAILURE_PERIOD_S = 300.0
UNCLEAN_ENDS_ALLOWED = 2
"""Games in a row that may end without telling; then plugins start in safe mode, and after one more not at all."""


class LoadedPlugin:
    """One plugin: what it is, whether it is on, and why not."""

    __slots__ = ("failures", "folder", "hooks", "learning_off", "name", "on", "reason", "started", "summary", "version")

    def __init__(self, manifest: Manifest) -> None:
        self.name, self.version, self.summary = manifest.name, manifest.version, manifest.summary
        self.folder = manifest.folder
        self.on = self.started = self.learning_off = False
        self.reason = ""
        self.hooks: dict[str, Any] = {}
        self.failures: deque[float] = deque(maxlen=FAILURES_ALLOWED)


class Refused:
    """A folder in plugins/ that could not be loaded, for the menu."""

    version = ""
    on = False

    def __init__(self, folder: Path, reason: str) -> None:
        self.name, self.reason = folder.name, reason


class Host:
    """The plugins of one game. `plugins_dir` may be missing: then the game simply has none."""

    def __init__(
        self,
        plugins_dir: Path | str,
        data_dir: Path | str,
        game: Any,
        settings: Mapping[str, Any] | None = None,
        mode: str = "",
    ) -> None:
        """`mode` names how the game runs, e.g. "window": then ends of which nobody was told are noticed; "": not."""
        self.plugins_dir, self.data_dir, self.game = Path(plugins_dir), Path(data_dir), game
        self.settings = dict(settings or {})  # the game's wishes, handed to every plugin at load
        self.loaded: list[LoadedPlugin] = []
        self.refused: list[Refused] = []
        self._marker = CrashMarker(self.data_dir, mode) if mode else None
        self._messages: deque[str] = deque(maxlen=50)
        self._progress: Callable[[str], object] | None = None
        self.num_said = 0  # sentences ever, for a reader who wants the new ones
        self._trace = os.environ.get("CORNERMAN_TRACE") == "1"

    @property
    def messages(self) -> list[str]:
        """Sentences for the player, oldest first."""
        return list(self._messages)

    @property
    def plugins(self) -> list[LoadedPlugin | Refused]:
        return [*self.loaded, *self.refused]

    def say(self, sentence: str) -> None:
        """Put a sentence where the player sees it, and into the log."""
        log.warning("%s", sentence)
        self._messages.append(sentence)
        self.num_said += 1

    # ------------------------------------------------------------------------------------------------------- loading

    def load(self, progress: Callable[[str], object] | None = None) -> None:
        """Load every plugin in the folder; call it once, while the game shows its loading screen.

        `progress` is called with a line for that screen now and then, on this thread: draw it and look after events. It
        may return False, the player having left: "do not wait any longer". Every plugin gets it as it is in `on_load`,
        and one that waits for something there stops waiting; any other answer, None too, means "go on". `load` still
        comes to its end, and the game then calls `quit`.
        """
        self._progress = progress
        unclean = self._marker.begin() if self._marker is not None else 0
        if not self.plugins_dir.is_dir():
            self.say(f"No plugins folder at {self.plugins_dir}: the computer's side plays its scripted fighter.")
            return
        if unclean >= UNCLEAN_ENDS_ALLOWED:
            self.settings["safe_mode"] = True
            self.say(
                f"The game ended unexpectedly {unclean} times in a row. This is a safe start: plugins play what they "
                "know and learn nothing. The next start after a proper end is an ordinary one."
            )
        for folder in sorted(path.parent for path in self.plugins_dir.glob("*/plugin.toml")):
            if unclean > UNCLEAN_ENDS_ALLOWED:
                self._refuse(folder, "the safe start before ended unexpectedly, too; the scripted fighters play.")
                continue
            try:
                plugin = self._load(folder)
                self._data_dir(plugin).mkdir(parents=True, exist_ok=True)
            except ManifestError as error:
                self._refuse(folder, str(error))
            except OSError as error:
                self._refuse(folder, f"its data cannot be kept in {error.filename} ({error.strerror}).")
            else:
                self.loaded.append(plugin)
                self._start(plugin)
        if not self.plugins:
            self.say(f"No plugin in {self.plugins_dir}: the computer's side plays its scripted fighter.")

    def _refuse(self, folder: Path, reason: str) -> None:
        self.refused.append(Refused(folder, reason))
        self.say(f"{folder.name} was not loaded: {reason}")

    def _data_dir(self, plugin: LoadedPlugin) -> Path:
        return self.data_dir / plugin.name

    def _start(self, plugin: LoadedPlugin) -> None:
        """Let it load; one whose on_load raises is off, since its other hooks count on what that builds."""
        plugin.on, plugin.reason = True, ""
        data_dir = str(self._data_dir(plugin))
        offered = {"game": self.game, "data_dir": data_dir, "settings": self.settings, "progress": self._progress}
        self._call(plugin, "on_load", offered)
        plugin.started = not plugin.failures
        if plugin.failures:
            plugin.on, plugin.reason = False, self.messages[-1]

    def _load(self, folder: Path) -> LoadedPlugin:
        manifest = read_manifest(folder)
        module_name, class_name = manifest.entry.split(":")
        try:
            self._import_package(folder)
            plugin = LoadedPlugin(manifest)
            plugin.hooks = bind(getattr(importlib.import_module(module_name), class_name)())
        except ManifestError:
            raise
        except (Exception, SystemExit) as error:  # a plugin's code may raise anything, and the game must still start
            log.warning("loading %s", folder, exc_info=True)
            raise ManifestError(
                f"its code does not load ({type(error).__name__}: {str(error).rstrip('.')})."
            ) from error
        return plugin

    @staticmethod
    def _import_package(folder: Path) -> None:
        """Import `folder` as the package of its name, from exactly there; two copies never mix in one process."""
        name, start = folder.name, (folder / "__init__.py").resolve()
        present = sys.modules.get(name)
        if present is not None:
            if Path(present.__file__ or "").resolve() != start:
                raise ManifestError(
                    f"another copy of {name} is already loaded from {present.__file__}: use only one of the two."
                )
            return
        if not start.is_file():
            raise ManifestError(f"{start} is missing: copy the whole folder.")
        spec = importlib.util.spec_from_file_location(name, start, submodule_search_locations=[str(folder.resolve())])
        if spec is None or spec.loader is None:
            raise ManifestError(f"{start} is no Python package: copy the whole folder.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:  # whatever it was is raised on; a half-imported package must not stay behind
            del sys.modules[name]
            raise

    # --------------------------------------------------------------------------------------------------------- calls

    def _call(self, plugin: LoadedPlugin, hook: str, arguments: Mapping[str, Any]) -> Any:
        bound = plugin.hooks.get(hook)
        if bound is None or not (plugin.on or hook == "on_quit"):  # one that is off may still have a thread to end
            return None
        start = time.perf_counter()
        try:
            answer = bound(**arguments)
        except (Exception, SystemExit) as error:  # whatever it raises is the plugin's fault, never the game's end
            log.warning("%s.%s raised", plugin.name, hook, exc_info=True)
            if self._trace:
                print(f"{plugin.name}.{hook}({_brief(arguments)}) raised {error!r}", file=sys.stderr)
            self._failed(plugin, f"{plugin.name} failed in {hook} ({type(error).__name__}: {str(error).rstrip('.')})")
            return None
        took_ms = (time.perf_counter() - start) * 1e3
        if self._trace:
            print(f"{plugin.name}.{hook}({_brief(arguments)}) -> {answer!r} {took_ms:.3f} ms", file=sys.stderr)
        if took_ms > SLOW_HOOK_MS and hook not in LOADING_HOOKS:
            self.say(f"{plugin.name} held the game for {took_ms:.0f} ms in {hook}.")
        return answer

    def _failed(self, plugin: LoadedPlugin, sentence: str) -> None:
        now = time.monotonic()
        plugin.failures.append(now)
        if len(plugin.failures) == FAILURES_ALLOWED and now - plugin.failures[0] < FAILURE_PERIOD_S:
            plugin.failures.clear()
            if plugin.learning_off or not plugin.started or "set_learning" not in plugin.hooks:
                plugin.on, plugin.reason = False, f"switched off after {FAILURES_ALLOWED} failures: {sentence}"
                sentence += f"; it is now off after {FAILURES_ALLOWED} failures, and the game goes on without it"
            else:
                plugin.learning_off = True
                plugin.reason = f"learning switched off after {FAILURES_ALLOWED} failures: {sentence}"
                sentence += f"; after {FAILURES_ALLOWED} failures it plays on, but learns no more"
                self._call(plugin, "set_learning", {"on": False})
        self.say(sentence + ".")

    def try_again(self, name: str) -> None:
        """Switch a plugin that failed on again, and its learning."""
        for plugin in self.loaded:
            if plugin.name == name:
                plugin.failures.clear()
                if plugin.started:
                    plugin.on, plugin.reason = True, ""
                    if plugin.learning_off:
                        plugin.learning_off = False
                        self._call(plugin, "set_learning", {"on": True})
                else:
                    self._start(plugin)

    def tell(self, hook: str, **arguments: Any) -> None:
        """Give every plugin a piece of news."""
        for plugin in self.loaded:
            self._call(plugin, hook, arguments)

    def choose_action(
        self, battle_id: int, seat: int, state: Mapping[str, Any], action_mask: Sequence[bool]
    ) -> int | None:
        """The first opinion that is a legal action; None: the game's own fighter moves."""
        asked = {"battle_id": battle_id, "seat": seat, "state": state, "action_mask": action_mask}
        for plugin in self.loaded:
            answer = self._call(plugin, "choose_action", asked)
            if answer is None:
                continue
            try:
                action = index(answer)
            except TypeError:
                action = -1
            if 0 <= action < len(action_mask) and action_mask[action]:
                return action
            self._failed(plugin, f"{plugin.name} chose {_shown(answer)}, which is not a legal action")
        return None

    def frame(self, frame_ms: float, slack_ms: float) -> None:
        self.tell("on_frame", frame_ms=frame_ms, slack_ms=slack_ms)

    def pump(self, budget_ms: float) -> None:
        """Lend the plugins so much of the game's waiting; for a loop that waits busily and never lets go of Python."""
        self.tell("pump", budget_ms=budget_ms)

    def event(self, event: Any) -> bool:
        """Offer an input event to the plugins' panels; True: one of them used it up."""
        return any(self._call(plugin, "on_event", {"event": event}) for plugin in self.loaded)

    def draw(self, surface: Any) -> None:
        self.tell("on_draw", surface=surface)

    def settle(self, timeout_s: float) -> None:
        """For a game without frames: let the plugins finish learning from what they were told."""
        self.tell("settle", timeout_s=timeout_s)

    def ask(self, name: str, question: str, **arguments: Any) -> Any:
        """Call `report` or `evaluate` of the plugin called `name`; None where it has no answer."""
        return next((self._call(p, question, arguments) for p in self.loaded if p.name == name), None)

    def report(self, name: str) -> Mapping[str, Any] | None:
        answer = self.ask(name, "report")
        return answer if isinstance(answer, Mapping) else None

    def quit(self) -> None:
        """Tell every plugin to end; call it once, whatever ended the game."""
        self.tell("on_quit")
        for plugin in self.loaded:
            plugin.on, plugin.reason = False, "the game has ended"
        if self._marker is not None:
            self._marker.end()


def _brief(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={str(value)[:60]}" for key, value in arguments.items())


def _shown(answer: object) -> str:
    """A plugin's answer for a sentence; nothing is called on it that could be slow, large or its own code."""
    if type(answer) is str:
        return repr(answer[:40])
    if type(answer) is float or (type(answer) is int and answer.bit_length() < 200):
        return repr(answer)
    return f"a {type(answer).__name__}"
