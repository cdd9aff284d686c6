"""A small part of experiments/corrupted_data.py: each kind of corruption once, without training."""

import importlib.util

import pytest
from corruptions import HARMLESS, corrupted, kinds, write_base
from paths import ROOT

from segformer.errors import SkillError
from segformer.skill import skill

SCRIPT = ROOT / "experiments" / "corrupted_data.py"


@pytest.fixture(scope="module")
def experiment():
    """Return the experiment as a module; it makes its corruptions known."""
    specification = importlib.util.spec_from_file_location("corrupted_data", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_base(tmp_path_factory.mktemp("base") / "sample")


def test_a_seed_makes_the_same_corruption(experiment, base, tmp_path):
    cases = [corrupted(base, tmp_path / name, seed=5) for name in "ab"]
    contents = [
        {p.relative_to(c.folder): p.read_bytes() for p in c.folder.rglob("*") if p.is_file()}
        for c in cases
    ]
    assert contents[0] == contents[1]
    assert cases[0].done == cases[1].done


@pytest.mark.parametrize("seed", range(0, 400, 23))
def test_a_corrupted_set_is_refused_by_name_or_read_rightly(experiment, base, tmp_path, seed):
    case = corrupted(base, tmp_path / "data", seed=seed)
    given = {**experiment.SETTINGS, "dataset.segment.root_dir": str(case.folder)}
    try:
        spec = skill.resolve("train", given)
        skill.check(spec)
    except SkillError as error:
        assert experiment.refusal_of(case, str(error)) == "refused by name"
    else:
        assert not case.is_harmful, case.done
        assert experiment.reading_of(case, spec) == "trained rightly"


def test_harmless_corruptions_are_there_too(experiment, base, tmp_path):
    found = {
        expected
        for seed in range(0, len(kinds()), 7)
        for _, expected, _ in corrupted(base, tmp_path / str(seed), seed=seed).done
    }
    assert HARMLESS in found
    assert len(kinds()) >= 60


@pytest.mark.slow
@pytest.mark.parametrize("seed", [25, 46, 63])
def test_the_whole_command_ends_as_it_must(experiment, base, tmp_path, seed):
    case = corrupted(base, tmp_path / "data", seed=seed)
    verdict = experiment.verdict_of(case, tmp_path / "results")
    assert verdict == ("refused by name" if case.is_harmful else "trained rightly")
