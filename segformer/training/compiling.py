"""Compiling the network for a training: torch.compile, where its compiler is there."""

import importlib.util
import os
import shutil
import sysconfig
from pathlib import Path

import torch
from torch import nn

from segformer.errors import SpecError


def compiler_fault() -> str:
    """Return what this machine lacks to compile a network; empty if nothing."""
    if torch.cuda.is_available():
        return "" if importlib.util.find_spec("triton") else "the package triton is not installed"
    compiler = os.environ.get("CXX", "g++")
    if not shutil.which(compiler):
        return f"the C++ compiler {compiler} is not installed"
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        return "the headers of Python (Python.h) are not installed"
    return ""


def check_compiler() -> None:
    """Raise `SpecError` if this machine cannot compile a network."""
    if fault := compiler_fault():
        raise SpecError(
            f"train.compile: true is not allowed on this machine: {fault}; set train.compile=false"
        )


def compile_network(network: nn.Module) -> None:
    """Compile a network in place, so that its weights keep their names."""
    # With torch's own generators drop-out draws the same numbers as without compiling.
    network.compile(options={"fallback_random": True})
