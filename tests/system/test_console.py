"""Terminal output: a live bar, and what is printed while it is drawn."""

import logging
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from colorizer.system import console
from colorizer.system.errors import UserError

PROGRAM = """
import logging, os, sys, warnings
from colorizer.system import console
with console.progress("training", 5, "steps") as advance:
    for step in range(1, 6):
        advance(step, "l1 0.5")
        console.say(f"said {step}")
        console.warn(f"warned {step}")
        console.table(f"title {step}", ["name"], [[f"cell {step}"]])
        print(f"printed {step}", file=sys.stderr)
        with console.progress("looking", 2, "pictures") as look:
            look(2)
console.say("the end")
"""
ROOT = str(Path(__file__).parents[2])
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(program: str, errors: Path | None = None, **environment: str) -> str:
    """Everything that a program writes to a terminal of its own, as bytes come."""
    ours, theirs = pty.openpty()
    variables = os.environ | {"TERM": "xterm", "COLUMNS": "100", "LINES": "40"} | environment
    with open(errors or os.devnull, "wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=theirs,
            stdout=theirs,
            stderr=file if errors else theirs,
            env=variables,
        )
    os.close(theirs)
    shown = bytearray()
    try:
        while data := os.read(ours, 65536):
            shown += data
    except OSError:  # the last one has closed it
        pass
    os.close(ours)
    assert process.wait(30) == 0, shown.decode()
    return shown.decode()


def screen(shown: str) -> list[str]:
    """The lines that a terminal holds in the end: it knows \\r, \\n, cursor up and erase line."""
    lines, row, column = [""], 0, 0
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", shown):
        if token == "\r":
            column = 0
        elif token == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif token == "\x1b[2K":
            lines[row] = ""
        elif re.fullmatch(r"\x1b\[\d*A", token):
            row = max(0, row - int(token[2:-1] or 1))
        elif not token.startswith("\x1b"):
            line = lines[row].ljust(column)
            lines[row] = line[:column] + token + line[column + len(token) :]
            column += len(token)
    return [line.rstrip() for line in lines]


def test_whatever_is_printed_stands_above_the_bar_in_lines_of_its_own():
    lines = screen(on_terminal(PROGRAM))
    for step in range(1, 6):
        for text in ("said", "printed"):
            assert lines.count(f"{text} {step}") == 1, lines
        assert lines.count(f"warning: warned {step}") == 1
        assert f"  cell {step}" in lines
    bars = [number for number, line in enumerate(lines) if "5/5" in line]
    assert len(bars) == 1 and lines[bars[0]].startswith("training (steps)")
    assert lines.index("printed 5") < bars[0] < lines.index("the end")
    assert not any("looking" in line for line in lines)  # gone with its loop


def test_warnings_go_to_stderr_where_that_is_not_the_bars_terminal(tmp_path):
    shown = screen(on_terminal(PROGRAM, errors=tmp_path / "errors"))
    assert "said 3" in shown and not any("warned" in line or "printed" in line for line in shown)
    errors = (tmp_path / "errors").read_text().splitlines()
    expected = ((f"warning: warned {n}", f"printed {n}") for n in range(1, 6))
    assert errors == [line for pair in expected for line in pair]


def test_another_process_erases_the_first_ones_bar_before_it_warns():
    shown = on_terminal("from colorizer.system import console; console.warn('lost')", RANK="1")
    assert screen("training ---- 3/10" + shown)[0] == "warning: lost"
    assert screen("training ---- 3/10" + on_terminal("print('x')"))[0] != "x"


def test_a_forked_process_prints_past_the_bar_of_its_parent():
    program = """
import os, sys
from colorizer.system import console
with console.progress("training", 2, "steps") as advance:
    advance(1)
    for _ in range(20):
        with console._bar.console._lock:
            child = os.fork()
            if child == 0:
                os.set_blocking(1, True)
                console.warn("from the child")
                print("plain", file=sys.stderr, flush=True)
                os._exit(0)
        os.waitpid(child, 0)
"""
    shown = on_terminal(program)
    assert shown.count("from the child") == 20 and shown.count("plain") == 20


def test_elsewhere_lines_are_plain(capsys):
    with console.progress("training", 2, "steps") as advance:
        console.warn("a [bold]word[/]")
        advance(2, "l1 0.5")
    shown = capsys.readouterr()
    assert shown.err == "warning: a [bold]word[/]\n"
    assert shown.out.startswith("training: 2/2 steps, ") and shown.out.count("\n") == 1


def test_what_is_said_is_logged_once_and_progress_is_not(capsys):
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    console.logger.addHandler(handler)
    root = logging.StreamHandler(sys.stderr)  # of a program that logs to its terminal
    logging.getLogger().addHandler(root)
    try:
        console.say("100 % [said]")
        console.warn("warned")
        console.facts([("name", "value")])
        console.table("title", ["figure"], [["1.5"], ["-"]])
        with console.progress("training", 1, "steps") as advance:
            advance(1)
    finally:
        console.logger.removeHandler(handler)
        logging.getLogger().removeHandler(root)
    logged = [(record.levelname, record.getMessage()) for record in records]
    assert logged[:3] == [
        ("INFO", "100 % [said]"),
        ("WARNING", "warned"),
        ("INFO", "  name  value"),
    ]
    ((level, table),) = logged[3:]
    words = [line.split() for line in table.splitlines() if "─" not in line]
    assert level == "INFO" and words == [["title"], [], ["figure"], ["1.5"], ["-"]]
    shown = capsys.readouterr()
    assert (shown.out + shown.err).count("warned") == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.6, "1 h 00 min"),
        (5 * 3600 + 7 * 60 + 59, "5 h 07 min"),
        (100 * 3600, "100 h 00 min"),
    ],
)
def test_a_time_is_told_as_people_tell_it(seconds, words):
    assert console.duration(seconds) == words


def test_brackets_in_a_name_are_printed_as_they_are(capsys):
    name = "a [bold]folder[/bold] [/]"
    console.say(name)
    console.warn(name)
    console.table(name, ["column [red]"], [[name]])
    shown = capsys.readouterr()
    assert shown.out.count(name) == 3 and shown.err == f"warning: {name}\n"
    assert "column [red]" in shown.out


def test_a_long_line_is_neither_cut_nor_wrapped_in_a_file(capsys):
    console.say("word " * 200)
    assert capsys.readouterr().out == "word " * 200 + "\n"


def test_facts_stand_below_each_other(capsys):
    console.facts([("step", "3"), ("precision", "float32")])
    assert capsys.readouterr().out == "  step       3\n  precision  float32\n"


def test_figures_of_a_table_end_at_the_same_place(capsys):
    console.table("title", ["", "PSNR"], [["self", "7.5"], ["cross", console.ABSENT], ["a", "22"]])
    rows = capsys.readouterr().out.rstrip().splitlines()[-3:]
    assert len({len(row.rstrip()) for row in rows}) == 1
    assert [row.split() for row in rows] == [["self", "7.5"], ["cross", "-"], ["a", "22"]]


def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (UserError("no such folder."), 1, "error: no such folder.\n"),
        (KeyboardInterrupt(), 130, "stopped\n"),
    ],
)
def test_a_program_that_cannot_go_on_ends_with_a_sentence_and_a_status(
    capsys, error, status, words
):
    with pytest.raises(SystemExit) as ended:
        console.run(lambda: _raise(error))
    assert ended.value.code == status and capsys.readouterr().err == words


def test_a_fault_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        console.run(lambda: 1 / 0)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_name_that_the_terminal_cannot_show_ends_nothing(encoding):
    name = "a\udcff ü 線 [red]\\[/]:smile:"  # the first is no letter in any encoding
    program = f"from colorizer.system import console; console.run(lambda: console.say({name!r}))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": f"{encoding}:strict"},
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.strip() == name.encode(encoding, "backslashreplace")


def test_windows_gets_one_sentence():
    program = "import sys; sys.platform = 'win32'; import colorizer.commands.train"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("on Windows, install and run it in WSL2.")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_program_without_output_does_its_work(tmp_path: Path, closed: str) -> None:
    """As a service may start it."""
    program = (
        "from colorizer.system import console; from pathlib import Path;"
        "console.run(lambda: (console.say('a'), console.warn('b'), Path('done').touch()))"
    )
    command = f'"{sys.executable}" -c "{program}" {closed}'
    ended = subprocess.run(command, shell=True, cwd=tmp_path, env=os.environ | {"PYTHONPATH": ROOT})
    assert ended.returncode == 0 and (tmp_path / "done").exists()


@pytest.mark.parametrize("full", [">/dev/full", "2>/dev/full", ">/dev/full 2>&1"])
def test_a_full_disk_with_the_output_ends_no_work(tmp_path: Path, full: str) -> None:
    program = (
        "from colorizer.system import console; from pathlib import Path;"
        "work = lambda: [(console.say('a'), console.warn('b')) for _ in range(3)];"
        "console.run(lambda: (work(), Path('done').touch()))"
    )
    command = f'"{sys.executable}" -c "{program}" {full}'
    environment = os.environ | {"PYTHONPATH": ROOT}
    ended = subprocess.run(
        command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0 and (tmp_path / "done").exists()
    if full != ">/dev/full 2>&1":
        said = ended.stdout + ended.stderr
        assert said.count("no more output here (No space left on device); the work goes on") == 1


@pytest.mark.parametrize("name", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_a_file_gets_no_bar_whatever_the_environment_says(tmp_path: Path, name: str) -> None:
    """Of a day of training it would be a hundred megabytes."""
    program = (
        "from colorizer.system import console; import time\n"
        "with console.progress('training', 40, 'steps') as advance:\n"
        "    for step in range(40): advance(step + 1); time.sleep(0.02)\n"
    )
    environment = os.environ | {"PYTHONPATH": ROOT, name: "1"}
    with (tmp_path / "log").open("w") as log:
        subprocess.run([sys.executable, "-c", program], stdout=log, env=environment, check=True)
    assert len((tmp_path / "log").read_text().splitlines()) == 1
