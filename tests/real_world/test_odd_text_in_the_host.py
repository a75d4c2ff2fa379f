"""Kind 2, the host's side: text that cannot be drawn, printed or stored is cleaned where it enters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pygame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from game_adapter.host import Host
from game_adapter.host.text import MAX_LENGTH, printable
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.screens.window import Window
from tests.support.dropped_plugins import drop, host_of
from tests.support.paths import ROOT, environment


def draw(host: Host) -> None:
    """The debug menu and the notices, as a player sees them."""
    window = Window(host, RINGSIDE, Random(1), sound=False)
    window.menu.open = True
    for _ in range(3):
        window.frame(1 / 60)
    pygame.quit()


@pytest.mark.parametrize(
    "raised",
    [
        r"ValueError('half a pair \ud83d')",
        r"ValueError('a NUL \x00 in it')",
        r"OSError(2, 'gone', b'caf\xe9'.decode('utf-8', 'surrogateescape'))",
        r"ValueError('x' * 10**6)",
        r"ValueError('two\nlines\tand a tab')",
        r"Mute()",
    ],
)
def test_error_text_of_a_plugin_is_drawn(plugins: Path, raised: str) -> None:
    mute = "class Mute(Exception):\n    def __str__(self): raise RuntimeError('no text')\n"
    drop(plugins, "odd_text", f"def on_frame(self): raise {raised}", mute)
    host = host_of(plugins)
    draw(host)
    assert len(host.messages) == 3
    for text in (*host.messages, host.loaded[0].reason):
        assert text.encode("utf-8").decode("utf-8").isprintable(), text
        assert len(text) <= 2 * MAX_LENGTH


@pytest.mark.skipif(sys.platform != "linux", reason="only there a file's name may be any bytes")
def test_folder_name_that_is_not_utf8_is_drawn(tmp_path: Path) -> None:
    plugins = tmp_path / os.fsdecode(b"plug\xe9ns")
    drop(plugins, "cafe").rename(plugins / os.fsdecode(b"caf\xe9"))
    host = host_of(plugins)
    draw(host)
    (refused,) = host.refused
    assert refused.name == "caf\ufffd"
    assert "must be called" in refused.reason


def test_manifest_with_control_characters_is_drawn(plugins: Path) -> None:
    drop(plugins, "odd_summary", summary='"\\u0000\\u001b[31m red"', version='"1.\\u0007"')
    host = host_of(plugins)
    draw(host)
    assert (host.loaded[0].version, host.loaded[0].summary) == ("1.\ufffd", "\ufffd\ufffd[31m red")


def test_message_of_a_plugin_is_cleaned(plugins: Path) -> None:
    drop(plugins, "odd_words", r"def messages(self): return ['\ud800', 7, None, 'fine']")
    host = host_of(plugins)
    assert host.messages == ["odd_words: \ufffd", "odd_words: 7", "odd_words: None", "odd_words: fine"]


def test_series_prints_odd_names_where_the_output_cannot(tmp_path: Path) -> None:
    """An output in Latin-1, as of a Windows pipe, and a folder that is named in bytes of no encoding."""
    latin = environment(ROOT, PYTHONIOENCODING="latin-1")
    odd = os.fsdecode(b"d\xe4ta \xff") if sys.platform == "linux" else "däta \u4e2d"
    command = [sys.executable, "-m", "game_adapter", "--headless", "--battles", "1", "--data", odd, "--plugins", odd]
    (tmp_path / odd).mkdir()
    done = subprocess.run(command, cwd=tmp_path, env=latin, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"No plugin in d" in done.stdout


@given(st.text(st.characters(), max_size=300))
def test_printable_text_survives_every_font_file_and_terminal(text: str) -> None:
    clean = printable(text)
    assert clean.encode("utf-8").decode("utf-8") == clean
    assert "\x00" not in clean
    assert clean.isprintable()
    if text.isprintable() and text.isascii():
        assert clean == text
