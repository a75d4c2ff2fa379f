"""Ringside, the game of this repository: its rules and scripted fighters, and its window. Rules import no pygame."""
