"""Writes tiny data sets of each layout: 4 images of 12x8 pixels, 2 of them for validation."""

import json
import zlib

import numpy as np
from pictures import noise, save
from PIL import Image

from segformer.data.layouts.voc import voc_colour

HEIGHT, WIDTH = 8, 12
SPLITS = {"train": ("a", "b"), "val": ("c", "d")}
STEMS = ("a", "b", "c", "d")


def ids(classes=3):
    """Return class ids: stripes 4 pixels wide."""
    return np.repeat(np.arange(WIDTH // 4) % classes, 4)[None].repeat(HEIGHT, 0).astype(np.uint8)


def image(path, seed=None):
    """Write an image; without a seed, that of its name."""
    return save(
        path, noise(HEIGHT, WIDTH, zlib.crc32(path.stem.encode()) if seed is None else seed)
    )


def pairs(images, masks, *, values=None, image_end=".jpg", mask_end=".png", stems=STEMS):
    """Write images and masks into two folders."""
    for stem in stems:
        image(images / f"{stem}{image_end}")
        save(masks / f"{stem}{mask_end}", ids() if values is None else values)


def split_pairs(images, masks, names=("train", "val"), **options):
    """Write pairs into folders whose patterns have {} for the split."""
    for name, stems in zip(names, SPLITS.values(), strict=True):
        pairs(*(type(p)(str(p).format(name)) for p in (images, masks)), stems=stems, **options)


def kind_split(root):
    split_pairs(root / "images/{}", root / "labels/{}", ("training", "valid"))


def mmseg(root):
    split_pairs(root / "img_dir/{}", root / "ann_dir/{}")


def split_kind(root):
    split_pairs(root / "{}/images", root / "{}/masks")


def unsplit(root):
    pairs(root / "images", root / "masks")


def suffix(root):
    pairs(root, root, mask_end="_mask.png")


def second_extension(root):
    pairs(root, root, mask_end=".jpg.png")


def camvid(root):
    values = ids()
    values[0] = 11
    split_pairs(root / "{}", root / "{}annot", values=values, image_end=".png")


def camvid_colours(root):
    colours = np.array([[0, 0, 0], [128, 64, 128], [64, 0, 128]], np.uint8)
    options = {"image_end": ".png", "mask_end": "_L.png", "values": colours[ids()]}
    split_pairs(root / "{}", root / "{}_labels", **options)
    rows = ["name, r, g, b", "Void, 0, 0, 0", "Road, 128, 64, 128", "Car, 64, 0, 128"]
    (root / "class_dict.csv").write_text("\n".join(rows))


def camvid_annot_colours(root):
    colours = np.array([[0, 0, 0], [128, 64, 128], [64, 0, 128]], np.uint8)
    split_pairs(root / "{}", root / "{}annot", image_end=".png", values=colours[ids()])
    (root / "label_colors.txt").write_text("0 0 0\tVoid\n128 64 128\tRoad\n64 0 128\tCar\n")


def camvid_known_colours(root):
    """Write CamVid's own colours without label_colors.txt: void, road, car."""
    colours = np.array([[0, 0, 0], [128, 64, 128], [64, 0, 128]], np.uint8)
    split_pairs(root / "{}", root / "{}annot", image_end=".png", values=colours[ids()])


def named_splits(root):
    split_pairs(root / "images_prepped_{}", root / "annotations_prepped_{}")


def split_groups(root):
    for name, stems in zip(("Train", "Val"), SPLITS.values(), strict=True):
        for group, stem in zip(("Urban", "Rural"), stems, strict=True):
            folder = root / name / group
            pairs(folder / "images_png", folder / "masks_png", stems=[stem])


def split_lists(root):
    """Write what fastai has: images/, labels/*_P.png, codes.txt and valid.txt."""
    pairs(root / "images", root / "labels", mask_end="_P.png")
    (root / "codes.txt").write_text("Sky\nRoad\nCar\n")
    (root / "valid.txt").write_text("c.jpg\nd.jpg\n")


def roboflow_masks(root):
    """Write Roboflow's semantic masks: an image beside its mask, and the classes of each split."""
    for split, stems in zip(("train", "valid"), SPLITS.values(), strict=True):
        pairs(root / split, root / split, mask_end="_mask.png", stems=stems)
        rows = "Pixel Value, Class\n0, background\n1, road\n2, car\n3, moon\n"
        (root / split / "_classes.csv").write_text(rows)


def yolo(root):
    for split, stems in SPLITS.items():
        for stem in stems:
            image(root / f"images/{split}/{stem}.jpg")
            lines = [
                f"{number} " + " ".join(f"{x / WIDTH} {y / HEIGHT}" for x, y in corners(columns))
                for number, columns in enumerate(POLYGONS.values())
            ]
            path = root / f"labels/{split}/{stem}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines))
    (root / "data.yaml").write_text("train: images/train\nnames: {0: road, 1: car}\n")


def voc(root):
    root = root / "VOCdevkit" / "VOC2012"
    values = ids()
    values[0] = 255
    lists = root / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    for split, stems in SPLITS.items():
        names = [f"2007_00000{ord(stem) - ord('a')}" for stem in stems]
        (lists / f"{split}.txt").write_text("\n".join(names) + "\n")
        for name in names:
            image(root / f"JPEGImages/{name}.jpg")
            mask = Image.fromarray(values, "P")
            mask.putpalette([part for i in range(256) for part in voc_colour(i)])
            (root / "SegmentationClass").mkdir(exist_ok=True)
            mask.save(root / f"SegmentationClass/{name}.png")


def cvat_masks(root):
    colours = np.array([[0, 0, 0], [250, 50, 83], [51, 221, 255]], np.uint8)
    pairs(root / "JPEGImages", root / "SegmentationClass", values=colours[ids()])
    (root / "ImageSets/Segmentation").mkdir(parents=True)
    (root / "ImageSets/Segmentation/default.txt").write_text("\n".join(STEMS))
    lines = [
        "# label:color_rgb:parts:actions",
        "background:0,0,0::",
        "cat:250,50,83::",
        "dog:51,221,255::",
    ]
    (root / "labelmap.txt").write_text("\n".join(lines))


def cityscapes(root, end="_gtFine_labelIds", values=(0, 7, 26)):
    mask = np.array(values, np.uint8)[ids()]
    options = {"image_end": "_leftImg8bit.png", "mask_end": f"{end}.png", "values": mask}
    split_pairs(root / "leftImg8bit/{}/ulm", root / "gtFine/{}/ulm", **options)
    image(root / "leftImg8bit/test/ulm/e_leftImg8bit.png")


def cityscapes_train_ids(root):
    cityscapes(root, "_gtFine_labelTrainIds", (255, 0, 13))


def coco_stuff(root, end="", values=(255, 0, 181)):
    coco(root)
    options = {"mask_end": f"{end}.png", "values": np.array(values, np.uint8)[ids()]}
    split_pairs(root / "{}2017", root / "stuffthingmaps/{}2017", **options)


def coco_stuff_train_ids(root):
    coco_stuff(root, "_labelTrainIds", (255, 0, 170))


def ade20k(root):
    split_pairs(root / "images/{}", root / "annotations/{}", ("training", "validation"))
    rows = ["Idx\tRatio\tTrain\tVal\tName", "1\t0.1\t9\t9\twall", "2\t0.1\t9\t9\tbuilding, edifice"]
    (root / "objectInfo150.txt").write_text("\n".join(rows))


def csv_pairs(root):
    pairs(root / "x", root / "y")
    rows = [f"x/{s}.jpg,y/{s}.png,{name}" for name, stems in SPLITS.items() for s in stems]
    (root / "pairs.csv").write_text("\n".join(["image,mask,split", *rows]))


POLYGONS = {"road": (4, 8), "car": (8, 12)}
"""Columns of the two classes above the background, as in `ids`."""


def corners(columns):
    left, right = columns
    return [[left, 0], [right, 0], [right, HEIGHT], [left, HEIGHT]]


def coco(root):
    categories = [{"id": 7, "name": "road"}, {"id": 3, "name": "car"}, {"id": 9, "name": "moon"}]
    for split, stems in SPLITS.items():
        images, entries = [], []
        for number, stem in enumerate(stems):
            image(root / f"{split}2017/{stem}.jpg")
            images.append(
                {"id": number, "file_name": f"{stem}.jpg", "width": WIDTH, "height": HEIGHT}
            )
            polygon = [part for point in corners(POLYGONS["road"]) for part in point]
            runs = {"size": [HEIGHT, WIDTH], "counts": [8 * HEIGHT, 4 * HEIGHT]}
            entries += [{"image_id": number, "category_id": c, "segmentation": shape, "area": 32}
                        for c, shape in ((7, [polygon]), (3, runs))]  # fmt: skip
        content = {"images": images, "annotations": entries, "categories": categories}
        (root / "annotations").mkdir(exist_ok=True)
        (root / f"annotations/instances_{split}2017.json").write_text(json.dumps(content))


def labelme(root):
    for stem in STEMS:
        image(root / f"{stem}.jpg")
        shapes = [{"label": name, "points": corners(columns), "shape_type": "polygon"}
                  for name, columns in POLYGONS.items()]  # fmt: skip
        content = {
            "shapes": shapes,
            "imagePath": f"{stem}.jpg",
            "imageWidth": WIDTH,
            "imageHeight": HEIGHT,
        }
        (root / f"{stem}.json").write_text(json.dumps(content))


def cvat(root):
    images = []
    for stem in STEMS:
        image(root / f"images/{stem}.jpg")
        points = ";".join(f"{x},{y}" for x, y in corners(POLYGONS["road"]))
        images.append(
            f'<image name="{stem}.jpg" width="{WIDTH}" height="{HEIGHT}">'
            f'<polygon label="road" points="{points}" z_order="0"/>'
            f'<mask label="car" rle="0,{4 * HEIGHT}" left="8" top="0" width="4" height="{HEIGHT}"/>'
            "</image>"
        )
    labels = "".join(f"<label><name>{n}</name><color>#102030</color></label>" for n in POLYGONS)
    (root / "annotations.xml").write_text(
        f"<annotations><meta>{labels}</meta>{''.join(images)}</annotations>"
    )


def label_studio(root):
    tasks = []
    for stem in STEMS:
        image(root / f"{stem}.jpg")
        size = {"original_width": WIDTH, "original_height": HEIGHT, "type": "polygonlabels"}
        results = [
            {**size, "value": {"polygonlabels": [name], "points": [
                [100 * x / WIDTH, 100 * y / HEIGHT] for x, y in corners(columns)]}}
            for name, columns in POLYGONS.items()
        ]  # fmt: skip
        data = {"image": f"/data/upload/1/0123abcd-{stem}.jpg"}
        tasks.append({"data": data, "annotations": [{"result": results}]})
    (root / "export.json").write_text(json.dumps(tasks))
