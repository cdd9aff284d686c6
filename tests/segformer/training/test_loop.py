import json
import logging
import os
import random
import signal
import threading

import numpy as np
import pytest
import torch
import yaml

from segformer.errors import CheckpointError, DataError, DivergedError, OutOfMemoryError
from segformer.training.loop import train

SCORES = {"loss", "miou", "acc", "macc", "mf1", "mprecision", "mrecall"}


def lines(folder):
    return [json.loads(line) for line in (folder / "status.json").read_text().splitlines()]


def state(folder, name="last"):
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)


def assert_same(one, other):
    """Compare nested values, tensors bit for bit."""
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        assert one == other


def test_every_epoch_is_reported_with_all_metrics(trained):
    assert [epoch for epoch, _ in trained.reports] == [1, 2]
    for _, metrics in trained.reports:
        named = {f"val_{name}" for name in SCORES} | {"train_loss"}
        classes = {
            f"val_{kind}_{name}"
            for kind in ("iou", "f1", "precision", "recall")
            for name in ("ground", "left_part", "right_part")
        }
        assert named <= metrics.keys() <= named | classes


def test_result_is_of_the_best_epoch(trained):
    best_epoch, best = max(trained.reports, key=lambda heard: heard[1]["val_miou"])
    assert trained.result.metrics == {**best, "epoch": best_epoch}
    assert trained.result.artifacts == {
        name: trained.folder / "checkpoints" / f"{name}.ckpt" for name in ("best", "last")
    }


def test_status_tells_start_epochs_and_end(trained):
    told = lines(trained.folder)
    assert [line["status"] for line in told] == ["STARTED", "RUNNING", "RUNNING", "SUCCESS"]
    assert [(line["epoch"], line["kpi"]) for line in told[1:3]] == trained.reports
    assert [(line["step"], line["max_step"]) for line in told[1:3]] == [(3, 6), (6, 6)]
    assert told[1]["max_epoch"] == 2
    assert told[1]["eta"] > told[2]["eta"] == 0
    assert told[3]["kpi"] == trained.result.metrics


def test_folder_holds_the_spec_and_the_log_and_nothing_is_printed(tiny_spec, tmp_path, capfd):
    spec = tiny_spec(**{"train.num_epochs": 1})
    train(spec, tmp_path)
    assert yaml.safe_load((tmp_path / "experiment.yaml").read_text()) == spec.model_dump()
    assert "max_epochs=1" in (tmp_path / "log.txt").read_text()
    assert capfd.readouterr() == ("", "")


def test_same_spec_gives_the_same_bytes_in_another_folder_and_thread(trained, tmp_path):
    thread = threading.Thread(target=train, args=(trained.spec, tmp_path))
    thread.start()
    thread.join()
    for name in ("best.ckpt", "last.ckpt"):
        ours, theirs = (folder / "checkpoints" / name for folder in (tmp_path, trained.folder))
        assert ours.read_bytes() == theirs.read_bytes()


def test_other_seed_gives_another_model(trained, tiny_spec, tmp_path):
    train(tiny_spec(**{"train.seed": 7}), tmp_path)
    assert state(tmp_path)["segformer"]["metrics"] != trained.reports[-1][1]


@pytest.mark.parametrize(
    "overrides",
    [
        {"train.num_epochs": 4},
        {"train.num_epochs": 4, "train.optim.policy": "step", "train.optim.optim": "sgd"},
        {"train.num_epochs": 3, "model.backbone.freeze_backbone": True},
        {"train.num_epochs": 3, "train.checkpoint_interval": 3, "dataset.segment.workers": 1},
    ],
    ids=["linear", "step", "frozen", "workers"],
)
def test_training_stopped_and_resumed_is_the_one_that_was_not_cut(tiny_spec, tmp_path, overrides):
    spec = tiny_spec(**overrides)
    whole = train(spec, tmp_path / "whole")
    train(spec, tmp_path / "cut", lambda epoch, _: "pause" if epoch == 2 else "continue")
    heard = []
    resumed = train(spec, tmp_path / "cut", lambda epoch, _: heard.append(epoch) or "continue")
    assert heard == list(range(2, spec.train.num_epochs + 1))
    assert resumed.metrics == whole.metrics
    one, other = state(tmp_path / "whole"), state(tmp_path / "cut")
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "segformer", "global_step"):
        assert_same(one[part], other[part])


def test_training_killed_between_checkpoints_goes_on_from_the_last_one(tiny_spec, tmp_path):
    spec = tiny_spec(**{"train.num_epochs": 4, "train.checkpoint_interval": 2})

    def fall_over(epoch, _):
        if epoch == 3:
            raise RuntimeError("the lights went out")
        return "continue"

    with pytest.raises(RuntimeError, match="lights"):
        train(spec, tmp_path / "cut", fall_over)
    heard = []
    train(spec, tmp_path / "cut", lambda epoch, _: heard.append(epoch) or "continue")
    train(spec, tmp_path / "whole")
    assert heard == [2, 3, 4]
    assert_same(state(tmp_path / "cut")["state_dict"], state(tmp_path / "whole")["state_dict"])
    assert lines(tmp_path / "cut")[4]["status"] == "FAILURE"


def test_finished_training_is_not_trained_again(trained):
    before, heard = state(trained.folder), []
    result = train(trained.spec, trained.folder, lambda *told: heard.append(told) or "continue")
    assert heard == trained.reports[-1:]
    assert result == trained.result
    assert_same(state(trained.folder), before)


def test_resume_ends_at_once_when_the_repeated_report_is_answered_stop(tiny_spec, tmp_path):
    spec = tiny_spec(**{"train.num_epochs": 3})
    for _ in range(2):
        train(spec, tmp_path, lambda *_: "stop")
        assert state(tmp_path)["segformer"]["epoch"] == 1


def test_training_resumed_in_another_folder_takes_its_files_along(trained, tiny_spec, tmp_path):
    path = str(trained.folder / "checkpoints" / "last.ckpt")
    result = train(tiny_spec(**{"train.resume_training_checkpoint_path": path}), tmp_path)
    assert result.metrics == trained.result.metrics
    for name in ("best", "last"):
        assert_same(state(tmp_path, name), state(trained.folder, name))


def test_epochs_without_validation_are_not_reported(tiny_spec, tmp_path):
    heard = []
    spec = tiny_spec(**{"train.num_epochs": 3, "train.validation_interval": 2})
    result = train(spec, tmp_path, lambda epoch, _: heard.append(epoch) or "continue")
    assert heard == [2]
    assert result.metrics["epoch"] == 2
    assert state(tmp_path)["segformer"]["epoch"] == 3


def test_training_starts_from_the_weights_of_another(trained, tiny_spec, tmp_path):
    start = str(trained.folder / "checkpoints" / "best.ckpt")
    spec = tiny_spec(
        **{"train.pretrained_model_path": start, "train.optim.lr": 1e-12, "train.num_epochs": 1}
    )
    train(spec, tmp_path)
    given, kept = (state(f, "best")["state_dict"] for f in (trained.folder, tmp_path))
    for key in given:
        if "norm.running" not in key and "num_batches" not in key:
            torch.testing.assert_close(kept[key], given[key])


def test_process_is_left_as_it_was_found(tiny_spec, tmp_path):
    def observed():
        handlers = [logging.getLogger(n).handlers[:] for n in ("pytorch_lightning", "segformer")]
        draws = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
        deterministic = torch.are_deterministic_algorithms_enabled()
        return handlers, draws, deterministic, dict(os.environ), signal.getsignal(signal.SIGTERM)

    before = observed()
    train(tiny_spec(**{"train.num_epochs": 1}), tmp_path)
    assert observed() == before


def test_threads_are_the_environments_where_torch_was_loaded_before(
    tiny_spec, tmp_path, monkeypatch
):
    before, during = torch.get_num_threads(), []
    for threads in (2, 3):
        monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
        spec = tiny_spec(**{"train.num_epochs": 1})
        train(
            spec,
            tmp_path / str(threads),
            lambda *_: during.append(torch.get_num_threads()) or "continue",
        )
        assert torch.get_num_threads() == before
    assert during == [2, 3]


def test_ctrl_c_is_told_and_passed_on(tiny_spec, tmp_path):
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_spec(), tmp_path, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    assert lines(tmp_path)[-1]["status"] == "FAILURE"
    assert "KeyboardInterrupt" in lines(tmp_path)[-1]["message"]
    assert signal.getsignal(signal.SIGINT) is handler


def test_divergence_is_told_and_leaves_the_checkpoint_before_it(tiny_spec, tmp_path):
    spec = tiny_spec(**{"train.optim.lr": 1e18, "train.optim.optim": "sgd"})
    with pytest.raises(
        DivergedError, match=r"became NaN or infinite .* lower train\.optim\.lr \(1e\+18"
    ):
        train(spec, tmp_path)
    assert "DivergedError" in lines(tmp_path)[-1]["message"]


def test_exhausted_memory_says_what_to_reduce(tiny_spec, tmp_path):
    spec = tiny_spec(**{"model.decode_head.decoder_params.embed_dim": 10**11})
    with pytest.raises(
        OutOfMemoryError, match=r"reduce dataset\.segment\.batch_size \(2\)"
    ) as info:
        train(spec, tmp_path)
    assert info.value.kind == "out_of_memory"


@pytest.mark.parametrize(
    ("report", "error"), [(lambda *_: "perhaps", ValueError), (lambda *_: None, ValueError)]
)
def test_answer_that_is_none_of_the_three_is_refused(tiny_spec, tmp_path, report, error):
    with pytest.raises(error, match="it must be continue, pause or stop"):
        train(tiny_spec(), tmp_path, report)


def test_torn_last_checkpoint_is_named_with_the_next_step(trained, tmp_path):
    torn = tmp_path / "checkpoints" / "last.ckpt"
    torn.parent.mkdir()
    whole = (trained.folder / "checkpoints" / "last.ckpt").read_bytes()
    torn.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"last\.ckpt: cannot be read .* remove this one"):
        train(trained.spec, tmp_path)


@pytest.mark.parametrize(
    ("overrides", "name", "match"),
    [
        ({}, "best", "holds weights only"),
        ({"model.backbone.freeze_backbone": True}, "last", "was trained with model"),
        ({"model.decode_head.align_corners": True}, "last", "was trained with model"),
    ],
)
def test_checkpoint_that_cannot_be_continued_is_refused(
    trained, tiny_spec, tmp_path, overrides, name, match
):
    path = str(trained.folder / "checkpoints" / f"{name}.ckpt")
    with pytest.raises(CheckpointError, match=match):
        train(tiny_spec(**overrides, **{"train.resume_training_checkpoint_path": path}), tmp_path)


def test_missing_data_is_a_data_error_and_a_failure(tiny_spec, tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        train(tiny_spec(**{"dataset.segment.train_split": "nowhere"}), tmp_path)
    assert [line["status"] for line in lines(tmp_path)] == ["STARTED", "FAILURE"]


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_last_batch_of_any_size_is_trained_on(tiny_spec, tmp_path, batch_size):
    spec = tiny_spec(**{"dataset.segment.batch_size": batch_size, "train.num_epochs": 1})
    assert train(spec, tmp_path).metrics["epoch"] == 1
    assert state(tmp_path)["global_step"] == -(-5 // batch_size)
