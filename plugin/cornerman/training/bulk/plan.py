"""The plan of a run of bulk training, its progress, and where it learns, acts and picks rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cornerman.contract import SettingsError
from cornerman.experience.replay_buffer import free_memory_bytes
from cornerman.policy.q_network import NetworkSpec

if TYPE_CHECKING:
    from cornerman.learning.device import Choice

WORKER_BYTES, LEARNER_BYTES = 200 * 2**20, 600 * 2**20
"""What a worker and this process with torch take, measured with room to spare; the replay buffer comes on top."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much, how, and how often it reports and saves."""

    decisions: int | None = None
    minutes: float | None = None
    workers: int = 1
    batch_size: int = 256
    uses: float = 4.0  # how often a transition is learned from on average
    capacity: int = 200_000
    candidate_steps: int = 3_000  # learning steps between two candidates
    report_s: float = 10.0
    checkpoint_s: float = 60.0
    report_battles: int = 40  # a pair in the cross table
    ladder_battles: int = 0  # a pairing of rungs for the levels of difficulty; 0: no ladder is made
    tensorboard: Path | None = None  # folder for the progress
    ray: str | None = None  # address of a Ray cluster, "" for one of its own; None: processes here
    acting: str = ""  # the device that the present policy acts on in the workers; "": with numpy
    rows_on: str = ""  # the device that batches to learn from are picked on; "": here

    def share_done(self, decisions: int, seconds: float) -> float:
        """How much of the plan that is; 1 or more at its end."""
        if self.decisions is not None:
            return decisions / self.decisions
        return seconds / (60.0 * (self.minutes or 10.0))


@dataclass(slots=True)
class Progress:
    """What has been done so far, all sessions together."""

    decisions: int = 0
    battles: int = 0
    rows: int = 0
    seconds: float = 0.0
    steps_due: float = 0.0  # learning steps that the collected rows still pay for
    actions: list[int] = field(default_factory=list)  # how often the present policy took each
    dropped: dict[str, int] = field(default_factory=dict)  # faulty battles by reason
    curve: list[dict[str, Any]] = field(default_factory=list)


def refuse_impossible(plan: Plan, spec: NetworkSpec) -> None:
    """SettingsError with the figures where processes and replay buffer cannot fit the free memory together."""
    row_bytes = 2 * (4 * spec.observation_size + spec.num_actions) + 64
    # A checkpoint holds the rows twice more for a moment: copied, and as the bytes of a file.
    needed = (plan.workers + 1) * WORKER_BYTES + LEARNER_BYTES + 3 * plan.capacity * row_bytes
    needed += plan.workers * LEARNER_BYTES if plan.acting else 0  # each of them with torch
    free = free_memory_bytes()
    if free is not None and needed > free:
        raise SettingsError(
            f"{plan.workers} workers and {plan.capacity:,} rows need {needed / 2**20:.0f} MiB, and {free / 2**20:.0f} "
            "MiB are free; take fewer workers or a smaller replay capacity."
        )


def on_devices(
    plan: Plan, learning: Choice, spec: NetworkSpec, burst_steps: int, together: int
) -> tuple[Plan, dict[str, Choice]]:
    """The plan with where workers act and batches are picked, each chosen by a timing at the size that it will have.

    `learning` says where it learns: on the CPU everything else is numpy's, and there is nothing to time. `together`:
    battles that a worker plays at once. Imports torch where it learns on an accelerator.
    """
    if learning.device == "cpu":
        return plan, {"learning": learning}
    from cornerman.learning.accelerator.device_actor import NUMPY, choose_acting
    from cornerman.learning.accelerator.device_replay import HERE, choose_rows
    from cornerman.learning.device import Choice

    if plan.ray is None:
        acting = choose_acting(learning.device, spec, 2 * together // 3)  # so many rows a turn are the present policy's
    else:
        acting = Choice(NUMPY, "Workers on Ray act with numpy: what is measured here says nothing of their machines.")
    rows = choose_rows(learning.device, spec, burst_steps * plan.batch_size)
    device = "" if acting.device == NUMPY else acting.device
    try:
        refuse_impossible(replace(plan, acting=device), spec)
    except SettingsError as error:  # torch in every worker takes memory that numpy does not; without, it may fit
        device, acting = "", replace(acting, device=NUMPY, why=f"It acts with numpy. On {acting.device}: {error}")
    plan = replace(plan, acting=device, rows_on="" if rows.device == HERE else rows.device)
    return plan, {"learning": learning, "acting": acting, "rows": rows}
