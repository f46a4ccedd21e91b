"""Make training shards from pictures, or from drawn characters where there are none."""

import sys
from collections import Counter
from typing import Annotated

import tyro

from colorizer import console
from colorizer.config import CharactersConfig, FolderConfig, PairedConfig, SideBySideConfig
from colorizer.data.make import REJECTED, Report, make_shards

Source = (
    Annotated[CharactersConfig, tyro.conf.subcommand("characters")]
    | Annotated[FolderConfig, tyro.conf.subcommand("folder")]
    | Annotated[PairedConfig, tyro.conf.subcommand("paired")]
    | Annotated[SideBySideConfig, tyro.conf.subcommand("side-by-side")]
)


def main() -> None:
    config = tyro.cli(Source, description=__doc__)
    try:
        report = make_shards(config)
    except KeyboardInterrupt:
        console.warn("stopped; the same command makes the shards from the start.")
        sys.exit(130)
    if report is None:
        console.say(f"{config.output} already holds this set of shards; nothing to do.")
        return
    print_report(report)
    if report.rejections:
        console.say(f"Each rejected file and its reason: {config.output / REJECTED}")
    console.say(
        f"Train on them: accelerate launch launch/train.py PRESET --data {config.output} ..."
    )


def print_report(report: Report) -> None:
    rows = [
        ("found", str(report.found)),
        ("kept for training", str(report.train)),
        ("held out", str(report.held_out)),
    ]
    reasons = Counter(rejection.reason for rejection in report.rejections)
    rows += [(f"rejected: {reason}", str(count)) for reason, count in reasons.most_common()]
    console.facts(rows)
    if report.animated:
        console.warn(f"{report.animated} of them had several frames; the first was taken.")


if __name__ == "__main__":
    console.run(main)
