"""The names of the files that an action writes before its first result."""

from segformer.storage.step_file import FILE as STEPS_FILE

SPEC_FILE = "experiment.yaml"
STATUS_FILE = "status.json"
BEGINNINGS = (SPEC_FILE, STATUS_FILE, STEPS_FILE)
"""All that an action without a result may leave."""
