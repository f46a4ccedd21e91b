"""Training on several sets."""

from functools import partial
from pathlib import Path

import pytest

from colorizer.commands.train import settings
from colorizer.config.presets import PRESETS
from colorizer.config.references import ReferencesConfig
from colorizer.evaluation.config import Table1Config
from colorizer.evaluation.table1 import _evaluation, as_method
from colorizer.making.config import CharactersConfig
from colorizer.making.pipeline import make_shards
from colorizer.system.errors import UserError
from colorizer.training.start import start_accelerator
from colorizer.training.train import build_task, train
from tests.helpers.orders import order_of

ONE, OTHER = Path("drawn"), Path("real")


@pytest.fixture(scope="module")
def second(tmp_path_factory) -> Path:
    """Another set of drawn characters of 64×64; nothing is held out of it."""
    folder = tmp_path_factory.mktemp("more") / "second"
    make_shards(CharactersConfig(output=folder, count=3, size=64, held_out=0, seed=50, workers=1))
    return folder


# ---- The settings


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_takes_a_folder_or_several(preset):
    assert PRESETS[preset](ONE, Path("out")).data == (ONE,)
    assert PRESETS[preset]((ONE, OTHER), Path("out")).data == (ONE, OTHER)


@pytest.mark.parametrize("preset", ["demo", "extractor"])
def test_the_command_line_takes_several(preset):
    config = settings(f"{preset} --data drawn real --shares 0.7 0.3 --output out".split())
    assert (config.data, config.shares, config.output) == ((ONE, OTHER), (0.7, 0.3), Path("out"))
    config = settings(f"{preset} --data drawn --output out".split())
    assert (config.data, config.shares) == ((ONE,), ())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": ()}, "--data names no folder"),
        ({"data": (ONE, Path("x/../drawn"))}, "--data names a folder twice (drawn and x/../drawn)"),
        ({"data": (ONE,), "shares": (1.0,)}, "--data names one; leave --shares out"),
        (
            {"data": (ONE, OTHER), "shares": (1.0, 2.0, 3.0)},
            "--shares has 3 values, but --data names 2 folders",
        ),
        ({"data": (ONE, OTHER), "shares": (1.0,)}, "--shares has 1 values"),
        ({"data": (ONE, OTHER), "shares": (1.0, 0.0)}, "--shares must all be above 0"),
        ({"data": (ONE, OTHER), "shares": (1.0, -1.0)}, "--shares is -1.0; it must be at least 0"),
        ({"data": (ONE, OTHER), "shares": (1.0, float("nan"))}, "--shares is nan"),
    ],
)
def test_sets_and_shares_that_do_not_fit_are_refused(tiny, changes, words):
    with pytest.raises(UserError) as refused:
        train(tiny(**changes))
    assert words in str(refused.value)


# ---- The run


def test_a_run_on_two_sets_goes_on_with_the_same_samples(tiny, character_shards, second):
    same = {
        "data": (character_shards, second),
        "shares": (0.5, 0.5),
        "batch_size": 8,
        "log_samples": True,
        "references": ReferencesConfig(same_group=0.5),
    }
    whole = order_of(tiny(output="whole", steps=3, **same))
    order_of(tiny(output="stopped", steps=1, **same))
    assert order_of(tiny(output="stopped", steps=3, **same)) == whole
    names = [line["key"].split("/")[0] for line in whole]
    assert set(names) == {character_shards.name, "second"} and 6 < names.count("second") < 18
    for line in whole:
        assert line["key"].split("-")[:-1] == line["reference"].split("-")[:-1]  # set and character
    assert any(line["key"] != line["reference"] for line in whole)


def test_other_sets_another_order_of_them_or_other_shares_are_another_run(
    tiny, character_shards, second
):
    both = (character_shards, second)
    tiny = partial(tiny, "extractor-demo")
    train(tiny(data=both, steps=1))
    for data in (both[::-1], both[:1]):
        with pytest.raises(UserError, match="holds a run on other shards"):
            train(tiny(data=data, steps=2))
    with pytest.raises(UserError, match=r"shares was \[\], is now \[0.5, 0.5\]"):
        train(tiny(data=both, shares=(0.5, 0.5), steps=2))
    train(tiny(data=both, steps=2))


def test_the_run_is_judged_by_the_first_set(tiny, character_shards, second):
    for preset in ("demo", "extractor-demo"):
        config = tiny(preset, data=(character_shards, second))
        task = build_task(config, start_accelerator(config))
        for looks in (task.held_out(), task.sample_grid()):
            assert looks.reader.index.folder == character_shards / "held-out"


def test_the_start_tells_of_each_set(tiny, character_shards, second, capsys):
    train(tiny(data=(second, character_shards), shares=(1, 3), steps=6, dry_run=True))
    said = " ".join(capsys.readouterr().out.split())
    of_second = f"6 pictures of 64x64 in {second / 'train'} (25.0% of the samples, 1.0 epochs)"
    of_first = f"in {character_shards / 'train'} (75.0% of the samples, 1.0 epochs)"
    assert f"data {of_second} data 18 pictures of 64x64 {of_first}" in said


def test_table1_trains_on_all_sets_and_judges_by_the_first():
    config = Table1Config((ONE, OTHER), Path("out"), shares=(0.7, 0.3))
    run = as_method(config, "scft", 1)
    assert (run.data, run.shares) == ((ONE, OTHER), (0.7, 0.3))
    assert _evaluation(config, run).data == ONE
