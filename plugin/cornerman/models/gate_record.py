"""Gate record: what the gate has found so far, which decides how high the bar for the next candidate is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple
from typing import Any

from cornerman.evaluation.verdict import Bar, Measured, Verdict
from cornerman.models.manifest import Manifest


class GateRecord:
    """Results of the champions that are kept, and how many candidates each champion has turned down in any way: by
    headless battles or in a trial, cut short, not storable, or rolled back after it was promoted.

    The trainer's thread owns it. Read from the history and the manifests when it is first asked for; bulk training
    resumes it from its checkpoint.
    """

    def __init__(
        self, turned_down: Callable[[], Mapping[int, int]], manifests: Callable[[], Iterable[Manifest]]
    ) -> None:
        """`turned_down`: candidates that each champion has turned down; `manifests`: those of the versions kept."""
        self._read_turned_down, self._manifests = turned_down, manifests
        self._turned_down: dict[int, int] = {}
        self._measured: list[Measured] = []
        self._known = False

    def bar(self, champion: int, oldest: int) -> Bar:
        """The bar for the next candidate, with "champion" and "oldest" as names of these versions."""
        self.read()
        names = {str(oldest): "oldest", str(champion): "champion"}
        return Bar(self._turned_down.get(champion, 0), tuple(each.named(names) for each in self._measured))

    def add(self, verdict: Verdict, champion: int, oldest: int) -> None:
        """Add a verdict on a candidate against `champion`."""
        self.read()
        if not verdict.promote:
            self._turned_down[champion] = self._turned_down.get(champion, 0) + 1
        names = {"champion": champion, "oldest": oldest}
        self._measured += [each.named(names) for each in verdict.measured]

    def read(self) -> None:
        """Read what earlier sessions found, if that was not done yet; call it before a verdict is noted elsewhere."""
        if not self._known:
            self._known = True
            self._turned_down = dict(self._read_turned_down())
            self._measured = [each for manifest in self._manifests() for each in _measured_of(manifest)]

    def state(self) -> dict[str, Any]:
        """Plain data for a checkpoint."""
        self.read()
        return {"turned_down": list(self._turned_down.items()), "measured": [astuple(each) for each in self._measured]}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        self._known = True
        self._turned_down = {int(champion): int(count) for champion, count in data["turned_down"]}
        self._measured = [Measured(*row) for row in data["measured"]]

    def forget(self) -> None:
        """Drop everything in memory; it is read again from what is left."""
        self._known = False


def _measured_of(manifest: Manifest) -> list[Measured]:
    """What a version's gate measured, with version numbers; nothing of an imported one, which met other versions."""
    gate = manifest.gate or {}
    names = {"champion": gate.get("champion"), "oldest": gate.get("oldest")}
    try:
        return [Measured(*row).named(names) for row in gate.get("measured", []) if manifest.origin == "trained"]
    except TypeError:  # the manifest's gate is whatever its JSON holds
        return []
