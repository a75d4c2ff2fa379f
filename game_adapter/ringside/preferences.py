"""The player's preferences for the window: sound, speed, text size, and whether the tutorial is still to come."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

VOLUMES = 10
SPEEDS = (("slow", 0.6), ("normal", 1.0), ("fast", 2.0), ("very fast", 4.0))
TEXT_SIZES = (("normal", 1.0), ("large", 1.15), ("largest", 1.3))
NORMAL_SPEED, FULL_SPEED = 1, 3
LIMITS: Mapping[str, int] = {"volume": VOLUMES, "speed": len(SPEEDS) - 1, "text": len(TEXT_SIZES) - 1}


@dataclass
class Preferences:
    """Kept in `path` as JSON; without a path only until the game ends. `messages` says what could not be read or kept.

    `speed` and `text` are positions in SPEEDS and TEXT_SIZES.
    """

    volume: int = 7
    sound: bool = True
    speed: int = NORMAL_SPEED
    text: int = 0
    tutorial: bool = True  # still to be shown
    path: Path | None = field(default=None, compare=False)
    messages: list[str] = field(default_factory=list, compare=False)

    @classmethod
    def read(cls, path: Path) -> Preferences:
        """What was kept in a file; each value that is missing or damaged is the usual one."""
        found = cls(path=path)
        try:
            note = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return found
        except (OSError, ValueError) as error:
            found.messages.append(f"The game's settings in {path} cannot be read ({error}); the usual ones count.")
            return found
        kept = note if isinstance(note, dict) else {}
        for name, usual in found._values().items():
            value = kept.get(name, usual)
            if type(value) is type(usual) and (isinstance(value, bool) or 0 <= value <= LIMITS[name]):
                setattr(found, name, value)
            else:
                found.messages.append(f"The game's setting {name} in {path} is {value!r}; the usual one counts.")
        return found

    def _values(self) -> dict[str, Any]:
        values = asdict(self)
        return {name: values[name] for name in ("volume", "sound", "speed", "text", "tutorial")}

    def save(self) -> None:
        """Keep them now; a disk that refuses costs a message, once."""
        if self.path is None:
            return
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(self._values(), indent=1) + "\n", "utf-8")
            beside.replace(self.path)
        except OSError as error:
            self.messages.append(f"The game's settings are not kept for the next time ({error.strerror}).")
            self.path = None

    def change(self, name: str, step: int) -> None:
        """Move volume, speed or text size on by a step; volume ends at its limits, the others go round."""
        value, most = getattr(self, name) + step, LIMITS[name]
        setattr(self, name, min(max(value, 0), most) if name == "volume" else value % (most + 1))
        self.save()

    def toggle(self, name: str) -> bool:
        """Turn sound or the tutorial over; returns the new value."""
        setattr(self, name, not getattr(self, name))
        self.save()
        return bool(getattr(self, name))

    def toggle_full_speed(self) -> bool:
        """Full speed, or back to the normal one; returns whether it is full speed now."""
        self.speed = NORMAL_SPEED if self.speed == FULL_SPEED else FULL_SPEED
        self.save()
        return self.speed == FULL_SPEED
