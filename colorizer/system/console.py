"""All terminal output. On a terminal: colours and a live bar; elsewhere: plain lines.

Everything said goes to `logging.getLogger("colorizer")` as well; nothing there reaches the terminal
a second time (training/logbook.py keeps it in a file).
"""

import logging
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import StringIO, TextIOWrapper
from typing import TextIO

import rich.console
import rich.progress
import rich.table
from rich.markup import escape

from colorizer.system.errors import LostConnection, UserError

ABSENT = "-"  # a table's cell without a figure
PLAIN_LINE_SECONDS = 10.0  # how often a log file gets a line of progress
PLAIN_WIDTH = 200  # characters, where no terminal tells its own
CLEAR_LINE = "\r\x1b[2K"

logger = logging.getLogger("colorizer")
logger.setLevel(logging.INFO)
logger.propagate = False  # the terminal has been told
logger.addHandler(logging.NullHandler())

_bar: rich.progress.Progress | None = None  # what is drawn live on the terminal now


def _forget_bar() -> None:
    """A forked process draws no bar, and must not wait for the lock of the one that does."""
    global _bar
    if _bar is not None:
        sys.stdout, sys.stderr = (
            getattr(stream, "rich_proxied_file", stream) for stream in (sys.stdout, sys.stderr)
        )
        _bar = None


os.register_at_fork(after_in_child=_forget_bar)


def _console(stderr: bool = False) -> rich.console.Console:
    """A console that never cuts or wraps lines when the output is a file or a pipe.

    While a bar is drawn, the bar's own for everything on its terminal: it prints above the bar.
    """
    stream = sys.stderr if stderr else sys.stdout
    if _bar is not None and _same_terminal(stream, sys.stdout):
        return _bar.console
    width = None if stream.isatty() else PLAIN_WIDTH
    return rich.console.Console(
        stderr=stderr, width=width, highlight=False, soft_wrap=width is not None, emoji=False
    )


def _same_terminal(stream: TextIO, other: TextIO) -> bool:
    return (
        stream.isatty() and other.isatty() and os.path.sameopenfile(stream.fileno(), other.fileno())
    )


def _print(markup: str | rich.table.Table, stderr: bool = False) -> None:
    console = _console(stderr)
    if console.is_terminal and os.environ.get("RANK", "0") != "0":
        # The first process may have a bar there: it draws it anew, below.
        console.file.write(CLEAR_LINE)
    try:
        console.print(markup)
    except BrokenPipeError:
        raise
    except OSError as error:
        _do_without_output(error, stderr)


def _do_without_output(error: OSError, stderr: bool) -> None:
    """A full disk with a log on it ends no training: the other output says so, and it is closed."""
    stream, other = (sys.stderr, sys.stdout) if stderr else (sys.stdout, sys.stderr)
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    with suppress(OSError):  # the same disk may hold both
        print(f"warning: no more output here ({error.strerror}); the work goes on", file=other)


def say(text: str) -> None:
    """Print one line."""
    _print(escape(text))
    logger.info("%s", text)


def warn(text: str) -> None:
    """Print one line that the user should not miss, to stderr."""
    _print(f"[yellow]warning:[/] {escape(text)}", stderr=True)
    logger.warning("%s", text)


def error(text: str) -> None:
    """Print why the program ends, to stderr."""
    _print(f"[bold red]error:[/] {escape(text)}", stderr=True)
    logger.error("%s", text)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; columns of figures are set to the right."""
    grid = rich.table.Table(
        title=escape(title), title_justify="left", box=rich.table.box.SIMPLE_HEAD
    )
    for name, *cells in zip(columns, *rows, strict=True):
        figures = all(cell[:1].isdigit() or cell == ABSENT for cell in cells)
        grid.add_column(escape(name), justify="right" if figures else "left")
    for row in rows:
        grid.add_row(*(escape(cell) for cell in row))
    _print(grid)
    plain = StringIO()
    rich.console.Console(file=plain, width=PLAIN_WIDTH, color_system=None, emoji=False).print(grid)
    logger.info("%s", "\n".join(line.rstrip() for line in plain.getvalue().splitlines()).strip())


def facts(rows: Sequence[tuple[str, str]]) -> None:
    """Print names and values below each other."""
    widest = max(len(name) for name, _ in rows)
    for name, value in rows:
        say(f"  {name:{widest}}  {value}")


Advance = Callable[..., None]  # advance(done_in_all, figures="")


@contextmanager
def progress(
    title: str, total: int, unit: str, done: int = 0, shown: bool = True
) -> Iterator[Advance]:
    """Show how far a loop is.

    Args:
        title: What is being done.
        total: Units of work in all.
        unit: What is counted, for the rate ("pictures", "steps").
        done: Units already done before this run.
        shown: False in processes that should not print.

    Yields:
        A function `advance(done_in_all, figures)`, to be called as often as you like.
    """
    if not shown:
        yield lambda now, figures="": None
    elif sys.stdout.isatty():  # whatever FORCE_COLOR says, a file gets no bar
        yield from _live(title, total, unit, done)
    else:
        yield from _plain(title, total, unit, done)


def _live(title: str, total: int, unit: str, done: int) -> Iterator[Advance]:
    with _live_bar() as bar:
        task = bar.add_task(f"{escape(title)} [dim]({escape(unit)})[/]", total=total, figures="")
        bar.update(task, completed=done)

        def advance(now: int, figures: str = "") -> None:
            bar.update(task, completed=now, figures=escape(figures))

        yield advance


@contextmanager
def _live_bar() -> Iterator[rich.progress.Progress]:
    """What loops are drawn on; a loop within another one gets a line below it for its time."""
    global _bar
    if _bar is not None:
        before = set(_bar.task_ids)
        yield _bar
        for task in set(_bar.task_ids) - before:
            _bar.remove_task(task)
        return
    columns = (
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(bar_width=24),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeElapsedColumn(),
        rich.progress.TextColumn("left"),
        rich.progress.TimeRemainingColumn(),
        rich.progress.TextColumn("{task.fields[figures]}"),
    )
    # What others write to stderr goes above the bar too, if stderr is its terminal.
    redirect = _same_terminal(sys.stderr, sys.stdout)
    bar = rich.progress.Progress(*columns, console=_console(), redirect_stderr=redirect)
    with bar:
        _bar = bar
        try:
            yield bar
        finally:
            _bar = None


def _plain(title: str, total: int, unit: str, done: int) -> Iterator[Advance]:
    start = last = time.monotonic()

    def advance(now: int, figures: str = "") -> None:
        nonlocal last
        moment = time.monotonic()
        if moment - last < PLAIN_LINE_SECONDS and now != total:
            return
        last = moment
        rate = (now - done) / max(moment - start, 1e-9)
        left = duration((total - now) / rate) if rate > 0 else "?"
        line = f"{title}: {now}/{total} {unit}, {rate:.2f} {unit}/s, {left} left  {figures}"
        _print(escape(line.rstrip()))  # not logged: on a terminal it is a bar

    yield advance


def duration(seconds: float) -> str:
    """Seconds as a person says them: `42 s`, `3 min 20 s`, `5 h 07 min`."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def run(main: Callable[[], None]) -> None:
    """Call a launch script's `main`; a `UserError` becomes one sentence and exit status 1.

    One of several processes that fails ends at once: taking leave in order, it would wait for what
    the others, which know nothing of it, do not send any more.
    """
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name in other letters ends no work
            stream.reconfigure(errors="backslashreplace")
    several = os.environ.get("WORLD_SIZE", "1") != "1"
    try:
        main()
    except UserError as failure:
        error(str(failure))
        lost = isinstance(failure, LostConnection)  # of processes that a launcher does not count
        # A process in a dead disk's read cannot even be killed, or waited for.
        if several or lost or multiprocessing.active_children():
            end_at_once()
        sys.exit(1)
    except KeyboardInterrupt:
        _print("stopped", stderr=True)
        sys.exit(130)  # as a shell reports a program ended by Ctrl-C
    except BrokenPipeError:  # the reader (`| head`) has gone; nothing to say to anyone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception:
        if not several:
            raise
        traceback.print_exc()
        end_at_once()


def _open_what_is_closed() -> None:
    """A service may start a program without input and outputs: nothing else may take their places.

    Workers would inherit a file that was opened as number 2, and write warnings into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w", closefd=False))  # noqa: SIM115


def end_at_once() -> None:
    """End this process with status 1, whatever its threads and libraries wait for."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(1)
