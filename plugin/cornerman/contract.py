"""Everything a game author must read: what crosses the border between a game and Cornerman, and the errors.

What crosses is plain data and calls. The Protocols below are structural: a game's classes satisfy them by having the
right methods and never import this file at run time. Nothing here may import torch, pygame or another room.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from random import Random
from typing import Any, Protocol, TypeAlias, runtime_checkable
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

API_VERSION = 1
"""Raised when a hook gains an argument that a plugin cannot ignore, or loses one."""

MAX_ACTIONS = MAX_FEATURES = 8_192  # features: of the game's own
MAX_NAME = 1_000  # characters in the name or version of a game, or in the name of an action
MAX_NAMES = 500_000  # characters in the names of all actions together

State: TypeAlias = Any
"""What one moment of a battle looks like, as plain data; the same moment for every seat. With standard characters:

    {"round": 3, "characters": [
        {"name": "Ada", "seat": 0, "health": 61, "maxHealth": 100, "attack": 40, "defense": 20, "speed": 35}, ...]}

`round` counts from 1. `characters` keeps its order for the whole battle; a fallen one stays in it with health 0.
A game may put anything else in it for its own `encode`, and one without characters and rounds whatever it likes.
"""

Floats: TypeAlias = NDArray[np.float32]
Bools: TypeAlias = NDArray[np.bool_]


# ---------------------------------------------------------------------------------------------- what the game offers


class Battle(Protocol):
    """One headless battle, owned by whoever created it; one thread at a time. Where seats decide at once it has, in
    place of the first and the last of these, `seats`, all that decide now, `action_mask(seat)` and `apply_all({seat:
    action, ...})`. Bots are asked one after the other with `battle.seat`."""

    @property
    def seat(self) -> int | None:
        """The seat whose decision is due; None once the battle is over."""

    @property
    def round(self) -> int:
        """The present round, from 1; not read of a game without rounds."""

    @property
    def outcome(self) -> Mapping[int, float] | None:
        """Per seat 1 (won), 0 (drawn), -1 (lost) or a number between, as for scores; None while the battle goes on."""

    def state(self) -> State:
        """A fresh copy that later turns do not change."""

    def action_mask(self) -> Sequence[bool]:
        """Which of the game's actions the seat to decide may take, `[A]`; at least one is True."""

    def apply(self, action: int) -> object:
        """Apply the seat's action; an illegal one raises ValueError with a sentence."""


Bot: TypeAlias = Callable[[Any, Random], int | None]
"""A scripted opponent: it is given the game's own battle and a random generator, and returns a legal action, or None
where it has played its whole turn through the game's own code: from that turn only what came of it is learned."""


@runtime_checkable
class Game(Protocol):
    """What every game declares: who it is, what its actions are called, and what its seats see.

    Read once, when the game loads, where everything unusable is refused with a sentence. Optional attributes:

    max_characters: int = 4            standard characters in a state; 0: none, then `feature_names` are needed
    stats: Mapping[str, float]         what a character has beside its health, and its usual largest value; without it
                                       {"attack": 100, "defense": 100, "speed": 100}
    max_rounds: int | None = 20        None: no rounds, in states and battles either; so it is without characters
    feature_names: Sequence[str]       features of the game's own, after the standard ones, up to 8,192, none twice
    feature_scales: Mapping[str, float] what `encode` divides some of them by, for words: {"cards in hand": 10}
    encode(state, seat)                their numbers, about -1 to 1: what `seat` may know of `state`. It depends on
                                       nothing but these two, which may be copies: the trainer's thread calls it, too
    num_seats: int = 2                 seats of a headless battle: 0, 1, ...
    sides: Sequence[int]               one a seat: seats with the same number win together; else each is on its own
    plugin_seats: Sequence[int]        where the plugin may sit; else everywhere
    seats_alike: bool = True           False: who plays alike fares unlike in them, as attacker and defender
    max_decisions: int = 2000          of one battle; beyond them it is cut off, which is no draw
    random_opening: int = 0            random legal actions, by the seed, that begin battles: for games without chance
    standing(state, side) -> float     how a side stands, -1 to 1, to learn sooner; it never changes what is best. Else
                                       the shares of health are used, and without characters the outcome alone
    import_name: str                   "module:attribute", under which another process finds the game
    base_model: str | Path             a file by `cornerman versions export` that plays until a version proved better
    own_fighter: str                   the name in `bots` of who moves where `choose_action` gives None, and whom a
                                       first version must beat; else the last of the bots
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def action_names(self) -> Sequence[str]:
        """One name an action index, `[A]`, up to 8,192, none twice. Changing their order is a new game version."""


@runtime_checkable
class HeadlessGame(Game, Protocol):
    """Optional: battles without a window, for practice, for judging and for bulk training, played in another process:
    it imports the game by its `import_name`; where it has none, it is looked for in the module of its class."""

    @property
    def bots(self) -> Mapping[str, Bot]:
        """The bots by name, weakest first."""

    def new_battle(self, seed: int) -> Battle:
        """A battle that `seed` decides entirely; seats that are alike have the same chances over many seeds."""


class Ended(Protocol):
    """What one step of a batch ended, E rows of it; these rows play new battles already."""

    @property
    def rows(self) -> NDArray[Any]:
        """Which rows, whole numbers `[E]`."""

    @property
    def outcome(self) -> NDArray[Any]:
        """How seat 0 fared, `[E]`: 1 won, 0 drawn, -1 lost, seat 1 the other way round; or by seat `[E, S]`."""

    @property
    def standing(self) -> Floats:
        """`Battles.standing` of these battles when they ended, `[E]` or `[E, S]`."""

    @property
    def truncated(self) -> Bools:
        """Which of them did not end but were cut off, `[E]`; a batch that cuts off gives `Interrupted`."""


@runtime_checkable
class Interrupted(Ended, Protocol):
    """What a step gives that cut battles off, or dropped some because the game's own code failed in them."""

    @property
    def final_observation(self) -> Floats:
        """What every seat sees in the last state, `[S, E, F]`; read where `truncated` says so."""

    @property
    def dropped(self) -> Bools:
        """Which battles count for nothing, `[E]`: their open decisions are not learned from."""


class Battles(Protocol):
    """N headless battles at once, in arrays; one thread at a time. A decision is due in every row, always: a battle
    that ends gives its row to a new one in the same step. Nothing here may keep or change what it is given."""

    @property
    def num_battles(self) -> int:
        """N."""

    @property
    def seat(self) -> NDArray[Any]:
        """Whose decision is due, `[N]`; the next step may change the array."""

    @property
    def standing(self) -> Floats:
        """Seat 0's sum of health over its sum of maxHealth, minus the same of seat 1, or what the game's own `standing`
        gives for seat 0, `[N]`; or by seat `[N, S]`, of which the seats to decide are read."""

    def observe(self, observations: Floats, action_masks: Bools) -> None:
        """Write what the seats to decide see `[N, F]` and may do `[N, A]`, both contiguous, every number of them.

        A row is what the plugin's encoder makes of `Battle.state()`, within 1e-6: the standard features (per character,
        the deciding seat's first: health/maxHealth and each stat over its scale, `max_characters` slots; round over
        `max_rounds`; characters over `max_characters`: 18 where nothing is declared), then the game's own.
        """

    def step(self, actions: NDArray[Any]) -> Ended:
        """Apply one legal action a row `[N]`."""


@runtime_checkable
class ResumableBattles(Battles, Protocol):
    """Optional: a batch that can be stored, so that bulk training goes on in the middle of its battles."""

    def snapshot(self) -> Mapping[str, NDArray[Any]]:
        """Copies of everything that decides how these battles, and those that follow them, go on; numbers only."""

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on exactly where that snapshot was taken; ValueError where it does not fit this batch."""


BatchedBot: TypeAlias = Callable[[Any, NDArray[Any], np.random.Generator], NDArray[Any]]
"""A bot for batches: given the game's own Battles, the rows to decide in `[R]` and a generator, it returns a legal
action for each `[R]`."""


@runtime_checkable
class BatchedGame(HeadlessGame, Protocol):
    """Optional: many battles at once, for bulk training at the speed of arrays."""

    @property
    def batched_bots(self) -> Mapping[str, BatchedBot]:
        """Those of the bots that can play in batches, by the names in `bots`; may be empty."""

    def new_battles(self, num_battles: int, seed: int) -> Battles:
        """A batch that `seed` decides entirely; every battle in it like those of `new_battle`."""


@runtime_checkable
class RestorableGame(HeadlessGame, Protocol):
    """Optional: battles that go on from a state. With them the plugin looks ahead while it plays, and `cornerman check`
    sees whether `encode` shows what is hidden."""

    def restore(self, state: State, seat: int, random: Random) -> Battle:
        """A battle in that moment, as far as `seat`, which decides, may know it: what is hidden from it, and every
        chance to come, is drawn from `random`. The state is not changed."""


@runtime_checkable
class BatchedRestorableGame(RestorableGame, Protocol):
    """Optional: the same for many at once, which looks ahead a hundred times farther."""

    def restore_battles(
        self, states: Sequence[State], seats: Sequence[int], rows: NDArray[Any], seeds: NDArray[np.uint64]
    ) -> Battles:
        """N battles: row r goes on from `states[rows[r]]` as `seats[rows[r]]` may know it, and `seeds[r]` draws the
        rest: in rows of one state, equal seeds and actions give equal battles. All states have as many characters."""


# ------------------------------------------------------------------------------------------------ what passes between


CANDIDATE = -2  # in place of a version: a candidate on trial in live battles, which has none yet


class Source(IntEnum):
    """Who took a decision, or who sat opposite."""

    PLAYER = 0
    SCRIPTED = 1
    PLUGIN = 2
    UNKNOWN = 3


SEAT_KINDS: Mapping[str, Source] = {"player": Source.PLAYER, "scripted": Source.SCRIPTED, "plugin": Source.PLUGIN}
"""What `on_battle_start(seats=...)` may say of a seat."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One decision of a seat to the same seat's next decision, or to the end of the battle. `discount` is 0 where the
    battle ended, and 1 where it goes on or was cut off, which bootstraps from the last state; gamma enters only when
    n-step returns are built. `reward` is summed over every turn between the two decisions, the opponent's included."""

    observation: Floats  # [F]
    action_mask: Bools  # [A]
    action: int
    reward: float
    next_observation: Floats  # [F], zeros where the battle ended
    next_action_mask: Bools  # [A], all False where the battle ended
    discount: float
    battle_id: int
    seat: int
    index: int  # the seat's decisions in this battle, counted from 0
    source: Source
    opponent: Source
    version: int  # of the policy that decided; -1: none did, CANDIDATE: one on trial, -10 and less: a weaker level's


@dataclass(frozen=True, slots=True)
class BattleEnd:
    """Follows a battle's last transition through the queue to the trainer."""

    battle_id: int
    outcome: Mapping[int, float]
    truncated: bool
    seats: Mapping[int, Source]
    standing: Mapping[int, float] = field(default_factory=dict, compare=False)
    """How seats stood at the end, -1 to 1, where that is known; not stored."""
    player: str = ""  # who played, where the game tells several apart


# ------------------------------------------------------------------------------------------------------------- errors


def printable(text: object) -> str:
    """Any text as one that can be drawn, logged and encoded: control characters and lone surrogates become "?"."""
    return "".join("?" if category(character) in ("Cc", "Cs") else character for character in str(text))


class CornermanError(Exception):
    """The parent of every error that Cornerman raises on purpose; its text is a printable sentence for a person."""

    def __init__(self, sentence: object = "") -> None:
        super().__init__(printable(sentence))


class ContractError(CornermanError):
    """The game's side does not keep this contract."""


class SettingsError(CornermanError):
    """A setting is unknown, of the wrong type or out of range."""


class DataError(CornermanError):
    """A state, a mask or a row cannot be used; `reason` is the short word it is counted under."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class ModelError(CornermanError):
    """A stored version is damaged, does not fit this game, or is missing."""


# ------------------------------------------------------------------------------------------------------------ the hooks


class Hooks(Protocol):
    """What a plugin may define and the host calls, always with keywords and always on the game's thread. A hook may
    take fewer arguments than are listed here, so this contract can grow. An event returns nothing."""

    def on_load(
        self, game: Game, data_dir: str, settings: Mapping[str, Any], progress: Callable[[str], object] | None
    ) -> None:
        """Once, in the loading screen. `settings` are the game's wishes; the player's settings.toml goes over them.
        `progress` is called here, ten times a second, with a line for that screen; False from it ends the waiting."""

    def on_battle_start(
        self, battle_id: int, seats: Mapping[int, str], sides: Mapping[int, int] | None, player: str | None
    ) -> None:
        """`seats` says who decides for each, `sides` which of them win together; None: each is a side of its own.
        `player`: who plays, where several do on this machine, as `set_player` says between battles; None: only one."""

    def set_player(self, player: str | None) -> None: ...
    def on_turn(
        self, battle_id: int, seat: int, state: State, action_mask: Sequence[bool], action: int, next_state: State
    ) -> None: ...
    def on_round_end(self, battle_id: int, round: int) -> None: ...
    def on_round_start(self, battle_id: int, round: int) -> None: ...
    def on_break(self, battle_id: int) -> None:
        """Optional, for a game without rounds: nothing happens until the next decision or turn, so learning may."""

    def on_choosing(self, battle_id: int, seat: int) -> None:
        """Optional: the player of `seat` begins to choose; it lasts until the next turn or the battle's end."""

    def on_due(self, battle_id: int, seat: int, state: State, action_mask: Sequence[bool]) -> None:
        """Optional: a decision of `seat` comes up, for which `choose_action` will be asked with this state; the sooner
        it is said, the more a plugin can look ahead until then."""

    def on_battle_end(self, battle_id: int, outcome: Mapping[int, float], truncated: bool) -> None: ...
    def on_frame(self, frame_ms: float, slack_ms: float) -> None:
        """Optional, each frame, before the wait for the next or right after: its length, and how much of it is wait."""

    def pump(self, budget_ms: float) -> None:
        """Optional, for a game that waits in a busy loop: take so much of the wait to learn in, and return in time."""

    def on_event(self, event: Any) -> bool: ...
    def on_draw(self, surface: Any) -> None: ...
    def on_quit(self) -> None: ...
    def choose_action(self, battle_id: int, seat: int, state: State, action_mask: Sequence[bool]) -> int | None: ...
    def ghost_action(self, seat: int, state: State, action_mask: Sequence[bool]) -> int | None:
        """Optional: what the present player would do here, for a bot that fights as the player; None: not known."""

    def hint(self, seat: int, state: State, action_mask: Sequence[bool]) -> Mapping[str, Any] | None:
        """Optional: what the plugin would do as `seat`, for a player: `report()["decision"]` and the "action"."""

    def settle(self, timeout_s: float) -> bool:
        """For a game without frames: wait, at most so long, until all is learned; choose_action may wait, too. Battles
        that follow each other without it are learned from only after the last one."""

    def report(self) -> Mapping[str, Any]:
        """The plain-data snapshot of `panel/status.py`: what the plugin is doing now."""

    def messages(self) -> Sequence[str]:
        """Sentences for the player, oldest first; the host says each of them once."""

    def set_learning(self, on: bool) -> None:
        """Learning off after three failures in five minutes, while the rest goes on; on again on the player's wish."""

    def set_difficulty(self, level: int) -> None:
        """Play at this level, from 1, as the panel's dial does; kept as the player's choice."""

    def forget(self) -> str:
        """Erase what was recorded and learned, as the panel's "Forget" does; a sentence. `forget_player`: what was
        recorded of one player alone ("": in battles that named nobody); versions stay."""

    def forget_player(self, player: str) -> str: ...

    def evaluate(self, version: int | None, bot: str, num_battles: int, seed: int) -> Mapping[str, Any] | None:
        """For a game without frames: how `version` (None: the champion) fares against a bot, as plain data:
        `{"version", "win_rate", "interval": [low, high], "battles", "wins", "losses", "draws"}`."""
