"""Who is better: battles in pairs, statistical tests, the gate, ratings, live results."""
