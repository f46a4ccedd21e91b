"""Reading a program's command line; its help ends with an example."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def help_ending_with(example: str, arguments: Sequence[str] | None) -> Iterator[None]:
    """Print an example after the `--help` that is shown within.

    Args:
        example: The command.
        arguments: Those that are read within; None: this process's.
    """
    try:
        yield
    except SystemExit:
        if {"-h", "--help"} & set(sys.argv[1:] if arguments is None else arguments):
            print(f"Example: {example}")
        raise
