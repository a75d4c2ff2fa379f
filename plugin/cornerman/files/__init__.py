"""Files that survive a kill and a full disk: atomic writes, tensors, checkpoints, the folder lock."""
