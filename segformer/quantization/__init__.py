"""8 bits: quantized models from checkpoints and ONNX models."""
