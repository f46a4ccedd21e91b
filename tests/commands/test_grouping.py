"""The command line of a training, and its help."""

import dataclasses
from pathlib import Path

import pytest

from colorizer.commands.grouping import GROUPS
from colorizer.commands.train import settings
from colorizer.config.presets import PRESETS
from colorizer.config.run import RunConfig


def test_a_preset_and_what_is_set_otherwise():
    command = "demo --data a --output b --steps 7 --network.stages 2 --recompute --log-with wandb x"
    demo = PRESETS["demo"](Path("a"), Path("b"))
    assert settings(command.split()) == dataclasses.replace(
        demo,
        steps=7,
        recompute=True,
        log_with=("wandb", "x"),
        network=dataclasses.replace(demo.network, stages=2),
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_be_chosen(preset):
    config = settings([preset, "--data", "a", "--output", "b"])
    assert config == PRESETS[preset](Path("a"), Path("b"))


def test_the_groups_are_those_of_the_settings_in_their_order():
    fields = [f.name for group in GROUPS.values() for f in dataclasses.fields(group)]
    assert [f.name for f in dataclasses.fields(RunConfig)] == [*fields, "optimizer"]


def test_the_help_names_every_setting_in_its_group_and_ends_with_an_example(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        settings(["demo", "--help"])
    text = capsys.readouterr().out
    for name, group in GROUPS.items():
        box = text.split(f" {name} options ")[1].split(" options ")[0]
        for field in dataclasses.fields(group):
            assert f"--{field.name.replace('_', '-')}" in box
    assert "--network.width" in text and "--task" not in text
    assert "Stop after this many seconds without a batch" in text
    assert text.endswith(" demo --data shards/demo --output runs/demo\n")
