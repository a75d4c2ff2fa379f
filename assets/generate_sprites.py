"""Draws the fighters into assets/sprites/<look>_<pose>.png: 288x288, transparent, facing right, feet at the bottom.

A fighter is a skeleton of tapered capsules lit from the upper left, shaded in steps and outlined, then shrunk four
times for smooth edges. Run it from anywhere: `python assets/generate_sprites.py [LOOK ...]`. The same script always
writes the same pixels.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from generate_looks import LOOKS, POSES, STANCE, Look
from generate_shapes import Picture, Point, Spot, between, dimmed, moved


class Fighter:
    """One look in one pose."""

    def __init__(self, look: Look, pose: str) -> None:
        self.look = look
        self.pose = pose
        grown = {
            name: (x * (0.9 + 0.1 * look.bulk), y * look.height) for name, (x, y) in (STANCE | POSES[pose]).items()
        }
        self.joints = grown
        if pose == "fallen":
            lift, to_feet = 0.05 * look.bulk + 0.015, 0.06  # or hair, tail and the broadest hips are cut off
            self.joints = {name: (x + to_feet, POSES[pose][name][1] + lift) for name, (x, _y) in grown.items()}
        lean = self._axis("hip", "chest")
        self.along = lean
        self.across = (lean[1], -lean[0])

    def _axis(self, start: str, end: str) -> Point:
        a, b = self.joints[start], self.joints[end]
        length = float(np.hypot(b[0] - a[0], b[1] - a[1]))
        return (b[0] - a[0]) / length, (b[1] - a[1]) / length

    def at(self, joint: str, across: float, along: float) -> Point:
        """A point beside a joint, measured along the spine."""
        x, y = self.joints[joint]
        return (
            x + self.across[0] * across + self.along[0] * along,
            y + self.across[1] * across + self.along[1] * along,
        )

    def draw(self) -> Picture:
        picture = Picture()
        near, far = -0.085 * self.look.bulk, 0.075 * self.look.bulk
        self._arm(picture, "far", self.at("chest", far, 0.05))
        self._leg(picture, "far", self.at("hip", 0.05 * self.look.bulk, -0.02))
        self._leg(picture, "near", self.at("hip", -0.05 * self.look.bulk, -0.02))
        self._torso(picture)
        self._head(picture)
        self._arm(picture, "near", self.at("chest", near, 0.05))
        return picture

    def _leg(self, picture: Picture, side: str, hip: Point) -> None:
        look, joints, bulk = self.look, self.joints, self.look.bulk
        knee, foot = joints[f"knee_{side}"], joints[f"foot_{side}"]
        dim = 0.82 if side == "far" else 1.0
        picture.shape(
            dimmed(look.skin, dim), [(hip, 0.08 * bulk, knee, 0.058 * bulk), (knee, 0.056 * bulk, foot, 0.042 * bulk)]
        )
        shin = between(knee, foot, 0.5)
        toe = moved(foot, 0.07, -0.015) if self.pose != "fallen" else moved(foot, 0.03, 0.06)
        picture.shape(dimmed(look.boots, dim), [(shin, 0.053 * bulk, foot, 0.048 * bulk), (foot, 0.045, toe, 0.034)])
        cuff = between(shin, foot, 0.12)
        picture.shape(dimmed(look.trim, dim), [(shin, 0.055 * bulk, cuff, 0.055 * bulk)], outline=0.004)
        thigh = between(hip, knee, 0.62)
        picture.shape(dimmed(look.shorts, dim), [(hip, 0.094 * bulk, thigh, 0.086 * bulk)])
        hem = between(hip, knee, 0.64)
        picture.shape(
            dimmed(look.trim, dim), [(hem, 0.087 * bulk, between(hip, knee, 0.7), 0.087 * bulk)], outline=0.004
        )
        picture.shape(dimmed(look.shorts, dim), [(hip, 0.093 * bulk, between(hip, knee, 0.56), 0.086 * bulk)], 0.0)

    def _torso(self, picture: Picture) -> None:
        look, bulk = self.look, self.look.bulk
        colour = look.trim if "vest" in look.wears else look.skin
        shoulder_near, shoulder_far = self.at("chest", -0.07 * bulk, 0.035), self.at("chest", 0.06 * bulk, 0.035)
        waist_near, waist_far = self.at("hip", -0.03 * bulk, 0.05), self.at("hip", 0.03 * bulk, 0.05)
        neck = between(self.joints["chest"], self.joints["head"], 0.55)
        picture.shape(look.skin, [(self.at("chest", 0.0, 0.05), 0.065 * bulk, neck, 0.05 * (0.5 + 0.5 * bulk))])
        picture.shape(
            colour,
            [
                (shoulder_near, 0.088 * bulk, waist_near, 0.075 * bulk),
                (shoulder_far, 0.088 * bulk, waist_far, 0.075 * bulk),
                (shoulder_near, 0.085 * bulk, shoulder_far, 0.085 * bulk),
            ],
        )
        if "vest" not in look.wears:
            self._muscles(picture)
        hip_near, hip_far = self.at("hip", -0.045 * bulk, -0.01), self.at("hip", 0.045 * bulk, -0.01)
        picture.shape(look.shorts, [(hip_near, 0.085 * bulk, hip_far, 0.085 * bulk)])
        belt_near, belt_far = self.at("hip", -0.06 * bulk, 0.062), self.at("hip", 0.06 * bulk, 0.062)
        picture.shape(look.trim, [(belt_near, 0.03, belt_far, 0.03)], outline=0.007)

    def _muscles(self, picture: Picture) -> None:
        """Two darker strokes on the chest and the belly: enough to read as a body."""
        bulk = self.look.bulk
        line = dimmed(self.look.skin, 0.8)
        left, middle, right = (
            self.at("chest", dx * bulk, dy) for dx, dy in ((-0.05, -0.045), (0.035, -0.06), (0.11, -0.035))
        )
        picture.shape(line, [(left, 0.006, middle, 0.007), (middle, 0.007, right, 0.006)], outline=0.0)
        for rise in (0.0, 0.055):
            a, b = self.at("hip", 0.015 * bulk, 0.115 + rise), self.at("hip", 0.075 * bulk, 0.12 + rise)
            picture.shape(line, [(a, 0.005, b, 0.005)], outline=0.0)

    def _arm(self, picture: Picture, side: str, shoulder: Point) -> None:
        look, joints = self.look, self.joints
        thick = look.arms * (0.4 + 0.6 * look.bulk)
        elbow, hand = joints[f"elbow_{side}"], joints[f"hand_{side}"]
        dim = 0.84 if side == "far" else 1.0
        upper = between(shoulder, elbow, 0.45)
        picture.shape(
            dimmed(look.skin, dim),
            [
                (shoulder, 0.07 * thick, upper, 0.06 * thick),
                (upper, 0.06 * thick, elbow, 0.044 * thick),
                (elbow, 0.05 * thick, hand, 0.04 * thick),
            ],
        )
        dx, dy = hand[0] - elbow[0], hand[1] - elbow[1]
        length = float(np.hypot(dx, dy)) or 1.0
        tip = moved(hand, 0.035 * dx / length, 0.035 * dy / length)
        cuff = moved(hand, -0.05 * dx / length, -0.05 * dy / length)
        glove = 0.072 * (0.6 + 0.4 * thick)
        picture.shape(dimmed(look.gloves, dim), [(hand, glove * 0.94, tip, glove)], gloss=0.4)
        thumb = moved(hand, -0.03 * dy / length - 0.01, 0.045)
        picture.shape(dimmed(look.gloves, dim), [(moved(hand, 0, 0.012), 0.03, thumb, 0.026)], outline=0.007, gloss=0.3)
        picture.shape(dimmed(look.trim, dim), [(cuff, 0.05 * thick, moved(cuff, 0.012 * dx, 0.012 * dy), 0.05 * thick)])

    # ------------------------------------------------------------------------------------------------------- the head

    def _head(self, picture: Picture) -> None:
        head = self.joints["head"]
        if self.pose == "fallen":  # lying on the back: the face looks up
            self._face(picture, head, (0.0, 1.0), (-1.0, 0.0))
            return
        tilt = {"hurt": 0.3, "strike": -0.12, "guard": -0.15}.get(self.pose, 0.0)
        forward = (float(np.cos(tilt)), float(np.sin(tilt)))
        self._face(picture, head, forward, (-forward[1], forward[0]))

    def _face(self, picture: Picture, head: Point, forward: Point, up: Point) -> None:
        look = self.look

        def spot(ahead: float, above: float) -> Point:
            return (
                head[0] + forward[0] * ahead + up[0] * above,
                head[1] + forward[1] * ahead + up[1] * above,
            )

        if look.style in ("long", "bun", "tail"):
            self._hair_behind(picture, spot)
        jaw = [
            (spot(0.005, 0.02), 0.092, spot(0.018, -0.03), 0.08),
            (spot(0.075, -0.012), 0.022, spot(0.09, -0.018), 0.02),
        ]
        picture.shape(look.skin, jaw)
        if "beard" in look.wears:
            picture.shape(
                look.hair,
                [
                    (spot(-0.035, -0.04), 0.035, spot(0.03, -0.085), 0.042),
                    (spot(0.03, -0.085), 0.042, spot(0.07, -0.065), 0.03),
                ],
                outline=0.006,
            )
        self._hair(picture, spot)
        self._features(picture, spot)
        picture.shape(dimmed(look.skin, 0.9), [(spot(-0.02, -0.01), 0.02, spot(-0.018, 0.006), 0.02)], outline=0.006)
        self._worn(picture, spot)

    def _hair_behind(self, picture: Picture, spot: Spot) -> None:
        hair = self.look.hair
        if self.look.style == "bun":
            picture.shape(hair, [(spot(-0.09, 0.085), 0.042, spot(-0.085, 0.095), 0.04)])
        elif self.look.style == "tail":
            picture.shape(
                hair,
                [
                    (spot(-0.07, 0.07), 0.04, spot(-0.16, 0.02), 0.032),
                    (spot(-0.16, 0.02), 0.032, spot(-0.19, -0.08), 0.012),
                ],
            )
        else:
            picture.shape(hair, [(spot(-0.05, 0.04), 0.08, spot(-0.075, -0.1), 0.05)])

    def _hair(self, picture: Picture, spot: Spot) -> None:
        hair, style = self.look.hair, self.look.style
        if style == "bald":
            return
        if style == "mohawk":
            picture.shape(
                hair,
                [(spot(0.05, 0.1), 0.025, spot(0.04, 0.165), 0.02), (spot(0.0, 0.11), 0.032, spot(-0.02, 0.185), 0.022),
                 (spot(-0.05, 0.09), 0.034, spot(-0.09, 0.155), 0.022),
                 (spot(-0.08, 0.04), 0.03, spot(-0.125, 0.08), 0.018)],
            )  # fmt: skip
            return
        if style == "curly":
            curls = ((0.05, 0.1), (0.0, 0.125), (-0.055, 0.1), (-0.09, 0.055), (-0.095, 0.0))
            picture.shape(hair, [(spot(a, b), 0.045, spot(a - 0.01, b), 0.045) for a, b in curls])
            return
        picture.shape(
            hair,
            [
                (spot(0.045, 0.092), 0.03, spot(-0.03, 0.085), 0.05),
                (spot(-0.03, 0.085), 0.05, spot(-0.068, 0.0), 0.038),
            ],
        )

    def _features(self, picture: Picture, spot: Spot) -> None:
        brow = (spot(0.035, 0.045), 0.008, spot(0.078, 0.033), 0.007)
        if self.pose in ("hurt", "fallen"):
            for a, b in (((0.04, 0.03), (0.066, 0.004)), ((0.04, 0.004), (0.066, 0.03))):
                picture.shape((30, 24, 34), [(spot(*a), 0.006, spot(*b), 0.006)], outline=0.0)
        else:
            picture.shape((250, 248, 244), [(spot(0.05, 0.015), 0.017, spot(0.056, 0.014), 0.016)], outline=0.004)
            picture.shape((24, 20, 30), [(spot(0.06, 0.014), 0.009, spot(0.061, 0.014), 0.009)], outline=0.0)
            picture.shape(dimmed(self.look.hair, 0.8), [brow], outline=0.0)
        mouth = (spot(0.05, -0.052), 0.006, spot(0.082, -0.05), 0.006)
        if self.pose in ("win", "hurt", "fallen"):
            picture.shape((92, 24, 34), [(spot(0.05, -0.05), 0.014, spot(0.07, -0.05), 0.012)], outline=0.004)
        else:
            picture.shape((70, 28, 34), [mouth], outline=0.0)
        if "moustache" in self.look.wears:
            picture.shape(self.look.hair, [(spot(0.04, -0.036), 0.012, spot(0.092, -0.04), 0.014)], outline=0.005)

    def _worn(self, picture: Picture, spot: Spot) -> None:
        look = self.look
        if "bandana" in look.wears:
            picture.shape(look.trim, [(spot(0.08, 0.07), 0.02, spot(-0.08, 0.055), 0.022)], outline=0.008)
            picture.shape(
                look.trim,
                [
                    (spot(-0.09, 0.05), 0.016, spot(-0.16, 0.01), 0.012),
                    (spot(-0.09, 0.05), 0.014, spot(-0.15, 0.06), 0.01),
                ],
                0.008,
            )
        if "headgear" in look.wears:
            picture.shape(
                look.gloves,
                [(spot(0.07, 0.078), 0.034, spot(-0.03, 0.085), 0.05),
                 (spot(-0.03, 0.085), 0.05, spot(-0.06, 0.0), 0.05),
                 (spot(-0.06, 0.0), 0.05, spot(0.0, -0.075), 0.036),
                 (spot(-0.035, 0.0), 0.035, spot(0.018, -0.03), 0.03)],
                gloss=0.3,
            )  # fmt: skip
        if "mask" in look.wears:
            picture.shape(look.trim, [(spot(0.085, -0.045), 0.03, spot(-0.06, -0.035), 0.04)], outline=0.008)


def main(names: Sequence[str]) -> None:
    folder = Path(__file__).parent / "sprites"
    folder.mkdir(exist_ok=True)
    for name in names or LOOKS:
        for pose in POSES:
            Fighter(LOOKS[name], pose).draw().save(folder / f"{name}_{pose}.png")


if __name__ == "__main__":
    main(sys.argv[1:])
