import pytest

from segformer.storage.key import VARIABLE, key_of, reference_of


def test_a_key_goes_to_the_environment_and_its_place_into_the_spec():
    environ = {}
    assert reference_of("secret", environ) == f"env:{VARIABLE}"
    assert environ == {VARIABLE: "secret"}
    assert reference_of("secret", environ) == f"env:{VARIABLE}"


def test_another_key_takes_another_place():
    environ = {VARIABLE: "first"}
    assert reference_of("second", environ) == f"env:{VARIABLE}_2"
    assert environ == {VARIABLE: "first", f"{VARIABLE}_2": "second"}


def test_a_reference_stays_and_leads_to_the_key(monkeypatch):
    monkeypatch.setenv("MY_KEY", "secret")
    assert reference_of("env:MY_KEY") == "env:MY_KEY"
    assert key_of("env:MY_KEY") == "secret"
    assert reference_of("") == key_of("") == ""


def test_a_reference_to_nothing_is_refused():
    with pytest.raises(ValueError, match="set MY_KEY there"):
        reference_of("env:MY_KEY", {})
