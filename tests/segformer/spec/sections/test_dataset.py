"""Every field of dataset.* has an effect: on the items, the loader, the folders, or a refusal."""

import pytest
from pictures import data_set

from segformer.data.dataset import SegmentationDataset, split_folder
from segformer.errors import DataError, SpecError
from segformer.quantization.calibration import calibration_images
from segformer.spec import Spec, parse
from segformer.spec.faults import leaf_keys
from segformer.spec.overrides import nested
from segformer.spec.sections.prediction import Prediction

S, A = "dataset.segment", "dataset.segment.augmentation"
BASE = {
    f"{S}.label_transform": "None",
    f"{S}.img_size": 32,
    f"{S}.workers": 0,
    f"{S}.batch_size": 1,
}
SWAPPED = [{"label_id": 1 - i, "seg_class": str(i), "rgb": [i]} for i in range(2)]
ON_ITEMS = {
    f"{S}.img_size": 48, f"{S}.img_height": 48, f"{S}.img_width": 48, f"{S}.resize": "pad",
    f"{S}.train_split": "val", f"{S}.palette": SWAPPED, f"{S}.bands": [2, 1, 0],
    f"{A}.mean": [0, 0.5, 0.5], f"{A}.std": [1, 1, 1],
    f"{A}.random_flip.enable": False, f"{A}.random_flip.hflip_probability": 1,
    f"{A}.random_flip.vflip_probability": 1,
    f"{A}.random_rotate.enable": False, f"{A}.random_rotate.rotate_probability": 1,
    f"{A}.random_rotate.angle_list": [45],
    f"{A}.random_color.enable": False, f"{A}.random_color.color_probability": 1,
    f"{A}.random_color.brightness": 1, f"{A}.random_color.contrast": 1,
    f"{A}.random_color.saturation": 1, f"{A}.random_color.hue": 0,
    f"{A}.random_color.strength": 0.5, f"{A}.random_mix.mix_probability": 1, f"{S}.has_up": True,
    f"{A}.with_scale_random_crop.enable": False,
    f"{A}.with_scale_random_crop.scale_range": [0.5, 0.7],
    f"{A}.with_random_blur": False, f"{A}.with_random_crop": False,
}  # fmt: skip
ON_OTHERS = {
    f"{S}.dataset", f"{S}.cache", f"{S}.cache_gb", f"{S}.root_dir", f"{S}.num_classes",
    f"{S}.label_transform",
    f"{S}.ignore_index", f"{S}.batch_size", f"{S}.workers", f"{S}.shuffle", f"{S}.validation_split",
    f"{S}.test_split", f"{S}.image_bits", f"{S}.predict_split",
    f"{S}.quant_calibration_dataset.images_dir", f"{S}.sampling", f"{S}.rare_class_temperature",
    f"{A}.random_mix.kind", f"{A}.copy_paste_probability",
    f"{S}.quant_calibration_dataset.images_dir",
    *(f"{S}.prediction.{name}" for name in Prediction.model_fields),
}  # fmt: skip


@pytest.fixture
def root(tmp_path):
    return data_set(tmp_path / "data", train=6)


@pytest.fixture
def spec(root):
    return lambda **given: parse(nested({**BASE, f"{S}.root_dir": str(root), **given}))


def items(spec):
    data = SegmentationDataset(spec.dataset.segment, split="train", augment=True, seed=1)
    found = [data[epoch, index] for epoch in range(4) for index in range(len(data))]
    return [tensor.numpy().tobytes() for item in found for tensor in (item["image"], item["mask"])]


def test_the_tables_name_every_field():
    fields = {key for key in leaf_keys(Spec) if key.startswith("dataset.")}
    assert fields == set(ON_ITEMS) | ON_OTHERS


@pytest.mark.parametrize("key", ON_ITEMS)
def test_a_field_changes_what_is_trained_on(spec, key):
    assert items(spec(**{key: ON_ITEMS[key]})) != items(spec())


def test_splits_and_root_name_folders(spec, tmp_path):
    other = spec(**{f"{S}.validation_split": "train", f"{S}.test_split": "odd"}).dataset.segment
    assert len(SegmentationDataset(other, split="validation")) == 6
    assert split_folder(other, "test") == "odd"
    elsewhere = spec(**{f"{S}.root_dir": str(data_set(tmp_path / "b", train=1))})
    assert len(items(elsewhere)) < len(items(spec()))


def test_classes_and_transform_decide_what_a_mask_may_hold(spec, root):
    data_set(root, train=6, mask=[[0, 1, 2] * 3 + [2]] * 8)
    assert items(spec(**{f"{S}.num_classes": 3}))
    with pytest.raises(DataError, match="num_classes=2; 3 would fit"):
        items(spec())
    with pytest.raises(DataError, match="label_transform=norm"):
        items(spec(**{f"{S}.label_transform": "norm"}))


def test_there_is_one_kind_of_data_set(spec):
    with pytest.raises(SpecError, match="SFDataset"):
        spec(**{f"{S}.dataset": "Other"})


def test_calibration_takes_images_without_masks(spec, root):
    (root / "masks" / "val" / "00.png").unlink()
    key = f"{S}.quant_calibration_dataset.images_dir"
    assert len(calibration_images(spec(**{key: str(root / "images/val")}))) == 2
    assert len(calibration_images(spec())) == 6
