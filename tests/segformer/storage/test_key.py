import os

import pytest

from segformer.errors import SpecError
from segformer.skill import skill
from segformer.spec import parse
from segformer.storage.key import (
    VARIABLE,
    check_reference,
    key_from_reference,
    reference_from_key,
)


def test_a_key_goes_to_the_environment_and_its_place_into_the_spec():
    environ = {}
    assert reference_from_key("secret", environ) == f"env:{VARIABLE}"
    assert environ == {VARIABLE: "secret"}
    assert reference_from_key("secret", environ) == f"env:{VARIABLE}"


def test_another_key_takes_another_place():
    environ = {VARIABLE: "first"}
    assert reference_from_key("second", environ) == f"env:{VARIABLE}_2"
    assert environ == {VARIABLE: "first", f"{VARIABLE}_2": "second"}


def test_a_reference_stays_and_leads_to_the_key():
    environ = {"MY_KEY": "secret"}
    assert reference_from_key("env:MY_KEY", environ) == "env:MY_KEY"
    assert key_from_reference("env:MY_KEY", environ) == "secret"
    assert reference_from_key("", environ) == key_from_reference("", environ) == ""
    assert environ == {"MY_KEY": "secret"}


@pytest.mark.parametrize("read", [check_reference, key_from_reference])
def test_a_reference_to_nothing_is_refused(read):
    with pytest.raises(ValueError, match="set MY_KEY there"):
        read("env:MY_KEY", {})


def test_parsing_a_spec_changes_no_environment_and_takes_no_key(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(SpecError, match="encryption_key: .* holds no key, only env:NAME") as caught:
        parse({"encryption_key": "s3cr3t"})
    assert "s3cr3t" not in str(caught.value)
    assert VARIABLE not in os.environ


def test_resolving_names_the_variable_of_a_key(monkeypatch):
    monkeypatch.setenv(VARIABLE, "another")
    monkeypatch.delenv(f"{VARIABLE}_2", raising=False)
    spec = skill.resolve("train", {"encryption_key": "s3cr3t", "dataset.segment.root_dir": "."})
    assert spec["encryption_key"] == f"env:{VARIABLE}_2"
    assert key_from_reference(spec["encryption_key"]) == "s3cr3t"
    monkeypatch.delenv(f"{VARIABLE}_2")
