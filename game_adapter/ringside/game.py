"""The game object that a host is given: name, actions, features, bots and headless battles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from game_adapter.ringside.assets import asset_folders
from game_adapter.ringside.battle import Battle
from game_adapter.ringside.encoding import ACTION_NAMES, FEATURE_NAMES, encode
from game_adapter.ringside.opponents import BOTS, Bot
from game_adapter.ringside.restore import restored
from game_adapter.ringside.roster import rules
from game_adapter.ringside.teams import draw_teams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from game_adapter.ringside.batched.battle import VectorBattle
    from game_adapter.ringside.batched.opponents import BatchedBot


class Ringside:
    """The game's own side of `contract.HeadlessGame`; it holds no state."""

    name = "ringside"
    version = "1"
    own_fighter = "tactician"
    """Who plays where the plugin has no opinion."""

    @property
    def action_names(self) -> Sequence[str]:
        return ACTION_NAMES

    @property
    def feature_names(self) -> Sequence[str]:
        return FEATURE_NAMES

    @property
    def feature_scales(self) -> Mapping[str, float]:
        return {f"ally {slot} mends": rules().mend_charges or 1 for slot in (1, 2, 3)}

    @property
    def bots(self) -> Mapping[str, Bot]:
        return BOTS

    @property
    def batched_bots(self) -> Mapping[str, BatchedBot]:
        """The bots that play in batches; needs numpy."""
        from game_adapter.ringside.batched.opponents import BATCHED_BOTS

        return BATCHED_BOTS

    @property
    def base_model(self) -> Path:
        """The model that plays until one that has learned here is better; the plugin says where it is missing."""
        paths = [folder / "models" / "ringside.zip" for folder in asset_folders()]
        return next((path for path in paths if path.exists()), paths[-1])

    def encode(self, state: Mapping[str, Any], seat: int) -> list[float]:
        """The game's own features of a state, from a seat's view."""
        return encode(state, seat)

    def new_battle(self, seed: int, shape: str = "2v2") -> Battle:
        """A battle that the seed decides entirely; equal teams are mirrored, so both seats have the same chances."""
        return Battle(draw_teams(seed, shape), seed)

    def new_battles(self, num_battles: int, seed: int, shape: str = "2v2") -> VectorBattle:
        """So many battles at once (`contract.BatchedGame`), each like `new_battle` of its own seed; needs numpy."""
        from game_adapter.ringside.batched.battle import VectorBattle
        from game_adapter.ringside.batched.lineups import drawn_lineups

        return VectorBattle(num_battles, seed, drawn_lineups(shape))

    def restore(self, state: Mapping[str, Any], seat: int, random: Random) -> Battle:
        """A battle that goes on from a state; nothing of it is hidden from `seat` but its future chances."""
        return restored(state, random)

    def restore_battles(
        self, states: Sequence[Mapping[str, Any]], seats: Sequence[int], rows: NDArray[Any], seeds: NDArray[Any]
    ) -> VectorBattle:
        """The same for many at once, of one shape (`contract.SearchableGame`); needs numpy."""
        from game_adapter.ringside.batched.restored import restored_battles

        return restored_battles(states, rows, seeds)


RINGSIDE = Ringside()
