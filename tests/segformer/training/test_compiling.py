import pytest
import torch

from segformer.errors import SpecError
from segformer.model.segformer import build
from segformer.training.compiling import compiler_fault
from segformer.training.loop import train
from segformer.training.module import SegmentationModule


def test_machine_without_a_compiler_is_told_so(tiny_spec, tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(
        SpecError, match=r"train\.compile: true .* no-such-compiler is not installed"
    ):
        train(tiny_spec(**{"train.compile": True}), tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # Of torch's own compiler.
@pytest.mark.skipif(bool(compiler_fault()), reason=compiler_fault())
def test_compiled_network_gives_the_same_loss_and_gradients_and_keeps_its_names(tiny_spec):
    batch = {"image": torch.randn(2, 3, 32, 32), "mask": torch.randint(0, 3, (2, 32, 32))}
    losses, gradients, names = [], [], []
    for is_compiled in (False, True):
        spec = tiny_spec(**{"train.compile": is_compiled})
        torch.manual_seed(0)
        module = SegmentationModule(build(spec.model, num_classes=3), spec, batches_per_epoch=3)
        torch.manual_seed(1)
        losses.append(module.training_step(batch, 0))
        losses[-1].backward()
        gradients.append([p.grad for p in module.parameters() if p.grad is not None])
        names.append(list(module.state_dict()))
    torch.testing.assert_close(losses[1], losses[0])
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-4)
    assert names[0] == names[1]
