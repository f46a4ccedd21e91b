"""Open a page to colour drawings on, in a browser."""

from collections.abc import Sequence

import tyro

from colorizer.commands.command_line import command_line
from colorizer.config.commands import AppConfig
from colorizer.system import console
from colorizer.system.programs import command, started_as


def settings(arguments: Sequence[str] | None = None) -> AppConfig:
    """What the command line asks for; None: that of this process."""
    examples = {"": "--checkpoint runs/mine"}
    with command_line(command("app"), examples, arguments):
        return tyro.cli(AppConfig, prog=started_as(), args=arguments)


def run() -> None:
    """Serve the page until Ctrl-C."""
    config = settings()
    from colorizer.page.serving import serve  # torch takes seconds to import; --help needs none

    serve(config)


def main() -> None:
    """The program `colorizer-app`, and `launch/app.py`."""
    console.run(run)


if __name__ == "__main__":
    main()
