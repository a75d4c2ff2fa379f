"""The game's side of the border: the one folder that a game copies. It imports nothing but the standard library."""

from game_adapter.host.host import Host
from game_adapter.host.match import Match

__all__ = ["Host", "Match"]
