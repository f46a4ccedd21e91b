"""CONTRIBUTING.md: its worked examples, applied to a copy of the code, pass their own tests."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.programs import ENVIRONMENT, ROOT

SECTION = re.compile(r"^### (.+?)$(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
EXAMPLES = dict(SECTION.findall((ROOT / "CONTRIBUTING.md").read_text()))


def block(section: str, language: str) -> str:
    """The code of a section in a language."""
    return re.search(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[1]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package and what its tests need, without the tests."""
    ignored = shutil.ignore_patterns("__pycache__", "test_*.py")
    for folder in ("colorizer", "tests", "benchmarks"):
        shutil.copytree(ROOT / folder, tmp_path / "copy" / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "copy")
    return tmp_path / "copy"


def test_each_kind_has_its_example():
    assert list(EXAMPLES) == ["A loss", "A task", "A source of pictures", "A metric"]


def test_no_two_examples_change_the_same_file():
    """So each passes with the others as it does alone."""
    diffs = (block(section, "diff") for section in EXAMPLES.values())
    changed = [file for diff in diffs for file in re.findall(r"(?m)^\+\+\+ b/(.+)$", diff)]
    assert len(set(changed)) == len(changed) > len(EXAMPLES)


@pytest.mark.slow
def test_the_examples_apply_and_pass_their_tests(copy):
    for name, section in EXAMPLES.items():
        subprocess.run(
            ["git", "apply", "--unsafe-paths", "--directory", copy, "-"],
            input=block(section, "diff"),
            cwd=copy,
            text=True,
            check=True,
        )
        test = f"test_{name.replace(' ', '_').lower()}.py"
        (copy / "tests" / test).write_text(block(section, "python"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=copy,
        env=ENVIRONMENT | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tests = sum(block(section, "python").count("\ndef test_") for section in EXAMPLES.values())
    assert f"{tests} passed" in done.stdout
