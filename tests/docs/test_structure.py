import importlib.util
import re
from importlib import import_module

import pytest
from paths import ROOT

PAGE = ROOT / "docs" / "structure.md"


def test_the_page_has_the_pictures_that_its_script_draws():
    spec = importlib.util.spec_from_file_location("structure", ROOT / "docs" / "structure.py")
    structure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(structure)
    assert PAGE.read_text() == structure.drawn(PAGE.read_text()), "run python docs/structure.py"


def test_every_path_that_the_page_names_exists():
    paths = re.findall(r"`((?:automl|segformer|tests|docs)/[\w./]*)`", PAGE.read_text())
    assert len(paths) > 40
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    ("name", "path"), sorted(set(re.findall(r"`(\w[\w.]*)` \(`([\w/]+\.py)`\)", PAGE.read_text())))
)
def test_every_table_that_the_page_names_is_in_its_file(name, path):
    module = import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    owner, _, field = name.partition(".")
    assert hasattr(module, owner)
    assert not field or field in getattr(module, owner).model_fields
