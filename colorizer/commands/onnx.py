"""Colour one line drawing with an exported colorizer: with onnxruntime, without torch."""

from collections.abc import Sequence

import tyro

from colorizer.coloring.colorize_onnx import colorize_onnx
from colorizer.commands.command_line import command_line
from colorizer.config.commands import OnnxConfig
from colorizer.system import console
from colorizer.system.programs import started_as


def settings(arguments: Sequence[str] | None = None) -> OnnxConfig:
    """What the command line asks for; None: that of this process."""
    examples = {"": "--model mine.onnx --line a.png --reference b.png --output c.png"}
    with command_line("colorizer-onnx", examples, arguments):
        return tyro.cli(OnnxConfig, prog=started_as(), args=arguments)


def run() -> None:
    """Colour the drawing that the command line names."""
    colorize_onnx(settings())


def main() -> None:
    """The program `colorizer-onnx`.

    `launch/` has no script for it: as launch/onnx.py it would be what `import onnx` finds there.
    """
    console.run(run)


if __name__ == "__main__":
    main()
