"""Which version of the program wrote something."""

import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path


@cache
def code_version() -> str:
    """The release and, run from a git checkout, its commit: `0.2.0`, `0.2.0 at 3f2565e, changed`.

    "changed": the checkout has changes that are not committed.
    """
    release = version("colorizer")
    checkout = Path(__file__).resolve().parents[1]
    if not (checkout / ".git").exists():
        return release
    command = ("git", "-C", str(checkout), "describe", "--always", "--exclude=*", "--dirty")
    try:
        commit = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):  # no git, or somebody else's checkout
        return release
    return f"{release} at {commit.stdout.strip().replace('-dirty', ', changed')}"
