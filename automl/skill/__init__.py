"""What a skill is to the controller: a folder, five verbs, and the facts of its skill_info.yaml.

A skill is installed (entry point group `automl.skills`), or it is a folder given by its path, whose
actions are commands: see `automl.skill.command.command`.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol, cast

from automl.errors import UsageError, nearest
from automl.files import read_yaml
from automl.skill.base import Skill
from automl.trial.objective import Objective
