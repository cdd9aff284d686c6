"""The promoted model as MLflow loads it: pictures in, masks out.

Is packaged with model.onnx and infer.py; needs what requirements.txt names. A picture is a path,
the bytes of a file, the same as base64, or RGB pixels HxWx3 in a list (HxWxC of a model of C
bands); several come as a list or as the first column of a table. For each there is a dictionary:
`mask`, the class ids HxW; `names` of the classes by id; `shares` of the pixels by name.
"""

import base64
import binascii
import io
import runpy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel


class Prediction:
    """See the module."""

    def load_context(self, context: Any) -> None:
        """Load the model that was packaged with this file."""
        # Not imported: another version of the model, in the same process, has its own.
        program = runpy.run_path(context.artifacts["infer"])
        self._model = program["Model"](context.artifacts["model"])

    # Without annotations: MLflow would read them as a schema, and take lists alone.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
        """Return a dictionary for each picture; see the module."""
        return [self._segmented(picture) for picture in _pictures(model_input)]

    def _segmented(self, picture: Any) -> dict[str, Any]:
        mask = self._model.segment(self._pixels(picture))
        ids, counts = np.unique(mask, return_counts=True)
        names = self._model.names
        shares = {
            names.get(int(i), str(i)): n / mask.size
            for i, n in zip(ids, counts.tolist(), strict=True)
        }
        return {"mask": mask, "names": names, "shares": shares}

    def _pixels(self, picture: Any) -> Any:
        if isinstance(picture, bytes):
            return self._model.read(io.BytesIO(picture))
        if not isinstance(picture, str | Path):
            pixels = np.asarray(picture)
            channels = self._model.channels
            if pixels.shape[2:] != (channels,) or pixels.min() < 0 or pixels.max() > 255:
                shape = f"HxWx{channels} within 0..255"
                raise ValueError(f"pixels of shape {pixels.shape}: must be {shape}")
            return pixels.astype(np.uint8)
        if len(str(picture)) < 4096 and Path(picture).is_file():
            return self._model.read(Path(picture))
        try:
            content = base64.b64decode(str(picture), validate=True)
        except binascii.Error:
            raise ValueError(f"{str(picture)[:80]}: is neither a file nor base64") from None
        return self._model.read(io.BytesIO(content))


def _pictures(model_input: Any) -> Iterable[Any]:
    if isinstance(model_input, pd.DataFrame):
        return model_input.iloc[:, 0].tolist()
    is_many = isinstance(model_input, list | tuple) or getattr(model_input, "ndim", 0) == 4
    return model_input if is_many else [model_input]


class Segmenter(Prediction, PythonModel):
    """See the module; a class of its own, since MLflow warns of a `predict` without annotations."""


mlflow.models.set_model(Segmenter())
