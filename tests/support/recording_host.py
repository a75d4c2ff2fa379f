"""A real host with one plugin that a test made itself: it records the calls of its hooks."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from game_adapter.host import Host
from game_adapter.host.hooks import HOOKS, bind
from game_adapter.host.loaded_plugin import LoadedPlugin
from game_adapter.host.manifest import API_VERSION, Manifest
from game_adapter.ringside.game import RINGSIDE


class RecordingPlugin:
    """Keeps every call's arguments as they were (`calls`) and as they are now (`originals`); answers `opinion`."""

    def __init__(self, opinion: int | None = None) -> None:
        self.opinion = opinion
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.originals: list[Mapping[str, Any]] = []
        self.asked: list[dict[str, Any]] = []

    def choose_action(self, **asked: Any) -> int | None:
        self.asked.append(asked)
        return self.opinion

    @property
    def hooks(self) -> list[str]:
        return [hook for hook, _ in self.calls]

    def count(self, hook: str) -> int:
        return self.hooks.count(hook)


def _recorder(hook: str) -> Any:
    def record(plugin: RecordingPlugin, **arguments: Any) -> None:
        plugin.calls.append((hook, copy.deepcopy(arguments)))
        plugin.originals.append(arguments)

    return record


for _hook in HOOKS:
    if _hook.startswith("on_") and _hook not in ("on_load", "on_draw", "on_event", "on_frame"):
        setattr(RecordingPlugin, _hook, _recorder(_hook))


class RecordingHost(Host):
    """A host that has loaded `plugin` under `name`, and nothing from a folder."""

    def __init__(self, folder: Path, plugin: object, name: str = "listener") -> None:
        super().__init__(folder / "plugins", folder / "data", RINGSIDE)
        self.plugin = plugin
        manifest = Manifest(folder, name, "0.1.0", API_VERSION, f"{name}.main:Plugin", "Records.", (), ())
        loaded = LoadedPlugin(manifest, bind(plugin), self.say, trace=False)
        loaded.start({"game": RINGSIDE, "data_dir": "", "settings": {}, "progress": None})
        self.loaded.append(loaded)
