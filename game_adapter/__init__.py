"""The games' side: the host that loads plugins, and Ringside, the game in this repository."""
