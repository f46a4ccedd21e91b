"""Which version of the program wrote something."""

import subprocess
from functools import cache
from pathlib import Path

RELEASE = "0.2.0"  # setup.cfg takes it from here, so that it is known uninstalled too


@cache
def code_version() -> str:
    """The release and, run from a git checkout, its commit: `0.2.0`, `0.2.0 at 3f2565e, changed`.

    "changed": the checkout has changes that are not committed.
    """
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return RELEASE
    command = ("git", "-C", str(checkout), "describe", "--always", "--exclude=*", "--dirty")
    try:
        commit = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):  # no git, or somebody else's checkout
        return RELEASE
    return f"{RELEASE} at {commit.stdout.strip().replace('-dirty', ', changed')}"
