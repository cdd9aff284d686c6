"""The version of this package, and the command that installs its extras."""

__version__ = "0.1.0"


def install_command(extra: str) -> str:
    """Return the command that installs an extra; in a checkout that is not installed, with it."""
    # It takes longer to load than all that stands before a command answers Ctrl-C.
    from importlib.metadata import entry_points

    point = next(iter(entry_points(group="console_scripts", name="automl")), None)
    if point is None or point.dist is None:
        return f"pip install -e '.[{extra}]'"
    return f"pip install '{point.dist.name}[{extra}]'"
