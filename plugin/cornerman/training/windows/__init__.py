"""When the trainer may learn, and what makes it rest: windows, the time between two frames, starvation."""
