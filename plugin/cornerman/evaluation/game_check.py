"""Checks a game's headless battles against the contract, by playing them with random legal actions.

Each finding names the function of the game that is wrong and how to mend it. Any process; the game's code runs here.
"""

from __future__ import annotations

import random as random_module
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from inspect import signature
from random import Random
from typing import Any

import numpy as np

from cornerman.contract import BatchedGame, Battle, Bot, ContractError, DataError, Game, HeadlessGame, State, printable
from cornerman.evaluation.checked_calls import FaultError, Finding, called, checked_outcome, due, seen_by
from cornerman.evaluation.headless import in_turn, state_text
from cornerman.evaluation.restore_check import check_restore
from cornerman.experience.encoder import Encoder
from cornerman.experience.rewards import RewardCalculator, Sides, numbered_sides

REPLAYED = 20
"""Battles that are played twice, and seeds that are compared."""
BOT_BATTLES = 5
BATCH, BATCH_STEPS = 64, 200
LARGEST_FEATURE = 10.0
READ = (
    *("name", "version", "action_names", "max_characters", "stats", "max_rounds", "feature_names", "encode"),
    *("num_seats", "sides", "plugin_seats", "seats_alike", "max_decisions", "random_opening", "standing"),
    *("import_name", "bots", "new_battle", "batched_bots", "new_battles", "restore", "restore_battles"),
    *("base_model", "own_fighter", "feature_scales"),
)
"""What is read of a game."""
CLOSE = 0.8
"""How alike two names are of which one may be a slip (difflib)."""


@dataclass(slots=True)
class _Course:
    """One battle as it was played."""

    moments: list[str] = field(default_factory=list)  # state, mask and seat before each action, and the outcome
    actions: list[int] = field(default_factory=list)
    largest: float = 0.0  # feature
    standing: str = ""  # what is said of one out of its range
    outcome: Mapping[int, float] | None = None

    def see_standing(self, rewards: RewardCalculator, sides: Sides, state: State) -> None:
        """Ask for the game's own standing; FaultError where it is no number."""
        try:
            rewards.standing(state, sides, lambda what, sentence: setattr(self, "standing", sentence))
        except DataError as error:
            raise FaultError(str(error), "Give a number from -1 to 1.") from error


def check_game(game: Game, num_battles: int, max_decisions: int, seed: int = 0) -> Iterator[Finding]:
    """Everything that can be said of `game`, after `num_battles` battles that end within `max_decisions` decisions."""
    try:
        encoder = Encoder(game)
    except ContractError as error:
        yield Finding(True, str(error), "Mend the names; contract.py says what is possible.")
        return
    yield from _misspelt(game)
    if not isinstance(game, HeadlessGame):
        yield _hooks_alone(game)
        return
    try:
        yield from _findings(game, encoder, num_battles, max_decisions, seed)
    except FaultError as error:
        yield Finding(True, str(error), error.fix)


def _hooks_alone(game: Game) -> Finding:
    there = [name for name in ("bots", "new_battle") if hasattr(game, name)]
    missing = " and ".join(name for name in ("bots", "new_battle") if name not in there)
    what = f"not offered: {missing}; so no battle was played, and states, masks and encode() were not checked"
    fix = "With hooks alone nothing is missing: host.messages and `cornerman doctor` say what live battles lack."
    return Finding(False, what, f"{there[0]} is of use with {missing} alone." if there else fix, True)


def _misspelt(game: Game) -> Iterator[Finding]:
    """Attributes that look like one which Cornerman would read, and are not read."""
    missing = [name for name in READ if not hasattr(game, name)]
    for name in dir(game):
        if not name.startswith("_") and name not in READ and (near := get_close_matches(name, missing, 1, CLOSE)):
            yield Finding(False, f"{name} is not read", f"If it is meant for Cornerman, call it {near[0]}.", True)


def _findings(
    game: HeadlessGame, encoder: Encoder, num_battles: int, max_decisions: int, seed: int
) -> Iterator[Finding]:
    """What battles show, in turn; FaultError where one cannot be played on."""
    courses = [_play(game, encoder, seed + number, max_decisions) for number in range(num_battles)]
    yield from _length(courses, max_decisions)
    yield from _outcomes(courses)
    yield from _features(courses)
    yield from _same_again(game, encoder, courses[:REPLAYED], seed, max_decisions)
    yield from _seeds_vary(game, encoder, courses[:REPLAYED], seed, max_decisions)
    yield from _refusals(game, seed)
    yield from _bots(game, seed, max_decisions)
    yield from check_restore(game, encoder, [(seed + at, each.actions) for at, each in enumerate(courses)], seed)
    yield from _batch(game, encoder, seed)
    yield from _speed(game, encoder, courses[:REPLAYED], seed)


# --------------------------------------------------------------------------------------------------------- one battle


def _play(
    game: HeadlessGame, encoder: Encoder, seed: int, max_decisions: int, choices: Random | None = None
) -> _Course:
    """One battle of random legal actions; FaultError where the game does not keep the contract."""
    course, choices = _Course(), choices or Random(f"check {seed}")
    declared = encoder.declaration
    rewards, sides = RewardCalculator(declared=declared), numbered_sides(declared.allies)
    before = random_module.getstate()
    battle = called(f"new_battle({seed})", lambda: in_turn(game.new_battle(seed)))
    handed_out: list[tuple[Any, str]] = []
    while len(course.actions) < max_decisions and checked_outcome(encoder, battle) is None:
        seat, state, mask = due(game, battle)
        handed_out.append((state, state_text(state)))
        course.largest = max(course.largest, float(np.abs(seen_by(encoder, state, seat)).max(initial=0.0)))
        if declared.standing is not None:
            course.see_standing(rewards, sides, state)
        action = choices.choice([at for at, legal in enumerate(mask) if legal])
        course.moments.append(f"{seat} {handed_out[-1][1]} {list(mask)}")
        course.actions.append(action)
        called(f"apply({action}), which action_mask() calls legal,", lambda action=action: battle.apply(action))
    course.outcome = checked_outcome(encoder, battle)
    course.moments.append(repr(course.outcome))
    if any(state_text(state) != shown for state, shown in handed_out):
        raise FaultError(
            "a state that state() gave changes when the battle goes on", "Return a copy, nested lists and objects too."
        )
    if random_module.getstate() != before:
        raise FaultError(
            "the rules draw from module `random`, which no seed of a battle decides",
            "Give each battle a random.Random(seed) of its own and draw from that.",
        )
    return course


# ------------------------------------------------------------------------------------------------------ what was seen


def _length(courses: Sequence[_Course], max_decisions: int) -> Iterator[Finding]:
    endless = sum(course.outcome is None for course in courses)
    lengths = [len(course.actions) for course in courses]
    if endless:
        yield Finding(
            True,
            f"{endless} of {len(courses)} battles of random actions did not end within {max_decisions:,} decisions",
            "End them by a rule: a limit of rounds, a draw.",
        )
    yield Finding(False, f"{len(courses)} battles of {min(lengths)} to {max(lengths)} decisions")


def _outcomes(courses: Sequence[_Course]) -> Iterator[Finding]:
    outcomes = [course.outcome for course in courses if course.outcome is not None and len(course.outcome) == 2]
    unbalanced = sum(abs(sum(outcome.values())) > 1e-6 for outcome in outcomes)
    if unbalanced:
        yield Finding(
            False,
            f"{unbalanced} outcomes do not sum to 0: right where both seats win or lose together, a slip otherwise",
            note=True,
        )


def _features(courses: Sequence[_Course]) -> Iterator[Finding]:
    largest = max(course.largest for course in courses)
    if largest > LARGEST_FEATURE:
        yield Finding(True, f"encode() gives numbers up to {largest:,.0f}", "Scale them to about -1 to 1.")
    if out_of_range := next((course.standing for course in courses if course.standing), ""):
        yield Finding(True, out_of_range.rstrip("."), "Divide it by the most that it can be.")


def _same_again(
    game: HeadlessGame, encoder: Encoder, courses: Sequence[_Course], seed: int, max_decisions: int
) -> Iterator[Finding]:
    for number, course in enumerate(courses):
        again = _play(game, encoder, seed + number, max_decisions)
        if again.moments != course.moments:
            at = next(
                at for at, pair in enumerate(zip(course.moments, again.moments, strict=False)) if pair[0] != pair[1]
            )
            yield Finding(
                True,
                f"new_battle({seed + number}) with the same actions goes another way from decision {at} on",
                "Draw all chance from one generator that the seed makes; keep nothing between battles.",
            )
            return
    yield Finding(False, "the same seed and actions give the same battle")


def _seeds_vary(
    game: HeadlessGame, encoder: Encoder, courses: Sequence[_Course], seed: int, max_decisions: int
) -> Iterator[Finding]:
    same = [_play(game, encoder, seed + number, max_decisions, Random(0)).moments for number in range(len(courses))]
    if all(moments == same[0] for moments in same) and not getattr(game, "random_opening", 0):
        yield Finding(
            False,
            "different seeds gave the same battle, every one: a verdict would rest on one battle",
            "Use the seed of new_battle(seed), if the game has any chance. If it has none, declare random_opening = 4, "
            "so many decisions at random before a battle that is judged.",
            True,
        )


def _refusals(game: HeadlessGame, seed: int) -> Iterator[Finding]:
    battle = called(f"new_battle({seed})", lambda: game.new_battle(seed))
    if hasattr(battle, "apply_all"):  # what is chosen at once is checked by the rules when all have chosen
        return
    illegal = [at for at, legal in enumerate(battle.action_mask()) if not legal] + [len(game.action_names)]
    before = state_text((battle.seat, battle.state()))
    for action in (illegal[0], illegal[-1]):
        try:
            battle.apply(action)
        except Exception:  # noqa: BLE001 - the game's own code: whatever it raises, it has refused
            pass
        else:
            yield Finding(
                True, f"apply({action}) accepts an action that is not legal", "Raise ValueError with a sentence."
            )
            return
        after = called("state() after a refusal", lambda: state_text((battle.seat, battle.state())))
        if after != before:
            yield Finding(
                True, f"apply({action}) refuses the action but changes the battle", "Check before you change."
            )
            return


def _bots(game: HeadlessGame, seed: int, max_decisions: int) -> Iterator[Finding]:
    if not game.bots:
        alone = "bots is empty: candidates meet one another alone, and nobody tells how strong they are"
        yield Finding(False, alone, note=True)
    for name, bot in game.bots.items():
        if problem := _not_a_bot(bot):
            yield Finding(True, f"the bot {name!r} {problem}", "Declare a function (battle, random) -> int | None.")
            continue
        try:
            for number in range(BOT_BATTLES):
                _play_bot(game, bot, seed + number, Random(number), max_decisions)
        except Exception as error:  # noqa: BLE001 - whatever the game's code raises is what is looked for
            fix = "Let it choose among action_mask()." if isinstance(error, ValueError) else "Mend the bot's code."
            yield Finding(True, f"the bot {name!r} fails: {error}", fix)


def _not_a_bot(bot: Any) -> str:
    """Why `bot` cannot be called with a battle and a generator; "" where it can, or where that is not known."""
    if not callable(bot):
        return f"is no function: {printable(repr(bot))[:80]}"
    try:
        signature(bot).bind(None, None)
    except TypeError as error:
        return f"does not take the arguments (battle, random): {error}"
    except ValueError:  # a built-in function without a signature
        pass
    return ""


def _play_bot(game: HeadlessGame, bot: Bot, seed: int, chance: Random, max_decisions: int) -> None:
    """One battle of a bot in every seat; ValueError where it chooses what is not legal, or does nothing."""
    battle = in_turn(game.new_battle(seed))
    left: tuple[str, int | None] = "", None
    for _ in range(max_decisions):
        if battle.outcome is not None:
            return
        seat, mask, before = battle.seat, battle.action_mask(), left
        action, left = bot(battle, chance), ("", None)
        if action is None:
            left = state_text(battle.state()), seat
            if left == before:
                raise ValueError("it gave None twice and nothing happened; None: it has played its turn")
        elif not 0 <= int(action) < len(mask) or not mask[int(action)]:
            raise ValueError(f"it chose {action!r}, which is not legal")
        else:
            battle.apply(int(action))


def _batch(game: HeadlessGame, encoder: Encoder, seed: int) -> Iterator[Finding]:
    """The batched engine with random legal actions: what it fills in, and how fast it is."""
    if not isinstance(game, BatchedGame):
        missing = " and ".join(name for name in ("batched_bots", "new_battles") if not hasattr(game, name))
        yield Finding(False, f"not offered: {missing}, for practice and training in batches", note=True)
        return
    battles = called(f"new_battles({BATCH}, {seed})", lambda: game.new_battles(BATCH, seed))
    chance, begun = np.random.default_rng(seed), time.perf_counter()
    seen = np.full((BATCH, encoder.observation_size), np.nan, np.float32)
    masks = np.zeros((BATCH, encoder.num_actions), np.bool_)
    for _ in range(BATCH_STEPS):
        called("new_battles().observe()", lambda: battles.observe(seen, masks))
        if not np.isfinite(seen).all() or not masks.any(1).all():
            wrong = "new_battles().observe() leaves numbers or masks empty"
            yield Finding(True, wrong, "Fill every row, every column.")
            return
        actions = np.where(masks, chance.random(masks.shape), -1.0).argmax(1)
        called("new_battles().step()", lambda actions=actions: battles.step(actions))
    pace = BATCH * BATCH_STEPS / (time.perf_counter() - begun)
    yield Finding(False, f"{pace:,.0f} decisions/s in batches of {BATCH}")
    yield Finding(False, "not checked: whether battles in batches go and end as single ones do", note=True)


def _speed(game: HeadlessGame, encoder: Encoder, courses: Sequence[_Course], seed: int) -> Iterator[Finding]:
    """The battles of `courses` played again without a check, timed with all that self-play asks of the game."""
    begun = time.perf_counter()
    for number, course in enumerate(courses):
        battle = in_turn(called(f"new_battle({seed + number})", lambda at=seed + number: game.new_battle(at)))
        for action in course.actions:
            called("a battle that is played again", lambda battle=battle, action=action: _step(encoder, battle, action))
    pace = sum(len(course.actions) for course in courses) / max(time.perf_counter() - begun, 1e-9)
    minutes = 1e6 / max(pace, 1e-9) / 60
    yield Finding(
        False,
        f"rules, states and features together: {pace:,.0f} decisions/s, {minutes:,.1f} min a million; a first "
        "useful version took 0.2 to 3 million in other games, and learning takes its time beside them",
    )


def _step(encoder: Encoder, battle: Battle, action: int) -> None:
    """One decision with all that self-play asks of the game for it."""
    seat = battle.seat
    if battle.outcome is None and seat is not None:
        encoder.encode(battle.state(), seat)
        encoder.mask(battle.action_mask())
        battle.apply(action)
