"""Many battles at once in numpy arrays, equal to the scalar rules battle for battle."""
