"""Searchers by name; each module loads its library only when it is asked for."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl.errors import UsageError, nearest
from automl.search.base import Observation, Proposer, Rule, Searcher
from automl.search.budgeted import LimitedSearcher
from automl.search.options import ALIASES, options_of
from automl.search.population.dehb import DehbProposer, DehbRule, Populations
from automl.search.proposers.grid import GridProposer
from automl.search.proposers.random import RandomProposer
from automl.search.rules.curve_stop import CurveStop
from automl.search.rules.halving import HalvingPromote, HalvingStop
from automl.search.rules.hyperband import Hyperband
from automl.search.rules.median import GRACE_EPOCHS, FullTraining, MedianStop
from automl.search.searcher import TrialSearcher, loss_of
from automl.space.space import SearchSpace
from automl.trial.budget import Budget
from automl.trial.objective import Objective
from automl.trial.pareto import is_finite, ranked
from automl.trial.trial import PastTrial
