"""Which judge decides between a candidate and the champion: battles where the game offers them, else held-out ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cornerman.contract import Game, HeadlessGame
from cornerman.evaluation.gate import Gate, GateSettings, HeldOutJudge, Verdict
from cornerman.experience.encoder import Encoder
from cornerman.experience.held_out import HeldOutBattles
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import PolicySlot
from cornerman.settings import Settings


class Judge(Protocol):
    """Decides between the candidate and the champion, a slice at a time."""

    @property
    def verdict(self) -> Verdict | None: ...
    @property
    def pairs(self) -> int: ...
    def advance(self, budget: Callable[[], bool]) -> Verdict | None: ...


def judge_for(
    game: Game,
    encoder: Encoder,
    settings: Settings,
    candidate: Policy,
    slot: PolicySlot,
    held_out: HeldOutBattles,
    seed: int,
) -> Judge:
    """A judge of `candidate` against the champion; `seed` decides its battles. The trainer's thread."""
    if not isinstance(game, HeadlessGame):
        return HeldOutJudge(candidate, slot.champion, list(held_out.battles))
    return Gate(
        candidate,
        slot.champion,
        game,
        encoder,
        seed,
        GateSettings(settings.gate_min_pairs, settings.gate_max_pairs),
        oldest=None if slot.oldest is slot.champion else slot.oldest,
    )
