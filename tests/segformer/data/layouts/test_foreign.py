"""What cannot be learned from as it is, is refused with what to do."""

import layouts
import pytest

from segformer.data.layouts import layout_of
from segformer.data.source import check_folder
from segformer.errors import DataError


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data.zip", r"is a file \(archive\), not a folder; unpack"),
        ("data.tar.gz", r"is a file \(archive\)"),
        ("a.tfrecord-00000-of-00001", r"is a file \(TFRecord\), .*; export PNG masks or COCO"),
        ("a.nii.gz", r"is a file \(volume\), .*; save the slices"),
        ("instances.json", "is a file, not a folder; give the folder that holds the images"),
    ],
)
def test_a_file_is_no_folder(tmp_path, name, words):
    (tmp_path / name).touch()
    with pytest.raises(DataError, match=words):
        check_folder(tmp_path / name)


def test_a_folder_that_does_not_exist_is_answered_with_the_nearest(tmp_path):
    (tmp_path / "my_data").mkdir()
    with pytest.raises(DataError, match=r"my_dat: no such folder; did you mean .*my_data\?"):
        check_folder(tmp_path / "my_dat")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "holds no files"),
        ({"a.zip": ""}, "holds archives .a.zip., which are not read; unpack"),
        ({"train/a.tfrecord": ""}, "holds TFRecords"),
        ({"a.nii.gz": ""}, "holds volumes"),
        ({"images\\train\\a.png": ""}, "file names hold backslashes"),
        ({"a.xml": "<annotations><track id='0'></track>"}, "is CVAT for video"),
        ({"x/a.xml": "<annotation><object><bndbox>"}, "holds boxes, as for detection"),
        ({"train/_annotations.createml.json": "[]"}, "holds boxes, as for detection"),
        ({"a.csv": "ImageId,EncodedPixels\n"}, "holds run lengths in a CSV"),
        ({"meta.json": "{}", "ds/ann/a.json": "{}"}, "is Supervisely's own format"),
        ({"a.json": '{"shape_attributes": {}, "region_attributes": {}}'}, "VGG Image Annotator"),
        ({"annotations/panoptic_train.json": "{}"}, "is COCO for panoptic segmentation"),
        ({"training/s/1_seg.png": "", "training/s/1_parts_1.png": ""}, "is the full ADE20K"),
        ({"config_v1.2.json": "{}", "train/images/a.jpg": ""}, "is Mapillary Vistas"),
        (
            {"gtFine/train/0/a_gtFine_polygons.json": "{}", "leftImg8bit/train/0/a_left.png": ""},
            "has the outlines of Cityscapes alone",
        ),
        ({"task-1-annotation-1-by-1-tag-a-0.png": ""}, "export of brushes as PNG"),
        ({"a.csv": "id,class,segmentation\n1,x,3 4 90 2\n"}, "holds run lengths in a CSV"),
        (
            {
                "obj_train_data/a.jpg": "",
                "obj_train_data/a.txt": "0 .5 .5 .1 .2\n".replace(" .", " 0."),
            },
            "holds boxes",
        ),
        ({"train/images/a.jpg": "", "train/labelTxt/a.txt": "1 2 3 4 5 6 7 8 plane 0\n"}, "boxes"),
        ({"training/image_2/a.png": "", "training/label_2/a.txt": "Car" + " 0.5" * 14}, "boxes"),
        ({"x/_annotations.csv": "filename,xmin,xmax,ymin,ymax\n"}, "holds boxes"),
        ({"x/_classes.csv": "filename, cat\na.jpg, 1\n"}, "says classes of whole images"),
        ({"v.csv": "filename,region_shape_attributes\n"}, "VGG Image Annotator"),
        ({"a.json": '{"project_name": "", "label_classes": []}'}, "is Hasty's own format"),
        ({"a.json": '{"schema_ref": "darwin", "annotations": []}'}, r"V7's own format \(Darwin"),
        ({"a.ndjson": '{"data_row": {}}'}, "is Labelbox's own format"),
        ({"a.json": '{"categories": {"label": {}}, "items": []}'}, "is Datumaro's own format"),
        ({"a.json": '{"annotations": [{"predicted_iou": 1}]}'}, "masks of Segment Anything"),
        ({"a.xml": "<Annotations><Vertex/></Annotations>"}, "Aperio ImageScope"),
        ({"images/a.jpg": "", "labels/a.geojson": ""}, "outlines on a map .*gdal_rasterize"),
        ({"images/a.jpg": "", "labels/a.mat": ""}, r"holds arrays \(a.mat\) beside its images"),
        ({"images/a.jpg": "", "masks/x/a.png": "", "masks/y/a.png": ""}, "in several folders"),
        ({"s1/images/a.png": "", "s1/masks/1.png": "", "s1/masks/2.png": ""}, None),
        ({"a.jpg": "", "a.jpg___fuse.png": "", "a.jpg___save.png": ""}, "SuperAnnotate's own"),
        ({"a.jpg": "", "b.jpg": ""}, "holds images alone; annotate them"),
        ({"images/a.jpg": "", "car_masks/a.png": "", "road_masks/a.png": ""}, "in several folders"),
        (
            {
                f"mask-anno/{i}/{n}_{part}.png": ""
                for i in "01"
                for n in ("00", "01")
                for part in ("hair", "nose", "skin")
            },
            "has a mask for each part of an image",
        ),
        ({f"train/{kind}/a.png": "" for kind in ("A", "B", "label")}, "two images for each mask"),
        (
            {
                "images/10k/train/a.jpg": "",
                "images/100k/train/b.jpg": "",
                "labels/sem_seg/masks/train/a.png": "",
            },
            'is BDD100K; .*"images/10k/train"',
        ),
    ],
)
def test_what_another_tool_wrote_is_named_with_what_to_do(tmp_path, files, words):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if words is None:
        for sample in ("s2", "s3"):
            layouts.image(tmp_path / sample / "images/a.png")
            layouts.image(tmp_path / sample / "masks/1.png")
        words = "has a folder of images and masks for each sample"
    with pytest.raises(DataError, match=words) as caught:
        layout_of(tmp_path)
    assert len(caught.value.faults) == 1
