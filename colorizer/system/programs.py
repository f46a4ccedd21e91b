"""What the reader types to start our programs, told from how this one was started."""

import shlex
import sys
from pathlib import Path

MODULES = "colorizer.commands"


def started_as() -> str:
    """What this program is called in its help: a clone's script, a module, or the name alone."""
    script = Path(sys.argv[0])
    if _is_of_clone(script):
        return str(script)
    return f"-m {MODULES}.{script.stem}" if _is_module(script) else script.name


def same_command() -> str:
    """This process's own command line, for the launcher that started it."""
    script = Path(sys.argv[0])
    start = started_as() if _is_module(script) else shlex.quote(sys.argv[0])
    return " ".join([start, shlex.join(sys.argv[1:])])


def command(name: str) -> str:
    """For "colorize": `colorizer-colorize`, or `python launch/colorize.py` in a clone."""
    script = Path(sys.argv[0])
    if _is_of_clone(script):
        return f"python {shlex.quote(str(script.with_name(f'{name}.py')))}"
    return f"colorizer-{name.replace('_', '-')}"


def launched_command(name: str) -> str:
    """The same for a program that `accelerate launch` starts in several processes."""
    script = Path(sys.argv[0])
    if _is_of_clone(script):
        return f"accelerate launch {shlex.quote(str(script.with_name(f'{name}.py')))}"
    return f"accelerate launch -m {MODULES}.{name}"


def _is_of_clone(script: Path) -> bool:
    return script.suffix == ".py" and script.absolute().parent.name == "launch"


def _is_module(script: Path) -> bool:
    return script.suffix == ".py" and script.absolute().parts[-3:-1] == ("colorizer", "commands")
