"""COCO-Stuff: stuffthingmaps/<split>2017 beside the images of COCO, 171 classes that occur."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from segformer.data.layouts.base import IGNORED, TRAIN, DataSet, LabelClass, Part
from segformer.data.layouts.class_tables import class_tables
from segformer.data.layouts.folders import read_folders
from segformer.data.layouts.names import IMAGES, split_folders, subfolder, subfolders

_MAPS = "stuffthingmaps"
_TRAIN_IDS = "labeltrainids"
"""How the masks end that number the classes without gaps, as MMSegmentation converts them."""
_NEVER = (11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90)
"""Values of classes that no image of COCO has."""
_NAMES = """
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light,
    fire hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant,
    bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard,
    sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle,
    wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot,
    hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
    mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock,
    vase, scissors, teddy bear, hair drier, toothbrush, banner, blanket, branch, bridge,
    building-other, bush, cabinet, cage, cardboard, carpet, ceiling-other, ceiling-tile, cloth,
    clothes, clouds, counter, cupboard, curtain, desk-stuff, dirt, door-stuff, fence, floor-marble,
    floor-other, floor-stone, floor-tile, floor-wood, flower, fog, food-other, fruit,
    furniture-other, grass, gravel, ground-other, hill, house, leaves, light, mat, metal,
    mirror-stuff, moss, mountain, mud, napkin, net, paper, pavement, pillow, plant-other, plastic,
    platform, playingfield, railing, railroad, river, road, rock, roof, rug, salad, sand, sea,
    shelf, sky-other, skyscraper, snow, solid-other, stairs, stone, straw, structural-other, table,
    tent, textile-other, towel, tree, vegetable, wall-brick, wall-concrete, wall-other, wall-panel,
    wall-stone, wall-tile, wall-wood, water-other, waterdrops, window-blind, window-other, wood
"""


class CocoStuff:
    """Value 255 is what no class was given to; it does not count."""

    name, title = "coco_stuff", "COCO-Stuff"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the training folders; see `Layout.parts`."""
        return [
            Part(f"{_MAPS}/train2017/", TRAIN in _maps(root)),
            Part("train2017/ or images/train2017/", TRAIN in _images(root)),
        ]

    def read(self, root: Path) -> DataSet:
        """Read the splits that have masks; instances in annotations/ are of fewer classes."""
        images, masks = _images(root), _maps(root)
        data = read_folders({s: (path, masks.get(s)) for s, path in images.items()})
        if class_tables(root):
            return data
        names = [name.strip() for name in _NAMES.split(",")]
        pairs = [pair for pairs in data.splits.values() for pair in pairs]
        is_without_gaps = all(p.mask.stem.lower().endswith(_TRAIN_IDS) for p in pairs)
        gaps = () if is_without_gaps else _NEVER
        values = [value for value in range(len(names) + len(gaps)) if value not in gaps]
        classes = [LabelClass(name, value) for name, value in zip(names, values, strict=True)]
        return replace(data, classes=classes, ignored=[LabelClass("unlabelled", IGNORED)])


def _maps(root: Path) -> Mapping[str, Path]:
    """Return the folders of masks by split."""
    above = [root, *filter(None, [subfolder(root, ("annotations",))])]
    named = (p for f in above for p in subfolders(f) if p.name.lower().startswith(_MAPS))
    return next((splits for path in named if (splits := split_folders(path))), {})


def _images(root: Path) -> Mapping[str, Path]:
    images = subfolder(root, IMAGES)
    return split_folders(root if images is None else images)
