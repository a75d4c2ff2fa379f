"""The plan of a run of bulk training, its progress, and where its batches are picked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cornerman.contract import SettingsError
from cornerman.experience.replay_buffer import free_memory_bytes
from cornerman.policy.q_network import NetworkSpec

if TYPE_CHECKING:
    from cornerman.learning.device import Choice

LARGER = 8
"""Times as many transitions in a batch on an accelerator, which a small batch leaves idle, with the square root of that
as the factor of the learning rate (Malladi et al. 2022, section 4): as much is learned from as many decisions
(docs/measurements.md)."""

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
    free = free_memory_bytes()
    if free is not None and needed > free:
        raise SettingsError(
            f"{plan.workers} workers and {plan.capacity:,} rows need {needed / 2**20:.0f} MiB, and {free / 2**20:.0f} "
            "MiB are free; take fewer workers or a smaller replay capacity."
        )


def on_devices(plan: Plan, learning: Choice, spec: NetworkSpec, burst_steps: int) -> tuple[Plan, dict[str, Choice]]:
    """The plan for where it learns, with the size of batches, where they are picked, and why, by what is done.

    Where that is an accelerator, a timing at that size chooses; imports torch.
    """
    if learning.device == "cpu":
        return plan, {"learning": learning}
    from cornerman.learning.accelerator.device_replay import HERE, choose_rows

    steps = max(1, plan.candidate_steps // LARGER)
    plan = replace(plan, batch_size=LARGER * plan.batch_size, candidate_steps=steps)
    rows = choose_rows(learning.device, spec, burst_steps * plan.batch_size)
    return replace(plan, rows_on="" if rows.device == HERE else rows.device), {"learning": learning, "rows": rows}
