from segformer.spec import Spec
from segformer.spec.faults import leaf_keys
from segformer.spec.tao import FIELDS, is_tao_field


def test_no_field_of_the_classes_is_listed_as_missing():
    assert FIELDS.isdisjoint(leaf_keys(Spec))


def test_sections_and_what_is_below_a_field_count():
    assert is_tao_field("quantize")
    assert is_tao_field("quantize.backend_kwargs.bits")
    assert not is_tao_field("train.optim.lr")
    assert not is_tao_field("quantizex")
