"""A game of Cornerman's as an environment of other libraries: PettingZoo (all seats) and Gymnasium (one seat).

    from cornerman.experience.encoder import Encoder
    from game_adapter.environments import OneSeat, aec_environment

    environment = aec_environment(game, Encoder(game))       # pettingzoo.AECEnv
    environment = OneSeat(game, Encoder(game), "tactician")  # gymnasium.Env against one of the game's bots

Observations are what the plugin's policy sees, rewards are the battle's outcome, 0 before its end. An illegal action
ends the battle and loses it. Needs the extra `pettingzoo` or `gymnasium`; not imported by anything that plays.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv
from pettingzoo.utils import wrappers

if TYPE_CHECKING:
    from cornerman.contract import Battle, Bools, Floats, HeadlessGame
    from cornerman.experience.encoder import Encoder

LARGEST_FEATURE = 10.0
"""What the plugin's encoder lets a feature be at most; it refuses anything larger."""

LARGEST_SEED = 2**31


def observation_space(encoder: Encoder) -> Any:
    """The space of what a seat sees, `[F]`."""
    return spaces.Box(-LARGEST_FEATURE, LARGEST_FEATURE, (encoder.observation_size,), np.float32)


def aec_environment(game: HeadlessGame, encoder: Encoder, max_decisions: int | None = None) -> Any:
    """A PettingZoo environment that reports wrong use and ends a battle at an illegal action, which loses."""
    environment = wrappers.TerminateIllegalWrapper(AllSeats(game, encoder, max_decisions), illegal_reward=-1)
    return wrappers.OrderEnforcingWrapper(wrappers.AssertOutOfBoundsWrapper(environment))


def _begun(game: HeadlessGame, seed: int) -> Battle:
    """A new battle; TypeError where its seats decide at once."""
    battle = game.new_battle(seed)
    if hasattr(battle, "apply_all"):
        raise TypeError(
            f"{game.name}: its seats decide at once; these environments offer games in which they take turns."
        )
    return battle


class AllSeats(AECEnv):  # type: ignore[misc]  # the library is not always there
    """Every seat of a game as an agent: `seat_0`, `seat_1`, ... `aec_environment` puts the usual checks around it.

    An agent's observation is {"observation": [F] float32, "action_mask": [A] int8}; the mask is all zeros for whoever
    is not to act. A battle longer than `max_decisions` is truncated, with reward 0.
    """

    def __init__(self, game: HeadlessGame, encoder: Encoder, max_decisions: int | None = None) -> None:
        super().__init__()
        self.metadata = {"name": f"{game.name}_v{game.version}", "render_modes": [], "is_parallelizable": False}
        self.render_mode = None
        self.possible_agents = [f"seat_{seat}" for seat in range(encoder.declaration.num_seats)]
        self.agents: list[str] = []
        self._game, self._encoder = game, encoder
        self._max_decisions = max_decisions or encoder.declaration.max_decisions
        self._random = np.random.default_rng()
        self._battle: Battle | None = None
        mask = spaces.Box(0, 1, (encoder.num_actions,), np.int8)
        seen = spaces.Dict({"observation": observation_space(encoder), "action_mask": mask})
        self.observation_spaces = dict.fromkeys(self.possible_agents, seen)
        self.action_spaces = {agent: spaces.Discrete(encoder.num_actions) for agent in self.possible_agents}

    def observation_space(self, agent: str) -> Any:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin a battle: the same seed, the same battles from then on. There are no options."""
        if seed is not None:
            self._random = np.random.default_rng(seed)
        self._battle = _begun(self._game, int(self._random.integers(LARGEST_SEED)))
        self._decisions = 0
        self.agents = list(self.possible_agents)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in self.agents}
        self.agent_selection = self._agent_to_act()

    def observe(self, agent: str) -> dict[str, Any]:
        """What an agent sees now, in fresh arrays."""
        battle, seat = self._in_play(), self.possible_agents.index(agent)
        mask = np.zeros(self._encoder.num_actions, np.int8)
        if battle.seat == seat:
            mask[:] = battle.action_mask()
        return {"observation": self._encoder.encode(battle.state(), seat), "action_mask": mask}

    def step(self, action: int | None) -> None:
        """Apply the action of `agent_selection`; None for an agent whose battle is over."""
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        if action is None:
            raise ValueError(f"{agent} is to act and needs an action; None is for agents whose battle is over.")
        self._cumulative_rewards[agent] = 0.0
        self._in_play().apply(int(action))
        self._decisions += 1
        self._end_if_over()
        if not any(self.terminations.values()) and not any(self.truncations.values()):
            self.agent_selection = self._agent_to_act()
        self._accumulate_rewards()
        self._deads_step_first()

    def _end_if_over(self) -> None:
        outcome = self._in_play().outcome
        if outcome is not None:
            self.terminations = dict.fromkeys(self.agents, True)
            self.rewards = {agent: float(outcome[seat]) for seat, agent in enumerate(self.possible_agents)}
        elif self._decisions >= self._max_decisions:
            self.truncations = dict.fromkeys(self.agents, True)

    def _in_play(self) -> Battle:
        if self._battle is None:
            raise RuntimeError("There is no battle yet: call reset() first.")
        return self._battle

    def _agent_to_act(self) -> str:
        seat = self._in_play().seat
        if seat is None:
            raise RuntimeError(f"{self._game.name}: a new battle is over before anybody has decided.")
        return self.possible_agents[seat]


class OneSeat(gymnasium.Env):  # type: ignore[misc]  # the library is not always there
    """One seat of a game against one of its bots, who sits in all the others.

    Observations are `[F]` float32; which actions are legal is in `info["action_mask"]` and, for sb3-contrib, in
    `action_masks()`. An illegal action ends the battle with reward -1 and `info["illegal_action"]`.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  # a plain dict is what the library wants here

    def __init__(
        self,
        game: HeadlessGame,
        encoder: Encoder,
        opponent: str | None = None,
        seat: int | None = None,
        max_decisions: int | None = None,
    ) -> None:
        """`opponent` names one of `game.bots`, by default the last and strongest; ``seat` None: one of the plugin's."""
        if not game.bots:
            raise ValueError(f"{game.name} has no bots to play against.")
        chosen = list(game.bots)[-1] if opponent is None else opponent
        if chosen not in game.bots:
            raise ValueError(f"{game.name} has no bot {chosen!r}; it has {', '.join(game.bots)}.")
        self.observation_space = observation_space(encoder)
        self.action_space = spaces.Discrete(encoder.num_actions)
        self.render_mode = None
        self._game, self._encoder, self._bot, self._fixed_seat = game, encoder, game.bots[chosen], seat
        self._max_decisions = max_decisions or encoder.declaration.max_decisions
        self._seats = encoder.declaration.plugin_seats
        self._battle: Battle | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """Begin a battle and let the bot play until this seat is to decide. There are no options."""
        super().reset(seed=seed)
        lot = int(self.np_random.integers(LARGEST_SEED))
        drawn = self._seats[int(self.np_random.integers(len(self._seats)))]
        self._seat = drawn if self._fixed_seat is None else self._fixed_seat
        self._battle, self._bot_random, self._decisions = _begun(self._game, lot), Random(lot), 0
        self._let_bot_play(self._battle)
        if self._battle.seat is None:
            raise RuntimeError(f"{self._game.name}: the battle of seed {lot} is over before seat {self._seat} decides.")
        return self._seen(self._battle), self._info()

    def step(self, action: int) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Apply this seat's action and let the bot answer: observation, reward, terminated, truncated, info."""
        battle = self._in_play()
        if not self.action_masks()[int(action)]:
            seen, info = self._seen(battle), {**self._info(), "illegal_action": int(action)}
            self._battle = None
            return seen, -1.0, True, False, info
        self._apply(battle, int(action))
        self._let_bot_play(battle)
        outcome = battle.outcome
        reward = 0.0 if outcome is None else float(outcome[self._seat])
        truncated = outcome is None and self._decisions >= self._max_decisions
        seen, info = self._seen(battle), self._info()
        if outcome is not None or truncated:
            self._battle = None
        return seen, reward, outcome is not None, truncated, info

    def action_masks(self) -> Bools:
        """Which actions are legal now, `[A]`; none once the battle is over."""
        if self._battle is None or self._battle.seat != self._seat:
            return np.zeros(self._encoder.num_actions, np.bool_)
        return np.array(self._battle.action_mask(), np.bool_)

    def _let_bot_play(self, battle: Battle) -> None:
        while battle.seat not in (None, self._seat) and self._decisions < self._max_decisions:
            self._apply(battle, self._bot(battle, self._bot_random))

    def _apply(self, battle: Battle, action: int | None) -> None:
        if action is not None:  # else a bot has played its turn by itself
            battle.apply(action)
        self._decisions += 1

    def _in_play(self) -> Battle:
        if self._battle is None:
            raise RuntimeError("There is no battle, or it is over: call reset() first.")
        return self._battle

    def _seen(self, battle: Battle) -> Floats:
        return self._encoder.encode(battle.state(), self._seat)

    def _info(self) -> dict[str, Any]:
        return {"action_mask": self.action_masks().astype(np.int8)}
