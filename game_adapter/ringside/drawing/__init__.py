"""How Ringside looks and sounds: canvas, sprites, sounds, the stage. Nothing here decides."""
