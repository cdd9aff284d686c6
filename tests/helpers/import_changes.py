"""Prints, as JSON, what importing modules of ours changes in their process.

Called with the names of the modules. They are imported twice: first for the libraries that they
load, which change much; then again, after environment, filters and levels were reset.
"""

import importlib
import json
import logging
import os
import random
import signal
import sys
import tempfile
import warnings

import numpy as np
import torch


def load(names):
    """Import what is installed."""
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if str(error.name).startswith("segformer"):
                raise


def state():
    """Return what belongs to the whole process."""
    names = sorted(logging.root.manager.loggerDict)
    loggers = [logging.getLogger(), *map(logging.getLogger, names)]
    return {
        "environment": dict(os.environ),
        "warnings": [*map(repr, warnings.filters), repr(warnings.showwarning)],
        "loggers": {each.name: (each.level, len(each.handlers)) for each in loggers},
        "tempdir": tempfile.tempdir,
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "generators": repr([random.getstate(), np.random.get_state(), torch.get_rng_state()]),
        "signals": [repr(signal.getsignal(each)) for each in (signal.SIGINT, signal.SIGTERM)],
    }


environment = dict(os.environ)
load(sys.argv[1:])
for name in [name for name in sys.modules if name.partition(".")[0] == "segformer"]:
    del sys.modules[name]
os.environ.clear()
os.environ.update(environment)
warnings.resetwarnings()
for name in logging.root.manager.loggerDict:
    logging.getLogger(name).setLevel(logging.NOTSET)
before = state()
load(sys.argv[1:])
after = state()
# A new logger at its defaults, which only a call of getLogger made, is no change.
after["loggers"] = {
    name: value
    for name, value in after["loggers"].items()
    if name in before["loggers"] or value != (logging.NOTSET, 0)
}
print(json.dumps([[key, before[key], after[key]] for key in before if before[key] != after[key]]))
