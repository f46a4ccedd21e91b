"""Make training shards from pictures, or from drawn characters where there are none.

Under torchrun or `accelerate launch` the processes share the work, on one machine or more. The same
command goes on where an earlier one was stopped.
"""

import shlex
import sys
from collections.abc import Sequence
from typing import Annotated

import tyro

from colorizer.commands.command_line import command_line
from colorizer.making.config import (
    CharactersConfig,
    FolderConfig,
    ListConfig,
    PairedConfig,
    SideBySideConfig,
    TarsConfig,
)
from colorizer.making.merge import PREVIEW, REJECTED, Report
from colorizer.making.pipeline import make_shards
from colorizer.system import console
from colorizer.system.processes import processes
from colorizer.system.programs import command, launched_command, started_as

Source = (
    Annotated[CharactersConfig, tyro.conf.subcommand("characters")]
    | Annotated[FolderConfig, tyro.conf.subcommand("folder")]
    | Annotated[PairedConfig, tyro.conf.subcommand("paired")]
    | Annotated[SideBySideConfig, tyro.conf.subcommand("side-by-side")]
    | Annotated[ListConfig, tyro.conf.subcommand("list")]
    | Annotated[TarsConfig, tyro.conf.subcommand("tars")]
)

EXAMPLES = {
    "folder": "folder pictures --group-by parent --output shards/mine",
    "characters": "characters --count 2200 --size 64 --output shards/demo",
    "paired": "paired pairs --output shards/mine",
    "side-by-side": "side-by-side pairs --output shards/mine",
    "list": "list pictures.txt --output shards/mine",
    "tars": "tars downloaded --output shards/mine",
}


def settings(arguments: Sequence[str] | None = None) -> Source:
    """What the command line asks for; None: that of this process."""
    with command_line(command("make_shards"), EXAMPLES, arguments):
        return tyro.cli(Source, prog=started_as(), description=__doc__, args=arguments)


def run() -> None:
    """Make the shards, print what became of the pictures, and say what to do next."""
    config = settings()
    try:
        with processes() as world:
            report = make_shards(config, world)
    except KeyboardInterrupt:
        console.warn("stopped; the same command goes on from here.")
        sys.exit(130)
    if not world.is_first:
        return
    if report is None:
        console.say(f"{config.output} already holds this set of shards; nothing to do.")
        return
    print_report(report)
    if report.rejected:
        console.say(f"Each rejected file and its reason: {config.output / REJECTED}")
    console.say(f"Look at some of them before you train: {config.output / PREVIEW}")
    data = shlex.quote(str(config.output))
    train = f"{launched_command('train')} PRESET --data {data} --output RUN"
    console.say(f"Train on them: {train}")


def print_report(report: Report) -> None:
    """Print how many pictures were found, kept, held out and rejected for which reason."""
    rows = [
        ("found", str(report.found)),
        ("kept for training", str(report.train)),
        ("held out", str(report.held_out)),
    ]
    rows += [(f"rejected: {reason}", str(count)) for reason, count in report.rejected.most_common()]
    if report.groups:
        rows.append(("groups", f"{report.groups} of {report.grouped} pictures"))
    if len(report.shapes) > 1:
        shapes = sorted(report.shapes.items(), key=lambda shape: -shape[1])
        said = ", ".join(f"{count} of {w}x{h}" for (w, h), count in shapes)
        rows.append(("shapes", said))
    if report.alike:
        rows.append(("near duplicates", f"{report.alike} look like another"))
    rows += [(f"kept: {remark}", str(count)) for remark, count in report.remarks.most_common()]
    console.facts(rows)
    if report.alike_across:
        console.warn(
            f"{report.alike_across} pictures look like one on the other side of the given split;"
            " held-out figures will be too good."
        )
    if report.animated:
        console.warn(f"{report.animated} of them had several frames; the first was taken.")


def main() -> None:
    """The program `colorizer-make-shards`, and `launch/make_shards.py`."""
    console.run(run)


if __name__ == "__main__":
    main()
