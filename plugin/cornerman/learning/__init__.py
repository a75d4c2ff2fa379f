"""The learning step on the CPU and on accelerators, the learner, the choice of a device."""
