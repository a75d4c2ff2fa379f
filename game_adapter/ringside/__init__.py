"""Ringside, the game of this repository: its rules and scripted fighters, and its window. The rules import no pygame."""
