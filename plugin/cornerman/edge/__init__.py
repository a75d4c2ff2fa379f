"""Models that leave the house: ONNX files, int8, what Hailo's compiler needs; playing backends; the Raspberry Pi."""
