import numpy as np
import onnxruntime
import pytest
import torch
from tiny import TINY

from segformer.export.onnx import write_onnx
from segformer.model.saved import ModelRecord
from segformer.quantization.qdq import QdqSettings, quantized_graph
from segformer.quantization.simulation import Rounding, Roundings, rounded_weight, simulate
from segformer.spec import parse
from segformer.spec.overrides import nested
from segformer.training.loop import initial_network


@pytest.fixture(params=["mit_b0", "efficientnet_lite0"])
def made(request, tiny_data, tmp_path):
    """Return a network, its plain graph, and the same in 8 bits; weights are random."""
    values = {**TINY, "dataset.segment.root_dir": str(tiny_data)}
    spec = parse(nested({**values, "model.backbone.type": request.param}))
    network = initial_network(spec).eval()
    record = ModelRecord.of(spec)
    options = spec.export.with_size(*record.size)
    file = tmp_path / "model.onnx"
    write_onnx(network, file, options=options, record=record)
    images = sorted((tiny_data / "images/train").iterdir())
    return network, file, images


def logits(graph, image):
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"input": image.numpy()})[0]


@pytest.mark.parametrize("keeps_residuals", [True, False])
def test_a_simulated_network_computes_as_its_int8_graph(made, keeps_residuals):
    import onnx

    network, file, images = made
    settings = QdqSettings(keeps_activations=True, keeps_residuals=keeps_residuals)
    whole = quantized_graph(file, images, settings).restored(())
    image = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        plain = network(image).numpy()
        assert simulate(network, Roundings(onnx.load(str(file)), whole)) == 0
        simulated = network(image).numpy()
    deployed = logits(whole, image)
    error = np.abs(deployed - plain).mean()
    assert np.abs(simulated - deployed).mean() < 0.2 * error


def test_a_rounding_takes_the_steps_of_the_graph_and_passes_gradients_within_its_range():
    values = torch.tensor([-9.0, -0.26, 0.24, 0.6, 9.0], requires_grad=True)
    rounded = Rounding(scale=0.5, zero=3, low=0, high=6)(values)
    assert rounded.tolist() == [-1.5, -0.5, 0.0, 0.5, 1.5]
    rounded.sum().backward()
    assert values.grad.tolist() == [0, 1, 1, 1, 0]


def test_each_channel_of_a_weight_has_steps_of_its_own():
    weight = torch.tensor([[127.0, 0.4], [1.27, 0.014]])
    assert torch.allclose(rounded_weight(weight), torch.tensor([[127.0, 0.0], [1.27, 0.01]]))
