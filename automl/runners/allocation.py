"""Each task's share of the machines, and how many tasks run at once: arithmetic, no Ray."""

from collections.abc import Iterator, Mapping, Sequence

from automl.errors import UsageError
from automl.experiment.resources import Resources

Amounts = Mapping[str, float]
"""Amounts by Ray's names: CPU, GPU, memory in bytes."""
_CLOSE = 1e-9


def shares(resources: Resources, nodes: Sequence[Amounts]) -> tuple[dict[str, float], int]:
    """Return one task's share and how many tasks run at once on machines with these amounts.

    A task runs on one machine. By default it gets one GPU or, without GPUs, one CPU: two trainings
    of one thread are quicker than one of two threads, and start-up costs overlap. Resources that
    nobody requested are divided evenly. Raises `UsageError` if no machine has the requested ones.
    """
    options = {"CPU": resources.cpus_per_trial, "GPU": resources.gpus_per_trial,
             "memory": resources.memory_bytes}  # fmt: skip
    requested = {name: amount for name, amount in options.items() if amount is not None}
    fitting = _fitting(nodes, {**_default(nodes, requested), **requested})
    if not fitting:
        raise UsageError(*_faults(nodes, requested))
    tasks = resources.concurrency or fitting
    share = dict(requested)
    for name in ("GPU", "CPU"):
        if name not in share:
            share[name] = _even(nodes, share, name, tasks)
    return {name: amount for name, amount in share.items() if amount}, tasks


def _default(nodes: Sequence[Amounts], requested: Amounts) -> dict[str, float]:
    """Return the resource that limits how many tasks fit if none was requested: GPU, else CPU."""
    if requested.get("GPU") or requested.get("CPU"):
        return {}
    has_gpus = "GPU" not in requested and any(node.get("GPU") for node in nodes)
    return {"GPU": 1.0} if has_gpus else {"CPU": 1.0}


def _even(nodes: Sequence[Amounts], share: Amounts, name: str, tasks: int) -> float:
    """Return the largest amount of a resource with which no fewer tasks fit."""
    most = max(node.get(name, 0.0) for node in nodes)
    least = min(tasks, _fitting(nodes, share)) if any(share.values()) else tasks
    for amount in _candidates(most, tasks):
        if _fitting(nodes, {**share, name: amount}) >= least:
            return amount
    return 0.0


def _candidates(most: float, tasks: int) -> Iterator[float]:
    """Yield amounts from large to small: whole ones, then the halves, thirds... of one."""
    yield from (float(whole) for whole in range(int(most), 0, -1))
    if most:
        yield from (1 / parts for parts in range(2, tasks + 1))


def _fitting(nodes: Sequence[Amounts], share: Amounts) -> int:
    return sum(_fitting_one(node, share) for node in nodes)


def _fitting_one(node: Amounts, share: Amounts) -> int:
    return min((_times(name, node.get(name, 0.0), amount) for name, amount in share.items()
                if amount), default=0)  # fmt: skip


def _times(name: str, present: float, amount: float) -> int:
    # A part of a GPU lies on one GPU: two tasks of three quarters need two GPUs.
    if name == "GPU" and amount < 1:
        return int(present + _CLOSE) * int(1 / amount + _CLOSE)
    return int(present / amount + _CLOSE)


def _faults(nodes: Sequence[Amounts], requested: Amounts) -> list[str]:
    """Return a line for each request that is too large, with the most that a machine has."""
    flags = {"CPU": "--cpus-per-trial", "GPU": "--gpus-per-trial", "memory": "--memory-per-trial"}
    faults = []
    for name, amount in requested.items():
        most = max(node.get(name, 0.0) for node in nodes)
        if most < amount:
            texts = [f"{x / 1e9:.3g}GB" if name == "memory" else f"{x:g}" for x in (amount, most)]
            faults.append(f"{flags[name]}: a trial runs on one machine, and none here has "
                          f"{texts[0]}; the largest has {texts[1]}")  # fmt: skip
    return faults or ["no machine here has all that one trial asks for together"]
