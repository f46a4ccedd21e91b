"""Which version wrote something, in a checkout and elsewhere."""

import subprocess
from pathlib import Path

import pytest

from colorizer.system import version

code_version = version.code_version.__wrapped__  # what it has said before it remembers


def git(checkout: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    command = ["git", "-C", str(checkout), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A repository with a commit and a tag, where the package seems to lie."""
    module = tmp_path / "colorizer" / "system" / "version.py"
    module.parent.mkdir(parents=True)
    module.write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    git(tmp_path, "tag", "-a", "v9", "-m", "a tag says nothing of the commit")
    monkeypatch.setattr(version, "__file__", str(module))
    return tmp_path


def test_a_checkout_is_named_by_its_commit_and_whether_it_was_changed(checkout):
    commit = git(checkout, "rev-parse", "--short", "HEAD")
    assert code_version() == f"{version.RELEASE} at {commit}"
    Path(version.__file__).write_text("changed = True")
    assert code_version() == f"{version.RELEASE} at {commit}, changed"


def test_what_is_installed_is_named_by_its_release(tmp_path, monkeypatch):
    monkeypatch.setattr(version, "__file__", str(tmp_path / "colorizer" / "system" / "version.py"))
    assert code_version() == version.RELEASE


def test_without_git_a_checkout_is_named_by_its_release(checkout, monkeypatch):
    monkeypatch.setenv("PATH", str(checkout))
    assert code_version() == version.RELEASE
