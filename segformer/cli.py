"""The command `segformer ACTION [-e spec.yaml] key=value ...`. Loads heavy modules when needed."""

import argparse
import contextlib
import errno
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from segformer.errors import USER_KINDS, SkillError, SpecError, error_to_dict, printable
from segformer.result import Result
from segformer.storage.location import is_remote, redacted

_HELP = {
    "train": "train a model; resumes from the last checkpoint in the results folder",
    "evaluate": "score a checkpoint or an ONNX model on a split",
    "inference": "write masks and overlays of images, of any size, that need no labels",
    "export": "write a checkpoint as ONNX",
    "quantize": "write a model in 8 bits, measured before and after",
    "gen_trt_engine": "build a TensorRT engine of an ONNX model",
}
_BROKEN_PIPE = 141
"""The exit code of a program that SIGPIPE ended, as a shell reports it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns 0, or 1 for a failed run, 2 for a user's fault, 75 for SIGTERM, 130 for Ctrl-C. A bug of
    this program keeps its traceback. With --json an error is an object on stdout too.
    """
    is_json = "--json" in (sys.argv[1:] if argv is None else argv)
    terminated = threading.Event()
    try:
        options = _options(argv)
        with _sigterm_as_interrupt(terminated):
            answer = _COMMANDS.get(options.action, _run)(options)
    except SkillError as error:
        _print_error(error, is_json=is_json)
        return 2 if error.kind in USER_KINDS else 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        full = SkillError(
            f"{error.filename}: {error.strerror}; free some space, then the same command resumes"
        )
        full.kind = "machine"
        _print_error(full, is_json=is_json)
        return 1
    except KeyboardInterrupt:
        is_sigterm = terminated.is_set()
        ended = SkillError("stopped by SIGTERM" if is_sigterm else "interrupted")
        ended.kind = "stopped" if is_sigterm else "interrupted"
        _print_error(ended, is_json=is_json)
        return 75 if is_sigterm else 130
    return _print_answer(answer)


def _print_answer(text: str) -> int:
    try:
        print(printable(text), flush=True)
    except BrokenPipeError:
        # The reader has gone; the interpreter's own flush at exit must find an open file.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"segformer: stdout: cannot be written ({error.strerror})", file=sys.stderr)
        return 1
    return 0


def _print_error(error: SkillError, *, is_json: bool) -> None:
    for fault in error.faults:
        text = redacted(fault)
        line = _event("error", text) if is_json else printable(f"segformer: {text}")
        print(line, file=sys.stderr)
    if is_json:
        print(redacted(json.dumps(error_to_dict(error))))


def _event(what: str, text: str) -> str:
    content = {"time": round(time.time(), 3), "what": what, "text": text}
    return json.dumps(content, ensure_ascii=False)


@contextlib.contextmanager
def _sigterm_as_interrupt(terminated: threading.Event) -> Iterator[None]:
    """End a run on SIGTERM as on Ctrl-C, so that its status records how it ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        terminated.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Parser(argparse.ArgumentParser):
    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """Refuse an empty text: most come from a variable that is not set."""
        if not arg_string.strip() and not isinstance(action, argparse._SubParsersAction):
            raise argparse.ArgumentError(action, "is empty (is a variable of the shell unset?)")
        return super()._get_value(action, arg_string)

    def error(self, message: str) -> NoReturn:
        raise SpecError(f"{message}; see {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    commands = _Parser(prog="segformer", description="SegFormer for semantic segmentation.")
    actions = commands.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, text in _HELP.items():
        command = actions.add_parser(action, help=text, description=text.capitalize() + ".")
        command.add_argument(
            "-e", "--spec", type=Path, metavar="SPEC", help="YAML file; else the packaged template"
        )
        command.add_argument(
            "--json", action="store_true",
            help="print one JSON object on stdout; errors as JSON lines on stderr",
        )  # fmt: skip
        command.add_argument(
            "overrides", nargs="*", metavar="key=value", help="e.g. train.optim.lr=1e-3"
        )
    specs = "write the default spec of every action into a folder"
    command = actions.add_parser("default_specs", help=specs, description=specs.capitalize() + ".")
    command.add_argument("overrides", nargs="*", metavar="results_dir=FOLDER", help="the folder")
    fields = "list all fields of the spec: type, default, bounds and effect"
    listing = actions.add_parser("fields", help=fields, description=fields.capitalize() + ".")
    listing.add_argument("--json", action="store_true", help="print one JSON list on stdout")
    listing.add_argument(
        "overrides", nargs="*", metavar="key", help="only keys that begin with this"
    )
    return commands


_OLD_OPTIONS = {
    **dict.fromkeys(("-k", "--key"), "encryption_key"),
    **dict.fromkeys(("-r", "--results_dir"), "results_dir"),
    **dict.fromkeys(("-g", "--gpus", "--num_gpus"), "train.num_gpus"),
    **dict.fromkeys(("--gpu_index", "--gpu_ids"), "train.gpu_ids"),
    **dict.fromkeys(("-m", "--model"), "{action}.checkpoint"),
}
"""Options of earlier TAO, and the keys of the spec that took their place."""


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    commands = parser()
    options, rest = commands.parse_known_args(argv)
    if unknown := [word for word in rest if word.startswith("-")]:
        name = unknown[0].partition("=")[0]
        key = _OLD_OPTIONS.get(name, "").format(action=options.action)
        commands.error(f"unknown option {unknown[0]}{f'; give {key}=VALUE' if key else ''}")
    # argparse leaves the overrides that follow an option in `rest`.
    options.overrides += rest
    return options


def _run(options: argparse.Namespace) -> str:
    from segformer.skill import skill
    from segformer.spec.keys import full_keys
    from segformer.spec.overrides import read_file, read_words
    from segformer.spec.references import with_references_resolved

    action: str = options.action
    # The packaged template holds the defaults. Unlike a file's, they yield to dataset.json.
    in_file = read_file(options.spec) if options.spec else {}
    words = full_keys(read_words(options.overrides))
    values = with_references_resolved({**full_keys(in_file), **words})
    address = _take_address(action, values)
    spec = skill.resolve(action, values)
    # Libraries may print; stdout holds only the answer.
    with contextlib.redirect_stdout(sys.stderr):
        # A size in a file is not refused: NVIDIA's templates have one, whatever the model.
        if _IMAGE_SIZE in words:
            skill.check_image_size(action, spec)
        if action == "train":
            skill.check_again(spec, progress=_progress)
        if address is None:
            result = skill.run(action, spec, results_folder(action, spec))
            artifacts = {name: str(path) for name, path in result.artifacts.items()}
        else:
            from segformer.storage.results import ResultsMirror

            mirror = ResultsMirror(address, key="results_dir")
            with mirror.mirrored() as folder:
                result = skill.run(action, spec, folder)
            artifacts = {name: mirror.address_of(path) for name, path in result.artifacts.items()}
    return _json(action, result, artifacts) if options.json else _text(result, artifacts)


_IMAGE_SIZE = "dataset.segment.img_size"


def _take_address(action: str, values: dict[str, Any]) -> str | None:
    """Take a remote results folder out of the values: the action itself writes to a local one."""
    own, above = f"{action}.results_dir", "results_dir"
    key = own if values.get(own) else above
    if key == own and is_remote(values.get(above)):
        del values[above]  # It has no effect.
    if not is_remote(values.get(key)):
        return None
    address = str(values.pop(key)).rstrip("/")
    return address if key == own else f"{address}/{action}"


def _list_fields(options: argparse.Namespace) -> str:
    from segformer.describe.field_list import field_rows, table

    rows = [row for row in field_rows() if row.key.startswith(tuple(options.overrides or [""]))]
    if not rows:
        raise SpecError(f"no field begins with {' or '.join(options.overrides)}")
    return json.dumps([row.to_dict() for row in rows]) if options.json else table(rows)


def _write_default_specs(options: argparse.Namespace) -> str:
    from segformer.describe.schema import template
    from segformer.spec import ACTIONS
    from segformer.spec.overrides import read_words

    words = read_words(options.overrides)
    if unknown := [key for key in words if key != "results_dir"]:
        raise SpecError(f"{unknown[0]}: default_specs takes only results_dir=FOLDER")
    folder = Path(str(words.get("results_dir") or "results/default_specs"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for action in ACTIONS:
            (folder / f"{action}.yaml").write_text(template(action), encoding="utf-8")
    except OSError as error:
        raise SpecError(f"results_dir: {folder} cannot be written ({error})") from None
    return "\n".join(str(folder / f"{action}.yaml") for action in ACTIONS)


_COMMANDS = {"fields": _list_fields, "default_specs": _write_default_specs}


def results_folder(action: str, spec: dict[str, Any]) -> Path:
    """Return <action>.results_dir, else results_dir/<action>, else ./results/<action>."""
    own = spec[action]["results_dir"]
    return Path(own) if own else Path(spec["results_dir"] or "results") / action


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\rchecking the data: {done} of {total} pairs", end=end, file=sys.stderr, flush=True)


def _json(action: str, result: Result, artifacts: Mapping[str, str]) -> str:
    note = {"note": result.note} if result.note else {}
    content = {"action": action, **note, "metrics": result.metrics, "artifacts": artifacts}
    return json.dumps(content, allow_nan=False)


_SCORES = ("iou", "f1", "precision", "recall")


def _text(result: Result, artifacts: Mapping[str, str]) -> str:
    """Return metrics, a table of the scores of each class, and the files written."""
    plain: dict[str, float] = {}
    classes: dict[str, dict[str, float]] = {}
    for name, value in result.metrics.items():
        _, kind, rest = [*name.split("_", 2), "", ""][:3]
        if rest and kind in _SCORES:
            classes.setdefault(rest, {})[kind] = value
        else:
            plain[name] = value
    lines = [f"note: {result.note}", ""] if result.note else []
    lines += [f"{name}: {value:.6g}" for name, value in plain.items()]
    if classes:
        width = max(map(len, ["class", *classes]))
        lines += ["", f"{'class':{width}}" + "".join(f"  {kind:>9}" for kind in _SCORES)]
        for name, scores in classes.items():
            lines.append(f"{name:{width}}" + "".join(f"  {scores[k]:9.4f}" for k in _SCORES))
    lines += ["", *(f"{name}: {path}" for name, path in artifacts.items())]
    return "\n".join(lines).strip()


if __name__ == "__main__":
    sys.exit(main())
