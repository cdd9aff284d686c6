import pytest

from segformer.errors import DataError
from segformer.quantization.calibration import calibration_images, evenly
from segformer.quantization.quantize import quantize


def test_calibration_images_come_from_a_folder_or_tao_layout(quantizing, tiny_data, tmp_path):
    train = tiny_data / "images" / "train"
    spec = quantizing()
    assert calibration_images(spec) == sorted(train.iterdir())
    spec.dataset.segment.quant_calibration_dataset.images_dir = str(tiny_data / "images" / "val")
    assert calibration_images(spec) == sorted((tiny_data / "images" / "val").iterdir())
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "test").symlink_to(train)
    assert [p.name for p in calibration_images(spec, [str(tmp_path)])] == [
        p.name for p in sorted(train.iterdir())
    ]


def test_chosen_images_are_spread_over_all(tmp_path):
    paths = [tmp_path / str(i) for i in range(10)]
    assert [p.name for p in evenly(paths, 3)] == ["0", "3", "6"]
    assert evenly(paths, 99) == paths


def test_folder_without_images_is_refused(quantizing, tmp_path):
    spec = quantizing(**{"dataset.segment.quant_calibration_dataset.images_dir": str(tmp_path)})
    with pytest.raises(DataError, match=r"holds no \.png .* to calibrate on"):
        quantize(spec, tmp_path / "out")


def test_a_data_set_without_a_test_split_gives_its_training_images(quantizing, tiny_data):
    spec = quantizing(**{"dataset.segment.quant_calibration_dataset.images_dir": str(tiny_data)})
    assert calibration_images(spec) == sorted((tiny_data / "images/train").iterdir())
