# ruff: noqa: E501 - a table, one row a line.
"""Where the default of a field differs from TAO's, and why."""

DIFFERENCES: dict[str, str] = {
    "model.decode_head.decoder_params.embed_dim": "TAO's is 768 for all; null: as published, which is 768 but for mit_b0 and mit_b1 (256)",
    "model.decode_head.in_channels": "TAO's list is that of one backbone; null: the backbone's own",
    "train.segment.weights": "TAO's has 5 entries for 2 classes and no effect; one must be given for each class",
    "export.input_height": "TAO's is 544 whatever was trained; null: the size of the training",
    "export.input_width": "TAO's is 544 whatever was trained; null: the size of the training",
    "quantize.backend": "TAO's is torchao, which gives no ONNX model; ours gives one that can be deployed",
    "quantize.mode": "TAO's is that of torchao; ours that of the default backend",
    "quantize.device": "TAO's is cuda; ours is what every machine has",
    "wandb.enable": "TAO's is true; nothing is sent anywhere unless it is asked for",
}  # fmt: skip
"""Dotted key -> why our default is not TAO's."""
