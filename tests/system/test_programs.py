"""What the reader is told to type, in a clone and without one."""

import pytest

from colorizer.system.programs import command, launched_command, same_command, started_as


@pytest.fixture
def start(monkeypatch):
    return lambda script, *more: monkeypatch.setattr("sys.argv", [script, *more])


@pytest.mark.parametrize("folder", ["launch/", "/clone/launch/"])
def test_in_a_clone_scripts_lead_to_scripts(start, folder):
    start(f"{folder}make_shards.py")
    assert started_as() == f"{folder}make_shards.py"
    assert command("colorize") == f"python {folder}colorize.py"
    assert launched_command("train") == f"accelerate launch {folder}train.py"


@pytest.mark.parametrize("script", ["/usr/bin/colorizer-make-shards", "colorizer-make-shards"])
def test_installed_programs_lead_to_programs(start, script):
    start(script)
    assert started_as() == "colorizer-make-shards"
    assert command("make_shards") == "colorizer-make-shards"
    assert launched_command("train") == "accelerate launch -m colorizer.commands.train"


def test_within_the_folder_of_scripts_too(start, tmp_path, monkeypatch):
    (tmp_path / "launch").mkdir()
    monkeypatch.chdir(tmp_path / "launch")
    start("make_shards.py")
    assert command("colorize") == "python colorize.py"


def test_what_is_to_be_copied_is_quoted(start):
    start("/a clone/launch/train.py", "demo", "--output", "my runs")
    assert command("colorize") == "python '/a clone/launch/colorize.py'"
    assert same_command() == "'/a clone/launch/train.py' demo --output 'my runs'"


def test_a_module_is_started_as_a_module_again(start):
    start("/site-packages/colorizer/commands/train.py", "demo")
    assert started_as() == "-m colorizer.commands.train"
    assert same_command() == "-m colorizer.commands.train demo"
    assert command("colorize") == "colorizer-colorize"
