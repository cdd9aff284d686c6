import numpy as np
import pytest
import torch
from pictures import data_set, segment
from torch import nn

from segformer.errors import SpecError
from segformer.refinement.bias import tuned_bias


class Shy(nn.Module):
    """Knows the upper half as class 1, but prefers class 0 everywhere by a constant."""

    def __init__(self, constant):
        super().__init__()
        self.constant = constant

    def forward(self, images):
        logits = torch.zeros(len(images), 2, 8, 8)
        logits[:, 1, :4] = 1.0
        logits[:, 0] += self.constant
        return logits


@pytest.mark.parametrize(("constant", "gap"), [(1.2, 0.25), (0.5, 0.0)])
def test_a_class_that_is_predicted_too_rarely_gets_a_bias(tmp_path, constant, gap):
    mask = np.zeros((8, 10), dtype=np.uint8)
    mask[:4] = 1
    data = segment(data_set(tmp_path, val=3, mask=mask), img_size=32)
    bias = tuned_bias(Shy(constant), data)
    assert (bias[1] - bias[0]).item() == pytest.approx(gap)
    assert bias.mean().item() == 0


def test_a_model_that_predicts_by_windows_is_left_as_it_is(tmp_path):
    data = segment(data_set(tmp_path, val=2), img_size=32, resize="crop")
    with pytest.raises(SpecError, match="predicts by windows, for which no bias is tuned"):
        tuned_bias(Shy(1.2), data)
