"""What the reader is told to type, in a clone and without one."""

import pytest

from colorizer.system.programs import command, launched_command, started_as


@pytest.fixture
def start(monkeypatch):
    return lambda script: monkeypatch.setattr("sys.argv", [script])


@pytest.mark.parametrize("folder", ["launch/", "/a clone/launch/"])
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
