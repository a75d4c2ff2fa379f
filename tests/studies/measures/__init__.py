"""What the studies measure, apart from the training: how a player fares in a plain game or in somebody's package."""
