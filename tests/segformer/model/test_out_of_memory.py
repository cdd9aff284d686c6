import pytest
import torch

from segformer.errors import OutOfMemoryError
from segformer.model.out_of_memory import out_of_memory_explained


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_exhausted_memory_is_told_with_the_advice(error):
    with (
        pytest.raises(OutOfMemoryError, match="out of memory: reduce the batch"),
        out_of_memory_explained("reduce the batch"),
    ):
        raise error


def test_memory_that_the_cpu_does_not_have_is_told_so():
    with pytest.raises(OutOfMemoryError, match="reduce it"), out_of_memory_explained("reduce it"):
        torch.empty(2**50)


def test_other_errors_stay_as_they_are():
    with pytest.raises(RuntimeError, match="shape"), out_of_memory_explained("reduce it"):
        torch.zeros(2).reshape(3)
