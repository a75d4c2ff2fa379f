"""What runs only on an accelerator. Tested for logic on the CPU; not run on a GPU."""
