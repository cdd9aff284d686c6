import numpy as np

from segformer.data.rare_classes import RareClasses
from segformer.training.loaders import data_loaders, needed_counts

S = "dataset.segment"


def order(loader):
    return [index for _, index in loader.sampler]


def test_loaders_have_the_batch_size_workers_and_order_of_the_spec(tiny_spec):
    settings = {f"{S}.shuffle": False, f"{S}.batch_size": 4, f"{S}.workers": 1}
    plain, _ = data_loaders(tiny_spec(**settings), None)
    assert (plain.batch_size, plain.num_workers, order(plain)) == (4, 1, list(range(5)))
    shuffled, validation = data_loaders(tiny_spec(), None)
    assert (shuffled.batch_size, shuffled.num_workers) == (2, 0)
    assert sorted(order(shuffled)) == order(plain) != order(shuffled)
    assert order(validation) == list(range(3))


def test_images_are_drawn_by_class_at_the_temperature_of_the_spec(tiny_spec):
    spec = tiny_spec(**{f"{S}.sampling": "rare_class", f"{S}.rare_class_temperature": 0.02})
    counts = needed_counts(spec)
    training, validation = data_loaders(spec, None, counts)
    expected, draw = RareClasses.of(counts, temperature=0.02), np.random.default_rng([1234, 0])
    assert [index for _, index, _ in training.sampler] == [expected.draw(draw)[1] for _ in range(5)]
    assert order(validation) == list(range(3))


def test_classes_are_counted_only_where_a_setting_needs_it(tiny_spec):
    assert needed_counts(tiny_spec()) is None
    for key, value in {
        f"{S}.sampling": "rare_class",
        f"{S}.augmentation.copy_paste_probability": 0.1,
        "train.segment.class_balance": "sqrt",
    }.items():
        assert needed_counts(tiny_spec(**{key: value})).shape == (5, 3)
