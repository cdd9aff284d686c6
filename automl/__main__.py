"""Runs the command line as ``python -m automl``."""

import sys

from automl.cli import main

sys.exit(main())
