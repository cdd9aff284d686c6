import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from pictures import data_set, save

from segformer.cli import main, results_folder
from segformer.spec import ACTIONS, parse

TINY = [
    "dataset.segment.label_transform=None",
    "img_size=32",
    "model.backbone.type=mit_b0",
    "num_workers=0",
    "batch_size=2",
    "model.decode_head.decoder_params.embed_dim=16",
]


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return data_set(tmp_path / "data")


def test_help_is_quick_and_loads_no_heavy_library():
    code = "import sys, segformer.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\n"
    code += "print({'torch', 'numpy', 'pydantic', 'yaml'} & set(sys.modules))"
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")
    assert time.monotonic() - started < 2.5  # 0.1 s; other work may run beside.


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["trian"], "invalid choice: 'trian'"),
        ([], "arguments are required: ACTION"),
        (["train", "--frob"], "unknown option --frob"),
        (["train", "-k", "secret"], "unknown option -k; give encryption_key=VALUE"),
        (["evaluate", "--model=a"], "unknown option --model=a; give evaluate.checkpoint=VALUE"),
        (["train", "-e", ""], "argument -e/--spec: is empty"),
        (["train", ""], "is empty (is a variable of the shell unset?)"),
        (["train", "lr"], "'lr' is not understood"),
        (["train", "-e", "no.yaml"], "no.yaml: cannot be read"),
        (["train", "root_dir=/no/such"], "there is no folder /no/such"),
        (["train", "root_dir=/no", "results_dir=s3://a/b", "train.results_dir=c"], "there is no"),
        (["train", "root_dir=${results_dir}/no", "results_dir=/a"], "there is no folder /a/no"),
        (["train", "train.optim.lr=-1", "root_dir=."], "must be greater than 0"),
    ],
)
def test_a_users_fault_is_one_line_and_exit_2(words, fault, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("segformer: ")
    assert fault in line


def test_train_checks_the_data_first(data, capsys):
    save(data / "masks/train/01.png", [[7] * 10] * 8)
    (data / "masks/val/00.png").unlink()
    assert main(["train", f"root_dir={data}", *TINY]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert not (data.parent / "results").exists()


def test_train_then_evaluate_print_numbers_names_and_paths(data, capsys):
    assert main(["train", f"root_dir={data}", *TINY, "num_epochs=1"]) == 0
    assert "val_miou: " in capsys.readouterr().out
    best = data.parent / "results/train/checkpoints/best.ckpt"
    words = ["evaluate", "--json", f"root_dir={data}", f"evaluate.checkpoint={best}", *TINY]
    assert main(words) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["action"] == "evaluate"
    assert 0 <= answer["metrics"]["test_iou_foreground"] <= 1
    assert Path(answer["artifacts"]["results"]).is_file()


def test_words_go_over_the_file_and_may_stand_on_both_sides(data, capsys):
    file = data.parent / "spec.yaml"
    file.write_text(yaml.safe_dump({"train": {"optim": {"lr": 5}, "seed": -2}}))
    words = ["train", f"root_dir={data}", "-e", str(file), "learning_rate=-3", "num_epochs=0"]
    assert main(words) == 2
    faults = capsys.readouterr().err
    assert "train.optim.lr: -3" in faults
    assert "train.seed: -2" in faults
    assert "train.num_epochs: 0" in faults


@pytest.mark.parametrize(
    ("own", "above", "expected"),
    [("/a", "/b", "/a"), ("", "/b", "/b/train"), ("", "", "results/train")],
)
def test_the_results_folder_is_the_actions_own_or_below(own, above, expected):
    spec = {"results_dir": above, "train": {"results_dir": own}}
    assert str(results_folder("train", spec)) == expected


def test_a_run_that_diverges_is_1(data, capsys):
    words = ["train.optim.optim=sgd", "train.optim.lr=1e30", "num_epochs=2"]
    assert main(["train", f"root_dir={data}", *TINY, *words]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("segformer: ")


@pytest.mark.parametrize(
    ("sent", "said", "code"),
    [(signal.SIGINT, "interrupted", 130), (signal.SIGTERM, "stopped by SIGTERM", 75)],
)
def test_ctrl_c_and_sigterm_are_one_line_and_a_failure_in_the_status(
    data, commands, sent, said, code
):
    words = ["train", f"root_dir={data}", *TINY, "num_epochs=9999"]
    command = [commands / "segformer", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        last = data.parent / "results/train/checkpoints/last.ckpt"
        while not last.exists() and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(sent)
        assert process.stderr.read().splitlines()[-1] == f"segformer: {said}"
        assert process.wait() == code
    status = (data.parent / "results/train/status.json").read_text().splitlines()
    assert json.loads(status[-1])["status"] == "FAILURE"


def test_default_specs_are_written_and_run_as_they_are(tmp_path, capsys):
    assert main(["default_specs", f"results_dir={tmp_path / 'specs'}"]) == 0
    written = capsys.readouterr().out.splitlines()
    assert [Path(line).name for line in written] == [f"{action}.yaml" for action in ACTIONS]
    for action, line in zip(ACTIONS, written, strict=True):
        parse(yaml.safe_load(Path(line).read_text()))
        assert action in Path(line).read_text().splitlines()[0]


def test_default_specs_take_nothing_else(tmp_path, capsys):
    assert main(["default_specs", "train.seed=1"]) == 2
    assert "train.seed: default_specs takes only results_dir=FOLDER" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["default_specs", f"results_dir={tmp_path / 'file'}"]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["train", "export"])
def test_a_results_folder_below_a_file_is_one_line(data, capsys, action):
    (data.parent / "file").write_text("")
    words = [f"root_dir={data}", "results_dir=file/x", *TINY]
    assert main([action, *words, f"export.checkpoint={data.parent / 'file'}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("segformer: results_dir: ")
    assert "cannot be created (Not a directory)" in line


def test_with_json_a_fault_is_an_object_on_stdout_too(tmp_path, capsys):
    words = ["train.optim.lrr=1", "train.seed=-2", f"root_dir={tmp_path}"]
    assert main(["train", "--json", *words]) == 2
    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert answer["error"] == answer["errors"][0]
    lines = [json.loads(line) for line in printed.err.splitlines()]
    texts = [("error", fault["message"]) for fault in answer["errors"]]
    assert [(line["what"], line["text"]) for line in lines] == texts
    assert {fault["key"]: fault["nearest"] for fault in answer["errors"]} == {
        "train.optim.lrr": "train.optim.lr",
        "train.seed": None,
    }
    assert answer["error"]["kind"] == "usage"


def test_a_reader_that_leaves_ends_the_command_quietly():
    code = "import sys; from segformer.cli import main; sys.exit(main(['fields']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_an_output_that_cannot_be_written_is_one_line():
    code = "import sys; from segformer.cli import main; sys.exit(main(['fields']))"
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-c", code],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    line = "segformer: stdout: cannot be written (No space left on device)\n"
    assert (result.returncode, result.stderr) == (1, line)
