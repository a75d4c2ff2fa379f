"""Orders that a worker carries out: named arrays and plain data, which say everything that the answer depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from cornerman.policy.policy import Policy
from cornerman.settings import Settings

if TYPE_CHECKING:
    from cornerman.evaluation.verdict import Bar

PRESENT, ITSELF = "present", "itself"
"""Names in an order: the policy that learns, and the same as its opponent."""

Arrays = Mapping[str, NDArray[Any]]
Order = tuple[Arrays, dict[str, Any]]


def collecting(
    settings: Settings, versions: Mapping[str, int], mix: Mapping[str, float], mix_beside: Mapping[str, float]
) -> dict[str, Any]:
    """The order to collect one stretch with the policies `versions`, whose weights go beside it as arrays.

    `mix`: share of battles by opponent; `mix_beside` the same for bots that cannot play in batches.
    """
    return {
        "kind": "collect",
        "versions": dict(versions),
        "mix": dict(mix),
        "mix_beside": dict(mix_beside),
        "epsilon": settings.exploration_fraction,
        "n_step": settings.n_step,
        "gamma": settings.gamma,
        "health_weight": settings.health_weight,
        "outcome_weight": settings.outcome_weight,
    }


def judging(
    candidate: Policy, champions: Sequence[Policy] | str, settings: Settings, seed: int, turns: int | None, bar: Bar
) -> Order:
    """The order to judge a candidate against the newest of `champions`, oldest first, or against the bot of that name,
    for `turns` turns (None: to the end)."""
    policies, bot = {"candidate": candidate}, champions if isinstance(champions, str) else ""
    if not isinstance(champions, str):
        policies["champion"] = champions[-1]
        if len(champions) > 1:
            policies["oldest"] = champions[0]
    bounds = {"min_pairs": settings.gate_min_pairs, "max_pairs": settings.gate_max_pairs}
    hidden = {name: policy.spec.hidden for name, policy in policies.items()}
    arrays = {name: policy.flat for name, policy in policies.items()}
    order = {"kind": "judge", "seed": seed, "turns": turns, "hidden": hidden, "bar": bar.as_dict(), **bounds}
    return arrays, order | {"champion": bot}


def in_turn(orders: Sequence[Order], longer: float) -> Order:
    """One order to carry out several of different kinds, one after the other; its answer holds all of theirs.

    `longer`: judging takes so many times as long as what came before it, whatever its turns cost, so no seed decides
    how far it gets; 0: as many turns as its order says.
    """
    arrays = {f"{at}.{name}": array for at, (each, _) in enumerate(orders) for name, array in each.items()}
    return arrays, {"kind": "in turn", "orders": [notes for _, notes in orders], "longer": longer}
