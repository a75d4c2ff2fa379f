"""Every setting of the plugin, in one frozen dataclass; read from `settings.toml` in the player's data directory.

An unknown key, a wrong type and a value out of range are errors with a sentence, never silently ignored.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from math import ceil
from pathlib import Path
from typing import Any, get_type_hints

from cornerman.contract import SettingsError

_MAX_BYTES = 64_000
_AT_MOST = (("gate_min_pairs", "gate_max_pairs"), ("batch_size", "replay_capacity"))
NUM_LEVELS = 6
"""Positions of the dial; policy/difficulty.py says what each means."""
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def _setting(default: Any, sentence: str, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    return field(default=default, metadata={"sentence": sentence, "low": low, "high": high, **more})


@dataclass(frozen=True, slots=True)
class Settings:
    """The defaults are a desktop's, `profile` says whose. `describe()` lists them with their sentences."""

    safe_mode: bool = _setting(False, "Play what is stored, learn nothing; a game asks for it after two unclean ends.")
    recording: bool = _setting(True, "Record battles into the replay buffer.")
    learning: bool = _setting(True, "Learn from what was recorded, in the training windows.")
    from_nothing: bool = _setting(
        False, "Let an untrained version play, not the model that the game ships or its own fighter."
    )
    difficulty: int = _setting(
        5, "How strong it plays: 1 (gentle) to 5 (its best); 6 adapts to the player.", 1, NUM_LEVELS
    )
    adaptive_target: float = _setting(0.5, "Share of battles that a player is to win at difficulty 6.", 0.05, 0.95)
    profile: str = _setting(
        "auto",
        "Which defaults: desktop (these), pi (those that fit a Raspberry Pi of its memory) or auto (whichever it is).",
        choices=("auto", "desktop", "pi"),
    )
    device: str = _setting(
        "auto", "Where it learns: auto, cpu, cuda, xpu or mps.", choices=("auto", "cpu", "cuda", "xpu", "mps")
    )
    playing_backend: str = _setting(
        "auto",
        "Who computes its decisions: auto (the quickest that was measured), numpy, onnxruntime or hailo.",
        choices=("auto", "numpy", "onnxruntime", "hailo"),
    )
    training_window: str = _setting(
        "between_rounds",
        "When it may learn: between_rounds, while_choosing (then too) or always.",
        choices=("between_rounds", "while_choosing", "always"),
    )
    learning_time: str = _setting(
        "thread",
        "Where its time comes from: thread (its own) or pump (what the game grants).",
        choices=("thread", "pump"),
    )
    duty_cycle: float = _setting(
        1.0, "Largest share of the time in an open window that learning takes beside frames.", 0.05, 1.0
    )
    rest_on_battery: bool = _setting(False, "Do not learn while the machine runs on its battery.")
    rest_when_busy: bool = _setting(
        True, "Do not learn beside frames while other programs use the whole machine: frames would wait for it."
    )
    replay_capacity: int = _setting(10_000, "Transitions kept for learning; the oldest are dropped.", 100, 10_000_000)
    batch_size: int = _setting(64, "Transitions in one gradient step.", 1, 65_536)
    learning_rate: float = _setting(5e-4, "Step size of Adam.", 1e-7, 1.0)
    gamma: float = _setting(0.99, "Discount of one decision.", 0.0, 1.0)
    n_step: int = _setting(3, "Decisions summed into one return before the value estimate takes over.", 1, 50)
    target_rate: float = _setting(0.01, "Share of the online network that enters the target network a step.", 1e-5, 1.0)
    gradient_clip: float = _setting(10.0, "Largest norm of a gradient.", 1e-3, 1e6)
    hidden: tuple[int, ...] = _setting(
        (), "Units of each hidden layer; none: 128 and 128, and 256 where no headless battles are played.", 1, 4096
    )
    updates_per_transition: float = _setting(1.0, "Gradient steps for each recorded transition.", 0.01, 64.0)
    updates_per_watched: float = _setting(
        0.2, "The same where no headless battles are played and whoever fares best is imitated.", 0.01, 64.0
    )
    warmup_fraction: float = _setting(0.02, "Share of the replay buffer filled before learning starts.", 0.0, 1.0)
    practice: float = _setting(20.0, "Headless battles played in the windows for each live one.", 0.0, 1e6)
    idle_practice: int = _setting(10_000, "More of them while an open window of a game that draws is idle.", 0, 10**9)
    practice_capacity: int = _setting(50_000, "Transitions of practice kept for learning.", 100, 10_000_000)
    updates_per_practice: float = _setting(0.125, "Gradient steps for each transition of practice.", 0.001, 64.0)
    worker: str = _setting(
        "process",
        "Where practice and judging run: process, thread (of the game: costs frames) or off.",
        choices=("process", "thread", "off"),
    )
    look_ahead: bool = _setting(
        True,
        "Try actions ahead before one is taken, at its best level against a player, where the game offers restore.",
    )
    thinking_ms: float = _setting(
        10_000.0,
        "How long a decision waits at most for the end of that, in a game that calls settle and draws no frames.",
        0.0,
        60_000.0,
    )
    exploration_fraction: float = _setting(0.04, "Share of decisions tried at random while learning.", 0.0, 1.0)
    health_weight: float = _setting(0.5, "Reward for a change in health shares or the game's standing.", 0.0, 10.0)
    outcome_weight: float = _setting(1.0, "Reward for winning a battle.", 0.0, 10.0)
    candidate_period: int = _setting(1000, "Learning steps between two candidates put to the gate.", 1, 1_000_000)
    gate_min_pairs: int = _setting(20, "Pairs of battles played before the gate may decide.", 2, 10_000)
    gate_max_pairs: int = _setting(
        200, "Pairs of battles until an undecided gate keeps the champion; later candidates get more.", 2, 10_000
    )
    held_out_fraction: float = _setting(
        0.05, "Share of battles kept out of learning, to judge the value estimate.", 0.0, 0.5
    )
    kept_versions: int = _setting(30, "Stored versions; the oldest go, but never what plays or played last.", 3, 10_000)
    log_interval_s: float = _setting(
        10.0, "Seconds between two lines of the log of machine and training; 0 writes none.", 0.0, 86_400.0
    )
    log_tensorboard: bool = _setting(False, "Write the figures of that log for TensorBoard, too.")
    burst_steps: int = _setting(16, "Gradient steps in one call; the trainer can yield between two calls.", 1, 1024)
    seed: int = _setting(0, "Seed of every random choice of the plugin.", 0, 2**63 - 1)

    @property
    def warm(self) -> int:
        """Transitions in the replay buffer before learning starts."""
        return max(self.batch_size, ceil(self.warmup_fraction * self.replay_capacity))

    def hidden_layers(self, headless: bool) -> tuple[int, ...]:
        """Units of each hidden layer of a new network. One wide layer imitates better from a few hundred battles
        (docs/measurements.md); two are what self-play was tuned with."""
        return self.hidden or ((128, 128) if headless else (256,))


def describe() -> list[tuple[str, Any, str]]:
    """Name, default and sentence of every setting, for help texts and documents."""
    return [(f.name, f.default, f.metadata["sentence"]) for f in fields(Settings)]


def read_settings(path: Path, start: Settings | None = None) -> Settings:
    """`start` (or the defaults) with what stands in `path`, which may be missing; SettingsError says what is wrong."""
    start = start or Settings()
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SettingsError(f"{path} is larger than settings can be ({_MAX_BYTES} bytes).")
        table = tomllib.loads(path.read_text("utf-8-sig"))  # some editors begin a file with a mark
    except (FileNotFoundError, NotADirectoryError):  # the second where a file is in the place of its folder
        return start
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, or a number of thousands of digits
        why = "it is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error).rstrip(".")
        raise SettingsError(f"{path} cannot be read: {why}.") from error
    return with_values(start, table, str(path))


def chosen_settings(
    path: Path,
    wishes: Mapping[str, Any],
    say: Callable[[str], None],
    fitting: Callable[[str], Mapping[str, Any]] = lambda profile: {},
) -> Settings:
    """The defaults, overridden by what fits the machine, by the game's `wishes`, then by the player's file.

    `fitting` gives the values for a profile. A faulty source is ignored whole.
    """
    profile = _overridden(Settings(), path, wishes, lambda _: None).profile
    return _overridden(with_values(Settings(), fitting(profile), "the profile"), path, wishes, say)


def _overridden(settings: Settings, path: Path, wishes: Mapping[str, Any], say: Callable[[str], None]) -> Settings:
    try:
        settings = with_values(settings, wishes, "the game")
    except SettingsError as error:
        say(f"{error} None of its wishes are used.")
    try:
        return read_settings(path, settings)
    except SettingsError as error:
        say(f"{error} Nothing of it is used.")
        return settings


def with_values(settings: Settings, values: Mapping[str, Any], where: str) -> Settings:
    """A copy with `values` put in; SettingsError names the key, what is wrong with it, and `where` it was found."""
    known = {f.name: f for f in fields(Settings)}
    types = get_type_hints(Settings)
    checked = {}
    for name, value in values.items():
        if name not in known:
            near = "".join(f" Did you mean {word}?" for word in difflib.get_close_matches(str(name), known, 1))
            if isinstance(value, Mapping):
                near = " Settings are one flat mapping: give what stands in it by itself."
            raise SettingsError(f"{where}: there is no setting {name!r}.{near}")
        checked[name] = _checked(name, value, types[name], known[name].metadata, where)
    changed = replace(settings, **checked)
    for small, large in _AT_MOST:
        least, most = getattr(changed, small), getattr(changed, large)
        if least > most:
            raise SettingsError(f"{where}: {small} ({least}) must not be above {large} ({most}).")
    return changed


def _checked(name: str, value: Any, kind: Any, metadata: Mapping[str, Any], where: str) -> Any:
    if name == "hidden":
        if not isinstance(value, (list, tuple)) or len(value) > 8:
            raise SettingsError(f"{where}: hidden is a list of up to eight sizes, not {value!r}.")
        return tuple(_checked("hidden size", units, int, metadata, where) for units in value)
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise SettingsError(f"{where}: {name} must be {_KINDS[kind]}, not {value!r}.")
    if (choices := metadata.get("choices")) and value not in choices:
        raise SettingsError(f"{where}: {name} must be one of {', '.join(choices)}, not {value!r}.")
    low, high = metadata["low"], metadata["high"]
    if low is not None and not low <= value <= high:
        raise SettingsError(f"{where}: {name} must be between {low} and {high}, not {value!r}.")
    return kind(value)
