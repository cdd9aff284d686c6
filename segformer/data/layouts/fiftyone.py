"""FiftyOne's directory of masks: data/ and labels/."""

from collections.abc import Sequence
from pathlib import Path

from segformer.data.layouts.base import UNSPLIT, DataSet, Part
from segformer.data.layouts.folders import read_folders
from segformer.data.layouts.names import subfolder
from segformer.data.pairs import image_files


class FiftyOne:
    """What ImageSegmentationDirectory writes; its other formats are named and not read."""

    name, title = "fiftyone", "FiftyOne's data/ and labels/"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return both folders, if images lie in them; see `Layout.parts`."""
        folders = {name: subfolder(root, [name]) for name in ("data", "labels")}
        return [
            Part(f"{name}/", folder is not None and bool(image_files(folder)))
            for name, folder in folders.items()
        ]

    def read(self, root: Path) -> DataSet:
        """Read all pairs as one."""
        folders = subfolder(root, ["data"]), subfolder(root, ["labels"])
        return read_folders({UNSPLIT: folders})
