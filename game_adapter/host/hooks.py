"""The hooks that a host calls, and the check of a plugin against them at load."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from .manifest import ManifestError

HOOKS: Mapping[str, tuple[str, ...]] = {
    "on_load": ("game", "data_dir", "settings", "progress"),
    "on_battle_start": ("battle_id", "seats", "sides", "player"),
    "on_turn": ("battle_id", "seat", "state", "action_mask", "action", "next_state"),
    "on_round_end": ("battle_id", "round"),
    "on_round_start": ("battle_id", "round"),
    "on_break": ("battle_id",),
    "on_battle_end": ("battle_id", "outcome", "truncated"),
    "on_choosing": ("battle_id", "seat"),
    "on_due": ("battle_id", "seat", "state", "action_mask"),
    "on_frame": ("frame_ms", "slack_ms"),
    "pump": ("budget_ms",),
    "on_event": ("event",),
    "on_draw": ("surface",),
    "on_quit": (),
    "choose_action": ("battle_id", "seat", "state", "action_mask"),
    "ghost_action": ("seat", "state", "action_mask"),
    "hint": ("seat", "state", "action_mask"),
    "settle": ("timeout_s",),
    "report": (),
    "messages": (),
    "set_learning": ("on",),
    "set_difficulty": ("level",),
    "set_player": ("player",),
    "forget": (),
    "forget_player": ("player",),
    "evaluate": ("version", "bot", "num_battles", "seed"),
}

SLOW_HOOK_MS = 100.0
LOADING_HOOKS = frozenset({"on_load", "on_quit", "settle", "forget", "forget_player", "evaluate"})
"""Hooks that may take their time: no frame is due while they run."""
FRAME_HOOKS = frozenset({"on_frame", "on_draw"})
"""Hooks of a game that draws; in one that has called neither, `choose_action` may take its time, too."""
PANEL_HOOKS = frozenset({"on_draw", "on_event"})
"""Hooks whose failures close the panel, and stop neither learning nor play."""


def bind(plugin: object) -> dict[str, Callable[..., Any]]:
    """The plugin's hooks, each called with all keywords, of which it takes the arguments that it asks for.

    ManifestError names the hook and the argument that this host does not know, or a hook that it does not have.
    """
    bound = {}
    for name in dir(plugin):
        if name not in HOOKS:
            if name.startswith("on_"):
                near = difflib.get_close_matches(name, HOOKS, 1)
                raise ManifestError(
                    f"it defines {name}, which is no hook" + (f"; meant is {near[0]}?" if near else ".")
                )
            continue
        method = getattr(plugin, name)
        if callable(method):
            bound[name] = _narrow(name, method)
    if not bound:
        raise ManifestError(f"{type(plugin).__name__} defines none of the hooks ({', '.join(HOOKS)}).")
    return bound


def _narrow(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    offered, asked = HOOKS[name], []
    for parameter in inspect.signature(method).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            asked = list(offered)
            break
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise ManifestError(f"{name} takes {parameter}, but hooks are called with keywords.")
        if parameter.name in offered:
            asked.append(parameter.name)
        elif parameter.default is parameter.empty:
            raise ManifestError(
                f"{name} asks for {parameter.name!r}; this game offers {', '.join(offered) or 'no arguments'}."
            )
    if tuple(asked) == offered:
        return method
    return lambda **offers: method(**{key: offers[key] for key in asked})
