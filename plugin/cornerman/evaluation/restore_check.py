"""Checks of `restore` and `restore_battles`: battles that go on from a state are those that the rules would play.

The same moment, the same legal actions, nothing hidden in what is seen; the same again under the same generator, other
chances under another one; and over many battles of random legal actions the same results as from the real ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import BatchedRestorableGame, Battle, Battles, HeadlessGame, RestorableGame, State
from cornerman.evaluation.checked_calls import FaultError, Finding, called, checked_outcome, due, seen_by
from cornerman.evaluation.headless import in_turn, state_text
from cornerman.experience.encoder import Encoder

MOMENTS, A_BATTLE = 240, 3
"""Moments that are restored, and how many of one battle at the most."""
TOO_UNLIKE = 4.0
"""Standard errors between the mean results of real and of restored battles: 1 sound game in 15,000 differs so much."""
CLOSE = 1e-5
_CHANCES = "Draw every chance of the restored battle from the generator that is given."
_KNOWN = "Restore all that the seat may know: whose turn it is, the order, what is used up."

_Course = tuple[list[int], float, float]
"""Actions to the end, and the outcome of seat 0 and of the seat that decided at the moment; 0 where it was cut off."""
_End = tuple[int, float, float]
"""How many actions those were, and the outcomes."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """A moment of a real battle: its seed, the actions until then, and what is due."""

    seed: int
    actions: Sequence[int]
    state: State
    seat: int
    mask: Sequence[bool]


def check_restore(
    game: HeadlessGame, encoder: Encoder, courses: Sequence[tuple[int, Sequence[int]]], seed: int
) -> Iterator[Finding]:
    """Findings about `restore`, at moments of battles given as their seeds and actions."""
    if not isinstance(game, RestorableGame):
        yield Finding(
            False,
            "not offered: restore(), so there is no look-ahead. Not checked without it: whether encode() shows a seat "
            "what is hidden from it",
            "Offer restore(state, seat, random) (RestorableGame in contract.py).",
            True,
        )
        return
    moments = _moments(game, courses, Random(f"moments {seed}"))
    wrong = _unlike_moment(game, encoder, moments) or _unlike_results(game, encoder, moments)
    if wrong is None and isinstance(game, BatchedRestorableGame):
        wrong = _unlike_batch(game, encoder, moments)
    sound = f"battles go on from {len(moments)} states as the real ones do"
    yield wrong or Finding(False, f"{sound}, and encode() shows nothing that restore() draws anew")


def _moments(game: HeadlessGame, courses: Sequence[tuple[int, Sequence[int]]], random: Random) -> list[_Moment]:
    moments: list[_Moment] = []
    for seed, actions in courses:
        cuts = random.sample(range(len(actions)), min(A_BATTLE, len(actions)))
        for cut in cuts[: MOMENTS - len(moments)]:
            seat, state, mask = due(game, _real(game, seed, actions[:cut]))
            moments.append(_Moment(seed, actions[:cut], state, seat, mask))
    return moments


def _real(game: HeadlessGame, seed: int, actions: Sequence[int]) -> Battle:
    battle: Battle = called(f"new_battle({seed})", lambda: in_turn(game.new_battle(seed)))
    for action in actions:
        called("a battle that is played again", lambda action=action: battle.apply(action))
    return battle


def _restored(game: RestorableGame, moment: _Moment, random: Random) -> Battle:
    """The battle that goes on from a moment; FaultError where there is none, or the moment's state was changed."""
    before = state_text(moment.state)
    battle: Battle | None = called("restore()", lambda: game.restore(moment.state, moment.seat, random))
    if state_text(moment.state) != before:
        raise FaultError("restore() changes the state that it is given", "Copy what the battle goes on to change.")
    if battle is None:
        raise FaultError("restore() gives None", "Return the battle.")
    return in_turn(battle)


def _unlike_moment(game: RestorableGame, encoder: Encoder, moments: Sequence[_Moment]) -> Finding | None:
    """Whether a restored battle is in another moment, or what is seen of it depends on what is hidden."""
    for number, moment in enumerate(moments):
        seat, state, mask = due(game, _restored(game, moment, Random(number)))
        if (seat, mask) != (moment.seat, moment.mask):
            return Finding(True, "restore() gives a battle with another seat to decide, or other legal actions", _KNOWN)
        if not np.array_equal(seen_by(encoder, state, seat), seen_by(encoder, moment.state, seat)):
            return Finding(
                True,
                f"what encode() shows seat {seat} of a restored battle is not what it saw of the real one",
                "Leave out of encode() what the seat cannot know, and restore all that it does.",
            )
    return None


def _unlike_results(game: RestorableGame, encoder: Encoder, moments: Sequence[_Moment]) -> Finding | None:
    """Whether battles go on otherwise than the real ones, whose chances to come are other ones."""
    real, restored, other = list[_Course](), list[_Course](), list[_Course]()
    for number, moment in enumerate(moments):
        real.append(_play_on(encoder, _real(game, moment.seed, moment.actions), moment.seat, number))
        restored.append(_play_on(encoder, _restored(game, moment, Random(number)), moment.seat, number))
        other.append(_play_on(encoder, _restored(game, moment, Random(-1 - number)), moment.seat, number))
        if restored[-1] != _play_on(encoder, _restored(game, moment, Random(number)), moment.seat, number):
            return Finding(True, "restore() with the same generator gives another battle", _CHANCES)
    if restored == other and restored != real:
        return Finding(True, "restore() gives the same chances whatever the generator", _CHANCES)
    return _compared("restore()", _ends(real), _ends(restored))


def _ends(courses: Sequence[_Course]) -> list[_End]:
    return [(len(actions), first, own) for actions, first, own in courses]


def _play_on(encoder: Encoder, battle: Battle, seat: int, choices: int) -> _Course:
    """Random legal actions to the end."""
    random, actions = Random(f"play on {choices}"), list[int]()
    while (outcome := checked_outcome(encoder, battle)) is None:
        if len(actions) >= encoder.declaration.max_decisions:
            return actions, 0.0, 0.0
        mask = called("action_mask()", battle.action_mask)
        actions.append(random.choice([at for at, legal in enumerate(mask) if legal]))
        called(f"apply({actions[-1]})", lambda: battle.apply(actions[-1]))
    return actions, outcome[0], outcome[seat]


def _compared(what: str, real: Sequence[_End], restored: Sequence[_End]) -> Finding | None:
    """Whether restored battles end otherwise on the whole than the real ones of the same moments."""
    gaps = np.array(restored, np.float64) - np.array(real, np.float64)  # [M, 3]
    for gap, how in zip(gaps.T, ("are longer or shorter", *["are won more or less often"] * 2), strict=True):
        if abs(gap.mean()) > TOO_UNLIKE * max(gap.std() / np.sqrt(len(gap)), 1e-9):
            return Finding(True, f"battles of {what} {how} than the real ones ({gap.mean():+.2f} a battle)", _KNOWN)
    return None


def _unlike_batch(game: BatchedRestorableGame, encoder: Encoder, moments: Sequence[_Moment]) -> Finding | None:
    """The same of `restore_battles`, with two rows a moment that have the same seed."""
    count = len(moments)
    rows = np.tile(np.arange(count), 2)
    states, seats = [moment.state for moment in moments], [moment.seat for moment in moments]
    battles = called("restore_battles()", lambda: game.restore_battles(states, seats, rows, rows.astype(np.uint64)))
    seen = np.zeros((2 * count, encoder.observation_size), np.float32)
    masks = np.zeros((2 * count, encoder.num_actions), np.bool_)
    called("restore_battles().observe()", lambda: battles.observe(seen, masks))
    wanted = np.stack([seen_by(encoder, moment.state, moment.seat) for moment in moments])
    same = np.array_equal(masks, [moment.mask for moment in moments] * 2) and np.array_equal(battles.seat, seats * 2)
    if not same or not np.allclose(seen, np.tile(wanted, (2, 1)), 0, CLOSE):
        return Finding(True, "restore_battles() gives rows in another moment than the real battle's", _KNOWN)
    first, second = _to_the_end(battles, encoder, np.array(seats))
    if first != second:
        return Finding(True, "restore_battles() gives rows of one state and one seed other chances", _CHANCES)
    real = [_play_on(encoder, _real(game, m.seed, m.actions), m.seat, number) for number, m in enumerate(moments)]
    return _compared("restore_battles()", _ends(real), first)


def _to_the_end(battles: Battles, encoder: Encoder, seats: NDArray[Any]) -> tuple[list[_End], list[_End]]:
    """Random legal actions, the same ones in row r and r + R of 2R, `seats` `[R]`: how each of the two halves ended."""
    count = len(seats)
    seen = np.zeros((2 * count, encoder.observation_size), np.float32)
    masks = np.zeros((2 * count, encoder.num_actions), np.bool_)
    random, going = np.random.default_rng(0), np.ones(2 * count, np.bool_)
    lengths, outcomes = np.zeros(2 * count, np.int64), np.zeros((2 * count, 2))
    for _ in range(encoder.declaration.max_decisions):
        called("restore_battles().observe()", lambda: battles.observe(seen, masks))
        lots = np.tile(random.random((count, encoder.num_actions)), (2, 1))
        actions = np.where(masks, lots, -1.0).argmax(1)
        ended = called("restore_battles().step()", lambda actions=actions: battles.step(actions))
        lengths += going
        for row, outcome in zip(ended.rows.tolist(), ended.outcome, strict=True):
            if going[row]:
                by_seat = outcome if np.ndim(outcome) else (outcome, -outcome)
                outcomes[row] = by_seat[0], by_seat[seats[row % count]]
        going[ended.rows] = False
        if not going.any():
            break
    ends = list(zip(lengths.tolist(), *outcomes.T.tolist(), strict=True))
    return ends[:count], ends[count:]
