"""`make shipped`: what it makes, that it makes the same again, and the cards."""

import shlex
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from colorizer.checkpoints.generator_file import find_generator
from colorizer.checkpoints.published import sha256_of
from colorizer.config.networks import ExtractorConfig, GeneratorConfig
from colorizer.config.shipped import FOLDER, KINDS
from tests.helpers import launching
from tests.helpers.programs import ROOT
from tests.test_docs import accepted

sys.path.insert(0, str(ROOT / "benchmarks"))

import shipped
from shipped import COLORIZER, EXTRACTOR, OUTPUT, RECIPES, make

SHARDS = "--count 8 --size 32 --held-out 0.3"
TINY = "--steps 2 --batch-size 4 --workers 1 --network.width 0.125 --evaluate-count 2"
TRIALS = (
    replace(EXTRACTOR, sets={"small": SHARDS}, training=f"extractor-demo {TINY}"),
    replace(COLORIZER, sets={"small": SHARDS}, training=f"few --start-from None {TINY}"),
)


def without_launcher(command: str, **_: object) -> subprocess.CompletedProcess[str]:
    """A command's program alone, which starts at once."""
    words = shlex.split(command)
    script = next(number for number, word in enumerate(words) if word.endswith(".py"))
    return launching.run([sys.executable, ROOT / words[script], *words[script + 1 :]], cwd=ROOT)


@pytest.mark.parametrize("recipe", TRIALS, ids=lambda recipe: recipe.kind)
def test_two_makes_give_the_same_bytes_and_a_card(recipe, tmp_path, monkeypatch):
    files = [make(recipe, tmp_path / "a" / "shipped", tmp_path / "a" / "w")]
    monkeypatch.setattr(shipped, "subprocess", SimpleNamespace(run=without_launcher))
    files += [make(recipe, tmp_path / "b" / "shipped", tmp_path / "b" / "w")]
    assert files[0].read_bytes() == files[1].read_bytes()
    kind = GeneratorConfig if recipe is TRIALS[1] else ExtractorConfig
    assert KINDS[kind.task] == files[0].stem
    made = find_generator(files[0], kind)
    assert made.step == 2 and " at " not in made.version
    card = files[0].with_suffix(".md").read_text()
    assert sha256_of(files[0]) in card
    for words in recipe.figures.values():
        assert f"| {words} |" in card
    for command in recipe.commands(tmp_path / "a" / "shipped", tmp_path / "a" / "w"):
        assert f"    {command}\n" in card


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.kind)
def test_the_commands_are_accepted(recipe, monkeypatch):
    monkeypatch.chdir(ROOT)
    for command in recipe.commands():
        words = [word for word in shlex.split(command) if not word.startswith("OMP_")]
        assert accepted(words), command


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.kind)
def test_each_shipped_file_is_that_of_its_card(recipe):
    assert ROOT / OUTPUT == FOLDER
    file = FOLDER / f"{recipe.kind}.safetensors"
    assert file.stat().st_size < 4_000_000
    card = file.with_suffix(".md").read_text()
    assert sha256_of(file) in card
    for command in recipe.commands():
        assert f"    {command}\n" in card
