"""Models that leave the house: ONNX files, int8, what a maker of accelerators needs; and the Raspberry Pi itself."""
