import pytest

from segformer.errors import SpecError
from segformer.export.onnx import _device
from segformer.spec.sections.deploy import Export


@pytest.mark.parametrize("on_cpu", [False, True])
def test_gpu_that_is_not_there_is_refused(on_cpu):
    with pytest.raises(SpecError, match=r"export\.gpu_id: 99 is not allowed"):
        _device(Export(gpu_id=99, on_cpu=on_cpu))
