"""The last decision of the plugin, for a person: what else was legal, what it is worth, what comes next, and why.

While a battle is played only references are kept (`Decision`); words and numbers are made when somebody looks, on the
game's thread, once a decision.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats
from cornerman.opponent.record import USUAL, Chance, win_chances
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import name_of
from cornerman.search.thought import Thought

MOST_ACTIONS = 24


@dataclass(slots=True)
class Decision:
    """What a decision was made of; `thought`: the answer of look-ahead where that decided."""

    battle_id: int
    seat: int
    policy: Policy
    temperature: float
    observation: Floats  # [F]
    mask: Bools  # [A]
    action: int
    thought: Thought | None
    at: float = field(default_factory=time.monotonic)  # seconds


def explained(decision: Decision, names: Sequence[str], chance: Chance) -> dict[str, Any]:
    """A decision as plain data, for `Report`. `names` are those of the actions.

    `value` is the policy's estimate of the return: rewards to come, of shaping and of the outcome. Where look-ahead
    decided, a tried action's is the value of the policy's own choice and the gain over it that the playouts showed.
    `win` is the chance to win from such a value by the recorded battles against the player (`opponent/record.py`).
    """
    values = np.nan_to_num(decision.policy.q_values(decision.observation).astype(np.float64))
    legal, thought, chosen = decision.mask.nonzero()[0], decision.thought, decision.action
    if thought is not None:
        best = values[legal].max()
        for action, gain in thought.gains:
            values[action] = best + gain
    order = legal[np.argsort(-values[legal], kind="stable")]
    shown = order[:MOST_ACTIONS]
    if chosen not in shown:
        shown = np.append(shown[:-1], chosen)
    wins = win_chances(values[shown], chance)
    actions = [
        {"name": names[at], "legal": True, "win": float(win), "value": float(values[at]), "chosen": at == chosen}
        for at, win in zip(shown.tolist(), wins, strict=True)
    ]
    return {
        "battle_id": decision.battle_id,
        "seat": decision.seat,
        "version": max(decision.policy.version, -1),
        "who": name_of(decision.policy),
        "searched": thought is not None,
        "samples": 0 if thought is None else thought.samples,
        "actions": actions,
        "expects": [{"name": names[at], "share": share} for at, share in (thought.expects if thought else ())],
        "why": _why(decision, values, order),
    }


def advised(
    policy: Policy, seat: int, observation: Floats, mask: Bools, names: Sequence[str], figures: Mapping[str, Any]
) -> dict[str, Any]:
    """What a policy would do in the place of the player, as `explained`, and the index of the action.

    Nothing is drawn and nothing kept. How often the plugin won from its values against this player says, from the other
    side, how often the player wins.
    """
    legal, values = mask.nonzero()[0], np.nan_to_num(policy.q_values(observation))
    action = int(legal[values[legal].argmax()])
    intercept, slope = figures.get("chance", USUAL)
    decision = Decision(-1, seat, policy, 0.0, observation, mask, action, None)
    return explained(decision, names, (-intercept, slope)) | {"action": action}


def _why(decision: Decision, values: NDArray[np.float64], order: NDArray[Any]) -> str:
    thought, policy, chosen = decision.thought, decision.policy, decision.action
    who = name_of(policy)
    if len(order) == 1:
        return "The only legal action."
    if policy.indifferent:
        return f"At random: {who} has learned nothing yet."
    others = order[order != chosen]
    lead = float(values[chosen] - values[others[0]])
    much = f"{abs(lead):.2f}" if abs(lead) >= 0.005 else "less than 0.01"
    ahead = f"best by {much}" if lead > 0.0 else f"{much} below the best" if lead else "level with the best"
    if thought is not None:
        return f"Look-ahead over {thought.samples:,} continuations; {ahead}."
    if decision.temperature > 0.0:
        return f"Drawn by {who} at temperature {decision.temperature:g}; {ahead}."
    if lead >= 0.0:
        return f"{who[0].upper()}{who[1:]} values it highest, {f'by {much}' if lead else 'and another as high'}."
    return f"Tried by {who} to learn; {ahead}."


class LastDecision:
    """Keeps the newest decision and its explanation."""

    def __init__(self) -> None:
        self.newest: Decision | None = None
        self._forgotten = 0
        self._explained: tuple[Decision, Chance, dict[str, Any]] | None = None

    def report(self, names: Sequence[str], figures: Mapping[str, Any]) -> dict[str, Any] | None:
        """The decision as plain data, with its age; None before the first one, and when everything was forgotten.

        `names` are those of the actions, `figures` as `Metrics.snapshot` gives them.
        """
        if (forgotten := figures.get("forgotten", 0)) != self._forgotten:
            self._forgotten, self.newest = forgotten, None
        newest, chance = self.newest, figures.get("chance", USUAL)
        if newest is None:
            return None
        if self._explained is None or self._explained[0] is not newest or self._explained[1] != chance:
            self._explained = newest, chance, explained(newest, names, chance)
        return self._explained[2] | {"age_s": time.monotonic() - newest.at}
