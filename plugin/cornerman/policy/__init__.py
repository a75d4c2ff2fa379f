"""Playing with numpy alone: the network's shape, the policy, the slot that is swapped, the difficulty levels."""
