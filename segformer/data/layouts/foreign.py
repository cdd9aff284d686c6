"""What people give as data that cannot be learned from as it is, and what to do with it."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from segformer.data.layouts.names import (
    IMAGES,
    MASKS,
    files_below,
    kind_folder,
    kind_of,
    listed,
    subfolders,
)
from segformer.data.pairs import image_files, is_image_file

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_KINDS = {
    "volumes": (
        (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".dcm"),
        "save the slices to use as PNG, of images and masks alike",
    ),
    "archives": (_ARCHIVES, "unpack and give the folder"),
    "TFRecords": ((".tfrecord", ".tfrecords", ".record"), "export PNG masks or COCO instead"),
    "arrays": (
        (".npy", ".npz", ".mat", ".h5", ".hdf5", ".parquet", ".mdb"),
        "save images and masks as PNG",
    ),
    "outlines on a map": (
        (".geojson", ".shp", ".gpkg", ".kml"),
        "draw them as masks of the images' own pixels (gdal_rasterize) and save these as PNG",
    ),
    "videos": ((".mp4", ".avi", ".mov", ".mkv"), "save the frames to use as images"),
}
_OF_MASKS = ("volumes", "arrays", "outlines on a map")
"""Kinds that may hold the masks of pictures."""
_MOST_FILES = 2000
"""Files that are looked at to say what a folder holds."""


_NUMBER = r"-?\d+(\.\d+)?"
_BOXES = tuple(
    re.compile(form)
    for form in (
        rf"\d+( {_NUMBER}){{4}}",
        rf"({_NUMBER} ){{8}}\S+ \d",
        rf"[A-Za-z_]+( {_NUMBER}){{14,15}}",
    )
)
"""A line of YOLO (class and box), of DOTA (corners and class) and of KITTI (class and the rest)."""
_RUNS = {"encodedpixels", "encoded_pixels", "rle", "rle_mask", "mask_rle"}
"""Columns of run lengths."""
_RUNS_IN_CELLS = re.compile(
    r"^[^\n]*\bsegmentation\b[^\n]*\n(.*\n)*?.*[,;]\"?\d+ \d+ \d+ \d+", re.I
)


def _has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether a name has one of some suffixes; shards have more behind: a.tfrecord-0-of-9."""
    name = path.name.lower()
    return name.endswith(suffixes) or any(f"{suffix}-" in name for suffix in suffixes)


def refusal_of_a_file(path: Path) -> str:
    """Return the line for a file that was given as the folder of a data set."""
    for kind, (suffixes, advice) in _KINDS.items():
        if _has_suffix(path, suffixes):
            return f"{path}: is a file ({kind[:-1]}), not a folder; {advice}"
    return f"{path}: is a file, not a folder; give the folder that holds the images and the masks"


def what_it_is(root: Path) -> str:
    """Return what a folder of no known layout holds and what to do, if that is known, else ""."""
    files = list(islice(files_below(root), _MOST_FILES))
    if not files:
        return f"{root}: holds no files"
    for is_kind, text in _TOOLS:
        if is_kind(root, files):
            return f"{root}: {text}"
    has_pictures = any(map(is_image_file, files))
    for kind, (suffixes, advice) in _KINDS.items():
        named = [path.name for path in files if _has_suffix(path, suffixes)]
        if named and (not has_pictures or kind in _OF_MASKS):
            beside = "" if not has_pictures else " beside its images"
            return f"{root}: holds {kind} ({listed(named)}){beside}, which are not read; {advice}"
    return ""


def found_in(root: Path) -> str:
    """Return a line on the files that a folder holds: images/ (12 .jpg), labels/ (12 .txt)."""
    counts: Counter[tuple[str, str]] = Counter()
    for path in islice(files_below(root), _MOST_FILES):
        folder = path.parent.relative_to(root).as_posix()
        counts[f"{folder}/" if folder != "." else "", path.suffix.lower() or "no suffix"] += 1
    parts = [f"{folder}{n} {suffix}" if not folder else f"{folder} ({n} {suffix})"
             for (folder, suffix), n in sorted(counts.items())]  # fmt: skip
    return f"{root}: it holds {listed(parts, shown=6)}"


def _text(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(1 << 16)


def _any_text(files: Sequence[Path], suffix: str, *words: str) -> bool:
    texts = (_text(path) for path in islice((p for p in files if p.suffix == suffix), 5))
    return any(all(word in text for word in words) for text in texts)


def _has_backslashes(root: Path, files: Sequence[Path]) -> bool:
    return any("\\" in path.name for path in files)


def _is_of_boxes(root: Path, files: Sequence[Path]) -> bool:
    is_voc = _any_text(files, ".xml", "<object>", "<bndbox>")
    is_table = any({"xmin", "ymax"} <= columns for columns in _columns(files))
    is_createml = any(path.name.endswith("createml.json") for path in files)
    texts = (_text(path) for path in islice((p for p in files if p.suffix == ".txt"), 50))
    return is_voc or is_table or is_createml or any(map(_is_text_of_boxes, texts))


def _is_text_of_boxes(text: str) -> bool:
    """Whether each line is a box of YOLO, DOTA or KITTI."""
    lines = text.split("\n")[:20]
    lines = [line.strip() for line in lines if line.strip() and ":" not in line]
    return bool(lines) and any(all(map(form.fullmatch, lines)) for form in _BOXES)


def _is_of_whole_images(root: Path, files: Sequence[Path]) -> bool:
    tables = [path for path in files if path.name == "_classes.csv"]
    return any("filename" in columns for columns in _columns(tables))


def _csv_files(files: Iterable[Path]) -> Iterator[Path]:
    return (path for path in files if path.suffix.lower() == ".csv")


def _columns(files: Sequence[Path]) -> list[set[str]]:
    """Return the columns of the first CSV files, in lower case."""
    heads = (_text(path).partition("\n")[0] for path in islice(_csv_files(files), 5))
    return [{re.sub(r"\W", "", cell).lower() for cell in re.split("[,;\t]", h)} for h in heads]


def _is_full_ade20k(root: Path, files: Sequence[Path]) -> bool:
    return any(path.name.endswith("_parts_1.png") for path in files)


def _is_mapillary(root: Path, files: Sequence[Path]) -> bool:
    return any(path.name.startswith("config_v") for path in files)


def _has_outlines_of_cityscapes(root: Path, files: Sequence[Path]) -> bool:
    kinds = ("_gtFine_polygons.json", "_gtCoarse_polygons.json")
    has_labels = any("_gt" in p.stem and is_image_file(p) for p in files)
    return not has_labels and any(path.name.endswith(kinds) for path in files)


def _is_panoptic(root: Path, files: Sequence[Path]) -> bool:
    return any(p.name.startswith("panoptic") and p.suffix == ".json" for p in files)


def _is_video_of_cvat(root: Path, files: Sequence[Path]) -> bool:
    return _any_text(files, ".xml", "<annotations>", "<track ")


def _is_supervisely(root: Path, files: Sequence[Path]) -> bool:
    return any(p.name == "meta.json" for p in files) and any(
        p.parent.name == "ann" and p.suffix == ".json" for p in files
    )


def _is_via(root: Path, files: Sequence[Path]) -> bool:
    is_table = any("region_shape_attributes" in columns for columns in _columns(files))
    return is_table or _any_text(files, ".json", '"shape_attributes"', '"region_attributes"')


def _is_brush_of_label_studio(root: Path, files: Sequence[Path]) -> bool:
    return any(p.name.startswith("task-") and "-annotation-" in p.name for p in files)


def _has_run_lengths(root: Path, files: Sequence[Path]) -> bool:
    return any(columns & _RUNS for columns in _columns(files)) or any(
        _RUNS_IN_CELLS.search(_text(path)) for path in islice(_csv_files(files), 5)
    )


def _has_masks_a_sample(root: Path, files: Sequence[Path]) -> bool:
    return any(map(_holds_samples, (root, *islice(subfolders(root), 5))))


def _holds_samples(folder: Path) -> bool:
    samples = [{path.name for path in subfolders(f)} for f in islice(subfolders(folder), 5)]
    return len(samples) > 1 and all({"images", "masks"} <= names for names in samples)


def _has_folders_of_masks(root: Path, files: Sequence[Path]) -> bool:
    images, masks = kind_folder(root, IMAGES), kind_folder(root, MASKS)
    if images is None or not image_files(images):
        return False
    if masks is None:
        return sum(kind_of(p.name) == MASKS and bool(image_files(p)) for p in subfolders(root)) > 1
    if image_files(masks):
        return False
    return sum(bool(image_files(path)) for path in subfolders(masks)) > 1


def _is_of_fiftyone(root: Path, files: Sequence[Path]) -> bool:
    return {"samples.json", "metadata.json"} <= {path.name for path in files} or _any_text(
        [path for path in files if path.name == "labels.json"], ".json", '"labels"', '"classes"'
    )


def _is_bdd100k(root: Path, files: Sequence[Path]) -> bool:
    return any(path.parts[-4:-2] == ("sem_seg", "masks") for path in files)


def _is_of_superannotate(root: Path, files: Sequence[Path]) -> bool:
    return any("___" in path.name for path in files)


def _is_of_two_times(root: Path, files: Sequence[Path]) -> bool:
    folders = (root, *islice(subfolders(root), 5))
    names = ({path.name.lower() for path in subfolders(folder)} for folder in folders)
    return any({"a", "b"} <= each and each & {"label", "labels", "out", "gt"} for each in names)


def _has_masks_a_part(root: Path, files: Sequence[Path]) -> bool:
    """Whether a folder has masks of several parts each image, as 00000_hair and 00000_nose."""
    parts: dict[tuple[Path, str], set[str]] = {}
    for path in files:
        stem, _, part = path.stem.rpartition("_")
        folder = path.parent.relative_to(root)
        if stem and part.isalpha() and any(kind_of(name) == MASKS for name in folder.parts):
            parts.setdefault((path.parent, stem), set()).add(part)
    return len(parts) > 1 and sum(map(len, parts.values())) > 2 * len(parts)


def _is_of_tool(suffix: str, *words: str) -> Callable[[Path, Sequence[Path]], bool]:
    def holds_words(root: Path, files: Sequence[Path]) -> bool:
        return _any_text(files, suffix, *words)

    return holds_words


def _has_images_alone(root: Path, files: Sequence[Path]) -> bool:
    return all(is_image_file(path) for path in files) and not any(
        path.suffix.lower() == ".png" for path in files
    )


_TOOLS: tuple[tuple[Callable[[Path, Sequence[Path]], bool], str], ...] = (
    (_has_backslashes, "file names hold backslashes: the archive was made on Windows and unpacked "
     "as it should not be; unpack it with 7z or Python's zipfile"),
    (_is_full_ade20k, "is the full ADE20K of thousands of classes; the 150 classes of scene parsing"
     " are another archive, ADEChallengeData2016"),
    (_is_mapillary, "is Mapillary Vistas, which is not read; name its folders in dataset.json: "
     '"splits": {"train": {"images": "training/images", "masks": "training/v1.2/labels"}, ...}'),
    (_has_outlines_of_cityscapes, "has the outlines of Cityscapes alone (_polygons.json); make its "
     "_labelTrainIds.png of them with cityscapesscripts (csCreateTrainIdLabelImgs), or with "
     "AutoNUE's tools if it is IDD"),
    (_is_panoptic, "is COCO for panoptic segmentation, which is not read; give instances_*.json or "
     "stuff_*.json, or masks of classes"),
    (_is_video_of_cvat, "is CVAT for video, of tracks; export the task as CVAT for images 1.1 or as"
     " Segmentation mask 1.1"),
    (_is_supervisely, "is Supervisely's own format, which is not read; export masks or COCO"),
    (_is_via, "is VGG Image Annotator's own format, which is not read; export COCO from it"),
    (_is_of_tool(".json", '"label_classes"', '"project_name"'),
     "is Hasty's own format, which is not read; export COCO or semantic PNG from it"),
    (_is_of_tool(".json", '"annotations"', "darwin"),
     "is V7's own format (Darwin), which is not read; export COCO or masks from it"),
    (_is_of_tool(".ndjson", '"data_row"'),
     "is Labelbox's own format, which is not read; draw its masks as PNG, or export COCO from it"),
    (_is_of_tool(".json", '"items"', '"categories"', '"label"'),
     "is Datumaro's own format, which is not read; export COCO or VOC from it"),
    (_is_of_tool(".json", '"predicted_iou"'),
     "holds masks of Segment Anything, which have no classes; annotate classes"),
    (_is_of_tool(".xml", "<Annotations", "<Vertex"),
     "is Aperio ImageScope's format, which is not read; draw its regions as masks, a PNG for each "
     "image"),
    (_is_of_fiftyone, "is FiftyOne's own format, which is not read; export it with dataset_type "
     "fiftyone.types.ImageSegmentationDirectory, as data/ and labels/"),
    (_is_bdd100k, 'is BDD100K; of several sets of its images name one in dataset.json: "splits": '
     '{"train": {"images": "images/10k/train", "masks": "labels/sem_seg/masks/train"}, ...}'),
    (_is_of_superannotate, "is SuperAnnotate's own format, which is not read; export COCO from it, "
     "or name its fused masks like their images (a.png of a.jpg)"),
    (_is_of_two_times, "has two images for each mask (A and B), as for the detection of changes, "
     "which is not learned here"),
    (_has_masks_a_part, "has a mask for each part of an image, as CelebAMask-HQ; draw them into one"
     " mask for each image"),
    (_is_of_whole_images, "says classes of whole images, as for classification; annotate polygons "
     "or masks"),
    (_is_of_tool(".json", '"original_width"', 'labels"'),
     "is Label Studio's JSON-MIN, which is not read; export JSON from it"),
    (_is_brush_of_label_studio, "is Label Studio's export of brushes as PNG, whose names do not say"
     " the image; export JSON and put the images beside it"),
    (_has_run_lengths, "holds run lengths in a CSV, which are not read; draw them as masks, a PNG "
     "for each image"),
    (_is_of_boxes, "holds boxes, as for detection, and no masks; annotate polygons or masks"),
    (_has_masks_a_sample, "has a folder of images and masks for each sample, maybe a mask for each"
     " object; save one mask for each image, in images/ and masks/"),
    (_has_folders_of_masks, "has its masks in several folders; if they are of classes or objects, "
     "draw them into one mask for each image, else name the folder to use in dataset.json: "
     '"splits": {"train": {"images": FOLDER, "masks": FOLDER}}'),
    (_has_images_alone, "holds images alone; annotate them, e.g. in CVAT or LabelMe, and give the "
     "export, or use automl predict with a trained model"),
)  # fmt: skip
