from segformer.training.loaders import data_loaders

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
