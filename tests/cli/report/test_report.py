"""`cornerman report`: one page with everything in a data folder, whatever is damaged in it, and nothing changed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cornerman.__main__ import main
from cornerman.cli.report.gathered import Gathered
from cornerman.cli.report.page import page
from cornerman.evaluation.arena import BattleRecord
from cornerman.evaluation.verdict import GateBattle, Verdict
from cornerman.files.figures_log import FiguresLog
from tests.cli.conftest import Run
from tests.support.stored_versions import damage, filled_store, path_of, store_in

CHARTS = ["Rating over versions", "Win rate in the game", "Bulk training", "Loss", "Value accuracy", "Temperature"]
VOID = {"meta", "br"}


class Page(HTMLParser):
    """Which elements a page has; each must be closed where it belongs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: Counter[str] = Counter()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found[tag] += 1
        assert not {"src", "href", "onload"} & {name for name, _ in attributes}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def gate_battles(score: float) -> tuple[GateBattle, ...]:
    """Ten battles of a candidate against the champion and against a bot."""
    records = [BattleRecord(seed, 0, score, 5, 20, False) for seed in range(10)]
    return tuple(GateBattle("candidate", opponent, record) for opponent in ("champion", "<bot>") for record in records)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with three versions, verdicts, live battles, both logs, and damage in each of them."""
    folder = tmp_path / "data"
    with filled_store(folder) as store:
        history = store.history()
        for candidate, score in ((1, 0.75), (2, 0.5)):
            verdict = Verdict(True, f"Promoted: {score:.0%}.", 5, score, battles=gate_battles(score))
            history.add_gate(verdict, candidate - 1, candidate)
        history.add_gate(Verdict(False, "Kept the champion: <b>too weak</b>.", 5, 0.25), 2)
        for number in range(30):
            history.add_battle("live 5" + " ahead" * (number % 2), "2", "player", float(number % 3 > 0), 5)
    now = [100.0]
    log = FiguresLog(folder, 10.0, print, clock=lambda: now[0])
    for step in range(40):
        now[0] += 10.0
        rest = f"The processor is at <{72 + step}> C." if 10 <= step < 20 else None
        log.write({"source": "game", "steps": 64 * step, "loss": 0.0625, "accuracy": 0.75, "rest": rest}, step)
    with (folder / "log" / "figures.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"session": [], "at": "x"}\n{"at": 1e999, "loss": true}\n{cut off')
    (folder / "bulk").mkdir()
    lines = [{"event": "progress", "decisions": 1000 * at, "score": {"<bot>": 0.5, "x": None}} for at in range(5)]
    (folder / "bulk" / "log.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\nnot json\n")
    damage(path_of(folder, 1, "weights.safetensors"))
    return folder


def report(folder: Path) -> str:
    out = folder.parent / "out.html"
    assert main(["report", str(folder), "--out", str(out)]) == 0
    return out.read_text("utf-8")


def test_report_shows_what_is_there_names_what_is_damaged_and_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    text = report(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    found = Page(text).found
    assert found["script"] == found["img"] == found["link"] == 0
    assert "http" not in text.replace("http-equiv", "")
    for svg in text.split("<svg ")[1:]:
        ElementTree.fromstring("<svg " + svg.partition("</svg>")[0] + "</svg>")
    heads = [part.partition("</h2>")[0] for part in text.split("<h2>")[1:]]
    assert [title for title in CHARTS if title in heads] == CHARTS[:-1], "the log holds no temperature"
    words = unescape(text)
    for part in (
        "toy 1.0",
        "version 2",
        "against <bot>",
        "Kept the champion: <b>too weak</b>.",
        "67% won",
        "30 battles",
        "Version 1 against the game's own fighter.",
        "Version 2 against version 1.",
    ):
        assert part in words
    assert words.count("Learning rests: The processor is at <82> C.") == words.count("Learning rests:") == 1
    assert words.count("Learning goes on.") == 1
    assert "Temperature: this machine shows none" in words
    problems = ["figures.jsonl: line 43 cannot be read", "bulk/log.jsonl: line 6 cannot be read", "Version 1: "]
    error = capsys.readouterr().err
    assert all(problem in words and problem in error for problem in problems)


def test_report_does_not_say_that_an_untrained_version_plays(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    filled_store(folder, 1).close()
    text = report(folder)
    assert "no version that has learned yet" in text
    assert "Rating over versions: ratings come from headless battles of the gate, of which none are stored." in text


def test_report_tells_battles_of_the_own_fighter_from_those_of_versions(folder: Path) -> None:
    with store_in(folder) as store:
        for _ in range(3):
            store.history().add_battle("live 5", "0", "player", 0.0, 5)
    words = unescape(report(folder))
    assert "67% won" in words
    assert "30 battles" in words
    assert "before a version had learned</dt><dd>0% won (0% to 56%), 3 battles" in words


def test_report_is_made_while_a_game_holds_the_folder(folder: Path) -> None:
    with store_in(folder) as store:
        store.history().add_battle("live 5", "2", "player", 1.0, 5)
        assert "31 battles" in report(folder)


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("versions", "No version is stored."),
        ("history.sqlite", "The history cannot be kept or read"),
        ("log", "figures.jsonl: line 1 cannot be read"),
        ("bulk", "Win rate in the game"),
        ("history", "no stored version that has learned has played a battle in the game"),
    ],
)
def test_report_is_made_of_what_is_left(folder: Path, gone: str, words: str) -> None:
    path = folder / gone
    if gone == "history":
        for file in folder.glob("history.sqlite*"):
            file.unlink()
    elif gone == "history.sqlite":
        path.write_bytes(b"no database" * 500)
    elif gone == "log":
        (path / "figures.jsonl").write_bytes(b"\x00" * 1000)
    else:
        shutil.rmtree(path)
    text = report(folder)
    Page(text)
    assert words in text
    assert "no history" not in text
    assert ("Bulk training</h2>" in text) == (gone != "bulk")


def test_report_of_a_folder_that_is_none_or_to_a_place_that_cannot_be_written_is_a_sentence(
    folder: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path / "photos")
    for arguments, why in (
        ([], "cornerman-data is no data folder"),
        (["--out", "page.html"], "cornerman-data is no data folder"),
        ([tmp_path / "photos"], "is no data folder"),
        (["--data", tmp_path / "nowhere"], "is no data folder"),
        ([tmp_path], f"{folder} may be meant"),
        ([folder, "--out", tmp_path / "no" / "folder.html"], "cannot be written"),
        ([folder, "--out", tmp_path], "cannot be written"),
        ([folder, "--game", "chess"], "there is no game 'chess'"),
    ):
        status, _, error = run("report", *arguments)
        assert (status, why in error) == (1, True)


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MEASURE = """<iframe src="out.html" style="width:{width}px;height:900px;border:0"></iframe><p></p><script>
onload = () => {{
  const page = document.querySelector("iframe").contentDocument, root = page.documentElement
  const outside = [...page.querySelectorAll("svg text")].filter(text => {{
    const a = text.getBoundingClientRect(), b = text.closest("svg").getBoundingClientRect()
    return a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 1 || a.bottom > b.bottom + 1
  }})
  document.querySelector("p").textContent = "width " + root.scrollWidth + " charts " +
    page.querySelectorAll("svg[role]").length + " outside " + outside.map(text => text.textContent)
}}</script>"""


@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="no browser of the Chromium family is installed")
@pytest.mark.parametrize("width", [400, 1600])
def test_report_opens_in_a_browser_without_an_error_and_fits_its_width(folder: Path, width: int) -> None:
    report(folder)
    outer = folder.parent / "outer.html"
    outer.write_text(MEASURE.format(width=width))
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    command += [f"--user-data-dir={folder.parent / 'profile'}", "--enable-logging=stderr", "--hide-scrollbars"]
    command += ["--dump-dom", outer.as_uri()]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert [line for line in ended.stderr.splitlines() if "CONSOLE" in line] == []
    assert ended.stdout.partition("<p>")[2].partition("</p>")[0] == f"width {width} charts 5 outside "


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=9) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
LOGGED = ("session", "at", "source", "rest", "steps", "loss", "device", "cpu_percent", "decisions", "score")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(LOGGED, ANYTHING)), max_size=6))
def test_page_is_sound_whatever_values_the_logs_hold(lines: list[dict[str, Any]]) -> None:
    Page(page(Gathered(Path("some/folder"), figures=lines, progress=lines), 1.7e9))
