"""What the player sees and does: the window and its screens."""
