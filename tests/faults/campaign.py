"""Kills searches at seeded moments, resumes them, and checks that nothing was lost or changed.

    python tests/faults/campaign.py --out DIR [--runs 300] [--runner local|ray] [--seed 0]
        [--skill toy|segformer] [--tracker none|mlflow]

Each run kills its driver before, within or after the write of an event of the journal, or a process
at a random moment, up to three times; then it is resumed until it ends. It must end as a search
that nobody disturbed: the same trials, epochs, states and best; and MLflow, if it tracks, must hold
what the journal holds. Prints a table, and writes it to DIR/faults.md. One process loads the
libraries; each command is a fork of it.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
MODES = ("before", "torn", "after")
SILENCE_S = 60
LEFT_S = 10
LOCAL_VICTIMS = ("driver", "worker")
RAY_VICTIMS = (*LOCAL_VICTIMS, "actor", "raylet", "gcs")
ALGORITHMS = ("tpe", "random", "auto", "asha", "hyperband", "bohb", "dehb", "pbt")


@dataclass(frozen=True)
class Search:
    """What each run of a campaign searches, and where it writes."""

    skill: str = "toy"
    runner: str = "local"
    tracker: str = "none"

    def write(self, root, data, algorithm):
        """Write the search's folder."""
        if self.skill == "toy":
            write_search(root, data, algorithm, self.runner, self.tracker)
        else:
            write_training(root, data, algorithm, self.runner, self.tracker)

    @property
    def objective(self):
        """The metric that the trials are compared by."""
        return "score" if self.skill == "toy" else "val_miou"


@dataclass(frozen=True)
class Kill:
    """A kill: of the driver at an event, or of a process some seconds after its start."""

    victim: str
    mode: str = ""
    number: int = 0
    seconds: float = 0.0

    def __str__(self):
        how = f"{self.mode} event {self.number}" if self.mode else f"after {self.seconds:.1f} s"
        return f"{self.victim} {how}"


@dataclass
class Result:
    """What a run of the campaign found."""

    seed: int
    algorithm: str
    kills: list = field(default_factory=list)
    faults: list = field(default_factory=list)


def drawn(seed, events, seconds, victims, algorithms):
    """Return the algorithm of a seed and its kills; `events` and `seconds` are an undisturbed
    search's."""
    draw = random.Random(f"faults-{seed}")
    kills = []
    for _ in range(draw.randint(1, 3)):
        victim = draw.choice(victims)
        if victim == "driver" and draw.random() < 0.7:
            kills.append(Kill(victim, draw.choice(MODES), draw.randint(1, max(2, events // 2))))
        else:
            kills.append(Kill(victim, seconds=draw.uniform(0.02, 0.9) * seconds))
    return draw.choice(algorithms), kills


def write_search(root, data, algorithm, runner, tracker):
    """Write a small search of the toy skill."""
    written(root, data, runner, tracker, {}, skill="toy",
            search={"algorithm": algorithm, "trials": 4, "epochs": 4})  # fmt: skip


def write_training(root, data, algorithm, runner, tracker):
    """Write a search of real trainings, as small as they can be."""
    small = {"img_size": 32, "batch_size": 4, "workers": 0}
    overrides = {f"dataset.segment.{name}": value for name, value in small.items()}
    overrides["model.backbone.type"] = "mit_b0"
    written(root, data, runner, tracker, overrides, skill="segformer", weights="none",
            search={"algorithm": algorithm, "trials": 3, "epochs": 2})  # fmt: skip


def written(root, data, runner, tracker, overrides, *, search, **options):
    """Write an experiment; on Ray one trial at a time, so that two searches are equal."""
    from automl.experiment.resources import Resources
    from automl.plan.plan import plan_from_request
    from automl.request.request import Request
    from automl.request.search import SearchRequest

    concurrency = 1 if runner == "ray" else None
    plan_from_request(
        Request(
            data=str(data), out=root, seed=7, tracker=tracker, search=SearchRequest(**search),
            resources=Resources(runner=runner, concurrency=concurrency), overrides=overrides,
            **options,
        )
    ).write()  # fmt: skip


def start(root, log, kill=None):
    """Drive an experiment in a fork that leads a session of its own; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setsid()
        place = root.resolve().with_suffix(".work")
        place.mkdir(exist_ok=True)
        os.chdir(place)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1), os.dup2(out, 2)
        if kill is not None and kill.mode:
            die_at(kill)
        from automl.errors import AutomlError
        from automl.session.session import drive

        try:
            drive(root)
            code = 0
        except AutomlError as error:
            print(error, file=sys.stderr, flush=True)
            code = error.exit_code
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def die_at(kill):
    """Have this process die at a write of the journal."""
    from automl.experiment.journal import Journal
    from automl.files import json_text

    append, seen = Journal.append, Counter()

    def dying(self, *events):
        seen["writes"] += 1
        is_here = seen["writes"] == kill.number
        if is_here and kill.mode == "torn":
            text = json_text(events[0]).encode()
            with self.path.open("ab") as file:
                file.write(text[: len(text) // 2])
        if is_here and kill.mode != "after":
            os.kill(os.getpid(), signal.SIGKILL)
        append(self, *events)
        if is_here:
            os.kill(os.getpid(), signal.SIGKILL)

    Journal.append = dying


def wait(pid, limit, journal):
    """Return the exit code; None if the process is silent in the journal for `limit` seconds."""
    heard, size = time.monotonic(), -1
    while time.monotonic() - heard < limit:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        now = journal.stat().st_size if journal.exists() else 0
        if now != size:
            heard, size = time.monotonic(), now
        time.sleep(0.02)
    return None


def processes_of(root):
    """Return the living processes of a run, with their commands: they work in its folders."""
    commands = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str((folder / "cwd").readlink()).startswith(str(root.resolve())):
                commands[int(folder.name)] = (folder / "cmdline").read_bytes().decode()
    return commands


def victim_of(kill, driver, root):
    """Return the pid to kill; None if there is none now."""
    from automl.machine.leash import descendants

    if kill.victim == "driver":
        return driver
    commands = processes_of(root)
    if kill.victim == "worker":
        # A leash leads it: here forks of the driver, on Ray a new Python and its fork.
        is_ray = any("gcs_server" in command for command in commands.values())
        leashes = [p for p, command in commands.items() if "automl.runners.worker" in command]
        return max(leashes if is_ray else descendants(driver)[1:2], default=None)
    names = {"raylet": "raylet/raylet", "gcs": "gcs_server", "actor": "ray::"}
    return next((p for p, c in commands.items() if names[kill.victim] in c), None)


def outcome(root, search):
    """Return faults of a journal, and what two equal searches have in common."""
    from automl.experiment.experiment import Experiment

    experiment = Experiment.load(root)
    faults, trials = [], {}
    for number, trial in experiment.history.trials.items():
        epochs = [report.epoch for report in trial.reports]
        if epochs != list(range(epochs[0], epochs[0] + len(epochs))) if epochs else False:
            faults.append(f"trial {number}: epochs {epochs}")
        if not trial.state.is_final:
            faults.append(f"trial {number} has no end")
        scores = [report.metrics[search.objective] for report in trial.reports]
        trials[number] = (trial.values, epochs, scores, trial.state.value)
    if experiment.history.closed != "finished":
        faults.append(f"closed as {experiment.history.closed}")
    best = experiment.best
    number = None if best is None else best.number
    if search.tracker == "mlflow":
        faults += mirrored(root, search, trials, number)
    return faults, (trials, number)


def mirrored(root, search, trials, best):
    """Return where MLflow's database differs from the journal."""
    runs = runs_in_mlflow(root)
    parents = runs.pop(None, [])
    faults = []
    if [run["status"] for run in parents] != ["FINISHED"]:
        faults.append(f"MLflow has the search as {[run['status'] for run in parents]}")
    expected = {str(number): (sorted(zip(epochs, scores, strict=True)), state)
                for number, (_, epochs, scores, state) in trials.items()}  # fmt: skip
    found = {
        number: (sorted(run["metrics"][search.objective]), run["tags"].get("automl.state"))
        for number, (run, *_) in runs.items()
    }
    faults += [f"MLflow has trial {n} as {found.get(n)} instead of {expected.get(n)}"
               for n in {*found, *expected} if found.get(n) != expected.get(n)]  # fmt: skip
    faults += [f"MLflow has {len(r)} runs of trial {n}" for n, r in runs.items() if len(r) > 1]
    crowned = [n for n, (run, *_) in runs.items() if run["tags"].get("automl.rank") == "best"]
    if crowned != ([] if best is None else [str(best)]):
        faults.append(f"MLflow has {crowned} as the best instead of {best}")
    return faults


def runs_in_mlflow(root):
    """Return the runs of an experiment by trial, its own under None, as the database has them."""
    runs, of_trial = {}, defaultdict(list)
    with contextlib.closing(sqlite3.connect(root.parent / "mlflow.db")) as database:
        for run, status in database.execute("select run_uuid, status from runs"):
            runs[run] = {"status": status, "tags": {}, "metrics": defaultdict(list)}
        for run, key, value in database.execute("select run_uuid, key, value from tags"):
            runs[run]["tags"][key] = value
        for run, key, *point in database.execute("select run_uuid, key, step, value from metrics"):
            runs[run]["metrics"][key].append(tuple(point))
    for run in runs.values():
        if run["tags"].get("automl.experiment") == str(root.resolve()):
            of_trial[run["tags"].get("automl.trial")].append(run)
    return of_trial


def attacked(root, result, truth, *, search=Search(), data=None):
    """Kill a search as a result says, resume it to its end, and add the faults."""
    log, journal = root.with_suffix(".log"), root / "journal.jsonl"
    search.write(root, data, result.algorithm)
    for kill in [*result.kills, None]:
        pid = start(root, log, kill)
        if kill is not None and not kill.mode:
            code = wait_or_kill(pid, kill, root)
        else:
            code = wait(pid, SILENCE_S, journal)
        if code is None:
            result.faults.append(f"silent for {SILENCE_S} s after {kill}")
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        elif not (code in (0, -signal.SIGKILL, 75) or ended_by_ray(code, log)) or (
            kill is None and code
        ):
            result.faults.append(f"exit {code} after {kill}: {log.read_text()[-300:]}")
        if code == 0:
            break
    check(root, result, truth, search)


def ended_by_ray(code, log):
    """Whether Ray ended the driver: it registered when the raylet or the control service died."""
    last = log.read_text().rstrip().rpartition("\n")[2]
    return code == 1 and ("core_worker_process.cc" in last or "The program will terminate" in last)


def wait_or_kill(pid, kill, root):
    """Wait for the moment of a kill, kill, and return the exit code of the driver."""
    deadline = time.monotonic() + kill.seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    victim = victim_of(kill, pid, root)
    if victim is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
    return wait(pid, SILENCE_S, root / "journal.jsonl")


def check(root, result, truth, search):
    """Add what a search lost, changed or left behind."""
    faults, found = outcome(root, search)
    result.faults += faults
    if found != truth:
        changed = [n for n in {*found[0], *truth[0]} if found[0].get(n) != truth[0].get(n)]
        result.faults.append(f"other trials {changed}, best {found[1]} instead of {truth[1]}")
    begun = [p.name for p in root.rglob(".*") if p.name.rsplit(".", 1)[-1].isdecimal()]
    result.faults += [f"left {name}" for name in begun]
    deadline = time.monotonic() + LEFT_S
    while (left := processes_of(root)) and time.monotonic() < deadline:
        time.sleep(0.1)
    result.faults += [f"left process {command[:80]!r}" for command in left.values()]


def campaign(folder, seeds, *, search=Search(), victims=LOCAL_VICTIMS, algorithms=ALGORITHMS):
    """Yield the result of each seed."""
    names = ["automl.api.runs", "automl.search.auto.searcher", "automl.search.proposers.optuna",
             "sklearn.ensemble", "automl.promotion.promoter"]  # fmt: skip
    if search.tracker == "mlflow":
        names.append("mlflow.tracking")
    for name in names:
        __import__(name)
    folder = folder.resolve()
    data = data_of(search.skill, folder / "data")
    truths = {}
    for seed in seeds:
        algorithm, _ = drawn(seed, 2, 1.0, victims, algorithms)
        if algorithm not in truths:
            truths[algorithm] = undisturbed(folder, data, algorithm, search)
        truth, events, seconds = truths[algorithm]
        _, kills = drawn(seed, events, seconds, victims, algorithms)
        result = Result(seed, algorithm, kills)
        root = folder / f"run{seed:04d}"
        shutil.rmtree(root, ignore_errors=True)
        attacked(root, result, truth, search=search, data=data)
        if not result.faults:
            for path in (root, root.with_suffix(".work")):
                shutil.rmtree(path, ignore_errors=True)
        yield result


def data_of(skill, folder):
    """Return the data of a campaign; a folder that is there is taken as it is."""
    if skill == "toy":
        folder.mkdir(parents=True, exist_ok=True)
    elif not folder.exists():
        from automl.skill.installed import load_skill

        load_skill(skill).sample(folder, seed=0)
    return folder


def undisturbed(folder, data, algorithm, search):
    """Return the outcome of a search that nobody disturbs, its events and its seconds."""
    root = folder / f"truth-{algorithm}"
    shutil.rmtree(root, ignore_errors=True)
    search.write(root, data, algorithm)
    begun = time.monotonic()
    log = root.with_suffix(".log")
    code = wait(start(root, log), 5 * SILENCE_S, root / "journal.jsonl")
    assert code == 0, log.read_text()
    faults, truth = outcome(root, search)
    assert not faults, faults
    count = (root / "journal.jsonl").read_bytes().count(b"\n")
    return truth, count, time.monotonic() - begun


def table(results):
    """Return the table of a campaign: by victim and moment, how many kills and how many faults."""
    kills, faults = Counter(), Counter()
    for result in results:
        for kill in result.kills:
            name = f"{kill.victim}, {kill.mode or 'at random'}"
            kills[name] += 1
            faults[name] += bool(result.faults)
    rows = [f"| {name} | {kills[name]} | {faults[name]} |" for name in sorted(kills)]
    bad = [f"- run {r.seed} ({r.algorithm}; {', '.join(map(str, r.kills))}): {r.faults}"
           for r in results if r.faults]  # fmt: skip
    summary = f"{len(results)} runs, {sum(kills.values())} kills, {len(bad)} runs with a fault"
    head = ["| killed | kills | in runs with a fault |", "| --- | --- | --- |"]
    return "\n".join([summary, "", *head, *rows, "", *bad])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runner", default="local", choices=("local", "ray"))
    parser.add_argument("--skill", default="toy", choices=("toy", "segformer"))
    parser.add_argument("--tracker", default="none", choices=("none", "mlflow"))
    parser.add_argument("--victims", default=None, help="of driver,worker,actor,raylet,gcs")
    parser.add_argument("--algorithms", default=",".join(ALGORITHMS))
    parser.add_argument("--until", default="", help="start no run after this time, as 21:30")
    given = parser.parse_args()
    sys.path.insert(0, str(HERE.parent / "toy"))
    default = RAY_VICTIMS if given.runner == "ray" else LOCAL_VICTIMS
    victims = given.victims.split(",") if given.victims else default
    search = Search(given.skill, given.runner, given.tracker)
    results = []
    seeds = range(given.seed, given.seed + given.runs)
    for result in campaign(given.out, seeds, search=search, victims=victims,
                           algorithms=given.algorithms.split(",")):  # fmt: skip
        results.append(result)
        print(json.dumps({"seed": result.seed, "kills": list(map(str, result.kills)),
                          "faults": result.faults}), flush=True)  # fmt: skip
        (given.out / "faults.md").write_text(table(results) + "\n")
        if given.until and time.strftime("%H:%M") >= given.until:
            break
    print(table(results))
    return int(any(result.faults for result in results))


if __name__ == "__main__":
    sys.exit(main())
