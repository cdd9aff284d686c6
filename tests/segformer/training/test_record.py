import pickle

from segformer.training.record import TrainingRecord

BATCH = {"dataset.segment.batch_size": 2, "train.accumulate_grad_batches": 1}


def test_equal_records_pickle_to_equal_bytes_whichever_objects_they_share():
    name = "ground and sky"
    shared = TrainingRecord({"a": name, "b": name}, "data", 1)
    apart = TrainingRecord({"a": name, "b": "".join(["ground", " and sky"])}, "data", 1)
    assert shared == apart
    assert pickle.dumps(shared.to_dict()) == pickle.dumps(apart.to_dict())


def test_long_values_are_cut_to_their_first_difference():
    palettes = [[f"class {index}" for index in range(50)] + [last] for last in ("sky", "sea")]
    old, new = (TrainingRecord({"palette": palette, **BATCH}, "data", 1) for palette in palettes)
    (line,) = old.differences(new)
    assert 'sky"]' in line.partition(" -> ")[0]
    assert 'sea"]' in line.partition(" -> ")[2]
    assert len(line) < 150
