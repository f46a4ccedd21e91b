"""launch/checkpoint.py: what is there, whether it is intact, and the generator alone."""

import re
import resource
import shutil
from dataclasses import replace

import numpy as np
import pytest

from colorizer.checkpoints.best import Best
from colorizer.checkpoints.checkpoint import dump_state, read_state
from colorizer.checkpoints.commands import InspectConfig, VerifyConfig, inspect, verify_all
from colorizer.checkpoints.export import ExportConfig, export
from colorizer.checkpoints.generator_file import find_generator
from colorizer.coloring.colorizer import Colorizer
from colorizer.config.networks import ExtractorConfig, GeneratorConfig
from colorizer.lines.extractor import Extractor
from colorizer.system.errors import UserError


@pytest.fixture
def two(trained):
    """The folder of a run with checkpoints of steps 1 and 2."""
    return trained.output


def flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_inspect_says_what_a_run_a_checkpoint_and_a_file_are(two, capsys):
    inspect(InspectConfig(two))
    shown = capsys.readouterr().out
    for words in ("step-00000001", "step-00000002", "2 of 2", "64x64", "copying", "0.125"):
        assert words in shown
    inspect(InspectConfig(two / "checkpoints" / "step-00000001"))
    assert "1 of 2" in capsys.readouterr().out
    inspect(InspectConfig(two / "checkpoints" / "step-00000001" / "average.safetensors"))
    shown = capsys.readouterr().out
    count = sum(p.numel() for p in Colorizer(two).generator.state_dict().values())
    assert f"{count:,}" in shown and "attention none" in shown and "sha256" in shown


def test_inspect_names_the_best_checkpoint(two, capsys):
    checkpoint = two / "checkpoints" / "step-00000002"
    state = replace(read_state(checkpoint), best=Best("cross/psnr", 21.4567, 1))
    (checkpoint / "state.json").write_text(dump_state(state))
    inspect(InspectConfig(two))
    assert re.search(r"best so far +step 1: cross/psnr 21\.46", capsys.readouterr().out)


def test_inspect_names_what_is_damaged_or_not_there(two, capsys, tmp_path):
    flip(two / "checkpoints" / "step-00000002" / "generator.safetensors")
    inspect(InspectConfig(two))
    shown = capsys.readouterr()
    assert "generator.safetensors: damaged" in shown.err and "1 of 2" in shown.out
    with pytest.raises(UserError, match="no such run folder"):
        inspect(InspectConfig(tmp_path / "none"))


def test_verify_reads_every_checkpoint_and_says_which_would_be_used(two, capsys):
    verify_all(VerifyConfig(two))
    assert capsys.readouterr().out.count(": intact, 5 files") == 2
    flip(two / "checkpoints" / "step-00000002" / "discriminator.safetensors")
    before = sorted(two.rglob("*"))
    with pytest.raises(
        UserError, match="1 of 2 checkpoints are damaged; training continues from step-00000001"
    ):
        verify_all(VerifyConfig(two))
    assert "discriminator.safetensors: damaged" in capsys.readouterr().out
    assert sorted(two.rglob("*")) == before
    (two / "checkpoints" / "step-00000001" / "state.json").unlink()
    with pytest.raises(UserError, match="2 of 2 checkpoints are damaged; none can be used"):
        verify_all(VerifyConfig(two))


def test_an_export_is_enough_and_colours_the_same(trained, tmp_path, draw_scene, capsys):
    path = tmp_path / "a b" / "mine.safetensors"
    export(ExportConfig(trained.output, path))
    assert f"colorizer-colorize --checkpoint '{path}' --line" in capsys.readouterr().out
    verify_all(VerifyConfig(path))
    scene = draw_scene(1, 70, 60)
    whole, alone = Colorizer(trained.output), Colorizer(path)
    shutil.rmtree(trained.output)
    results = [colorizer(scene[..., 0], scene).picture for colorizer in (whole, alone)]
    assert np.array_equal(*results)
    flip(path)
    with pytest.raises(UserError, match="damaged"):
        verify_all(VerifyConfig(path))


def test_an_extractor_is_exported_too(trained_extractor, tmp_path, draw_scene, capsys):
    path = tmp_path / "lines.safetensors"
    export(ExportConfig(trained_extractor.output, path))
    assert f"colorizer-extract --checkpoint {path} --picture" in capsys.readouterr().out
    scene = draw_scene(1, 70, 60)
    one, other = Extractor(trained_extractor.output), Extractor(path)
    assert np.array_equal(one.draw(scene), other.draw(scene))
    assert find_generator(path, ExtractorConfig).step == 2


def test_the_weights_are_chosen(trained, tmp_path):
    paths = {}
    for name in ("best", "average", "generator"):
        paths[name] = tmp_path / f"{name}.safetensors"
        export(ExportConfig(trained.output, paths[name], name))
    best, average, live = (find_generator(p, GeneratorConfig).sha256 for p in paths.values())
    assert best == average != live


def test_an_export_replaces_nothing_unasked_and_leaves_nothing_half(two, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        export(ExportConfig(two, path))
    with pytest.raises(UserError, match=r"must end in \.safetensors"):
        export(ExportConfig(two, tmp_path / "a.pt"))
    (two / "checkpoints" / "step-00000002" / "average.safetensors").unlink()
    checkpoint = two / "checkpoints" / "step-00000002"
    with pytest.raises(UserError, match="missing"):
        export(ExportConfig(checkpoint, path, overwrite=True))
    assert path.read_text() == "mine"
    export(ExportConfig(two, path, overwrite=True))
    assert find_generator(path, GeneratorConfig).step == 1
    assert not list(tmp_path.glob("*.partial"))


def test_an_export_onto_a_full_disk_leaves_nothing(two, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(UserError, match=r"cannot write .*; make room there"):
            export(ExportConfig(two, tmp_path / "out" / "a.safetensors"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list((tmp_path / "out").iterdir())
