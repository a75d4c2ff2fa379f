"""`cornerman train`: the loop over workers, promotion, the report."""
