"""What needs an accelerator, with torch: learning, and batches of bulk training picked there.

Its logic (choice, falling back to the CPU, equal results) is tested with torch's own CPU as the device, and on CUDA
where tests find it (docs/measurements.md says on what it was run). XPU and MPS were never there.
"""
