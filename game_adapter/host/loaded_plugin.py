"""One loaded plugin: its hooks, called so that no failure reaches the game, and what its failures lead to."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from .hooks import FRAME_HOOKS, LOADING_HOOKS, PANEL_HOOKS, SLOW_HOOK_MS
from .manifest import Manifest
from .text import described, printable

log = logging.getLogger("host")

FAILURES_ALLOWED = 3
FAILURE_PERIOD_S = 300.0


class Refused:
    """An entry of plugins/ that was not loaded, for the menu."""

    version = ""
    on = False

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason


class LoadedPlugin:
    """A plugin that was loaded; the game's thread. `on` is false once it failed too often; `reason` says why.

    `say` puts a sentence before the player; with `trace` every call is printed to stderr.
    """

    def __init__(
        self, manifest: Manifest, hooks: Mapping[str, Callable[..., Any]], say: Callable[[str], None], trace: bool
    ) -> None:
        self.name, self.version, self.summary = manifest.name, manifest.version, manifest.summary
        self.folder = manifest.folder
        self.hooks = hooks
        self.on = self.started = self.learning_off = self.panel_off = self._draws = False
        self.reason = ""
        self._slow: Counter[str] = Counter()
        self._failures: deque[float] = deque(maxlen=FAILURES_ALLOWED)
        self._panel_failures: deque[float] = deque(maxlen=FAILURES_ALLOWED)
        self._say, self._trace = say, trace

    def start(self, offered: Mapping[str, Any]) -> None:
        """Call `on_load`; a plugin that raises there is off, since its other hooks rely on what that builds."""
        self.on, self.reason = True, ""
        self._failures.clear()
        self.call("on_load", offered)
        self.started = not self._failures
        self.on = self.started

    def try_again(self, offered: Mapping[str, Any]) -> None:
        """Switch a plugin that failed on again, and its learning; `offered` are the arguments of `on_load`."""
        if not self.started:
            self.start(offered)
            return
        self._failures.clear()
        self.on, self.reason, self.panel_off = True, "", False
        if self.learning_off:
            self.learning_off = False
            self.call("set_learning", {"on": True})

    @property
    def has_panel(self) -> bool:
        return self.on and not self.panel_off and "on_draw" in self.hooks

    def call(self, hook: str, arguments: Mapping[str, Any], read: Callable[[Any], Any] | None = None) -> Any:
        """The hook's answer after `read`; None where it has none, is off or raises. `read` may raise like the hook."""
        self._draws = self._draws or hook in FRAME_HOOKS
        bound = self.hooks.get(hook)
        if bound is None or not (self.on or hook == "on_quit"):  # one that is off may still have a thread to end
            return None
        if self.panel_off and hook in PANEL_HOOKS:
            return None
        start = time.perf_counter()
        try:
            answer = bound(**arguments)
            if read is not None:
                answer = read(answer)
        except (Exception, SystemExit) as error:  # whatever it raises is the plugin's fault, never the game's end
            log.warning("%s.%s raised", self.name, hook, exc_info=True)
            if self._trace:
                self._print(hook, arguments, f"raised {described(error)}")
            self.failed(f"failed in {hook} ({described(error)})", hook in PANEL_HOOKS)
            return None
        took_ms = (time.perf_counter() - start) * 1e3
        if self._trace:
            self._print(hook, arguments, f"-> {printable(answer)} {took_ms:.3f} ms")
        may_wait = hook in LOADING_HOOKS or (hook == "choose_action" and not self._draws)
        if took_ms > SLOW_HOOK_MS and not may_wait:
            self._was_slow(hook, took_ms)
        return answer

    def _was_slow(self, hook: str, took_ms: float) -> None:
        """Say that a hook held the game: the first time, and then the 10th, 100th, ... time."""
        self._slow[hook] += 1
        times, spent = self._slow[hook], f"{took_ms:.0f} ms"
        if times == 1:
            self._say(f"{self.name} held the game for {spent} in {hook}; now and then, a machine or disk is busy.")
        elif times == 10 ** (len(str(times)) - 1):
            self._say(f"{self.name} has held the game {times:,} times in {hook}, now for {spent}: tell its author.")

    def _print(self, hook: str, arguments: Mapping[str, Any], end: str) -> None:
        brief = ", ".join(f"{key}={printable(value)[:60]}" for key, value in arguments.items())
        print(f"{self.name}.{hook}({brief}) {end}", file=sys.stderr)

    def failed(self, what: str, in_panel: bool = False) -> None:
        """Count a failure and say it; the third in FAILURE_PERIOD_S switches learning off, three more the plugin, and
        the third of the panel the panel alone."""
        now, sentence = time.monotonic(), f"{self.name} {what}"
        failures = self._panel_failures if in_panel else self._failures
        failures.append(now)
        if not self.started:
            self.reason = f"{sentence}."
        if len(failures) == FAILURES_ALLOWED and now - failures[0] < FAILURE_PERIOD_S:
            failures.clear()
            sentence += self._switched_off(sentence, in_panel)
        self._say(f"{sentence}.")

    def _switched_off(self, sentence: str, in_panel: bool) -> str:
        """Switch off what failed too often; returns how the sentence goes on."""
        if in_panel and self.started:
            self.panel_off, self.reason = True, f"panel closed after {FAILURES_ALLOWED} failures: {sentence}"
            return f"; after {FAILURES_ALLOWED} failures its panel is closed, and it plays and learns on"
        if self.learning_off or not self.started or "set_learning" not in self.hooks:
            self.on, self.reason = False, f"switched off after {FAILURES_ALLOWED} failures: {sentence}"
            return f"; it is now off after {FAILURES_ALLOWED} failures, and the game goes on without it"
        self.learning_off = True
        self.reason = f"learning switched off after {FAILURES_ALLOWED} failures: {sentence}"
        self.call("set_learning", {"on": False})
        return f"; after {FAILURES_ALLOWED} failures it plays on, but learns no more"
