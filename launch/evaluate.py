"""Evaluate a colorizer on held-out shards, in any number of processes."""

import sys

import tyro

from colorizer import console
from colorizer.evaluation.config import EvaluateConfig
from colorizer.evaluation.evaluator import evaluate
from colorizer.weights import describe_weights, searched_folders


def main() -> None:
    if sys.argv[1:] == ["--weights"]:
        console.say(f"Looked for in {', then in '.join(map(str, searched_folders()))}:")
        console.facts(describe_weights())
    else:
        evaluate(tyro.cli(EvaluateConfig))


if __name__ == "__main__":
    console.run(main)
