"""Ringside, the game of this repository: its rules, its bots and its window. Rules import no pygame."""
