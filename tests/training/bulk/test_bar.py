"""Bar: lines where nobody looks at a terminal, a bar where somebody does, and what is said stands above it."""

from __future__ import annotations

import io
import sys

import pytest

from cornerman.training.bulk.bar import Bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("terminal", [False, True])
def test_bar_says_lines_alone_without_a_terminal_or_tqdm(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    said, written = list[str](), Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    if terminal:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    with Bar(said.append) as bar:
        bar.moved(0.5)
        bar.say("Version 3 plays.")
    assert (said, written.getvalue()) == (["Version 3 plays."], "")


def test_bar_on_a_terminal_moves_and_leaves_what_is_said_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm", reason="extra bar")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", terminal)
    with Bar(print) as bar:
        bar.moved(0.25)
        bar.say("Version 3 plays.")
        bar.moved(2.0)
        bar.say("The end.")
    shown = terminal.getvalue()
    assert "Version 3 plays.\n" in shown
    assert shown.index(" 25%") > shown.index("  0%")
    assert "100%" in shown


def test_bar_says_now_and_then_that_something_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    said, now, ends = list[str](), [100.0], [False]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    stopped = Bar(said.append).during("Rating the levels", lambda: ends[0], lambda: f" of {now[0]:.0f}")
    for _ in range(25):
        now[0] += 1.0
        assert not stopped()
    ends[0] = True
    assert stopped()
    assert said == ["Rating the levels, 10 s of 110 ...", "Rating the levels, 20 s of 120 ..."]
