"""The game's side of the border: the one folder that a game copies. It imports nothing but the standard library."""

from .host import Host
from .match import Match

__all__ = ["Host", "Match"]
