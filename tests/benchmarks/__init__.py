"""What is measured, one file a subject; `python -m tests.benchmarks [SUBJECT ...]` runs them."""
