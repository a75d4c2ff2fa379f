"""Greedy actions of the shipped model on stored observations, computed by whatever Python runs this file.

python -m tests.studies.measures.greedy OBSERVATIONS.npz ANSWERS.npz
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cornerman.policy.policy import Policy
from tests.studies.adapters.opening import shipped


def greedy(policy: Policy, observations: Path, answers: Path) -> None:
    """Write the greedy action of each observation, taken one at a time as in a game, and its Q-values."""
    with np.load(observations) as stored:
        rows, masks = stored["observations"], stored["masks"]
    random = np.random.default_rng(0)
    actions = [policy.act(row, mask, random) for row, mask in zip(rows, masks, strict=True)]
    values = np.stack([policy.q_values(row) for row in rows])
    np.savez(answers, actions=actions, values=values, machine=platform.machine(), numpy=np.__version__)


def main(arguments: Sequence[str]) -> int:
    observations, answers = map(Path, arguments)
    greedy(shipped(), observations, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
