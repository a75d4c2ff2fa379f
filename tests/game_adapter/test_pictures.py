"""Every scene of Ringside as a picture, from the smallest window to a 4K screen; sprites that are whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.pictures import ROOT, check_picture
from tests.support.ringside_scenes import SCENES
from tests.support.ringside_window import opened

SMALLEST, DOCUMENTED, LARGEST = (672, 420), (960, 600), (3840, 2160)
SIZES = [SMALLEST, *(pytest.param(size, marks=pytest.mark.long) for size in (DOCUMENTED, LARGEST))]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("scene", SCENES)
def test_scene_looks_as_it_was_kept(tmp_path: Path, scene: str, size: tuple[int, int]) -> None:
    window = opened(tmp_path, learning=True, size=size)
    window.screen = SCENES[scene](window)
    window.draw()
    other = Path(__file__).parent / "pictures" / f"{scene}-{size[0]}x{size[1]}.png"
    kept = ROOT / "docs" / "pictures" / f"ringside-{scene}.png" if size == DOCUMENTED else other
    check_picture(window.surface, kept)


SPRITES = sorted((ROOT / "assets" / "sprites").glob("*_*.png"))


def test_no_fighter_is_cut_off_at_the_edge_of_a_sprite() -> None:
    assert len(SPRITES) == 9 * 7, "looks and poses"
    cut = []
    for path in SPRITES:
        with Image.open(path) as file:
            opaque = np.asarray(file.convert("RGBA"))[..., 3] > 0
        if opaque[[0, -1]].any() or opaque[:, [0, -1]].any():
            cut.append(path.name)
    assert cut == []
