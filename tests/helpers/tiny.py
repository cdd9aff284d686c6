"""The settings of a training on the tiny data set of three classes, by dotted key."""

TINY = {
    "dataset.segment.num_classes": 3,
    "dataset.segment.img_size": 32,
    "dataset.segment.batch_size": 2,
    "dataset.segment.workers": 0,
    "dataset.segment.label_transform": "None",
    "dataset.segment.palette": [
        {"label_id": i, "seg_class": name, "mapping_class": name, "rgb": [i]}
        for i, name in enumerate(("ground", "left part", "right part"))
    ],
    "model.backbone.type": "mit_b0",
    "model.decode_head.decoder_params.embed_dim": 16,
    "train.num_epochs": 2,
    "train.optim.lr": 1e-3,
}
