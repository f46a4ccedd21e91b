"""Reading a program's command line; its help ends with an example."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


@contextmanager
def help_ending_with(
    program: str, examples: Mapping[str, str], arguments: Sequence[str] | None
) -> Iterator[None]:
    """Print an example after the `--help` that is shown within.

    Args:
        program: The command that starts the program.
        examples: First argument → arguments; the first example stands for all other arguments.
        arguments: Those that are read within; None: this process's.
    """
    read = list(sys.argv[1:] if arguments is None else arguments)
    try:
        yield
    except SystemExit:
        if {"-h", "--help"} & set(read):
            print(f"Example: {program} {examples.get(read[0], next(iter(examples.values())))}")
        raise
