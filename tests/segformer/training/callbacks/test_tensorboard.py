import struct

import pytest
from tensorboardX.proto.event_pb2 import Event

from segformer.training.loop import train

pytestmark = pytest.mark.slow

ENABLED = {"train.tensorboard.enabled": True}


def events(folder):
    """Return (step, tag, value or None for a histogram) of all event files, framed protos."""
    found = []
    for path in sorted((folder / "tensorboard").iterdir()):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            event = Event.FromString(data[at + 12 : at + 12 + length])
            at += 16 + length
            for value in event.summary.value:
                is_scalar = value.HasField("simple_value")
                found.append((event.step, value.tag, value.simple_value if is_scalar else None))
    return found


def test_event_files_hold_steps_and_epochs(tiny_spec, tmp_path):
    heard = []
    train(tiny_spec(**ENABLED), tmp_path, lambda *told: heard.append(told) or "continue")
    told = {(step, tag): value for step, tag, value in events(tmp_path)}
    for step in range(1, 7):
        assert told[step, "step/loss"] > 0
        assert told[step, "step/lr_head"] == pytest.approx(10 * told[step, "step/lr_backbone"])
    for epoch, metrics in heard:
        # Learning rates are there by step.
        for name, value in ((n, v) for n, v in metrics.items() if not n.startswith("lr_")):
            assert told[3 * epoch, name] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(("every", "steps"), [(0, set()), (1, {3, 6}), (2, {6})])
def test_histograms_come_every_so_many_epochs(tiny_spec, tmp_path, every, steps):
    key = "train.tensorboard.infrequent_logging_frequency"
    train(tiny_spec(**ENABLED, **{key: every}), tmp_path)
    histograms = [(step, tag) for step, tag, value in events(tmp_path) if value is None]
    assert {step for step, _ in histograms} == steps
    assert all(tag.startswith(("backbone.", "head.")) for _, tag in histograms)


def test_without_it_nothing_is_written(trained):
    assert not (trained.folder / "tensorboard").exists()
