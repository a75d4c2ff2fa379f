"""The pages of the panel, one a file; none imports another."""
