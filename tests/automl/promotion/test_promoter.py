import json
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import yaml
from rewritten import rewrite_journal
from toy_skill import ToyError, ToyResult, ToySkill, _write_onnx

from automl.errors import RunFailed, UsageError
from automl.experiment.experiment import Experiment
from automl.experiment.journal import Journal
from automl.experiment.resources import Resources
from automl.jobs.record import JobState
from automl.jobs.store import JobStore
from automl.plan.plan import plan_from_request
from automl.promotion.gates import GateError, PromotionRequest, check_qat
from automl.promotion.promoter import Promoter
from automl.report.summary import summary
from automl.request.request import Request
from automl.request.search import SearchRequest
from automl.session.fsck import accept
from automl.session.session import drive, promote, targets_of
from automl.skill.loaded import LoadedSkill


@pytest.fixture
def searched(toy_data, tmp_path):
    """Return a function that runs a search in this process up to its promotion."""

    def make(**overrides):
        request = Request(
            skill="toy", data=str(toy_data), search=SearchRequest(trials=3, epochs=4),
            out=tmp_path / "e", overrides={k.replace("__", "."): v for k, v in overrides.items()},
            resources=Resources(runner="local"), tracker="none",
        )  # fmt: skip
        plan_from_request(request).write()
        drive(tmp_path / "e")
        return tmp_path / "e"

    return make


def set_in_spec(root, section, **values):
    """Change what an experiment promotes with, as if its skill had changed meanwhile."""
    settings = yaml.safe_load((root / "settings.yaml").read_text())
    settings["spec"][section].update(values)
    (root / "settings.yaml").write_text(yaml.safe_dump(settings))
    accept(root)


def jobs_of(root, kind):
    found = JobStore(root.parent).jobs()
    return {job.id: job for job in found if job.id.startswith(f"e/{kind}")}


@pytest.fixture
def finished(automl, toy_data, tmp_path):
    done = automl("run", "--skill", "toy", "--data", toy_data, "--out", "e", "--trials", "3",
                  "--runner", "local", "--tracker", "none", "--quiet", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return tmp_path / "e"


def test_another_trial_is_promoted_by_its_number(automl, finished):
    done = automl("promote", "e", "--trial", "0", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["promotion"]["trial"] == 0
    parity = json.loads((finished / "promoted" / "parity.json").read_text())
    assert (parity["trial"], parity["is_equal"]) == (0, True)


def test_the_card_says_what_was_measured_and_how_to_load_it(finished):
    card = (finished / "promoted" / "model_card.md").read_text()
    for text in ("## Verification", "| ONNX Runtime |", "fingerprint toy", "InferenceSession"):
        assert text in card


def test_a_trial_without_a_result_is_refused_with_those_that_have_one(automl, finished):
    done = automl("promote", "e", "--trial", "9")
    assert done.returncode == 2
    assert "--trial: 9 has no result to promote; those that have: 0, 1, 2" in done.stderr


def test_a_conversion_that_the_skill_has_no_action_for_is_refused(automl, finished):
    done = automl("promote", "e", "--to", "onnx,int8")
    assert done.returncode == 2
    assert "--to: int8: toy has no action quantize" in done.stderr
    assert (finished / "promoted" / "model.onnx").exists()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [({"to": ("onx",)}, r"'onx' is not one of onnx, int8, engine.*onnx"),
     ({"max_drop": 2.0}, "--max-drop: 2 is not allowed"),
     ({"max_latency_ms": 0.0}, "--max-latency-ms: 0 is not allowed: must be over 0"),
     ({"max_logit_difference": -1.0}, "--max-logit-difference: -1 is not allowed")],
)  # fmt: skip
def test_what_cannot_be_promoted_to_is_refused(wanted, message):
    with pytest.raises(UsageError, match=message):
        PromotionRequest(**wanted)


def test_how_fast_each_model_is_stands_in_the_proof_and_on_the_card(searched):
    root = searched(evaluate__latency_ms=12.5)
    parity = json.loads((root / "promoted" / "parity.json").read_text())
    speed = {"latency_p50_ms": 12.5, "latency_p95_ms": 25.0}
    assert parity["latency"] == {"checkpoint": speed, "onnx": speed}
    card = (root / "promoted" / "model_card.md").read_text()
    assert "## Speed" in card and "| onnx | 12.5 | 25 | - |" in card
    shown = summary(Experiment.load(root))
    assert "median latency: checkpoint 12.5 ms, onnx 12.5 ms" in shown


def test_a_model_that_is_too_slow_is_rejected_with_the_figures(searched):
    root = searched(evaluate__latency_ms=12.5)
    told = r"the onnx model takes 12\.50 ms \(median\); --max-latency-ms allows 10"
    with pytest.raises(RunFailed, match=told):
        promote(root, PromotionRequest(max_latency_ms=10))
    assert (root / "rejected" / "model.onnx").exists()
    refused = jobs_of(root, "rejected")["e/rejected/onnx"]
    assert (refused.state, refused.failure.kind) == (JobState.FAILED, "rejected")
    assert "12.50 ms" in refused.failure.message
    assert promote(root, PromotionRequest(max_latency_ms=13)).state == "finished"


def test_a_model_whose_outputs_are_too_far_off_is_rejected(searched):
    root = searched()
    set_in_spec(root, "export", logits=0.02)
    with pytest.raises(
        RunFailed, match=r"differs by 0\.02 .* --max-logit-difference allows 0\.001"
    ):
        promote(root, PromotionRequest())
    assert promote(root, PromotionRequest(max_logit_difference=0.03)).state == "finished"


@pytest.mark.parametrize(("fail", "kind"), [("usage", "usage"), ("crash", "crashed")])
def test_a_step_that_fails_is_a_failed_job_with_its_log(searched, fail, kind):
    root = searched()
    set_in_spec(root, "export", fail=fail)
    with pytest.raises(RunFailed, match=f"not promoted: export failed: {kind}: .*no export into"):
        promote(root, PromotionRequest())
    (failed,) = jobs_of(root, "rejected").values()
    assert (failed.action, failed.state) == ("export", JobState.FAILED)
    assert failed.parent.startswith("e/trials/")
    assert "toy: no export into" in (root / "rejected" / "log.txt").read_text()
    assert (root / "rejected" / "spec.yaml").exists()
    assert (root / "promoted" / "model.onnx").exists(), "the earlier promotion stays"
    assert Experiment.load(root).state == "failed"


def test_what_reaches_no_champion_is_promoted_with_the_reason_everywhere(searched):
    root = searched(train__lr=3e-2, train__width=16, train__flip__p=0.2)
    promoted = promote(root, PromotionRequest(trial=0, min_objective=2))
    warnings = promoted.promotion["warnings"]
    assert warnings[-1].startswith("not made champion: score 0.")
    assert warnings[-1].endswith("is below --min-objective 2")
    pages = [summary(promoted), (root / "promoted" / "model_card.md").read_text(),
             (root / "report.html").read_text()]  # fmt: skip
    assert all("is below --min-objective 2" in page for page in pages)


@pytest.mark.parametrize("least", [None, 0.0])
def test_what_has_learned_nothing_is_no_champion_unless_the_user_says_so(searched, least):
    root = searched()
    skill = LoadedSkill(ToySkill())
    info = replace(skill.info, quality={"constant": {"score": "score"}})
    request = PromotionRequest(min_objective=least)
    promotion = Promoter(Experiment.load(root), skill, info, request).promote()
    if least is None:
        assert "no better than a constant prediction" in promotion["barred"]
        assert promotion["warnings"][-1] == f"not made champion: {promotion['barred']}"
    else:
        assert "barred" not in promotion


def test_the_least_objective_of_a_run_holds_for_later_promotions(automl, toy_data, tmp_path):
    done = automl("run", "--skill", "toy", "--data", toy_data, "--out", "e", "--policy", "off",
                  "--tracker", "none", "--quiet", "--json", "--min-objective", "2")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "below --min-objective 2" in json.loads(done.stdout)["promotion"]["barred"]
    assert "barred" in promote(tmp_path / "e", PromotionRequest()).promotion
    assert "barred" not in promote(tmp_path / "e", PromotionRequest(min_objective=0)).promotion


def test_what_a_skill_does_not_tell_cannot_be_asked_for():
    with pytest.raises(
        GateError, match="does not report latency_p50_ms, so --max-latency-ms cannot"
    ):
        PromotionRequest(max_latency_ms=5).check_latency("onnx", {})
    with pytest.raises(GateError, match="does not report max_logit_difference"):
        PromotionRequest(max_logit_difference=0.1).check_logits(None)
    PromotionRequest().check_logits(None)
    with pytest.raises(GateError, match="differs by nan"):
        PromotionRequest().check_logits(float("nan"))


def test_the_best_are_confirmed_on_fresh_seeds_before_the_promotion(searched):
    root = searched()
    before = Experiment.load(root)
    best = before.best.number
    promoted = promote(root, PromotionRequest(), confirm_seeds=2)
    repeats = [t for t in promoted.history.trials.values() if t.confirms is not None]
    assert len(repeats) == 4 and {t.adjusted["train.seed"] for t in repeats} == {1, 2}
    assert promoted.promotion["trial"] == promoted.confirmed()[0]["best_trial"] != best
    assert promoted.settings.confirm_seeds == 2
    parity = json.loads((root / "promoted" / "parity.json").read_text())
    assert parity["recorded"] == promoted.value_of(promoted.best)
    again = promote(root, PromotionRequest(), confirm_seeds=2)
    assert len(again.history.trials) == len(promoted.history.trials)


def test_a_confirmation_of_one_trial_alone_is_refused(searched):
    root = searched()
    with pytest.raises(UsageError, match="--confirm-seeds and --trial 0: give one of them"):
        promote(root, PromotionRequest(trial=0), confirm_seeds=1)


def test_a_search_that_broke_off_is_not_confirmed(searched):
    root = searched()
    settings = (root / "settings.yaml").read_text()
    events = list(Journal(root / "journal.jsonl").read())
    started = [i for i, event in enumerate(events) if event["event"] == "start"]
    closed = next(event for event in events if event["event"] == "closed")
    kept = [*events[: started[1]], {**closed, "state": "failed"}]
    rewrite_journal(root / "journal.jsonl", kept)
    with pytest.raises(UsageError, match="its search broke off, .* automl resume"):
        promote(root, PromotionRequest(), confirm_seeds=1)
    assert (root / "settings.yaml").read_text() == settings


@pytest.mark.parametrize(
    "words", [["--trial", "9"], ["--to", "engine"], ["--to", "triton"], ["--max-drop", "9"]]
)
def test_a_mistake_leaves_the_experiment_as_it_was(automl, finished, words):
    before = {p: p.read_bytes() for p in finished.rglob("*") if p.is_file()}
    assert automl("promote", "e", *words).returncode == 2
    assert {p: p.read_bytes() for p in finished.rglob("*") if p.is_file()} == before
    assert Experiment.load(finished).state == "finished"


class ConvertingSkill(ToySkill):
    """A toy that makes an int8 model, worse by a tenth, and fails to build an engine.

    It fine-tunes weights for 8 bits, which gain a hundredth an epoch.
    """

    def _quantize(self, spec, folder, report):
        model, epochs = Path(spec["quantize"]["model"]), spec["quantize"].get("epochs", 0)
        if epochs:
            state = json.loads(model.read_text())
        else:
            state = json.loads(onnx.load(model).metadata_props[0].value)
        without, tuned = state["score"] - 0.1, state["score"] - 0.1 + epochs / 100
        _write_onnx(folder / "int8.onnx", {**state, "score": tuned})
        metrics = {"qat_epochs": epochs, "score_without_qat": without, "score_with_qat": tuned,
                   "qat_is_kept": 1.0} if epochs else {}  # fmt: skip
        return ToyResult({"onnx": folder / "int8.onnx"}, metrics)

    def _gen_trt_engine(self, spec, folder, report):
        raise ToyError("usage", f"no GPU to build {folder}")

    def _export(self, spec, folder, report):
        made = super()._export(spec, folder, report)
        weights = made.artifacts["onnx"].with_name("weights.json")
        weights.write_text(Path(spec["export"]["model"]).read_text())
        artifacts = {**made.artifacts, "weights": weights}
        return ToyResult(artifacts, {**made.metrics, "bilinear_changed_pixels": 0.25})

    def package(self, name, models, folder):
        folder.mkdir()
        (folder / "kinds.txt").write_text(" ".join(models))
        if not all(path.exists() for path in models.values()):
            raise ToyError("usage", f"{folder}: a model is missing")
        return [folder / "kinds.txt"]


def converted(root, to=("onnx", "int8", "engine", "triton"), **wanted):
    """Promote with conversions and packages; return the promotion."""
    skill = LoadedSkill(ConvertingSkill())
    params = {name: {f"{name}.model": "parent_model"} for name in ("quantize", "gen_trt_engine")}
    params = {**skill.info.spec_params, **params}
    qat = {"epochs": "quantize.epochs", "model": "weights"}
    hints = {**skill.info.promotion, "deepstream": {}, "qat": qat}
    packages = {"triton": "a package"}
    info = replace(skill.info, spec_params=params, packages=packages, promotion=hints)
    request = PromotionRequest(to=to, **wanted)
    return Promoter(Experiment.load(root), skill, info, request).promote()


def test_a_conversion_that_fails_is_left_out_by_name_and_the_others_are_made(searched):
    root = searched()
    promotion = converted(root, max_drop=0.2)
    reason = promotion["left_out"]["engine"]
    assert reason.startswith("gen_trt_engine failed: usage: no GPU to build ")
    assert promotion["parity"]["int8"]["drop"] == pytest.approx(0.1)
    assert (root / "promoted/int8/int8.onnx").exists()
    assert "no GPU" in (root / "rejected/engine/log.txt").read_text()
    assert f"- left out: engine: {reason}" in (root / "promoted/model_card.md").read_text()
    assert (root / "promoted/triton/kinds.txt").read_text() == "onnx int8"


def test_int8_is_made_of_weights_that_are_fine_tuned_for_it(searched):
    root = searched()
    promotion = converted(root, to=("onnx", "int8"), max_drop=0.2, qat=4)
    int8 = promotion["parity"]["int8"]
    assert int8["drop"] == pytest.approx(0.06) and int8["qat_epochs"] == 4
    figures = f"{int8['score_without_qat']:.4f} without, {int8['score_with_qat']:.4f} with it: kept"
    text = f"uantization-aware fine-tuning, epochs 4: score {figures}"
    assert text in (root / "promoted/model_card.md").read_text()
    assert jobs_of(root, "promoted")["e/promoted/int8"].parent == "e/promoted"


def test_fine_tuning_is_refused_where_no_int8_model_is_made_of_it(searched):
    root = searched()
    with pytest.raises(UsageError, match="--qat: fine-tunes the int8 model, but only onnx is to"):
        converted(root, to=("onnx",), qat=2)
    with pytest.raises(UsageError, match="--qat: -1 is not allowed: must be 0 or more epochs"):
        converted(root, qat=-1)
    with pytest.raises(UsageError, match="--qat: toy has no quantization-aware fine-tuning"):
        check_qat(LoadedSkill(ToySkill()).info)


def test_an_export_for_another_program_tells_what_that_program_changes(searched):
    root = searched()
    promotion = converted(root, to=("onnx", "deepstream"))
    facts = {"file": "deepstream/model.onnx", "bilinear_changed_pixels": 0.25}
    assert promotion["parity"]["deepstream"] == facts and promotion["left_out"] == {}
    assert (root / "promoted/deepstream/model.onnx").exists()
    assert "bilinear changed pixels 25.00%" in (root / "promoted/model_card.md").read_text()
    assert "e/promoted/deepstream" in jobs_of(root, "promoted")


def test_a_later_promotion_makes_the_models_of_the_last_one(searched):
    experiment = Experiment.load(searched())
    assert experiment.promotion["to"] == ["onnx"]
    experiment.history.promotion["to"] = ["onnx", "int8"]
    assert targets_of(experiment) == ("onnx", "int8")
    experiment.history.promotion = None
    settings = replace(experiment.settings, to=("onnx", "engine"))
    assert targets_of(replace(experiment, settings=settings)) == ("onnx", "engine")


def test_a_conversion_that_its_gate_refuses_does_not_cost_the_verified_model(searched):
    root = searched()
    promotion = converted(root)
    assert list(promotion["left_out"]) == ["int8", "engine"]
    assert "worse by 0.100000; --max-drop allows 0.005" in promotion["left_out"]["int8"]
    assert (root / "promoted/model.onnx").exists() and (root / "rejected/int8/int8.onnx").exists()
    assert "int8" not in json.loads((root / "promoted/parity.json").read_text())
    refused = jobs_of(root, "rejected")["e/rejected/int8/measured"]
    assert (refused.parent, refused.failure.kind) == ("e/rejected/int8", "rejected")
    assert jobs_of(root, "rejected")["e/rejected/int8"].parent == "e/promoted"


def test_a_package_that_cannot_be_made_is_left_out_by_name(searched, monkeypatch):
    def package(self, name, models, folder):
        raise ToyError("usage", f"{folder}: too odd")

    monkeypatch.setattr(ConvertingSkill, "package", package)
    promotion = converted(searched(), max_drop=0.2)
    assert promotion["left_out"]["triton"] == "triton: too odd"
    assert promotion["parity"]["int8"]["value"] is not None


def test_the_exit_code_and_the_json_say_what_was_left_out(automl, finished):
    left_out = {"left_out": {"int8": "worse"}}
    events = list(Journal(finished / "journal.jsonl").read())
    changed = [
        {**event, "promotion": event["promotion"] | left_out} if "promotion" in event else event
        for event in events
    ]
    rewrite_journal(finished / "journal.jsonl", changed)
    done = automl("resume", "e", "--quiet", "--json")
    assert done.returncode == 1
    shown = json.loads(done.stdout)
    assert shown["error"]["message"] == "left out: int8: worse"
    assert shown["promotion"]["left_out"] == {"int8": "worse"} and shown["state"] == "finished"
