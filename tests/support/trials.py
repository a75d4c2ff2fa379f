"""Battles to watch, for candidates on trial and their offline check."""

from __future__ import annotations

import numpy as np

from cornerman.contract import BattleEnd, Source, Transition
from cornerman.evaluation.live.trials import LiveTrials
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec

SPEC = NetworkSpec(3, 3, ())


def chance_policy(wanted: float = 1.0, bias: float = 0.0) -> Policy:
    """A policy that takes the action whose feature is 1, or with `wanted` -1 avoids it."""
    return Policy(SPEC, np.concatenate([wanted * np.eye(3).ravel(), np.full(3, bias)]).astype(np.float32), 0)


def decisions(battle_id: int, seat: int, source: Source, num: int = 6, version: int = -1) -> list[Transition]:
    """Decisions of one who takes the action whose feature is 1; all three are legal."""
    rows = []
    for index in range(num):
        action = (battle_id + index) % 3
        seen, mask = np.eye(3, dtype=np.float32)[action], np.ones(3, np.bool_)
        rows.append(
            Transition(
                seen, mask, action, 0.0, seen, mask, 1.0, battle_id, seat, index, source, Source.UNKNOWN, version
            )
        )
    return rows


def watched(trials: LiveTrials, policy: Policy, battle_id: int, outcome: float = -1.0, version: int = -1) -> None:
    """A battle of the plugin's seat 0 against a player, who is imitated; `version`: who took the player's decisions."""
    rows = decisions(battle_id, 0, Source.PLUGIN) + decisions(battle_id, 1, Source.PLAYER, version=version)
    end = BattleEnd(battle_id, {0: outcome, 1: -outcome}, False, {0: Source.PLUGIN, 1: Source.PLAYER})
    trials.watch(policy, rows, end, lambda row: row.source is Source.PLAYER)
