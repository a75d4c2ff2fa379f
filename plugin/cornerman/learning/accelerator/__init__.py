"""What needs an accelerator, with torch: learning, acting in bulk training, batches picked there. Not run on a GPU.

Its logic (choice, falling back to the CPU, equal results) is tested with torch's own CPU as the device.
"""
