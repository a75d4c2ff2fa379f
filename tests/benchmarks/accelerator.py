"""What an accelerator is worth: learning and picking rows there, over the CPU of the same machine.

On the CPU the compiled step learns, on one core; on the accelerator what the plugin runs there, recorded bursts on
CUDA. Sizes are those of a small game, of bulk training, and of networks that a big device is for.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from statistics import median

from cornerman.learning.compiled import cpu_steps
from cornerman.learning.device import found_accelerators, learning_speed
from cornerman.policy.q_network import NetworkSpec
from tests.benchmarks.figures import Figure, median_figure, not_measured

OBSERVATION, ACTIONS = 57, 16
LEARNING = [((128, 128), 64), ((128, 128), 256), ((128, 128), 4096), ((512, 512), 256), ((1024, 1024), 1024)]
"""Units of the hidden layers, and transitions in a batch."""
PICKING = [256, 4096]
REPEATS = 3


def run(repeats: int) -> list[Figure]:
    """All figures; every repeat measures both in turn, each by the best of its short bursts."""
    device = next(iter(found_accelerators()), "")
    if not device:
        why = "there is no accelerator that torch can use"
        return [not_measured(f"accelerator.{what}", "x", "higher", why) for what in ("learn", "pick")]
    from cornerman.learning.accelerator.device_replay import HERE, picking_speed

    on_cpu = cpu_steps(Path()).learn
    figures = []
    for hidden, batch in LEARNING:
        spec = NetworkSpec(OBSERVATION, ACTIONS, hidden)
        speed = partial(learning_speed, spec=spec, batch_size=batch, on_cpu=on_cpu)
        rates = in_turn([partial(speed, device), partial(speed, "cpu")], repeats)
        figures.append(over(f"learn.{hidden[0]}.{batch}", rates, "steps a second", device))
    spec = NetworkSpec(OBSERVATION, ACTIONS)
    for batch in PICKING:
        ways = [partial(picking_speed, where, device, spec, 16 * batch) for where in (device, HERE)]
        figures.append(over(f"pick.{batch}", in_turn(ways, repeats), "rows a second", device))
    return figures


def in_turn(ways: list[partial[float]], repeats: int) -> list[list[float]]:
    """What each of them gives, one after the other, `repeats` times."""
    return [list(values) for values in zip(*([way() for way in ways] for _ in range(repeats)), strict=True)]


def over(key: str, rates: list[list[float]], unit: str, device: str) -> Figure:
    """Ratio of the accelerator's rates to the CPU's, which come second."""
    there, here = rates
    note = f"{median(there):,.0f} {unit} on {device}, {median(here):,.0f} on the CPU"
    ratios = [one / other for one, other in zip(there, here, strict=True)]
    return median_figure(f"accelerator.{key}", ratios, "x", "higher", peer="the CPU", note=note)
