"""Cornerman: the computer's side of a turn-based battle game learns while the game runs.

Importing this package starts nothing: no thread, no device probe, no torch, no pygame.
"""

__version__ = "0.2.0"
