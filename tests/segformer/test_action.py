import json

import pytest
import yaml

from segformer.action import started
from segformer.errors import OutOfMemoryError, SpecError


def lines(folder):
    return [json.loads(line) for line in (folder / "status.json").read_text().splitlines()]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OutOfMemoryError("out of memory: reduce it"), "out of memory: reduce it"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(1), "SystemExit"),
    ],
)
def test_whatever_ends_an_action_is_its_failure(tiny_spec, tmp_path, error, message):
    with pytest.raises(type(error)), started("train", tiny_spec(), tmp_path):
        raise error
    first, last = lines(tmp_path)
    assert (first["status"], first["message"]) == ("STARTED", "train starts")
    assert (last["status"], last["verbosity"]) == ("FAILURE", "ERROR")
    assert message in last["message"]


def test_lines_are_appended_and_have_a_date_and_a_time(tiny_spec, tmp_path):
    for number in range(2):
        with started("evaluate", tiny_spec(), tmp_path) as status:
            status.write("SUCCESS", "done", kpi={"miou": 0.5}, progress={"epoch": number})
    assert [line["status"] for line in lines(tmp_path)] == ["STARTED", "SUCCESS"] * 2
    last = lines(tmp_path)[-1]
    assert last.keys() == {
        *("date", "time", "status", "verbosity", "message", "epoch", "kpi"),
    }
    assert last["date"].count("/") == last["time"].count(":") == 2


def test_the_spec_lies_beside(tiny_spec, tmp_path):
    with started("train", tiny_spec(), tmp_path):
        content = yaml.safe_load((tmp_path / "experiment.yaml").read_text())
    assert content == tiny_spec().model_dump()


def test_a_folder_of_another_action_is_refused_unless_that_only_failed(tiny_spec, tmp_path):
    with pytest.raises(OutOfMemoryError), started("export", tiny_spec(), tmp_path):
        raise OutOfMemoryError("out of memory")
    with started("evaluate", tiny_spec(), tmp_path) as status:
        status.write("SUCCESS", "done")
    before = (tmp_path / "experiment.yaml").read_bytes(), lines(tmp_path)
    refusal = pytest.raises(
        SpecError, match="holds the results of evaluate; give another train.res"
    )
    with refusal, started("train", tiny_spec(**{"train.seed": 7}), tmp_path):
        pass
    assert before == ((tmp_path / "experiment.yaml").read_bytes(), lines(tmp_path))


def test_what_a_run_replaces_is_removed_only_if_an_earlier_run_left_it(tiny_spec, tmp_path):
    def run():
        with started("inference", tiny_spec(), tmp_path, replaces=("masks", "x.json")) as status:
            status.write("SUCCESS", "done")

    (tmp_path / "masks").mkdir()
    run()
    assert (tmp_path / "masks").exists()
    (tmp_path / "x.json").write_text("{}")
    run()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["experiment.yaml", "status.json"]
