"""The messages of Triton's model configuration that we write, as protobuf checks them.

The real schema needs the package tritonclient, whose protobuf is another version than onnx's.
Names, numbers and types are those of model_config.proto in triton-inference-server/common.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

_FIELD = descriptor_pb2.FieldDescriptorProto
_ENUMS = {
    "DataType": {"TYPE_INVALID": 0, "TYPE_UINT8": 2, "TYPE_INT64": 9, "TYPE_FP32": 11},
    "Kind": {"KIND_AUTO": 0, "KIND_GPU": 1, "KIND_CPU": 2, "KIND_MODEL": 3},
}
_MESSAGES = {
    "Input": {"name": (1, "string"), "data_type": (2, "DataType"), "dims": (4, "int64", "*")},
    "Output": {
        "name": (1, "string"),
        "data_type": (2, "DataType"),
        "dims": (3, "int64", "*"),
        "label_filename": (4, "string"),
    },
    "Group": {"count": (2, "int32"), "kind": (4, "Kind")},
    "Batching": {
        "preferred_batch_size": (1, "int32", "*"),
        "max_queue_delay_microseconds": (2, "uint64"),
    },
    "Pair": {"key": (1, "string"), "value": (2, "string")},
    "Step": {
        "model_name": (1, "string"),
        "model_version": (2, "int64"),
        "input_map": (3, "Pair", "*"),
        "output_map": (4, "Pair", "*"),
    },
    "Ensembling": {"step": (1, "Step", "*")},
    "ModelConfig": {
        "name": (1, "string"),
        "platform": (2, "string"),
        "max_batch_size": (4, "int32"),
        "input": (5, "Input", "*"),
        "output": (6, "Output", "*"),
        "instance_group": (7, "Group", "*"),
        "dynamic_batching": (11, "Batching"),
        "ensemble_scheduling": (15, "Ensembling"),
        "backend": (17, "string"),
    },
}
_SCALARS = {
    "string": _FIELD.TYPE_STRING,
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "uint64": _FIELD.TYPE_UINT64,
}


def parsed(text):
    """Return a config.pbtxt as a message; raises `ParseError` for what the schema does not know."""
    return text_format.Parse(text, _message())


def _message():
    file = descriptor_pb2.FileDescriptorProto(name="model_config", package="made", syntax="proto3")
    for name, values in _ENUMS.items():
        enum = file.enum_type.add(name=name)
        for word, number in values.items():
            enum.value.add(name=word, number=number)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, *many) in fields.items():
            added = message.field.add(name=field, number=number)
            added.label = _FIELD.LABEL_REPEATED if many else _FIELD.LABEL_OPTIONAL
            added.type = _SCALARS.get(
                kind, _FIELD.TYPE_ENUM if kind in _ENUMS else _FIELD.TYPE_MESSAGE
            )
            if kind not in _SCALARS:
                added.type_name = f".made.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("made.ModelConfig"))()
