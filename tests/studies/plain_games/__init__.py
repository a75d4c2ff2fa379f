"""Games as somebody else would write them: none of them knows Cornerman, and nothing in them was made to fit it."""
