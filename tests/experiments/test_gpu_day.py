"""The checks for the day a GPU is lent, as far as a CPU can do them."""

import pytest

from experiments.gpu_day import GPU, Check, Day, Failed, lacking, main, perform
from segformer.evaluation.tensorrt import driver_fault


@pytest.mark.slow
@pytest.mark.skipif(driver_fault() is None, reason="a rehearsal is for machines without a GPU")
def test_the_rehearsal_runs_what_a_cpu_can_and_lists_the_rest(capsys):
    pytest.importorskip("tensorrt_rtx", reason="builds engines without a GPU")
    assert main(["--rehearse"]) == 0
    lines = capsys.readouterr().out.splitlines()
    words = {line[8:].partition(":")[0]: line[:8].strip() for line in lines[:-1]}
    passed = {name for name, word in words.items() if word == "PASS"}
    assert passed == {
        "training in 32 bits, for the rehearsal", "images a second", "export", "parity",
        "engine in fp16 is built",
    }  # fmt: skip
    assert {word for name, word in words.items() if name not in passed} == {"NOT RUN"}
    assert "NOT RUN NCCL with one process: needs a CUDA device" in "\n".join(lines)


@pytest.mark.parametrize("error", [Failed("3 images/s"), ValueError("broke")])
def test_a_check_that_finds_something_else_fails_with_what_it_found(tmp_path, capsys, error):
    def run(day):
        raise error

    assert perform(Check("rate", "100 images/s", run), Day(tmp_path, False)) is False
    printed = capsys.readouterr().out
    assert printed.startswith("FAIL    rate: ") and str(error) in printed
    assert "(expected: 100 images/s)" in printed


@pytest.mark.skipif(lacking([GPU]) is None, reason="this machine has a GPU")
def test_without_a_gpu_the_real_day_fails_and_the_rehearsal_says_what_was_not_run(tmp_path):
    check = Check("device", "a GPU", lambda day: "one", (GPU,))
    assert perform(check, Day(tmp_path, False)) is False
    assert perform(check, Day(tmp_path, True)) is True
