import io
import json
import shutil
import struct
import subprocess
import sys

import numpy as np
import onnx
import pytest
import tifffile
import torch
from PIL import Image

from segformer.api import load_model
from segformer.data import bands
from segformer.data.images import read_image as read_by_package
from segformer.evaluation.inference import infer
from segformer.evaluation.segmenter import class_ids as by_torch
from segformer.export.arrays import class_ids
from segformer.export.graph import metadata_of
from segformer.export.infer import Model, main, read_image
from segformer.export.onnx import export
from segformer.model.saved import ModelRecord, read_model, write_safetensors

SIZES = [(40, 36), (31, 77), (200, 150)]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Return a folder of images of several sizes and modes, one of them lying on its side."""
    folder, draw = tmp_path_factory.mktemp("photos"), np.random.default_rng(1)
    for index, (width, height) in enumerate(SIZES):
        coarse = draw.integers(0, 256, (height // 4, width // 4, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR)
        picture.save(folder / f"rgb{index}.png")
        picture.convert("RGBA").save(folder / f"alpha{index}.png")
        picture.convert("L").save(folder / f"grey{index}.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(folder / "turned.jpg", exif=exif, quality=95)
    return folder


def masks_of(spec, folder):
    masks = infer(spec, folder).artifacts["masks"]
    return {path.stem: np.asarray(Image.open(path)) for path in masks.iterdir()}


@pytest.mark.parametrize(
    "settings", [{}, {"export.input_channel": 1}, {"export.batch_size": 2}], ids=["", "grey", "two"]
)
def test_all_pixels_are_those_of_the_inference_action(
    tiny_spec, trained, photos, tmp_path, settings
):
    best = str(trained.result.artifacts["best"])
    model = export(tiny_spec(**settings, **{"export.checkpoint": best}), tmp_path / "x").artifacts
    values = {"inference.checkpoint": str(model["onnx"]), "inference.images_dir": str(photos)}
    masks = masks_of(tiny_spec(**values, **{"inference.batch_size": 1}), tmp_path / "y")
    alone = Model(model["onnx"])
    assert {path.stem for path in photos.iterdir()} == masks.keys()
    for path in photos.iterdir():
        assert np.array_equal(alone.segment(path), masks[path.stem]), path
    assert alone.names == {0: "ground", 1: "left part", 2: "right part"}


SHAPES = [
    {"resize": "pad"},
    {"resize": "crop"},
    {"prediction.mode": "slide", "prediction.overlap": 0.5, "prediction.blending": "flat"},
    {"resize": "pad", "prediction.flip": "both", "prediction.mode": "slide"},
    {"prediction.scales": [0.75, 1.0, 1.5], "prediction.flip": "horizontal"},
    {"resize": "crop", "prediction.scales": [0.5, 2.0], "prediction.window_height": 20},
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: " ".join(map(str, shape.values())))
def test_a_record_of_any_shape_gives_the_same_masks_alone(
    tiny_spec, onnx_file, photos, tmp_path, shape
):
    spec = tiny_spec(**{f"dataset.segment.{key}": value for key, value in shape.items()})
    graph = onnx.load(onnx_file)
    onnx.helper.set_model_props(graph, metadata_of(ModelRecord.of(spec)))
    onnx.save(graph, tmp_path / "model.onnx")
    with Image.open(photos / "rgb2.png") as image:
        picture = np.asarray(image)[:50, :70]
    alone = Model(tmp_path / "model.onnx").segment(picture)
    assert np.mean(alone == load_model(tmp_path / "model.onnx").segment(picture)) > 0.999


def test_a_rectangular_model_gives_the_same_masks_alone(tiny_spec, trained, photos, tmp_path):
    spec = tiny_spec(**{"dataset.segment.img_height": 48, "dataset.segment.resize": "pad"})
    saved = read_model(trained.result.artifacts["best"], otherwise=ModelRecord.of(spec))
    write_safetensors(tmp_path / "best.safetensors", saved.build(), ModelRecord.of(spec))
    keys = {"export.checkpoint": str(tmp_path / "best.safetensors")}
    model = export(tiny_spec(**keys), tmp_path / "x").artifacts["onnx"]
    for name in ("rgb1.png", "turned.jpg"):
        path = photos / name
        assert np.mean(Model(model).segment(path) == load_model(model).segment(path)) > 0.999


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(64, 64), (61, 130), (3, 5), (1, 1)])
def test_classes_are_those_of_torch(size, align_corners):
    logits = torch.randn(5, 16, 16, generator=torch.Generator().manual_seed(2))
    ours = class_ids(logits.numpy(), size, align_corners=align_corners)
    assert np.array_equal(ours, by_torch(logits, size, align_corners=align_corners))


def test_the_file_beside_the_model_runs_alone(tiny_spec, trained, photos, tmp_path):
    spec = tiny_spec(**{"export.checkpoint": str(trained.result.artifacts["best"])})
    program = export(spec, tmp_path).artifacts["infer"]
    code = (
        "import runpy, sys; sys.modules.update(dict.fromkeys(('torch', 'segformer')));"
        f" sys.argv[:] = sys.argv[1:]; runpy.run_path({str(program)!r}, run_name='__main__')"
    )
    words = [str(program), str(photos / "rgb0.png"), "--out", str(tmp_path / "masks")]
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    mask = Image.open(tmp_path / "masks/rgb0.png")
    assert (mask.mode, mask.size) == ("P", SIZES[0])
    assert np.array_equal(mask, Model(tmp_path / "model.onnx").segment(photos / "rgb0.png"))


def test_images_alike_in_name_are_refused_and_broken_ones_named(
    tiny_spec, trained, photos, tmp_path
):
    spec = tiny_spec(**{"export.checkpoint": str(trained.result.artifacts["best"])})
    program = export(spec, tmp_path).artifacts["infer"]
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    shutil.copy(photos / "rgb0.png", tmp_path / "grey0.png")

    def run(*images):
        command = [sys.executable, str(program), *map(str, images), "--out", str(tmp_path / "m")]
        return subprocess.run(command, capture_output=True, text=True)

    twice = run(tmp_path / "grey0.png", photos / "grey0.png")
    assert twice.returncode == 2 and "several images would be written to grey0.png" in twice.stderr
    done = run(tmp_path / "broken.png", photos / "rgb0.png")
    assert done.returncode == 1 and "broken.png: cannot be read (" in done.stderr
    assert (tmp_path / "m" / "rgb0.png").exists() and "Traceback" not in done.stderr


@pytest.mark.parametrize("bits", [10, 16])
def test_grey_of_16_bits_is_read_as_in_the_training(tmp_path, bits):
    values = np.random.default_rng(0).integers(0, 2**bits, (9, 7), np.uint16)
    for name in ("a.png", "a.tif"):
        Image.fromarray(values).save(tmp_path / name)
        ours = read_image(tmp_path / name, bits=bits)
        assert np.array_equal(ours, read_by_package(tmp_path / name, bits=bits))


@pytest.mark.parametrize("kind", ["cielab", "ycbcr", "separated", "rgb"])
def test_colours_of_any_kind_are_read_as_in_the_training(onnx_file, tmp_path, monkeypatch, kind):
    bands_of_kind = 4 if kind == "separated" else 3
    pixels = np.random.default_rng(0).integers(0, 255, (90, 80, bands_of_kind), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric=kind)
    expected = read_by_package(tmp_path / "a.tif")
    assert np.array_equal(read_image(tmp_path / "a.tif"), expected)
    monkeypatch.setattr(bands, "MOST_PIXELS", 5000)
    picture = Model(onnx_file).opened(tmp_path / "a.tif")
    assert np.array_equal(picture.rows(0, 90), expected)


@pytest.mark.parametrize("name", ["large.png", "large.tif"])
def test_a_large_picture_is_segmented_in_bands(trained, tiny_spec, tmp_path, monkeypatch, name):
    spec = tiny_spec(**{"export.checkpoint": str(trained.result.artifacts["best"])})
    model = Model(export(spec, tmp_path).artifacts["onnx"])
    pixels = np.random.default_rng(0).integers(0, 255, (150, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / name)
    whole = model.segment(tmp_path / name)
    monkeypatch.setattr(bands, "MOST_PIXELS", 5000)
    monkeypatch.setattr(bands, "_BAND", 900)
    assert isinstance(model.opened(tmp_path / name), bands.Sequential)
    assert np.array_equal(model.segment(tmp_path / name), whole)


def test_classes_of_one_name_are_numbered_as_in_the_reports(tiny_spec, onnx_file, tmp_path):
    entries = [{"seg_class": "car", "mapping_class": "", "rgb": [i], "label_id": i} for i in (0, 1)]
    spec = tiny_spec(**{"dataset.segment.palette": entries})
    graph = onnx.load(onnx_file)
    onnx.helper.set_model_props(graph, metadata_of(ModelRecord.of(spec)))
    onnx.save(graph, tmp_path / "model.onnx")
    assert Model(tmp_path / "model.onnx").names == {0: "car_0", 1: "car_1", 2: "class_2"}


def several(path):
    draw = np.random.default_rng(0).integers(0, 255, (2, 20, 30, 3), np.uint8)
    first, second = map(Image.fromarray, draw)
    first.save(path, save_all=True, append_images=[second])


def colours(path, bands, kind, **options):
    values = np.random.default_rng(0).integers(0, 255, (20, 30, bands)).astype(kind)
    if options.get("planarconfig"):
        values = values.transpose(2, 0, 1)
    tifffile.imwrite(path, values, photometric="rgb", **options)


REFUSED = {
    "pages.tif": (several, "holds 2 pictures; a file may hold one"),
    "animated.png": (several, "holds 2 pictures; a file may hold one"),
    "planes.tif": (
        lambda path: colours(path, 3, np.uint16, planarconfig="separate"),
        "stores its bands one after the other in 16 bits",
    ),
    "fourth.tif": (
        lambda path: colours(path, 4, np.uint8, extrasamples=["unspecified"]),
        "holds 4 bands, neither grey nor RGB",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_read_wrongly_is_refused(onnx_file, tmp_path, monkeypatch, name):
    write, message = REFUSED[name]
    write(tmp_path / name)
    with pytest.raises(ValueError, match=message):
        read_image(tmp_path / name)
    model = Model(onnx_file)
    monkeypatch.setattr(bands, "MOST_PIXELS", 100)
    with pytest.raises(ValueError, match=message):
        model.opened(tmp_path / name)


def test_a_tiff_with_an_overview_and_alpha_is_read(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 4), np.uint8)
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        file.write(pixels, photometric="rgb", extrasamples=["unassalpha"])
        file.write(pixels[::2, ::2], photometric="rgb", extrasamples=["unassalpha"], subfiletype=1)
    assert np.array_equal(read_image(tmp_path / "x.tif"), pixels[..., :3])
    assert np.array_equal(read_image(tmp_path / "x.tif", bands=[3]), pixels[..., 3:])


@pytest.mark.filterwarnings("ignore::UserWarning")  # Of Pillow.
def test_many_bands_that_cannot_be_read_are_named_by_their_fault(tmp_path):
    values = np.zeros((20, 30, 5), np.uint8)
    tifffile.imwrite(tmp_path / "x.tif", values, photometric="minisblack", planarconfig="contig")
    content = (tmp_path / "x.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(content[: len(content) // 2])
    several(tmp_path / "pages.tif")
    (tmp_path / "head.tif").write_bytes(content[:8])
    for name in ("cut.tif", "head.tif", "pages.tif"):
        with pytest.raises((ValueError, OSError)):
            read_image(tmp_path / name, bands=[0, 4])
    # The tag of the compression, 259, as Zstandard, for which tifffile needs another library.
    at = content.index(struct.pack("<HHI", 259, 3, 1))
    zstd = content[: at + 8] + struct.pack("<H", 50000) + content[at + 10 :]
    (tmp_path / "zstd.tif").write_bytes(zstd)
    with pytest.raises(ValueError, match="ZSTD|[Zz]std"):
        read_image(tmp_path / "zstd.tif", bands=[0, 4])


def test_a_model_that_is_none_is_named_in_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "text.onnx").write_text("hello")
    for name, message in {"nosuch": "there is no such file", "text": "cannot be used ("}.items():
        model = str(tmp_path / f"{name}.onnx")
        monkeypatch.setattr(sys, "argv", ["infer.py", "x.png", "--model", model])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr().err
        assert stopped.value.code == 2 and said.count("\n") == 1 and message in said


def test_a_model_of_before_the_names_has_numbers(onnx_file, tmp_path):
    graph = onnx.load(onnx_file)
    entries = {entry.key: entry.value for entry in graph.metadata_props}
    names = json.loads(entries.pop("names"))
    onnx.helper.set_model_props(graph, entries)
    onnx.save(graph, tmp_path / "model.onnx")
    assert Model(tmp_path / "model.onnx").names == {int(index): index for index in names}


def test_a_picture_that_came_as_bytes_has_a_limit(tmp_path, monkeypatch):
    Image.new("RGB", (40, 30)).save(tmp_path / "x.png")
    monkeypatch.setattr("segformer.export.infer.MOST_PIXELS", 1000)
    with pytest.raises(ValueError, match="that are read at once; give the path of a file"):
        read_image(io.BytesIO((tmp_path / "x.png").read_bytes()))


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_probabilities_are_calibrated_and_those_of_the_inference_action(
    tiny_spec, trained, photos, tmp_path, temperature
):
    spec = tiny_spec(**{"export.checkpoint": str(trained.result.artifacts["best"])})
    graph = onnx.load(export(spec, tmp_path / "x").artifacts["onnx"])
    record = json.loads(graph.metadata_props[0].value) | {"temperature": temperature}
    onnx.helper.set_model_props(graph, metadata_of(ModelRecord(**record)))
    onnx.save(graph, tmp_path / "model.onnx")
    alone = Model(tmp_path / "model.onnx")
    for name in ("rgb1.png", "rgb2.png"):  # Whole, and by windows.
        picture = alone.opened(photos / name)
        found = np.concatenate([shares for _, shares in alone.probabilities(picture)])
        assert np.allclose(found.sum(2), 1, atol=1e-5)
        assert np.mean(found.argmax(2) == alone.segment(photos / name)) > 0.999
        by_package = tmp_path / f"{name}/probabilities" / name.replace(".png", ".npy")
        folder = tmp_path / name / "in"
        folder.mkdir(parents=True)
        shutil.copy(photos / name, folder)
        keys = {"checkpoint": str(tmp_path / "model.onnx"), "images_dir": str(folder)}
        values = {f"inference.{key}": value for key, value in keys.items()}
        infer(tiny_spec(**values, **{"inference.probabilities": True}), tmp_path / name)
        assert np.allclose(np.load(by_package), found, atol=2e-3)
    plain = Model(tmp_path / "x/model.onnx")
    sharper = np.concatenate([shares for _, shares in plain.probabilities(picture)])
    assert (found.max(2) <= sharper.max(2) + 1e-5).all()
