"""Engines are built of a network of one block a stage."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _one_block_a_stage():
    from networks import shallow  # It loads torch.

    with shallow():
        yield


@pytest.fixture(scope="session")
def trained(shallow_trained):
    return shallow_trained


@pytest.fixture(scope="session")
def onnx_file(shallow_onnx_file):
    return shallow_onnx_file
