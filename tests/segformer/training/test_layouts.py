"""From the folder of each layout to the first training step, with no setting of the data."""

import layouts
import pytest
import torch

from segformer.model.segformer import build
from segformer.skill import skill
from segformer.spec import parse
from segformer.training.loaders import data_loaders

MODEL = {
    "model.backbone.type": "efficientnet_lite0",
    "model.decode_head.decoder_params.embed_dim": 8,
    "dataset.segment.img_size": 32,
    "dataset.segment.batch_size": 2,
    "dataset.segment.workers": 0,
}
LAYOUTS = (
    layouts.kind_split, layouts.mmseg, layouts.split_kind, layouts.unsplit, layouts.suffix,
    layouts.camvid, layouts.voc, layouts.cityscapes, layouts.ade20k, layouts.csv_pairs,
    layouts.coco, layouts.labelme, layouts.cvat, layouts.label_studio,
)  # fmt: skip


@pytest.mark.parametrize("write", LAYOUTS, ids=lambda write: write.__name__)
def test_a_layout_trains_its_first_step_as_it_stands(tmp_path, write):
    write(tmp_path)
    spec = skill.resolve("train", {**MODEL, "dataset.segment.root_dir": str(tmp_path)})
    assert skill.check(spec)["train"] >= 2
    parsed = parse(spec)
    loader, _ = data_loaders(parsed, None)
    batch = next(iter(loader))
    network = build(parsed.model, num_classes=parsed.dataset.segment.num_classes).train()
    loss = torch.nn.functional.cross_entropy(
        torch.nn.functional.interpolate(network(batch["image"]), (32, 32)), batch["mask"],
        ignore_index=255,
    )  # fmt: skip
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad)
