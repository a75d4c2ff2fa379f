"""n-step returns of many transitions at once, as nstep.py builds them one by one. Pure; no torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cornerman.experience.transitions import Columns


def n_step_columns(columns: Columns, n: int, gamma: float) -> dict[str, NDArray[np.generic]]:
    """Rows whose reward sums up to n decisions of one seat (Sutton 1988; Watkins 1989), a row a transition.

    Exact at the ends of battles. Where what follows is not among these transitions, a return is of fewer steps and
    bootstraps sooner; `discount` says how many there were. ValueError where n is below 1.
    """
    if n < 1:
        raise ValueError(f"n-step returns need n of at least 1, not {n}")
    order = np.lexsort((columns["index"], columns["seat"], columns["battle_id"]))
    battle, seat, index = (columns[name][order] for name in ("battle_id", "seat", "index"))
    discount, reward = columns["discount"][order], columns["reward"][order].astype(np.float64)
    followed = np.zeros(len(order), np.bool_)  # by the same seat's next decision, in the next place
    followed[:-1] = (battle[1:] == battle[:-1]) & (seat[1:] == seat[:-1]) & (index[1:] == index[:-1] + 1)
    followed &= discount > 0.0
    last = np.arange(len(order))
    total, scale, goes_on = reward.copy(), np.full(len(order), gamma), np.ones(len(order), np.bool_)
    for _ in range(n - 1):
        goes_on &= followed[last]
        last = last + goes_on
        total += np.where(goes_on, scale * reward[last], 0.0)
        scale = np.where(goes_on, scale * gamma, scale)
    rows = {name: column[order] for name, column in columns.items() if not name.startswith("next_")}
    rows["reward"] = total.astype(np.float32)
    rows["discount"] = (scale * discount[last]).astype(np.float32)
    for name in ("next_observation", "next_action_mask"):
        rows[name] = columns[name][order[last]]
    return {name: rows[name] for name in columns}
