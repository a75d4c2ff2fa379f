"""The model of the player: what this player will do, the player's habits in words, and the player's ghost."""
