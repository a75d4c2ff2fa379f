"""Pictures compared with kept ones: what moved by a few pixels or was cut fails, the edges of letters do not.

`make pictures` draws every kept picture again (as `CORNERMAN_PICTURES=keep` before pytest does): look at each before it
is committed. A picture that fails is written to out/pictures/ beside one that shows where it differs, in red.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pygame
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent.parent
FAILED = ROOT / "out" / "pictures"
WIDEST = 1280
"""Pixels; a wider picture is kept and compared shrunk by a whole number, so that its file is small."""
NEAR, SHADES, ODD_PIXELS = 4 if getattr(pygame, "IS_CE", False) else 2, 40, 2
"""A pixel must lie within the shades (of 255) that the other picture has that near, but for so many odd. Pictures are
kept with pygame; pygame-ce spaces letters a little differently: up to 3.3 pixels at the end of the longest line. A word
that is moved farther makes dozens of odd pixels."""

Pixels = NDArray[np.int16]


def check_picture(surface: pygame.Surface, kept: Path) -> None:
    """Compare what is drawn with a kept PNG, or keep it; AssertionError where it differs, with what to do."""
    image = _image(surface)
    if os.environ.get("CORNERMAN_PICTURES") == "keep":
        kept.parent.mkdir(parents=True, exist_ok=True)
        image.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(kept, optimize=True)
        return
    assert kept.is_file(), f"no picture is kept at {kept}: run `make pictures` and look at it"
    with Image.open(kept) as file:
        wanted = file.convert("RGB")
    assert image.size == wanted.size, f"{kept.name} is kept at {wanted.size}, drawn at {image.size}"
    odd = odd_pixels(np.asarray(image, np.int16), np.asarray(wanted, np.int16))
    if odd.sum() > ODD_PIXELS:
        where = _write_failed(image, odd, kept)
        raise AssertionError(f"{kept.name}: {odd.sum()} pixels differ, see {where}; if they should, `make pictures`")


def odd_pixels(drawn: Pixels, wanted: Pixels) -> NDArray[np.bool_]:
    """Where one picture has a shade that the other has nowhere near, [height, width]."""
    found: NDArray[np.bool_] = (np.abs(drawn - wanted) > SHADES).any(axis=2)
    if not found.any():
        return found
    found[:] = False
    for one, other in ((drawn, wanted), (wanted, drawn)):
        darkest, lightest = _around(other, np.minimum), _around(other, np.maximum)
        found |= ((one < darkest - SHADES) | (one > lightest + SHADES)).any(axis=2)
    return found


def _around(pixels: Pixels, extreme: np.ufunc) -> Pixels:
    """The darkest or lightest of each channel among the pixels that are NEAR."""
    for axis in (0, 1):
        space = [(0, 0)] * 3
        space[axis] = (NEAR, NEAR)
        padded, length = np.pad(pixels, space, mode="edge"), pixels.shape[axis]
        pixels = np.take(padded, range(length), axis)
        for shift in range(1, 2 * NEAR + 1):
            pixels = extreme(pixels, np.take(padded, range(shift, shift + length), axis))
    return pixels


def _image(surface: pygame.Surface) -> Image.Image:
    image = Image.frombytes("RGB", surface.get_size(), pygame.image.tobytes(surface, "RGB"))
    return image.reduce(-(-image.width // WIDEST)) if image.width > WIDEST else image


def _write_failed(image: Image.Image, odd: NDArray[np.bool_], kept: Path) -> Path:
    FAILED.mkdir(parents=True, exist_ok=True)
    image.save(FAILED / kept.name)
    marked = np.asarray(image.convert("L").convert("RGB")) // 3
    marked[odd] = (255, 60, 60)
    where = FAILED / f"{kept.stem}-differs.png"
    Image.fromarray(marked).save(where)
    return where
