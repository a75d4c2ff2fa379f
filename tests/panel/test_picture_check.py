"""The comparison of pictures: text that moved, was cut or changed its colour fails; edges of letters do not."""

from __future__ import annotations

from pathlib import Path

import pygame
import pytest

from tests.support import pictures
from tests.support.pictures import check_picture

WORDS, PALE = (240, 240, 250), (172, 178, 210)


def drawn(text: str, at: tuple[int, int], colour: tuple[int, int, int] = WORDS, width: int = 400) -> pygame.Surface:
    surface = pygame.Surface((width, 120))
    surface.fill((24, 27, 54))
    pygame.font.init()
    if text:
        surface.blit(pygame.font.Font(None, 20).render(text, True, colour), at)
    return surface


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pictures, "FAILED", tmp_path / "failed")
    monkeypatch.setenv("CORNERMAN_PICTURES", "keep")
    path = tmp_path / "kept.png"
    check_picture(drawn("Learning is off.", (20, 40)), path)
    monkeypatch.delenv("CORNERMAN_PICTURES")
    return path


@pytest.mark.parametrize("at", [(20, 40), (21, 41)], ids=["same", "a pixel off"])
def test_edges_of_letters_do_not_fail(kept: Path, at: tuple[int, int]) -> None:
    check_picture(drawn("Learning is off.", at), kept)


@pytest.mark.parametrize(
    ("text", "at", "colour"),
    [
        ("Learning is off.", (22 + pictures.NEAR, 40), WORDS),
        ("Learning is off.", (20, 42 + pictures.NEAR), WORDS),
        ("Learning is o...", (20, 40), WORDS),
        ("Learning is", (20, 40), WORDS),
        ("Learning is off.", (20, 40), PALE),
        ("", (20, 40), WORDS),
    ],
    ids=["right", "down", "other", "cut", "colour", "gone"],
)
def test_moved_cut_or_pale_text_fails(kept: Path, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    with pytest.raises(AssertionError, match=r"kept\.png: \d+ pixels differ"):
        check_picture(drawn(text, at, colour), kept)
    assert (pictures.FAILED / "kept-differs.png").is_file()


def test_missing_picture_and_other_size_say_so(kept: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no picture is kept at"):
        check_picture(drawn("", (0, 0)), tmp_path / "none.png")
    with pytest.raises(AssertionError, match=r"kept at \(400, 120\), drawn at \(401, 120\)"):
        check_picture(drawn("", (0, 0), width=401), kept)
