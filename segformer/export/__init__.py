"""ONNX export, DeepStream files, and the costs of a model."""
