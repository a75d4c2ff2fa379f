"""What a network learns from in a game that offers hooks alone: the loss that ships against others, battle for battle.

The losses are exchanged in the plain numpy learner, which is what all of them run on here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

from cornerman.learning import compiled, update
from tests.studies.harm import BATTLES, MATCHES, gain, hooks_only
from tests.studies.study import Figure, Study, Unit, Work, names_of, seeded

Floats = Any
VARIANTS = ("margin_and_level", "margin_and_td", "margin", "td")
"""The first one ships."""
MATCH = "planner"


def gradient_of(variant: str) -> Callable[..., tuple[float, float]]:
    """In place of `update.td_gradient`: the TD loss on the row's action and the margin beside it, or one of them."""

    def td_gradient(
        rows: update.Rows, k: int, now: Floats, online_next: Floats, target_next: Floats, levels: Floats
    ) -> tuple[float, float]:
        each, action, discount = np.arange(len(now)), rows.action[k], rows.discount[k]
        best = np.where(rows.next_action_mask[k], online_next, -np.inf).argmax(1)
        targets = rows.reward[k] + discount * np.where(discount != 0, target_next[each, best], 0)
        errors = now[each, action] - targets
        clipped = errors.clip(-1.0, 1.0)
        gradient = np.zeros_like(now)
        if variant != "td":
            raised = np.where(rows.action_mask[k], now + update.MARGIN, -np.inf)
            raised[each, action] = now[each, action]
            gradient[each, action] -= np.abs(rows.weight[k])
            gradient[each, raised.argmax(1)] += np.abs(rows.weight[k])
        if variant != "margin":
            gradient[each, action] += clipped
        now[:], levels[:] = gradient / len(each), 0.0
        return float((clipped * (errors - 0.5 * clipped)).mean()), float(np.abs(errors).mean())

    return update.td_gradient if variant == "margin_and_level" else td_gradient


@contextmanager
def learning_by(variant: str) -> Iterator[None]:
    """Whatever learns on the CPU in this process does so with the variant's losses."""
    with (
        mock.patch.object(update, "td_gradient", gradient_of(variant)),
        mock.patch.object(compiled, "importable", lambda name: name != "numba"),
    ):
        yield


def series(work: Work, variant: str, own: str, player: str, battles: int, seed: int) -> dict[str, Any]:
    """As `harm.hooks_only`, with the variant's losses."""
    with learning_by(variant):
        return hooks_only(work, own, player, battles, seed)


def study(quick: bool) -> Study:
    """`quick` says only whether all of it runs."""
    seeds, battles = ([0, 1], 60) if quick else (list(range(10)), BATTLES)
    own, player = MATCHES[MATCH]
    units, figures = list[Unit](), list[Figure]()
    for variant in VARIANTS:
        learned = seeded(variant, series, seeds, variant=variant, own=own, player=player, battles=battles)
        units += learned
        for part, first, last in (("early", 31, 100), ("gain", 201, 300)):
            bounds = (first, last) if not quick else (31, 60)
            figures.append(Figure(f"ablation.{variant}.{part}", names_of(learned), partial(gain, *bounds), seeds))
    return Study(units, figures)
