"""pettingzoo_game.py: real environments of PettingZoo keep the contract, as games that Cornerman learns.

Needs the extras `pettingzoo` and rlcard (`make study` installs them).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from cornerman.evaluation.game_check import check_game
from cornerman.experience.declaration import declaration_of
from cornerman.experience.encoder import Encoder
from cornerman.policy.q_network import NetworkSpec
from cornerman.selfplay.league import Opponents
from cornerman.selfplay.worker import Sizes, Worker
from cornerman.settings import Settings

pytest.importorskip("pettingzoo", reason="extra pettingzoo")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FEW = Sizes(batched=16, scalar=4, beside=2, turns=8)


def game(name: str, maker: str = "raw_env", **declared: Any) -> Any:
    from game_adapter.pettingzoo_game import PettingZooGame

    make: Callable[[], Any] = getattr(pytest.importorskip(f"pettingzoo.classic.{name}", exc_type=ImportError), maker)
    return PettingZooGame(make, **declared)


GAMES = [
    ("tictactoe_v3", "raw_env", {"random_opening": 2}),
    ("connect_four_v3", "raw_env", {"random_opening": 4}),
    ("leduc_holdem_v4", "raw_env", {}),
    ("texas_holdem_v4", "raw_env", {}),
    ("hanabi_v5", "raw_env", {"sides": (0, 0)}),
    ("rps_v2", "parallel_env", {"random_opening": 2}),
]


@pytest.mark.parametrize(("name", "maker", "declared"), GAMES, ids=[name for name, _, _ in GAMES])
def test_environment_keeps_the_contract_and_is_collected(name: str, maker: str, declared: dict[str, Any]) -> None:
    if name == "hanabi_v5":
        pytest.importorskip("shimmy", reason="the extra pettingzoo has it")
    mine = game(name, maker, **declared)
    findings = list(check_game(mine, 10, declaration_of(mine).max_decisions))
    assert [finding for finding in findings if finding.wrong] == []
    worker = Worker(mine, (8,), 1, 0, FEW)
    present = np.zeros(_parameters(mine), np.float32)
    columns, notes = worker.obey(*Opponents(mine).order(present, 1, [], Settings()))
    assert notes["decisions"] > 0
    assert len(columns["action"])
    assert np.abs(columns["observation"]).max() <= 1.0 + 1e-6
    assert np.abs(columns["reward"]).max() <= 1.0 + 1e-6


def _parameters(mine: Any) -> int:
    encoder = Encoder(mine)
    return NetworkSpec(encoder.observation_size, encoder.num_actions, (8,)).num_parameters


def played_out(battle: Any, seed: int) -> Any:
    """The battle, once it was played to its end at random."""
    random = np.random.default_rng(seed)
    while battle.outcome is None:
        battle.apply(int(random.choice(np.flatnonzero(battle.action_mask()))))
    return battle


def test_chips_become_an_outcome_between_minus_one_and_one() -> None:
    mine, outcomes = game("leduc_holdem_v4"), []
    for seed in range(60):
        battle = played_out(mine.new_battle(seed), seed)
        outcomes.append(battle.outcome[0])
        assert battle.outcome[0] == -battle.outcome[1]
    assert len(set(outcomes)) > 3, "a small pot is not worth as much as a large one"
    assert max(map(abs, outcomes)) <= 1.0


def test_actions_that_are_no_whole_numbers_are_refused() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    module = import_module("pettingzoo.classic.tictactoe_v3")

    def make() -> Any:
        environment = module.raw_env()
        environment.action_space = lambda agent: gymnasium.spaces.Box(-1.0, 1.0, (2,))
        return environment

    from game_adapter.pettingzoo_game import PettingZooGame

    with pytest.raises(ValueError, match="tictactoe_v3: actions must be Discrete spaces that start at 0"):
        PettingZooGame(make)


def test_battle_goes_on_while_one_of_three_agents_is_out() -> None:
    from gymnasium import spaces
    from pettingzoo import AECEnv

    from game_adapter.pettingzoo_game import PettingZooGame

    class LastOne(AECEnv):  # type: ignore[misc]  # the library is not always there
        """The first is out at its first turn; whoever acts last of the others, in the sixth turn, wins 1."""

        metadata = {"name": "last one"}  # noqa: RUF012 - as PettingZoo's environments have it
        possible_agents = ["a", "b", "c"]  # noqa: RUF012

        def observation_space(self, agent: str) -> Any:
            return spaces.Discrete(2)

        def action_space(self, agent: str) -> Any:
            return spaces.Discrete(2)

        def observe(self, agent: str) -> int:
            return 0

        def reset(self, seed: int | None = None, options: Any = None) -> None:
            self.agents, self.turns = list(self.possible_agents), 0
            for name in ("rewards", "_cumulative_rewards"):
                setattr(self, name, dict.fromkeys(self.agents, 0.0))
            self.terminations, self.truncations = dict.fromkeys(self.agents, False), dict.fromkeys(self.agents, False)
            self.infos: Any = {agent: {} for agent in self.agents}
            self.agent_selection = "a"

        def step(self, action: int | None) -> None:
            agent = self.agent_selection
            if self.terminations[agent]:
                self._was_dead_step(action)
                if self.agents:
                    self.agent_selection = self.agents[0]
                return
            self._clear_rewards()
            self.turns += 1
            self.terminations["a"] = True
            if self.turns == 6:
                self.terminations = dict.fromkeys(self.agents, True)
                self.rewards[agent] = 1.0
            self.agent_selection = self.agents[(self.agents.index(agent) + 1) % len(self.agents)]

    battle = PettingZooGame(LastOne).new_battle(0)
    decided = []
    while battle.outcome is None:
        decided.append(battle.seat)
        battle.apply(0)
    assert len(decided) == 6
    assert decided.count(0) == 1
    assert sorted(battle.outcome.values()) == [0.0, 0.0, 1.0]


def test_rewards_beyond_the_largest_are_named_with_what_to_do() -> None:
    mine = game("tictactoe_v3")
    mine.most = 0.5
    battle = mine.new_battle(1)
    with pytest.raises(ValueError, match="put the largest that is possible into `most`"):
        played_out(battle, 1)
