import pytest
import torch
from torch import nn

from segformer.errors import SpecError
from segformer.training.compiling import compiler_fault
from segformer.training.loop import train
from segformer.training.module import SegmentationModule


def test_machine_without_a_compiler_is_told_so(tiny_spec, tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(
        SpecError, match=r"train\.compile: true .* no-such-compiler is not installed"
    ):
        train(tiny_spec(**{"train.compile": True}), tmp_path)


def small_network():
    """Return convolutions, a norm and drop-out: compiling a whole encoder takes minutes."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 4, stride=4), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout2d(0.5)]
    return nn.Sequential(*layers, nn.Conv2d(8, 3, 1))


@pytest.mark.slow
@pytest.mark.skipif(bool(compiler_fault()), reason=compiler_fault())
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # Of torch's own compiler.
def test_compiled_network_gives_the_same_loss_and_gradients_and_keeps_its_names(tiny_spec):
    batch = {"image": torch.randn(2, 3, 32, 32), "mask": torch.randint(0, 3, (2, 32, 32))}
    losses, gradients, names = [], [], []
    for is_compiled in (False, True):
        spec = tiny_spec(**{"train.compile": is_compiled})
        module = SegmentationModule(small_network(), spec, batches_per_epoch=3)
        torch.manual_seed(1)
        losses.append(module.training_step(batch, 0))
        losses[-1].backward()
        gradients.append([p.grad for p in module.parameters()])
        names.append(list(module.state_dict()))
    assert module.model._compiled_call_impl is not None
    torch.testing.assert_close(losses[1], losses[0])
    torch.testing.assert_close(gradients[1], gradients[0])
    assert names[0] == names[1]
