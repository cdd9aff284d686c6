import pickle

from segformer.training.record import TrainingRecord


def test_equal_records_pickle_to_equal_bytes_whichever_objects_they_share():
    name = "ground and sky"
    shared = TrainingRecord({"a": name, "b": name}, "data", 1)
    apart = TrainingRecord({"a": name, "b": "".join(["ground", " and sky"])}, "data", 1)
    assert shared == apart
    assert pickle.dumps(shared.to_dict()) == pickle.dumps(apart.to_dict())
