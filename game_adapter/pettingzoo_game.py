"""Any PettingZoo environment, AEC or parallel, as a game that Cornerman learns; OpenSpiel's come through shimmy.

    from pettingzoo.classic import connect_four_v3
    GAME = PettingZooGame(connect_four_v3.raw_env, random_opening=4)

What a seat sees are its observation's numbers, scaled to -1 to 1; how it fared is the sum of its rewards. Needs the
extra `pettingzoo`; nothing that plays without it imports this file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo.utils import ParallelEnv, parallel_to_aec


class PettingZooGame:
    """`make()` gives a fresh environment; `raw_env` is faster than `env`, and Cornerman takes only legal actions."""

    version, max_characters, max_rounds, most = "1", 0, None, float("inf")

    def __init__(
        self, make: Callable[[], Any], import_name: str = "", random_opening: int = 0, sides: Sequence[int] = ()
    ) -> None:
        """The rest as in contract.Game. Put your bots into `bots`, and into `most` the largest sum of rewards of a seat
        where random battles do not come to it. ValueError where actions do not count from 0."""
        self._make, self.import_name, self.random_opening = make, import_name, random_opening
        environment = self.environment()
        self.name = str(environment.metadata.get("name", type(environment).__name__))
        self.agents = list(environment.possible_agents)
        actions = [environment.action_space(agent) for agent in self.agents]
        if not all(isinstance(space, spaces.Discrete) and space.start == 0 for space in actions):
            raise ValueError(f"{self.name}: actions must be Discrete spaces that start at 0, not {actions[0]}")
        self.seen = [_unmasked(environment.observation_space(agent)) for agent in self.agents]
        self.action_names = [f"action {at}" for at in range(max(int(space.n) for space in actions))]
        self.feature_names = [f"observation {at}" for at in range(max(map(spaces.flatdim, self.seen)))]
        self.num_seats, self.sides = len(self.agents), tuple(sides or range(len(self.agents)))
        self.bots: dict[str, Callable[[Any, Random], int | None]] = {"random": random_bot}
        *largest, most = self._sampled().clip(1.0)
        self.largest, self.most = np.array(largest), float(most)

    def environment(self) -> Any:
        """A fresh one in which one agent acts after the other."""
        return parallel_to_aec(made) if isinstance(made := self._make(), ParallelEnv) else made

    def encode(self, state: Sequence[Any], seat: int) -> Any:
        """The scaled observation of `seat`."""
        return state[seat] / self.largest

    def new_battle(self, seed: int) -> PettingZooBattle:
        return PettingZooBattle(self, seed)

    def _sampled(self) -> Any:
        """The largest number in each feature and the largest sum of rewards, `[F + 1]`, in fifty random battles, or as
        many as are needed for 5,000 decisions."""
        chance, found, seed = Random(0), list[list[float]](), 0
        while seed < 50 or len(found) < 5_000:
            battle, seed = self.new_battle(seed), seed + 1
            while battle.outcome is None:
                battle.apply(random_bot(battle, chance))
                found.append([*np.abs(battle.state()).max(0), np.abs(battle.scores).max()])
        return np.max(found, 0)


class PettingZooBattle:
    """One battle in an environment of its own."""

    def __init__(self, game: PettingZooGame, seed: int) -> None:
        self._game, self._environment, self.scores = game, game.environment(), np.zeros(game.num_seats)
        self._environment.reset(seed=seed % 2**31)  # larger ones do not fit OpenSpiel

    @property
    def seat(self) -> int | None:
        agent = self._environment.agent_selection
        return None if not self._environment.agents or self._out(agent) else self._game.agents.index(agent)

    @property
    def outcome(self) -> Mapping[int, float] | None:
        if np.abs(self.scores).max() > self._game.most:
            raise ValueError(f"the rewards come to {self.scores}: put the largest that is possible into `most`")
        return None if self.seat is not None else dict(enumerate((self.scores / self._game.most).tolist()))

    def state(self) -> Any:
        """What each seat sees, `[S, F]`."""
        seen = np.zeros((self._game.num_seats, len(self._game.feature_names)))
        for seat, agent in enumerate(self._game.agents):
            if agent in self._environment.agents:
                numbers = spaces.flatten(self._game.seen[seat], _unmasked(self._environment.observe(agent)))
                seen[seat, : len(numbers)] = numbers
        return seen

    def action_mask(self) -> Any:
        agent, mask = self._environment.agent_selection, np.zeros(len(self._game.action_names), np.bool_)
        seen = self._environment.observe(agent)
        beside = {"action_mask": True, **self._environment.infos[agent], **(seen if isinstance(seen, Mapping) else {})}
        mask[: int(self._environment.action_space(agent).n)] = beside["action_mask"]
        return mask

    def apply(self, action: int) -> None:
        if not 0 <= action < len(self._game.action_names) or not self.action_mask()[action]:
            raise ValueError(f"action {action} is not legal here")
        self._environment.step(int(action))
        self.scores += [self._environment.rewards.get(agent, 0.0) for agent in self._game.agents]
        while self.seat is None and not all(map(self._out, self._environment.agents)):
            self._environment.step(None)  # this agent is out; the others play on

    def _out(self, agent: Any) -> bool:
        return bool(self._environment.terminations[agent] or self._environment.truncations[agent])


def random_bot(battle: Any, random: Random) -> int:
    """Any legal action."""
    return int(random.choice(np.flatnonzero(battle.action_mask())))


def _unmasked(given: Any) -> Any:
    """The observation, or its space, without the mask that classic environments put beside it."""
    within = getattr(given, "spaces", given)
    return within["observation"] if isinstance(within, Mapping) and "action_mask" in within else given
