"""Studies: learning results that take long, need several seeds, and are given with an interval."""
