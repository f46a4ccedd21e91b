"""The files that come with the program: used where no other is given, and what is said of them."""

import cv2
import numpy as np
import pytest

from colorizer.checkpoints.checkpoint import read_state
from colorizer.checkpoints.commands import InspectConfig, VerifyConfig, inspect, verify_all
from colorizer.checkpoints.export import ExportConfig, export
from colorizer.checkpoints.generator_file import find_generator
from colorizer.coloring.colorize import colorize
from colorizer.coloring.colorizer import Colorizer
from colorizer.config.commands import ColorizeConfig, ExtractCommand
from colorizer.config.networks import GeneratorConfig
from colorizer.config.shipped import SHIPPED
from colorizer.evaluation.config import EvaluateConfig, MeasureConfig
from colorizer.evaluation.evaluator import evaluate
from colorizer.lines.extractor import Extractor, extract
from colorizer.making.config import FolderConfig
from colorizer.making.pipeline import make_shards
from colorizer.shards.index import read_index
from colorizer.system.errors import UserError
from colorizer.training.train import train
from tests.helpers.making import ten_pictures, without_workers
from tests.helpers.shipping import NETWORKS, ship, ship_into

ABOUT = "trained on drawn characters alone at 64x64: for a first look; train your own for real work"


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    return ship_into(tmp_path / "shipped", monkeypatch)


@pytest.fixture
def pictures(tmp_path, draw_scene):
    """A drawing and a picture."""
    paths = tmp_path / "drawing.png", tmp_path / "picture.png"
    for number, path in enumerate(paths):
        cv2.imwrite(str(path), draw_scene(number, 50, 40))
    return paths


def test_a_drawing_is_coloured_without_a_checkpoint(shipped, pictures, tmp_path, capsys):
    line, reference = pictures
    results = tmp_path / "a.png", tmp_path / "b.png"
    colorize(ColorizeConfig(line=line, reference=(reference,), output=results[0]))
    said = capsys.readouterr().out
    assert said.startswith(f"Using the colorizer that comes with the program, {ABOUT}.\n")
    file = shipped / "colorizer.safetensors"
    colorize(ColorizeConfig(checkpoint=file, line=line, reference=(reference,), output=results[1]))
    assert "Using" not in capsys.readouterr().out
    assert results[0].read_bytes() == results[1].read_bytes()


def test_lines_are_drawn_without_a_checkpoint(shipped, pictures, tmp_path, capsys):
    extract(ExtractCommand(picture=pictures[1], output=tmp_path / "a.png"))
    assert capsys.readouterr().out.startswith(
        f"Using the extractor that comes with the program, {ABOUT}.\n"
    )
    drawn = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
    picture = cv2.cvtColor(cv2.imread(str(pictures[1])), cv2.COLOR_BGR2RGB)
    assert np.array_equal(drawn, Extractor(shipped / "extractor.safetensors").draw(picture))


def test_shards_get_their_lines_without_an_extractor(
    shipped, picture_folder, tmp_path, monkeypatch, capsys
):
    without_workers(monkeypatch)
    pictures = ten_pictures(picture_folder, tmp_path / "made")
    config = FolderConfig(**(vars(pictures) | {"lines": "extractor"}))
    make_shards(config)
    assert f"Using the extractor that comes with the program, {ABOUT}." in capsys.readouterr().out
    lines = read_index(config.output / "train").settings["lines"]
    assert lines["sha256"] == Extractor(shipped / "extractor.safetensors").sha256


def test_the_library_needs_no_checkpoint_either(shipped):
    assert Colorizer().file.path == shipped / "colorizer.safetensors"
    assert Extractor().file.path == shipped / "extractor.safetensors"


@pytest.mark.slow
def test_a_folder_of_that_name_is_not_taken_unsaid(shipped, tmp_path, monkeypatch, capsys):
    find_generator(SHIPPED, GeneratorConfig)
    assert capsys.readouterr().err == ""
    (tmp_path / "here" / "shipped").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert find_generator(SHIPPED, GeneratorConfig).path.parent == shipped
    assert "give its whole path" in " ".join(capsys.readouterr().err.split())


def test_it_can_be_judged_by_its_name(shipped, character_shards, tmp_path):
    measure = MeasureConfig(modes=("self",), metrics=("psnr",))
    evaluate(EvaluateConfig(SHIPPED, character_shards, tmp_path / "report", measure=measure))
    assert (tmp_path / "report" / "report.md").exists()


def test_what_is_shipped_is_inspected_and_verified_by_its_name(shipped, capsys):
    inspect(InspectConfig(SHIPPED))
    verify_all(VerifyConfig(SHIPPED))
    said = capsys.readouterr().out
    for kind in ("colorizer", "extractor"):
        path = shipped / f"{kind}.safetensors"
        assert f"file        {path}\n" in said and f"{path}: intact" in said
    (shipped / "colorizer.safetensors").unlink()
    inspect(InspectConfig(SHIPPED))
    said = capsys.readouterr().out
    assert "extractor.safetensors" in said and "colorizer.safetensors" not in said
    data = (shipped / "extractor.safetensors").read_bytes()
    (shipped / "extractor.safetensors").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(UserError, match=r"extractor\.safetensors: damaged"):
        verify_all(VerifyConfig(SHIPPED))


@pytest.mark.parametrize("preset", ["demo", "extractor-demo"])
def test_a_run_starts_from_the_file_of_its_task(shipped, tiny, preset, capsys):
    (network,) = (n for n in NETWORKS if n.task == tiny(preset).task)
    loss = {"loss": tiny("ours").loss} if preset == "demo" else {}
    train(config := tiny(preset, network=network, start_from=SHIPPED, steps=1, **loss))
    name = "colorizer" if preset == "demo" else "extractor"
    assert f"starts from  {shipped}/{name}.safetensors, step 7" in capsys.readouterr().out
    origin = read_state(config.output / "checkpoints" / "step-00000001").origin
    assert origin is not None and origin.path == f"{shipped}/{name}.safetensors"


def test_without_the_files_one_sentence_says_what_to_do(
    tmp_path, monkeypatch, pictures, picture_folder, tiny
):
    monkeypatch.setattr("colorizer.config.shipped.FOLDER", tmp_path / "none")
    output = tmp_path / "a.png"
    shards = ten_pictures(picture_folder, tmp_path / "made")
    for kind, use in {
        "colorizer": lambda: colorize(
            ColorizeConfig(line=pictures[0], reference=pictures[1:], output=output)
        ),
        "extractor": lambda: extract(ExtractCommand(picture=pictures[1], output=output)),
    }.items():
        words = rf"/none/{kind}\.safetensors: missing, since .* without a trained {kind}; give one"
        with pytest.raises(UserError, match=words):
            use()
    for look in (
        lambda: inspect(InspectConfig(SHIPPED)),
        lambda: verify_all(VerifyConfig(SHIPPED)),
    ):
        with pytest.raises(UserError, match=r"/none: holds no \.safetensors file"):
            look()
    with pytest.raises(UserError, match=r"/none/extractor\.safetensors: missing"):
        make_shards(FolderConfig(**(vars(shards) | {"lines": "extractor"})))
    with pytest.raises(UserError, match=r"^--start-from .*/none/colorizer\.safetensors: missing"):
        train(tiny(start_from=SHIPPED))
    assert not output.exists() and not shards.output.exists()


def test_an_export_without_commit_is_the_same_from_every_commit(tmp_path, monkeypatch):
    exported = []
    for commit in ("0.2.0 at 1111111", "0.2.0 at 2222222, changed"):
        monkeypatch.setattr("colorizer.checkpoints.generator_file.code_version", lambda c=commit: c)
        source = ship(tmp_path / commit, NETWORKS[0])
        path = tmp_path / commit / "exported.safetensors"
        export(ExportConfig(source, path))
        assert find_generator(path, GeneratorConfig).version == commit
        export(ExportConfig(source, path, commit=False, overwrite=True))
        verify_all(VerifyConfig(path))
        exported.append(path)
    assert exported[0].read_bytes() == exported[1].read_bytes()
    assert find_generator(exported[0], GeneratorConfig).version == "0.2.0"
