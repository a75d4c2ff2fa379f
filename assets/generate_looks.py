"""What the sprite generator draws: the poses, as joints in body heights, and what tells the fighters apart."""

from __future__ import annotations

from dataclasses import dataclass, field

from generate_shapes import Colour, Point

Joints = dict[str, Point]

STANCE: Joints = {
    "hip": (0.0, 0.48),
    "chest": (0.03, 0.7),
    "head": (0.07, 0.9),
    "knee_far": (0.14, 0.27),
    "foot_far": (0.15, 0.05),
    "knee_near": (-0.11, 0.27),
    "foot_near": (-0.2, 0.05),
    "elbow_far": (0.25, 0.64),
    "hand_far": (0.33, 0.8),
    "elbow_near": (-0.07, 0.56),
    "hand_near": (0.13, 0.72),
}
POSES: dict[str, Joints] = {
    "idle": {},
    "guard": {
        "hip": (-0.03, 0.44),
        "chest": (0.0, 0.65),
        "head": (0.0, 0.82),
        "elbow_far": (0.17, 0.6),
        "hand_far": (0.19, 0.82),
        "elbow_near": (0.04, 0.53),
        "hand_near": (0.1, 0.76),
        "knee_far": (0.16, 0.26),
    },
    "strike": {
        "hip": (-0.03, 0.46),
        "chest": (0.07, 0.67),
        "head": (0.12, 0.86),
        "elbow_far": (0.2, 0.6),
        "hand_far": (0.17, 0.76),
        "elbow_near": (0.26, 0.72),
        "hand_near": (0.48, 0.78),
        "knee_far": (0.16, 0.27),
        "foot_far": (0.18, 0.05),
        "foot_near": (-0.34, 0.06),
        "knee_near": (-0.17, 0.28),
    },
    "charge": {
        "hip": (-0.04, 0.43),
        "chest": (-0.04, 0.64),
        "head": (0.01, 0.83),
        "elbow_far": (0.12, 0.52),
        "hand_far": (0.24, 0.62),
        "elbow_near": (-0.28, 0.58),
        "hand_near": (-0.2, 0.42),
        "knee_far": (0.17, 0.27),
        "knee_near": (-0.15, 0.25),
    },
    "hurt": {
        "hip": (-0.03, 0.47),
        "chest": (-0.08, 0.68),
        "head": (-0.15, 0.87),
        "elbow_far": (0.12, 0.6),
        "hand_far": (0.24, 0.56),
        "elbow_near": (-0.13, 0.53),
        "hand_near": (0.0, 0.43),
    },
    "win": {
        "hip": (0.0, 0.49),
        "chest": (0.01, 0.72),
        "head": (0.03, 0.92),
        "elbow_far": (0.24, 0.86),
        "hand_far": (0.2, 1.06),
        "elbow_near": (-0.2, 0.84),
        "hand_near": (-0.21, 1.05),
        "knee_far": (0.1, 0.27),
        "foot_far": (0.12, 0.05),
        "knee_near": (-0.1, 0.27),
        "foot_near": (-0.13, 0.05),
    },
    "fallen": {
        "hip": (-0.04, 0.1),
        "chest": (-0.27, 0.11),
        "head": (-0.47, 0.11),
        "knee_far": (0.14, 0.25),
        "foot_far": (0.3, 0.06),
        "knee_near": (0.18, 0.1),
        "foot_near": (0.41, 0.05),
        "elbow_far": (-0.3, 0.26),
        "hand_far": (-0.13, 0.22),
        "elbow_near": (-0.2, 0.05),
        "hand_near": (-0.36, 0.03),
    },
}


@dataclass(frozen=True)
class Look:
    """What tells one fighter from another: build, colours, hair and one thing they wear."""

    skin: Colour
    shorts: Colour
    trim: Colour
    gloves: Colour
    hair: Colour = (40, 30, 28)
    style: str = "short"  # short, bald, mohawk, bun, curly, long
    wears: tuple[str, ...] = ()  # beard, headgear, bandana, vest, mask, moustache
    height: float = 1.0
    bulk: float = 1.0
    arms: float = 1.0
    boots: Colour = field(default=(40, 40, 52))


LOOKS: dict[str, Look] = {
    "ada": Look(
        (214, 160, 118), (217, 164, 65), (250, 240, 214), (196, 54, 48), (74, 44, 30), "bun", ("vest",), 0.96, 0.9, 0.9
    ),
    "bruno": Look(
        (150, 98, 66), (112, 66, 40), (226, 190, 120), (140, 60, 34), (30, 22, 20), "bald", ("beard",), 1.03, 1.32, 1.2
    ),
    "cleo": Look(
        (122, 76, 52),
        (64, 168, 170),
        (232, 250, 246),
        (40, 128, 140),
        (24, 20, 26),
        "curly",
        ("vest",),
        0.97,
        0.78,
        0.84,
    ),
    "dorn": Look(
        (226, 176, 146), (181, 60, 48), (34, 30, 38), (214, 62, 44), (226, 120, 34), "mohawk", (), 1.05, 1.06, 1.3
    ),
    "esme": Look(
        (240, 200, 174),
        (116, 86, 166),
        (224, 210, 246),
        (150, 104, 206),
        (34, 30, 52),
        "long",
        ("vest",),
        1.04,
        0.84,
        0.86,
    ),
    "falk": Look(
        (232, 184, 150),
        (70, 110, 156),
        (244, 244, 248),
        (52, 84, 128),
        (206, 160, 84),
        "short",
        ("beard", "bandana"),
        1.0,
        1.08,
        1.06,
    ),
    "gita": Look(
        (186, 128, 88),
        (206, 92, 140),
        (255, 224, 176),
        (232, 84, 136),
        (40, 24, 28),
        "tail",
        ("vest",),
        0.92,
        0.9,
        0.98,
    ),
    "hob": Look(
        (222, 170, 138),
        (98, 138, 66),
        (222, 214, 150),
        (78, 116, 52),
        (96, 72, 50),
        "short",
        ("headgear", "moustache"),
        0.94,
        1.4,
        1.12,
    ),
    "stranger": Look((150, 150, 165), (88, 92, 112), (180, 184, 200), (120, 124, 145), style="bald"),
}
