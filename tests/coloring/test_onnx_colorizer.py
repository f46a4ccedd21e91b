"""colorizer-onnx: the colorizer's pictures, without torch."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from colorizer.checkpoints.export import ExportConfig, export
from colorizer.coloring.colorize_onnx import colorize_onnx
from colorizer.coloring.colorizer import Colorizer
from colorizer.coloring.onnx_colorizer import OnnxColorizer, files_of
from colorizer.config.commands import OnnxConfig
from colorizer.config.networks import GeneratorConfig
from colorizer.drawings.corrections import Point
from colorizer.system.errors import UserError
from tests.helpers.exported import random_file
from tests.helpers.programs import ENVIRONMENT, ROOT

NETWORK = GeneratorConfig("none", copying=True, width=0.125, stages=3, residual_blocks=1, picks=2)
WITHOUT_TORCH = """
import sys

sys.modules["accelerate"] = None  # importing it raises
from colorizer.commands.onnx import main

sys.argv[0] = "colorizer-onnx"
main()
assert "torch" not in sys.modules, "torch was imported"
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """A generator file, with the two graphs of it beside it: mine.onnx."""
    folder = tmp_path_factory.mktemp("exported")
    path = random_file(folder / "mine.safetensors", NETWORK)
    export(ExportConfig(path, folder / "mine.onnx", format="onnx", license="mit"))
    return path


@pytest.fixture
def pictures(draw_scene):
    """A drawing and two references, of three sizes that are no multiples of anything."""
    scene = cv2.cvtColor(draw_scene(1, 175, 150), cv2.COLOR_RGB2GRAY)
    line = np.where(scene < 60, scene, 255).astype(np.uint8)
    return line, [draw_scene(2, 61, 90), draw_scene(3, 130, 75)]


@pytest.mark.slow
@pytest.mark.parametrize("size", [None, 50])
@pytest.mark.parametrize("count", [1, 2])
def test_it_colours_as_torch_does(exported, pictures, count, size):
    line, references = pictures[0], pictures[1][:count]
    points = [Point(5, 5, (10, 200, 30))]
    whole = Colorizer(exported, "cpu")(line, references, size, points)
    alone = OnnxColorizer(exported.with_suffix(".onnx"))(line, references, size, points)
    assert alone.picture.shape == (150, 175, 3)
    assert np.abs(alone.small.astype(int) - whole.small).max() <= 1
    assert np.abs(alone.picture.astype(int) - whole.picture).max() <= 2
    assert np.array_equal(alone.palette, whole.palette)


@pytest.mark.slow
def test_it_colours_a_cut_as_torch_does(exported, pictures):
    line, references = pictures
    frames = [line, np.roll(line, 3, axis=1)]
    points = {1: [Point(5, 5, (10, 200, 30))]}
    arguments = (frames, references, 50, {}, points)
    whole = list(Colorizer(exported, "cpu").sequence(*arguments))
    alone = list(OnnxColorizer(exported.with_suffix(".onnx")).sequence(*arguments))
    assert len(alone) == len(whole) == 2
    for one, other in zip(alone, whole, strict=True):
        assert np.abs(one.picture.astype(int) - other.picture).max() <= 2


@pytest.mark.slow
def test_the_program_imports_no_torch(exported, pictures, tmp_path):
    line, references = pictures
    for name, picture in (("line", line), ("a", references[0]), ("b", references[1])):
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    arguments = ("--model", exported.with_suffix(".onnx"), "--line", "line.png", "--reference")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *arguments, "a.png", "b.png", "--output", "c.png"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=ENVIRONMENT | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert "c.png: line.png in the colours of a.png, b.png" in done.stdout
    whole = Colorizer(exported, "cpu")(
        tmp_path / "line.png", [tmp_path / "a.png", tmp_path / "b.png"]
    )
    result = cv2.cvtColor(cv2.imread(str(tmp_path / "c.png")), cv2.COLOR_BGR2RGB)
    assert np.abs(result.astype(int) - whole.picture).max() <= 2


@pytest.mark.slow
def test_the_files_say_what_they_are(exported):
    reader, painter = (onnx.load(path) for path in files_of(exported.with_suffix(".onnx")))
    about = {entry.key: entry.value for entry in painter.metadata_props}
    digest = Colorizer(exported, "cpu").file.sha256
    expected = {
        "task": "colorization",
        "size": "64",
        "stride": "4",
        "buckets": "false",
        "sha256": digest,
        "license": "mit",
        "part": "painter",
    }
    assert expected.items() <= about.items()
    assert {entry.key: entry.value for entry in reader.metadata_props} == {
        **about,
        "part": "reader",
    }


@pytest.mark.slow
def test_files_that_do_not_belong_together_are_named(exported, tmp_path):
    names = files_of(exported.with_suffix(".onnx"))
    reader, painter = (tmp_path / f"mine.{part}.onnx" for part in ("reader", "painter"))
    reader.write_bytes(names[0].read_bytes())
    with pytest.raises(UserError, match=r"mine\.painter\.onnx: no such file"):
        OnnxColorizer(tmp_path / "mine.onnx")
    painter.write_bytes(names[0].read_bytes())
    with pytest.raises(UserError, match=r"mine\.painter\.onnx is not the painter .* a reader"):
        OnnxColorizer(reader)
    other = onnx.load(names[1])
    for entry in other.metadata_props:
        if entry.key == "sha256":
            entry.value = "0" * 64
    onnx.save(other, painter)
    with pytest.raises(UserError, match="are of two colorizers"):
        OnnxColorizer(painter)
    del other.metadata_props[:]
    onnx.save(other, painter)
    with pytest.raises(UserError, match="'colorizer' is missing"):
        OnnxColorizer(painter)


def test_bad_input_is_a_sentence(tmp_path):
    common = {"line": tmp_path / "a.png", "reference": (tmp_path / "b.png",)}
    with pytest.raises(UserError, match=r"mine\.reader\.onnx: no such file"):
        colorize_onnx(OnnxConfig(model=tmp_path / "mine", output=tmp_path / "c.png", **common))
    with pytest.raises(UserError, match=r"must end in \.png"):
        colorize_onnx(OnnxConfig(model=tmp_path / "mine", output=tmp_path / "c.gif", **common))
    for part in ("reader", "painter"):
        (tmp_path / f"mine.{part}.onnx").write_text("no model")
    with pytest.raises(UserError, match="is no model that onnxruntime reads"):
        OnnxColorizer(tmp_path / "mine.onnx")


@pytest.mark.slow
def test_a_working_size_out_of_bounds_is_refused(exported, pictures):
    colorizer = OnnxColorizer(exported.with_suffix(".onnx"))
    with pytest.raises(UserError, match="from 4 to 16384"):
        colorizer(*pictures, working_size=3)
    with pytest.raises(UserError, match="no reference"):
        colorizer(pictures[0], [])
