"""Headless battles for learning: batched and scalar engines, practice, workers, opponents."""
