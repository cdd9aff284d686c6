"""Runs the command line as ``python -m segformer``."""

import sys

from segformer.cli import main

sys.exit(main())
