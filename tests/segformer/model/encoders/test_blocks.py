import torch

from segformer.model.encoders.blocks import DropPath, image_of


def test_path_is_dropped_for_whole_images_and_keeps_its_mean():
    torch.manual_seed(0)
    path = DropPath(0.25).train()
    kept = path(torch.ones(4000, 3, 2))
    assert set(kept.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert torch.equal(kept, kept[:, :1, :1].expand_as(kept))
    assert abs(kept.mean().item() - 1) < 0.03


def test_path_is_kept_in_evaluation():
    branch = torch.randn(3, 2)
    assert torch.equal(DropPath(0.9).eval()(branch), branch)


def test_tokens_become_an_image_row_by_row():
    tokens = torch.arange(6.0).reshape(1, 6, 1)
    assert image_of(tokens, 2, 3)[0, 0].tolist() == [[0, 1, 2], [3, 4, 5]]
