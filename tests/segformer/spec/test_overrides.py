import pytest

from segformer.errors import SpecError
from segformer.spec.overrides import nested, read_file, read_words


def test_words_are_yaml_values_by_dotted_key():
    assert read_words(["a.b=1", "c=null", "d=", "e=[1, x]", "f=a=b"]) == {
        "a.b": 1,
        "c": None,
        "d": "",
        "e": [1, "x"],
        "f": "a=b",
    }


def test_every_word_that_is_no_assignment_is_named():
    with pytest.raises(SpecError, match="'lr' is not understood") as caught:
        read_words(["lr", "=3", "a=[1"])
    assert len(caught.value.faults) == 3


def test_a_file_is_read_flat(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text("train: {optim: {lr: 1e-3}, seed: 1}\nmodel: {}\n")
    assert read_file(path) == {"train.optim.lr": "1e-3", "train.seed": 1, "model": {}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", "is not YAML"),
        ("- 1", "holds no sections"),
        (None, "cannot be"),
        ("train:\n  seed: 1\n  seed: 2", "spec.yaml: 'seed' is there twice, on lines 2 and 3"),
        ("train: {seed: 1}\ntrain: {optim: {}}", "'train' is there twice, on lines 1 and 2"),
        ("train: {seed: 1}\ntrain.seed: 2", "train.seed is there twice, as 1 and as 2"),
    ],
)
def test_a_file_that_is_no_spec_is_refused(tmp_path, text, words):
    path = tmp_path / "spec.yaml"
    if text:
        path.write_text(text)
    with pytest.raises(SpecError, match=words):
        read_file(path)


def test_nested_keys_share_their_sections():
    assert nested({"a.b.c": 1, "a.d": 2, "a.b": {}}) == {"a": {"b": {"c": 1}, "d": 2}}


@pytest.mark.parametrize("flat", [{"a": 1, "a.b": 2}, {"a.b": 2, "a": 1}])
def test_a_key_is_no_value_and_section_at_once(flat):
    with pytest.raises(SpecError, match="a: is given as a value, and as a section"):
        nested(flat)
