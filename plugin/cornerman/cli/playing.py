"""What `cornerman doctor` says of the playing backends: who would compute decisions, and how long each takes here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cornerman.contract import ModelError, SettingsError
from cornerman.settings import Settings, read_settings

if TYPE_CHECKING:
    from cornerman.policy.policy import Policy


def playing_lines(data: Path) -> list[str]:
    """With the weights of the version that plays in the folder `data`, or with random ones of a typical game's size."""
    from cornerman.edge.backends import NUMPY, builders, choose

    try:
        wanted = read_settings(data / "settings.toml").playing_backend
    except SettingsError:  # the section about the device says what is wrong
        wanted = Settings().playing_backend
    (policy, whose), build = _policy(data), builders(data / "hef")
    choice = choose(wanted, policy, build)
    lines = [f"  chosen       {choice.name}, by the setting playing_backend: {wanted}", f"  why          {choice.why}"]
    lines.append(f"  timed        {whose}")
    for name in (NUMPY, *build):
        tried = choose(name, policy, build)
        found = f"cannot: {tried.problems[name]}" if name in tried.problems else f"{tried.microseconds[name]:.0f} us"
        lines.append(f"  {name:<12} {found}")
    return [*lines, "               (written to the vendor's interface, not run on hardware)"]


def _policy(data: Path) -> tuple[Policy, str]:
    """Of the champion or the newest version that loads, and whose it is for a person."""
    import numpy as np

    from cornerman.learning.device import TYPICAL_SPEC
    from cornerman.models.champion_file import read_champions
    from cornerman.models.weights import policy_in
    from cornerman.policy.policy import Policy
    from cornerman.policy.q_network import draw

    record, _ = read_champions(data)
    names = [f"{number:06}" for number in (record.champions[::-1] if record else ())]
    names += sorted((path.name for path in (data / "versions").glob("*") if path.name.isdecimal()), reverse=True)
    for name in names:
        try:
            policy = policy_in(data / "versions" / name)
        except ModelError:  # the section about stored versions says what is wrong
            continue
        return policy, f"with the weights of version {policy.version}"
    return Policy(TYPICAL_SPEC, draw(TYPICAL_SPEC, np.random.default_rng(0))), "a typical game's, no version is stored"
