"""A graph that takes a picture and gives its mask: preparation and decision inside the model.

Input `image`, pixels of 8 bits and any size, HxWx3 in RGB or HxWxB of the model's bands; output
`mask`, class ids HxW of 8 bits, and on request `probabilities`, CxHxW. The plain model in it has
the name prefix `network/`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import (
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    compose,
    helper,
    numpy_helper,
    version_converter,
)

from segformer.errors import SpecError
from segformer.export.graph import metadata_of
from segformer.model.saved import ModelRecord

OPSET = 18
"""The first operator set that resizes some axes alone."""
IMAGE, SIZE, MASK, PROBABILITIES = "image", "size", "mask", "probabilities"
_PREFIX = "network/"
_SCALING = ("mean", "std")
_NUMBERS = ("-4.0", "-2.5", "-0.5", "0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "255.0",
            "4194304.0")  # fmt: skip
"""Constants of the filter, named for their values."""
_WHOLE = {"none": 0, "one": 1, "two": 2}
_TEXT = (
    "Takes a picture, RGB HxWx3 of 8 bits, as a whole, and gives class ids HxW. A picture of more "
    "than twice the size of the training's is shrunk, so that small objects are lost: infer.py "
    "beside this file takes overlapping windows of it."
)


def fault_of(model: ModelProto, record: ModelRecord) -> str | None:
    """Return why a plain model takes no picture, or None if it does."""
    resize, how = record.segment.get("resize", "squash"), record.segment.get("prediction", {})
    if resize != "squash":
        return f"with resize={resize} pictures are not scaled to the model's size; use infer.py"
    if how.get("mode") == "slide":
        return "the model predicts by windows; use infer.py"
    if how.get("flip", "none") not in ("none", "as_trained") or how.get("scales", []) not in (
        [],
        [1.0],
    ):
        return "the model averages flips or scales; use infer.py"
    batch, channels = model.graph.input[0].type.tensor_type.shape.dim[:2]
    if channels.dim_value != record.channels:
        return "a model of grey images takes no picture in colour: export.input_channel=3"
    if batch.dim_value > 1:
        return "a model of fixed batch size takes no single picture: export.batch_size=-1"
    return None


def picture_graph(
    model: ModelProto, record: ModelRecord, *, with_probabilities: bool = False
) -> ModelProto:
    """Return a plain model, which maps scaled images to logits, as one that takes a picture.

    It does what `predict` does: bicubic resizing with antialiasing to the model's size, across
    and then down, each rounded to 8 bits; scaling by mean and std; bilinear enlargement of the
    logits to the picture; the class of the largest. A picture that `predict` would cut into
    windows, for its size, is taken whole. Raises `SpecError` (see `fault_of`).
    """
    _check(model, record)
    opset = max(OPSET, model.opset_import[0].version)
    if opset > model.opset_import[0].version:
        model = version_converter.convert_version(model, opset)
    network = compose.add_prefix(model, _PREFIX)
    corners = record.model["decode_head"]["align_corners"]
    graph = network.graph
    constants = [*graph.initializer, *_constants(_size(model), record)]
    nodes = [
        _shape(),
        *_preparation(graph.input[0].name, record),
        *graph.node,
        *_decision(graph.output[0].name, align_corners=corners),
    ]
    outputs = [helper.make_tensor_value_info(MASK, TensorProto.UINT8, ["height", "width"])]
    if with_probabilities:
        nodes += _probabilities()
        constants.append(
            numpy_helper.from_array(np.array(record.temperature, np.float32), "temperature")
        )
        classes = model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
        shape = [classes, "height", "width"]
        outputs.append(helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, shape))
    sides: list[str | int | None] = ["height", "width", record.channels]
    image = helper.make_tensor_value_info(IMAGE, TensorProto.UINT8, sides)
    picture = helper.make_graph(nodes, "picture", [image], outputs, constants)
    imports = [helper.make_opsetid("", opset), *(o for o in model.opset_import if o.domain)]
    result = helper.make_model(picture, opset_imports=imports, ir_version=model.ir_version)
    helper.set_model_props(result, metadata_of(record))
    result.doc_string = _TEXT
    return result


def preparation_graph(model: ModelProto, record: ModelRecord) -> ModelProto:
    """Return the first part of `picture_graph`: a picture to the plain model's input, and its size.

    Output `size` holds height and width, for `decision_graph`. Raises `SpecError`.
    """
    _check(model, record)
    source = model.graph.input[0]
    height, width = _size(model)
    image = helper.make_tensor_value_info(IMAGE, TensorProto.UINT8, ["height", "width", 3])
    scaled = helper.make_tensor_value_info(source.name, TensorProto.FLOAT, [1, 3, height, width])
    size = helper.make_tensor_value_info(SIZE, TensorProto.INT64, [2])
    nodes = [_shape(), *_preparation(source.name, record)]
    constants = _constants((height, width), record)
    return _part("preparation", nodes, [image], [scaled, size], constants, model)


def decision_graph(model: ModelProto, record: ModelRecord) -> ModelProto:
    """Return the last part of `picture_graph`: the plain model's output and a size to the mask.

    Raises `SpecError`.
    """
    _check(model, record)
    logits = model.graph.output[0]
    shape = [1, *(d.dim_value for d in logits.type.tensor_type.shape.dim[1:])]
    scores = helper.make_tensor_value_info(logits.name, TensorProto.FLOAT, shape)
    size = helper.make_tensor_value_info(SIZE, TensorProto.INT64, [2])
    mask = helper.make_tensor_value_info(MASK, TensorProto.UINT8, ["height", "width"])
    nodes = _decision(logits.name, align_corners=record.model["decode_head"]["align_corners"])
    first = numpy_helper.from_array(np.array([0], np.int64), "first")
    return _part("decision", nodes, [scores, size], [mask], [first], model)


def _part(
    name: str,
    nodes: list[NodeProto],
    inputs: list[ValueInfoProto],
    outputs: list[ValueInfoProto],
    constants: list[TensorProto],
    model: ModelProto,
) -> ModelProto:
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    imports = [helper.make_opsetid("", max(OPSET, model.opset_import[0].version))]
    return helper.make_model(graph, opset_imports=imports, ir_version=model.ir_version)


def _check(model: ModelProto, record: ModelRecord) -> None:
    if fault := fault_of(model, record):
        raise SpecError(fault)


def _size(model: ModelProto) -> tuple[int, int]:
    height, width = (d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim[2:])
    return height, width


def _shape() -> NodeProto:
    return helper.make_node("Shape", [IMAGE], [SIZE], start=0, end=2)


def _preparation(target: str, record: ModelRecord) -> list[NodeProto]:
    node = helper.make_node
    return [
        node("Cast", [SIZE], ["sides"], to=TensorProto.INT32),
        *_weights("width", axis=0),
        *_weights("height", axis=1),
        node("Transpose", [IMAGE], ["planes"], perm=[2, 0, 1]),
        node("Cast", ["planes"], ["pixels"], to=TensorProto.DOUBLE),
        # One side at a time, as Pillow, which rounds to 8 bits in between.
        node("MatMul", ["pixels", "width/weights"], ["across"]),
        *_rounded("across"),
        node("MatMul", ["height/weights", "across/rounded"], ["down"]),
        *_rounded("down"),
        node("Cast", ["down/rounded"], ["eight_bits"], to=TensorProto.FLOAT),
        node("Div", ["eight_bits", "white"], ["shares"]),
        node("Sub", ["shares", "mean"], ["centred"]),
        node("Div", ["centred", "std"], ["scaled"]),
        node("Unsqueeze", ["scaled", "first"], [target]),
    ]


def _weights(side: str, *, axis: int) -> list[NodeProto]:
    """Return the nodes of a matrix by which a side of the picture gets the model's length.

    It is the bicubic filter of Pillow, stretched where the side shrinks. Resize has it too, but
    not in every runtime: OpenVINO does not stretch it. `axis` is that of the picture's pixels.
    As Pillow's, the weights are whole numbers of 2^-22: in 64 bits the products with pixels are
    exact, and a value in the middle of two is rounded to the same side.
    """
    counter = iter(range(100))

    def node(kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        output = f"{side}/{name or next(counter)}"
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    nodes: list[NodeProto] = []
    length = node("Gather", "sides", f"{side}/index")
    places = node("Range", "none", length, "one")
    middles = node("Add", node("Mul", places, "two"), "one")
    ours = node("Mul", middles, f"{side}/count")
    if axis == 0:
        ours = node("Unsqueeze", ours, "second")
    distances = node("Abs", node("Sub", ours, node("Mul", f"{side}/middles", length)))
    unit = node("Mul", node("Max", length, f"{side}/count"), "two")
    floats = (node("Cast", name, to=TensorProto.DOUBLE) for name in (distances, unit))
    x = node("Min", node("Div", *floats), "2.0")
    near, far = "1.5", "-0.5"
    for add in ("-2.5", "0.0", "1.0"):
        near = node("Add", node("Mul", near, x), add)
    for add in ("2.5", "-4.0", "2.0"):
        far = node("Add", node("Mul", far, x), add)
    cubic = node("Where", node("Less", x, "1.0"), near, far)
    total = node("ReduceSum", cubic, "first" if axis == 0 else "second", keepdims=1)
    steps = node("Mul", node("Div", cubic, total), "4194304.0")
    node("Div", node("Floor", node("Add", steps, "0.5")), "4194304.0", name="weights")
    return nodes


def _rounded(name: str) -> list[NodeProto]:
    """Return the nodes that round to 8 bits, halves up."""
    return [
        helper.make_node("Add", [name, "0.5"], [f"{name}/raised"]),
        helper.make_node("Floor", [f"{name}/raised"], [f"{name}/whole"]),
        helper.make_node("Clip", [f"{name}/whole", "0.0", "255.0"], [f"{name}/rounded"]),
    ]


def _decision(logits: str, *, align_corners: bool) -> list[NodeProto]:
    places = "align_corners" if align_corners else "half_pixel"
    return [
        helper.make_node(
            "Resize", [logits, "", "", SIZE], ["scores"], axes=[2, 3], mode="linear",
            coordinate_transformation_mode=places,
        ),
        helper.make_node("ArgMax", ["scores"], ["classes"], axis=1, keepdims=0),
        helper.make_node("Squeeze", ["classes", "first"], ["ids"]),
        helper.make_node("Cast", ["ids"], [MASK], to=TensorProto.UINT8),
    ]  # fmt: skip


def _probabilities() -> list[NodeProto]:
    return [
        helper.make_node("Div", ["scores", "temperature"], ["calibrated"]),
        helper.make_node("Softmax", ["calibrated"], ["shares_of_classes"], axis=1),
        helper.make_node("Squeeze", ["shares_of_classes", "first"], [PROBABILITIES]),
    ]


def _constants(size: tuple[int, int], record: ModelRecord) -> list[TensorProto]:
    augmentation = record.segment["augmentation"]
    values: dict[str, NDArray[np.generic]] = {
        "first": np.array([0], np.int64),
        "second": np.array([1], np.int64),
        "white": np.array(255, np.float32),
        **{name: np.array(augmentation[name], np.float32)[:, None, None] for name in _SCALING},
        **{name: np.array(float(name), np.float64) for name in _NUMBERS},
        **{name: np.array(value, np.int32) for name, value in _WHOLE.items()},
    }
    for index, (side, count) in enumerate(zip(("height", "width"), size, strict=True)):
        middles = 2 * np.arange(count, dtype=np.int32) + 1
        values |= {
            f"{side}/index": np.array(index, np.int64),
            f"{side}/count": np.array(count, np.int32),
            f"{side}/middles": middles[:, None] if side == "height" else middles,
        }
    return [numpy_helper.from_array(value, name) for name, value in values.items()]
