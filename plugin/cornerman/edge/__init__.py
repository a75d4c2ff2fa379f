"""Models that leave the house: ONNX files, int8, and what a maker of accelerators needs."""
