from pathlib import Path

import pytest

from segformer.training.loop import train

pytestmark = pytest.mark.slow

STATUS = Path("/proc/self/status")


def resident_kb():
    (line,) = [text for text in STATUS.read_text().splitlines() if text.startswith("VmRSS:")]
    return int(line.split()[1])


@pytest.mark.skipif(not STATUS.exists(), reason="/proc tells of memory on Linux only")
def test_resident_memory_is_flat_over_three_epochs(tiny_spec, tmp_path):
    seen = []
    spec = tiny_spec(**{"train.num_epochs": 4, "dataset.segment.img_size": 64})
    train(spec, tmp_path, lambda *_: seen.append(resident_kb()) or "continue")
    assert seen[-1] <= 1.05 * seen[0]
