"""What the checks of a game have in common: findings, and calls of the game's code whose answers are checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import index as as_index
from typing import Any

from cornerman.contract import Battle, ContractError, DataError, Floats, HeadlessGame
from cornerman.evaluation.headless import outcome_of, state_text
from cornerman.experience.encoder import Encoder, described


@dataclass(frozen=True, slots=True)
class Finding:
    """`wrong`: a fault, which the exit status shows; otherwise what was found to be right, or a `note`: a remark, what
    was not checked or is not offered."""

    wrong: bool
    what: str
    fix: str = ""
    note: bool = False


class FaultError(Exception):
    """A battle cannot be played on; the text is what is wrong, `fix` how to mend it."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.fix = fix


def due(game: HeadlessGame, battle: Battle) -> tuple[int, Mapping[str, Any], Sequence[bool]]:
    """Seat, state and mask of the decision that is due, checked."""
    to_decide = called("seat", lambda: battle.seat)
    try:
        seat = as_index(to_decide)
    except TypeError:
        seat = -1
    if not 0 <= seat < getattr(game, "num_seats", 2):
        raise FaultError(
            f"the battle has no outcome, and its seat is {to_decide!r}",
            "Give the seat that decides, or an outcome; both as attributes or properties, not as methods.",
        )
    state, mask = called("state()", battle.state), called("action_mask()", lambda: list(battle.action_mask()))
    if len(mask) != len(game.action_names):
        raise FaultError(
            f"action_mask() gives {len(mask)} values and action_names {len(game.action_names)}", "Give one a name."
        )
    if not any(mask):
        raise FaultError("action_mask() leaves nothing legal", "Give a seat that must pass an action for it.")
    again = called("state()", battle.state), called("action_mask()", lambda: list(battle.action_mask()))
    if state_text(again[0]) != state_text(state) or again[1] != mask:
        raise FaultError("state() or action_mask() answers differently when asked twice", "Let them change nothing.")
    return seat, state, mask


def checked_outcome(encoder: Encoder, battle: Battle) -> Mapping[int, float] | None:
    """The outcome, checked; None while the battle goes on."""
    called("outcome", lambda: battle.outcome)
    try:
        return outcome_of(battle, encoder.declaration.num_seats)
    except ContractError as error:
        raise FaultError(str(error), "Once a battle is over, give each seat 1, 0 or -1; None before.") from error


def seen_by(encoder: Encoder, state: Any, seat: int) -> Floats:
    """What a seat sees of a state."""
    try:
        return encoder.encode(state, seat)
    except (DataError, ContractError) as error:
        raise FaultError(
            f"state() or encode() gives what cannot be read: {error}", "See State in contract.py."
        ) from error


def called(what: str, call: Any) -> Any:
    """The game's answer; FaultError where its code raises."""
    try:
        return call()
    except Exception as error:
        raise FaultError(f"{what} raises {described(error)}", "Mend the rules there.") from error
