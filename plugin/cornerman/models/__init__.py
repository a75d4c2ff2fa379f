"""Versions on disk: save, check, who plays, history, import and export, erasure."""
