"""The documentation: every link leads somewhere; our programs accept every command."""

import re
import shlex
from collections.abc import Iterator
from configparser import ConfigParser
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from accelerate.commands.launch import launch_command_parser
from torch.distributed.run import get_args_parser

from tests.helpers.programs import ROOT

PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        ROOT / "shards" / "README.md",
        ROOT / "benchmarks" / "RESULTS.md",
    ]
)
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SHELL = ("python", "python3", "accelerate", "torchrun", "make", "pip", "git", "source", "export")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9_.-]*")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


# ---- Links


def anchors(page: Path) -> set[str]:
    """The #names of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page):
    for link in LINK.findall(page.read_text()):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


def test_every_page_of_docs_is_linked_from_the_readme():
    links = LINK.findall((ROOT / "README.md").read_text())
    assert {f"docs/{page.name}" for page in ROOT.glob("docs/*.md")} <= set(links)


# ---- Commands


def shell_commands(page: Path) -> Iterator[str]:
    """The commands that stand in blocks of their own, each on one line."""
    text = page.read_text()
    blocks = [body for language, body in FENCE.findall(text) if language in ("", "sh", "bash")]
    indented = re.findall(r"(?:^ {4,}\S.*\n)+", FENCE.sub("", text), re.MULTILINE)
    for block in [*blocks, *indented]:
        for line in block.replace("\\\n", " ").splitlines():
            yield from (each.strip() for each in line.split("&&") if _is_command(each))


def _is_command(line: str) -> bool:
    return bool(line.split()) and line.split()[0].startswith((*SHELL, "colorizer-"))


COMMANDS = [
    (name, line) for page, name in zip(PAGES, NAMES, strict=True) for line in shell_commands(page)
]


@pytest.mark.parametrize(("name", "line"), COMMANDS)
def test_every_command_is_accepted(name, line, monkeypatch):
    monkeypatch.chdir(ROOT)
    words = shlex.split(line, comments=True)
    words = [word for word in words if not re.fullmatch(r"[A-Z_]+=\S*", word)]  # its environment
    assert accepted(words), f"{name}: {line}"


def accepted(words: list[str]) -> bool:
    """Whether a command's options and files are right; exits as argparse does where not."""
    program, *rest = words
    match Path(program).name:
        case "accelerate":
            assert rest.pop(0) == "launch"
            launched = launch_command_parser().parse_args(rest)
            assert launched.config_file is None or Path(launched.config_file).exists()
            return started(launched.training_script, launched.training_script_args)
        case "torchrun":
            launched = get_args_parser().parse_args(rest)
            return started(launched.training_script, launched.training_script_args)
        case "python" | "python3":
            return rest[:1] in (["-m"], ["-c"]) or started(rest[0], rest[1:])
        case "make":
            targets = re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            return set(rest) <= set(targets)
        case "pip":
            extras = re.findall(r"\[(.+)\]", " ".join(rest))
            return set(",".join(extras).split(",")) <= {"", *_extras()}
        case "git" | "source" | "export":
            return True
        case "colorizer-onnx":  # the one without a script in launch/
            return bool(_program("onnx").settings(rest))
        case name:
            return started(f"launch/{name.removeprefix('colorizer-').replace('-', '_')}.py", rest)


def started(script: str, arguments: list[str]) -> bool:
    """Whether a script of ours is there and accepts these arguments."""
    path = Path(script)
    assert path.exists() or script.startswith("colorizer.commands."), script
    if path.parent.name == "benchmarks":
        return True
    if arguments != ["--weights"]:
        _program(path.stem.removeprefix("colorizer.commands.")).settings(arguments)
    return True


def _program(name: str):
    return import_module(f"colorizer.commands.{name}")


def _extras() -> list[str]:
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg")
    return settings.options("options.extras_require")


def test_a_command_that_is_not_accepted_is_noticed():
    assert accepted(["python", "launch/train.py", "demo", "--data", "a", "--output", "b"])
    with pytest.raises(SystemExit):
        accepted(["python", "launch/train.py", "demo", "--dota", "a", "--output", "b"])
    with pytest.raises(SystemExit):
        accepted(["accelerate", "launch", "--num_pro", "launch/evaluate.py"])
    with pytest.raises(AssertionError):
        accepted(["python", "launch/tain.py"])
    assert not accepted(["make", "coffee"])
    assert not accepted(["pip", "install", "-e", ".[cake]"])


# ---- Commands and options in the text

OTHERS_OPTIONS = {"signal"}  # Slurm's


@cache
def _known_options() -> set[str]:
    """Of our programs and of the launchers; those of our settings by their names in the code."""
    paths = [*ROOT.glob("colorizer/**/*.py"), *ROOT.glob("benchmarks/*.py")]
    fields = re.findall(r"^    (\w+): ", "\n".join(p.read_text() for p in paths), re.MULTILINE)
    known = {field.replace("_", "-") for field in fields} | {"help", "weights"} | OTHERS_OPTIONS
    for parser in (launch_command_parser(), get_args_parser()):
        known |= {name.lstrip("-") for action in parser._actions for name in action.option_strings}
    return known


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_options_and_files_named_in_the_text_exist(page):
    if page.name == "CHANGELOG.md":
        return  # it names what is gone, too
    for span in re.findall(r"`([^`]+)`", FENCE.sub("", page.read_text())):
        if not span.startswith(("--", *SHELL)):
            continue
        for option in OPTION.findall(span):
            name = option.lstrip("-").rstrip(".").rpartition(".")[2]
            assert {name, name.removeprefix("no-")} & _known_options(), span
        for path in re.findall(r"\b(?:launch|accelerate_configs|benchmarks)/[\w.]+", span):
            assert (ROOT / path).exists(), span
