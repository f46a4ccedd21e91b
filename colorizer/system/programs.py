"""What the reader types to start another of our programs."""

import sys
from pathlib import Path


def started_as() -> str:
    """What this program is called in its help: a clone's script with its folder, else the name."""
    script = Path(sys.argv[0])
    return str(script) if script.parent.name == "launch" else script.name


def command(name: str) -> str:
    """For "colorize": `colorizer-colorize`, or `python launch/colorize.py` in a clone."""
    script = Path(sys.argv[0])
    if script.parent.name == "launch":
        return f"python {script.with_name(f'{name}.py')}"
    return f"colorizer-{name.replace('_', '-')}"


def launched_command(name: str) -> str:
    """The same for a program that `accelerate launch` starts in several processes."""
    script = Path(sys.argv[0])
    if script.parent.name == "launch":
        return f"accelerate launch {script.with_name(f'{name}.py')}"
    return f"accelerate launch -m colorizer.commands.{name}"
