"""A search with a key, from the command to the registry: what it leaves, what it never shows."""

import json

import pytest

pytestmark = pytest.mark.slow

KEY = "Tr0ub4dor-and-3"
SMALL = (
    "model.backbone.type=efficientnet_lite0", "dataset.segment.img_size=32",
    "dataset.segment.workers=0",
)  # fmt: skip


def test_an_encrypted_search_is_promoted_and_the_key_is_nowhere(tmp_path, automl):
    assert automl("data", "sample", "data", "--skill", "segformer").returncode == 0
    words = ["run", "--skill", "segformer", "--data", "data", "--trials", 1, "--epochs", 1,
             "--runner", "local", "--out", "exp", "--json", *SMALL]  # fmt: skip
    done = automl(*words, f"encryption_key={KEY}")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["promotion"]["parity"]["is_equal"]
    assert told["promotion"]["registry"]["alias"] == "champion"
    more = ["promote", "exp", "--to", "int8,engine", "--max-drop", 1]
    promoted = automl(*more, SEGFORMER_ENCRYPTION_KEY=KEY)
    assert promoted.returncode == 0, promoted.stderr
    kinds = (".ckpt", ".onnx", ".safetensors", ".engine")
    models = [p for p in tmp_path.rglob("*") if p.suffix in kinds]
    assert len(models) >= 6
    assert {*kinds} == {path.suffix for path in models}
    assert all(path.read_bytes().startswith(b"SFSEAL1") for path in models)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    assert KEY not in done.stdout + done.stderr
    assert "encryption_key=..." in (tmp_path / "exp/settings.yaml").read_text()

    # Cut off after its start, it does not go on without the key.
    journal = tmp_path / "exp/journal.jsonl"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:2]))
    resumed = automl("resume", "exp")
    assert resumed.returncode == 2
    assert "encryption_key: " in resumed.stderr
    assert "set SEGFORMER_ENCRYPTION_KEY there" in resumed.stderr
