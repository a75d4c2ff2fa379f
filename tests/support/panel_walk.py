"""The part of the walk through Ringside that uses the plugin's panel in the debug menu, by keyboard and by mouse."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from cornerman.models.manifest import Provenance
from cornerman.panel.panel import REFRESH_S
from cornerman.plugin import Cornerman
from cornerman.policy.policy import Policy
from game_adapter.ringside.drawing.canvas import Rect
from tests.support.table import on_owner
from tests.support.window_walker import KEY, Walker


def plugin_of(walker: Walker) -> Cornerman:
    report: Any = walker.hall.host.loaded[0].hooks["report"]
    plugin: Cornerman = report.__self__
    return plugin


def panel(walker: Walker, by: str) -> None:
    """The plugin's pages in the debug menu, the switch of a page, and the focus."""
    plugin = plugin_of(walker)
    area = walker.window.menu.layout(walker.window.canvas)[2]
    unit = walker.window.canvas.scale
    walker.press("F1")
    pages = 6
    for number in (*range(2, pages + 1), 1):
        x, y = area.left + area.width * (number - 0.5) / pages, area.top + 20
        tab = partial(Rect, round(x / unit) - 2, round(y / unit) - 2, 4, 4)
        walker.either(by, f"debug menu: page {number}", str(number), tab, lambda: plugin.panel.shown[0])
    if by == KEY:
        walker.key("debug menu: focus", "Down", lambda: plugin.panel.shown[1])
        walker.press("Up")
    switches = lambda: [plugin.report()["plugin"][name] for name in ("on", "recording", "learning")]  # noqa: E731
    level = lambda: plugin.report()["difficulty"]["level"]  # noqa: E731
    for name in ("Plugin", "Recording", "Learning"):
        for _ in range(2):
            walker.either(by, f"debug menu: {name}", "Return", partial(written, walker, name), switches)
        if by == KEY:
            walker.press("Down")
    for way, text in (("Right", "A"), ("Left", "Difficulty")):  # A is the last step, the word is above the second one
        walker.either(by, "debug menu: level", way, partial(written, walker, text), level)
    plugin.controls.set_difficulty(2)
    walker.press("F1")


def written(walker: Walker, text: str) -> Rect:
    """Where a text of the panel stands in the window."""
    area, unit = walker.window.menu.layout(walker.window.canvas)[2], walker.window.canvas.scale
    left, top, width, height = next(each.rect for each in plugin_of(walker).panel.written if each.text == text)
    return Rect(*(round(at / unit) for at in (area.left + left, area.top + top, width, height)))


def _use(
    walker: Walker, by: str, control: str, keys: str, text: str, read: Callable[[], Any], wanted: Any = None
) -> None:
    """Use a control of the open panel: by keys, or by a click on its text."""
    settled = time.monotonic() + 3 * REFRESH_S  # an answer of more lines than the one before it moves the buttons
    walker.until("the answer", lambda: by == KEY or time.monotonic() > settled)
    walker.either(by, control, keys, lambda: written(walker, text), read, wanted)


def versions(walker: Walker, by: str) -> None:
    """The page Versions: choose, let it play, roll back, export, import. Two that learned from the player and hardly
    differ from the champion are stored before."""
    plugin = plugin_of(walker)
    champions, folder = plugin.champions, plugin.store.folder

    def promote(loop: Any) -> None:
        del loop
        for _ in range(2):
            champion = plugin.slot.champion
            policy = Policy(champion.spec, champion.flat * 1.0001)
            champions.promote(policy, Provenance(parent=champion.version, rows={"player": 10}, learning_steps=1))

    def playing() -> int:
        return plugin.slot.champion.version

    def chosen() -> str:
        return next(each.text for each in plugin.panel.written if each.text.startswith("Version "))

    def bring() -> None:
        """Put what was exported into the folder for imports, as a player would."""
        (folder / "imports").mkdir(exist_ok=True)
        shutil.copy(next((folder / "exports").glob("*.zip")), folder / "imports" / "other.zip")

    on_owner(plugin, promote)
    newest, older = playing(), playing() - 1
    walker.press("F1", "5")
    walker.until("the page lists what was stored", lambda: f"{newest} plays" in texts(walker))
    _use(walker, by, "Versions: choose", "Down", str(older), chosen)
    _use(walker, by, "Versions: let it play", "Return", "Let it play", playing, older)
    _use(walker, by, "Versions: roll back", "b", "Roll back: B", playing, newest)
    exports = lambda: sorted(path.name for path in (folder / "exports").glob("*.zip"))  # noqa: E731
    _use(walker, by, "Versions: export", "Right Return", "Export it", exports)
    bring()
    _use(walker, by, "Versions: import", "i", "Import: I", playing)
    if by == KEY:  # the other two buttons, of which each has a key
        walker.key("Versions: roll back", "Right Right Return", playing, newest)
        bring()
        walker.key("Versions: import", "Left Return", playing)
    for path in (folder / "exports").glob("*.zip"):
        path.unlink()
    walker.press("F1")


def forgetting(walker: Walker, by: str) -> None:
    """The page You: both kinds of forgetting, each with its question, which is taken back once."""
    plugin = plugin_of(walker)
    report: Callable[[], Any] = plugin.report
    asks = lambda: any(text.startswith("Really?") for text in texts(walker))  # noqa: E731
    walker.until("a model of the player", lambda: report()["player"]["battles"] > 0, 60.0)
    walker.press("F1", "4")
    alone, everything = "Forget this player alone", "Forget all that was learned"
    walker.until("the page You", lambda: alone in texts(walker))
    _use(walker, by, "You: forget this player asks", "Return", alone, asks, True)
    _use(walker, by, "You: take the question back", "Escape", "4 You", asks, False)
    _use(walker, by, "You: forget this player asks", "Return", alone, asks, True)
    walker.until("the number of battles", lambda: any("battle" in each and "Really?" in each for each in texts(walker)))
    question = next(each for each in texts(walker) if each.startswith("Really?"))
    known = lambda: report()["player"]["battles"]  # noqa: E731
    _use(walker, by, "You: forget this player", "Return", question, known, 0)
    _use(walker, by, "You: forget all asks", "Right Return", everything, asks, True)
    stored = lambda: [each["version"] for each in report()["versions"]]  # noqa: E731
    _use(walker, by, "You: forget all", "Return", "Really? Again: forget all", stored)
    walker.press("F1")


def texts(walker: Walker) -> list[str]:
    """All that the panel shows."""
    return [each.text for each in plugin_of(walker).panel.written]
