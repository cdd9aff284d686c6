import logging
import os
import random
import signal
import threading

import numpy as np
import pytest
import torch
import yaml
from runs import RATES, state, status_lines, without_rates

from segformer.errors import DataError, DivergedError, OutOfMemoryError
from segformer.training.loop import train

SCORES = {"loss", "miou", "acc", "macc", "mf1", "mprecision", "mrecall"}


def test_every_epoch_is_reported_with_all_metrics(trained):
    assert [epoch for epoch, _ in trained.reports] == [1, 2]
    for _, metrics in trained.reports:
        named = {f"val_{name}" for name in SCORES} | {"train_loss"} | RATES
        classes = {
            f"val_{kind}_{name}"
            for kind in ("iou", "f1", "precision", "recall")
            for name in ("ground", "left_part", "right_part")
        }
        assert named <= metrics.keys() <= named | classes


def test_result_is_of_the_best_epoch(trained):
    best_epoch, best = max(trained.reports, key=lambda heard: heard[1]["val_miou"])
    assert trained.result.metrics == {**without_rates(best), "epoch": best_epoch}
    assert trained.result.artifacts == {
        name: trained.folder / "checkpoints" / f"{name}.ckpt" for name in ("best", "last")
    }


def test_status_tells_start_epochs_and_end(trained):
    told = status_lines(trained.folder)
    assert [line["status"] for line in told] == ["STARTED", "RUNNING", "RUNNING", "SUCCESS"]
    reports = [(epoch, without_rates(metrics)) for epoch, metrics in trained.reports]
    assert [(line["epoch"], line["kpi"]) for line in told[1:3]] == reports
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
    assert state(tmp_path)["segformer"]["metrics"] != without_rates(trained.reports[-1][1])


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
    assert status_lines(tmp_path)[-1]["status"] == "FAILURE"
    assert "KeyboardInterrupt" in status_lines(tmp_path)[-1]["message"]
    assert signal.getsignal(signal.SIGINT) is handler


def test_divergence_is_told_and_leaves_the_checkpoint_before_it(tiny_spec, tmp_path):
    spec = tiny_spec(**{"train.optim.lr": 1e18, "train.optim.optim": "sgd"})
    with pytest.raises(
        DivergedError, match=r"became NaN or infinite .* lower train\.optim\.lr \(1e\+18"
    ):
        train(spec, tmp_path)
    assert "DivergedError" in status_lines(tmp_path)[-1]["message"]


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


def test_missing_data_is_a_data_error_and_a_failure(tiny_spec, tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        train(tiny_spec(**{"dataset.segment.train_split": "nowhere"}), tmp_path)
    assert [line["status"] for line in status_lines(tmp_path)] == ["STARTED", "FAILURE"]


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_last_batch_of_any_size_is_trained_on(tiny_spec, tmp_path, batch_size):
    spec = tiny_spec(**{"dataset.segment.batch_size": batch_size, "train.num_epochs": 1})
    assert train(spec, tmp_path).metrics["epoch"] == 1
    assert state(tmp_path)["global_step"] == -(-5 // batch_size)
