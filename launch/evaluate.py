"""Evaluate a colorizer on held-out shards."""

import tyro

from colorizer import console
from colorizer.config import EvaluateConfig
from colorizer.evaluation.evaluator import evaluate


def main() -> None:
    evaluate(tyro.cli(EvaluateConfig))


if __name__ == "__main__":
    console.run(main)
