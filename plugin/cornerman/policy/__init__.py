"""What plays: the network's shape, the numpy policy, the slot that is swapped, the difficulty levels."""
