"""The tools: what each takes and answers, and the command that does it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from automl.experiment.lock import is_driven
from automl.experiment.paths import ExperimentPaths, experiment_folder
from automl.mcp.commands import Answer, Commands
from automl.mcp.schemas import object_schema, run_properties, text
from automl.mcp.words import flag_words, place, run_words, value_words

Arguments = Mapping[str, Any]

_FOLDER = text("folder of the data set, inside the server's folder")
_EXPERIMENT = text("folder of the experiment, or its name in runs/")
_SKILL = text("installed skill; optional if just one is installed")
_OUT = text("new folder for the experiment; default: runs/run-TIME")
_ANYTHING = object_schema({}, is_open=True)
_HANDLE = object_schema(
    {
        "experiment": text("the handle: give it to status, stop, resume, explain and promote"),
        "state": text("running, or what `status` says of an experiment that has ended already"),
    },
    ["experiment", "state"],
    is_open=True,
)
_STATUS = object_schema(
    {
        "experiment": text("folder of the experiment"),
        "state": text("running, interrupted, stopped, failed or finished"),
        "best": {"type": ["object", "null"], "description": "trial, value and epoch of the best"},
        "trials": {"type": "array", "items": {"type": "object"}},
        "promotion": {
            "type": ["object", "null"],
            "description": "the promoted model: `onnx` is its file",
        },
    },
    ["experiment", "state", "best", "trials", "promotion"],
    is_open=True,
)


@dataclass(frozen=True)
class Tool:
    """A tool of the server."""

    name: str
    description: str
    takes: Mapping[str, Any]
    """The JSON schema of its arguments."""
    answers: Mapping[str, Any]
    """The JSON schema of its answer; an error has `error`, and `errors` if there are several."""
    run: Callable[[Commands, Arguments], Answer]
    is_read_only: bool = True


def tools() -> Mapping[str, Tool]:
    """Return the tools by name."""
    return {tool.name: tool for tool in (*_data_tools(), *_run_tools(), *_job_tools())}


def _data_tools() -> list[Tool]:
    return [
        Tool(
            "data_show",
            "Counts, sizes, classes and faults of a data set.",
            object_schema({"data": _FOLDER, "skill": _SKILL}, ["data"], is_open=False),
            _ANYTHING,
            lambda commands, given: commands.call(
                ["data", "show", place(given["data"]), *flag_words(given, ["skill"])]
            ),
        ),
        Tool(
            "data_check",
            "As data_show, and an error if images of one split show the same as others.",
            object_schema({"data": _FOLDER, "skill": _SKILL}, ["data"], is_open=False),
            _ANYTHING,
            lambda commands, given: commands.call(
                [
                    "data",
                    "show",
                    place(given["data"]),
                    "--strict-data",
                    *flag_words(given, ["skill"]),
                ]
            ),
        ),
    ]


def _run_tools() -> list[Tool]:
    options = run_properties()
    asked = object_schema({**options, "out": _OUT}, is_open=False)
    only = object_schema({"experiment": _EXPERIMENT}, ["experiment"], is_open=False)
    explained = {"experiment": _EXPERIMENT, "trial": {"type": "integer", "description": "one of"}}
    return [
        Tool(
            "plan",
            "Check a run without starting it: settings, search space, first suggestions, the time "
            "and disk that it will take.",
            asked,
            _ANYTHING,
            lambda commands, given: commands.call([*run_words(given), "--dry-run"]),
        ),
        Tool(
            "run",
            "Start a search, or with policy off one training. Answers as soon as the request is "
            "checked, with a handle; follow it with status.",
            asked,
            _HANDLE,
            _run,
            is_read_only=False,
        ),
        Tool(
            "status",
            "State, trials, best trial and promotion of an experiment.",
            only,
            _STATUS,
            lambda commands, given: commands.call(["status", place(given["experiment"])]),
        ),
        Tool(
            "stop",
            "Stop a running experiment so that it can be resumed, or with `trial` one trial of it "
            "for good.",
            object_schema(
                {"experiment": _EXPERIMENT, "trial": {"type": "integer"}},
                ["experiment"],
                is_open=False,
            ),
            _ANYTHING,
            lambda commands, given: commands.call(
                ["stop", place(given["experiment"]), *flag_words(given, ["trial"])]
            ),
            is_read_only=False,
        ),
        _add_tool(),
        Tool(
            "resume",
            "Resume an interrupted or stopped experiment; answers with a handle at once.",
            only,
            _HANDLE,
            lambda commands, given: _drive(commands, ["resume", place(given["experiment"])], given),
            is_read_only=False,
        ),
        Tool(
            "explain",
            "Why a trial ended, which parameters mattered, and what to try next.",
            object_schema(explained, ["experiment"], is_open=False),
            _explanation_schema(),
            lambda commands, given: commands.call(
                ["explain", place(given["experiment"]), *flag_words(given, ["trial"])]
            ),
        ),
        _promote_tool(),
        _predict_tool(),
    ]


def _add_tool() -> Tool:
    takes = {
        "experiment": _EXPERIMENT,
        "values": {"type": "object", "description": "values of searched parameters by name"},
        "like": {"type": "integer", "description": "trial that has the others; else the defaults"},
    }
    return Tool(
        "add_trial",
        "Add a trial with values of your own to a search, beyond its number of trials.",
        object_schema(takes, ["experiment"], is_open=False),
        object_schema({"request": text("its id"), "values": {"type": "object"}}, is_open=True),
        lambda commands, given: commands.call(
            ["add", place(given["experiment"]), *value_words(given.get("values", {})),
             *flag_words(given, ["like"])]
        ),
        is_read_only=False,
    )  # fmt: skip


def _explanation_schema() -> dict[str, Any]:
    return object_schema(
        {
            "experiment": text("folder of the experiment"),
            "state": text("state of the experiment"),
            "trials": {"type": "array", "items": {"type": "object"}},
            "importance": {"type": "object", "description": "share of each parameter"},
            "advice": {"type": "array", "items": {"type": "object"}},
        },
        ["experiment", "state", "trials", "importance", "advice"],
        is_open=True,
    )


def _promote_tool() -> Tool:
    flags = {
        "trial": {"type": "integer", "description": "default: the best"},
        "to": text("models to make, e.g. onnx,int8,triton"),
        "max_drop": {"type": "number", "description": "largest loss of the metric"},
        "max_latency_ms": {"type": "number", "description": "largest median latency"},
        "min_objective": {"type": "number", "description": "objective that a champion needs"},
        "refine": {"type": "boolean", "description": "average checkpoints and more first"},
        "qat": {"type": "integer", "description": "epochs of fine-tuning of the int8 model"},
    }
    return Tool(
        "promote",
        "Export a trial of a finished experiment, verify the model and register it; answers with "
        "a handle at once. `run` promotes the best trial by itself.",
        object_schema({"experiment": _EXPERIMENT, **flags}, ["experiment"], is_open=False),
        _HANDLE,
        lambda commands, given: _drive(
            commands, ["promote", place(given["experiment"]), *flag_words(given, [*flags])], given
        ),
        is_read_only=False,
    )


def _predict_tool() -> Tool:
    takes = {
        "model": text("an experiment, or a file as runs/NAME/promoted/model.onnx"),
        "images": {
            "type": "array", "items": {"type": "string"}, "description": "image files or folders",
        },
        "out": text("new folder for masks and results"),
        "skill": _SKILL,
    }  # fmt: skip
    answers = {"artifacts": {"type": "object"}, "metrics": {"type": "object"}}
    return Tool(
        "predict",
        "Run a promoted model on images.",
        object_schema(takes, ["model", "images", "out"], is_open=False),
        object_schema(answers, ["artifacts"], is_open=True),
        lambda commands, given: commands.call(
            ["predict", place(given["model"]), *map(place, given["images"]),
             *flag_words(given, ["out", "skill"])]
        ),
        is_read_only=False,
    )  # fmt: skip


def _job_tools() -> list[Tool]:
    root = text("folder of all jobs; default: runs")
    job = text("id of the job")
    return [
        Tool(
            "jobs",
            "The jobs in a folder, experiments among them.",
            object_schema({"root": root}, is_open=False),
            object_schema({"jobs": {"type": "array"}}, ["jobs"], is_open=True),
            lambda commands, given: commands.call(["job", "list", *flag_words(given, ["root"])]),
        ),
        Tool(
            "job",
            "State, metrics and files of a job.",
            object_schema({"job": job, "root": root}, ["job"], is_open=False),
            _ANYTHING,
            lambda commands, given: commands.call(
                ["job", "show", place(given["job"]), *flag_words(given, ["root"])]
            ),
        ),
    ]


def _run(commands: Commands, given: Arguments) -> Answer:
    """Start a run in a folder that is new."""
    out = given.get("out", f"runs/run-{datetime.now():%Y%m%d-%H%M%S-%f}")
    options = {name: value for name, value in given.items() if name != "out"}
    return _detached(commands, [*run_words(options), f"--out={out}"], out, commands.root / out)


def _detached(commands: Commands, words: list[str], name: str, folder: Path) -> Answer:
    """Start a command; it has begun when the journal of the experiment grows by it.

    It never has if another process drives the experiment: the command says so, and ends.
    """
    # By one name: `new/../x` is nowhere until the command makes `new`, and then an old journal.
    paths = ExperimentPaths(folder.resolve())
    with commands.starting[paths.root]:
        is_driven_already, before = is_driven(paths), _size(paths.journal)
        answer = commands.detach(
            words, lambda: not is_driven_already and _size(paths.journal) > before
        )
    return answer or Answer({"experiment": name, "state": "running"})


def _drive(commands: Commands, words: list[str], given: Arguments) -> Answer:
    """Start a command on an experiment that is there."""
    name = given["experiment"]
    return _detached(commands, words, name, experiment_folder(name))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
