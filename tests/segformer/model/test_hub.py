import huggingface_hub.constants as constants
import pytest
from safetensors.torch import save_file
from torch import ones

from segformer.errors import CheckpointError
from segformer.model.hub import folder_from_hub
from segformer.spec.backbones import is_hub_name


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache on a machine without a network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


def put(cache, name, file):
    folder = cache / f"models--{name.replace('/', '--')}"
    snapshot = folder / "snapshots" / ("0" * 40)
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    snapshot.mkdir(parents=True)
    save_file({"a": ones(1)}, snapshot / file)
    return snapshot


@pytest.mark.parametrize("file", ["model.safetensors", "model-00001-of-00002.safetensors"])
def test_name_in_the_cache_needs_no_network(cache, file):
    snapshot = put(cache, "nvidia/mit-b0", file)
    assert folder_from_hub("nvidia/mit-b0").resolve() == snapshot.resolve()


def test_name_that_cannot_be_fetched_is_told_with_what_to_do(cache):
    with pytest.raises(CheckpointError, match=r"^nvidia/mit-b9: there is no such file.*FILE") as e:
        folder_from_hub("nvidia/mit-b9")
    assert "\n" not in str(e.value)


def test_name_without_weights_is_told(cache):
    put(cache, "nvidia/text", "config.safetensors")
    with pytest.raises(CheckpointError, match="nvidia/text"):
        folder_from_hub("nvidia/text")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("nvidia/mit-b0", True),
        ("facebook/dinov3-vits16-pretrain-lvd1689m", True),
        ("weights/b0.safetensors", False),
        ("./mit-b0", False),
        ("/nvidia/mit-b0", False),
        ("a/b/c", False),
        ("b0.pth", False),
    ],
)
def test_hub_names_are_told_from_paths(text, is_one):
    assert is_hub_name(text) is is_one


def test_folder_of_that_name_is_a_path(tmp_path, monkeypatch):
    (tmp_path / "nvidia" / "mit-b0").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert not is_hub_name("nvidia/mit-b0")
