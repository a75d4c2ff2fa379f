"""Any game of OpenSpiel's, through shimmy and PettingZoo, as a game that Cornerman learns.

    GAME = open_spiel_game("leduc_poker", "mymodule:GAME")

Seats see all that they know (the information state, where the game has one as numbers); outcomes are returns over the
largest that is possible. Needs the extra `openspiel`; nothing that plays without it imports this file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from shimmy.openspiel_compatibility import OpenSpielCompatibilityV0

from game_adapter.pettingzoo_game import PettingZooGame


def open_spiel_game(name: str, import_name: str = "", random_opening: int = 0, **parameters: Any) -> PettingZooGame:
    """The game of that name with OpenSpiel's own parameters; put your bots into `bots`."""

    def make() -> Environment:
        return Environment(game_name=name, config=parameters or None)

    game, rules = PettingZooGame(make, import_name, random_opening), make().rules
    game.name, game.most = name, max(abs(rules.max_utility()), abs(rules.min_utility()))
    return game


class Environment(OpenSpielCompatibilityV0):  # type: ignore[misc]  # the library is not always there
    """Shimmy's environment, with two things mended (2.0.1).

    It counts deals and dice as moves and so cuts games with chance off before their end, and it shows the public
    observation of games in which an information state holds what was done before, too. And it makes every space anew
    in every step, which takes two fifths of the time.
    """

    game_length: int
    observation_spaces: dict[str, Any]

    @property
    def rules(self) -> Any:
        """OpenSpiel's own game."""
        return self._env

    def _execute_chance_node(self) -> None:
        length = self.game_length
        super()._execute_chance_node()
        self.game_length = length

    def _update_action_spaces(self) -> None:
        if not self.action_spaces:
            super()._update_action_spaces()

    def _update_observation_spaces(self) -> None:
        if not self.game_type.provides_information_state_tensor:
            super()._update_observation_spaces()
        elif not self.observation_spaces:
            space = spaces.Box(-np.inf, np.inf, (self._env.information_state_tensor_size(),), np.float64)
            self.observation_spaces = dict.fromkeys(self.possible_agents, space)

    def _update_observations(self) -> None:
        if not self.game_type.provides_information_state_tensor:
            super()._update_observations()
        elif not self.game_state.is_terminal():
            told = self.game_state.information_state_tensor
            self.observations = {agent: np.array(told(at)) for at, agent in enumerate(self.possible_agents)}
