"""Evaluate a colorizer on held-out shards, in any number of processes."""

import sys
from collections.abc import Sequence

import tyro

from colorizer.checkpoints.published import describe_weights, searched_folders
from colorizer.commands.command_line import command_line
from colorizer.evaluation.config import EvaluateConfig
from colorizer.evaluation.evaluator import evaluate
from colorizer.system import console
from colorizer.system.programs import command, started_as


def settings(arguments: Sequence[str] | None = None) -> EvaluateConfig:
    """What the command line asks for; None: that of this process."""
    examples = {"": "--checkpoint runs/mine --data shards/mine --output runs/mine/report"}
    with command_line(command("evaluate"), examples, arguments):
        return tyro.cli(EvaluateConfig, prog=started_as(), args=arguments)


def run() -> None:
    """Evaluate, or list the weights that the figures need (`--weights`)."""
    if sys.argv[1:] == ["--weights"]:
        console.say(f"Looked for in {', then in '.join(map(str, searched_folders()))}:")
        console.facts(describe_weights())
    else:
        evaluate(settings())


def main() -> None:
    """The program `colorizer-evaluate`, and `launch/evaluate.py`."""
    console.run(run)


if __name__ == "__main__":
    main()
