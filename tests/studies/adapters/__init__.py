"""The games of plain_games as games that Cornerman learns: what their authors would write, and how long it is."""
