"""A made-up game of one decision: the state shows which of two actions wins at once. For tests of learning."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from cornerman.contract import BattleEnd, Bot, Game, Source, Transition
from cornerman.experience.encoder import Encoder
from cornerman.experience.recorder import Recorder
from cornerman.experience.rewards import RewardCalculator
from cornerman.learning.learner import build_learner
from cornerman.models.champions import Champions
from cornerman.models.manifest import Identity, Provenance
from cornerman.models.store import Store
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.settings import Settings, with_values
from cornerman.training.build import Means, assemble
from cornerman.training.metrics import Metrics
from tests.support.direct_worker import direct_worker

ACTIONS = ("left", "right", "wait")


def wins(state: Mapping[str, Any], seat: int) -> int:
    """The action that wins for `seat`: the one that its strength points to."""
    return int(state["characters"][seat]["attack"] > 50)


class ChoosingBattle:
    """Both seats choose once, seat 0 first; whoever chose rightly alone wins. Waiting is never legal."""

    def __init__(self, seed: int) -> None:
        random = Random(seed)
        self._attacks = [random.choice((10, 90)) for _ in (0, 1)]
        self._right: list[bool] = []
        self.round = 1

    @property
    def seat(self) -> int | None:
        return len(self._right) if len(self._right) < 2 else None

    @property
    def outcome(self) -> Mapping[int, int] | None:
        if len(self._right) < 2:
            return None
        return {0: self._right[0] - self._right[1], 1: self._right[1] - self._right[0]}

    def state(self) -> dict[str, Any]:
        healths = [100, 100]
        for seat, right in enumerate(self._right):
            healths[1 - seat] -= 50 * right
        return {"round": 1, "characters": [self._character(seat, healths[seat]) for seat in (0, 1)]}

    def _character(self, seat: int, health: int) -> dict[str, Any]:
        attack = self._attacks[seat]
        return {"seat": seat, "health": health, "maxHealth": 100, "attack": attack, "defense": 0, "speed": 0}

    def action_mask(self) -> Sequence[bool]:
        return [True, True, False]

    def apply(self, action: int) -> None:
        if action not in (0, 1):
            raise ValueError(f"nobody may {ACTIONS[action]}")
        assert self.seat is not None
        self._right.append(action == wins(self.state(), self.seat))


def at_random(battle: ChoosingBattle, random: Random) -> int:
    del battle
    return random.randrange(2)


class Described:
    """The same game where it offers no headless battles."""

    name, version = "choosing", "1"
    action_names: Sequence[str] = ACTIONS


class Choosing(Described):
    """With headless battles and one bot."""

    bots: Mapping[str, Bot] = {"random": at_random}

    def new_battle(self, seed: int) -> ChoosingBattle:
        return ChoosingBattle(seed)


SMALL: Mapping[str, Any] = {
    "hidden": [16],
    "batch_size": 16,
    "burst_steps": 8,
    "learning_rate": 5e-3,
    "target_rate": 0.05,
    "replay_capacity": 500,
    "candidate_period": 200,
    "gate_min_pairs": 10,
    "device": "cpu",
    "seed": 1,
    "practice": 1.0,
    "updates_per_practice": 1.0,
    "practice_capacity": 500,
    "worker": "thread",
    "from_nothing": True,
}
"""Settings under which this game is learned within a second."""


_STORES: WeakValueDictionary[Path, Store] = WeakValueDictionary()


class Gym:
    """A training loop with everything around it, driven a slice at a time on the test's own thread.

    Another one on the same folder ends this one as a kill would: what was not saved yet is lost.
    """

    def __init__(self, folder: Path, game: Game | None = None, **changes: Any) -> None:
        self.game = game or Choosing()
        self.settings = with_values(Settings(), {**SMALL, **changes}, "the test")
        encoder = Encoder(self.game)
        self.spec = NetworkSpec(encoder.observation_size, encoder.num_actions, self.settings.hidden)
        self.metrics = Metrics()
        identity = Identity.of(self.game, encoder)
        if folder in _STORES:
            _STORES[folder].close()
        self.store = Store(folder, identity, self.spec, "the test", lambda: 0.0, self.metrics.say)
        _STORES[folder] = self.store
        self.registry = self.store.registry
        if self.registry.champion is None:
            flat = draw(self.spec, np.random.default_rng(self.settings.seed))
            self.registry.promote(self.registry.save(flat, Provenance()))
        self.champions = Champions(
            self.store, self.settings.seed, self.metrics.say, self.metrics.event, self.settings.from_nothing
        )
        self.slot = self.champions.slot
        self.inbox: deque[Transition | BattleEnd] = deque()
        self.recorder = Recorder(encoder, RewardCalculator(), self.inbox.append)
        self.learner = build_learner(self.spec, self.settings, "cpu")
        self.stop = np.zeros(1, np.uint8)
        self.training = assemble(
            self.game,
            self.settings,
            self.store,
            self.champions,
            self.inbox,
            self.metrics,
            Means(self.learner, self.stop, direct_worker(self.game, self.spec.hidden)),
        )
        self.experience, self.updates = self.training.experience, self.training.updates
        self.candidates = self.training.candidates

    @property
    def messages(self) -> list[str]:
        """What the player could read, newest first."""
        return [event["text"] for event in self.metrics.events()]

    def play(self, battles: int, first: int = 0, skill: tuple[float, float] = (0.5, 0.5)) -> None:
        """So many live battles, recorded; nothing is learned yet. `skill`: how often each seat chooses rightly."""
        for battle_id in range(first, first + battles):
            battle, random = ChoosingBattle(battle_id), Random(f"live {battle_id}")
            self.recorder.start(battle_id, {0: Source.PLAYER, 1: Source.PLUGIN})
            while (seat := battle.seat) is not None:
                before, mask = battle.state(), battle.action_mask()
                right = random.random() < skill[seat]
                action = wins(before, seat) if right else 1 - wins(before, seat)
                battle.apply(action)
                self.recorder.turn(battle_id, seat, before, mask, action, battle.state())
            self.recorder.end(battle_id, battle.outcome or {})

    def learn(self, battles: int, first: int = 0, skill: tuple[float, float] = (0.5, 0.5), at_once: int = 1000) -> None:
        """As `play`, and everything that is due after each `at_once` battles."""
        for start in range(first, first + battles, at_once):
            self.play(min(at_once, first + battles - start), start, skill)
            self.work()

    def work(self, slices: int = 100_000, idle: bool = False) -> None:
        """Until nothing is due; `idle`: practice included, as beside a game that draws."""
        for _ in range(slices):
            if not self.training.slice(idle=idle):
                return
        raise AssertionError(f"it was not done after {slices} slices")


def right_choices(policy: Policy, game: Game, battles: int = 200) -> float:
    """The share of decisions in which `policy` takes the action that wins."""
    encoder, right = Encoder(game), 0
    for seed in range(battles):
        battle = ChoosingBattle(10_000 + seed)
        state = battle.state()
        mask = encoder.mask(battle.action_mask())
        right += policy.act(encoder.encode(state, 0), mask, Random(0)) == wins(state, 0)
    return right / battles
