"""The compiled learning step without its compiler: an object file, linked to a block of code and called in memory."""
