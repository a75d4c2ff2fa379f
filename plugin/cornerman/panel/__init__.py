"""What a person sees in the debug menu: the drawn panel, its text, its controls, the status snapshot."""
