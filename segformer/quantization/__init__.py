"""Quantization of checkpoints and ONNX models to 8 bits."""
