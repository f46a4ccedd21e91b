"""The commands that use a trained run."""

import subprocess
import sys

import cv2

from tests.helpers import launching
from tests.helpers.programs import ROOT

LAUNCH = ROOT / "launch"


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return launching.run([sys.executable, LAUNCH / script, *arguments])


def test_colorize_writes_a_picture_of_the_drawings_size(trained, tmp_path, draw_scene):
    line, reference, output = (tmp_path / name for name in ("a.png", "b.png", "c.png"))
    cv2.imwrite(str(line), draw_scene(0, 90, 70))
    cv2.imwrite(str(reference), draw_scene(1, 50, 60))
    arguments = ("--checkpoint", trained.output, "--line", line, "--reference", reference)
    done = run("colorize.py", *arguments, "--output", output)
    assert done.returncode == 0, done.stderr
    assert cv2.imread(str(output)).shape == (70, 90, 3)


def test_extract_writes_a_drawing_of_the_pictures_size(trained_extractor, tmp_path, draw_scene):
    picture, output = tmp_path / "a.png", tmp_path / "lines" / "b.png"
    cv2.imwrite(str(picture), draw_scene(0, 90, 70))
    arguments = ("--checkpoint", trained_extractor.output, "--picture", picture)
    done = run("extract.py", *arguments, "--output", output)
    assert done.returncode == 0, done.stderr
    assert cv2.imread(str(output), cv2.IMREAD_UNCHANGED).shape == (70, 90)


def test_help_says_what_the_settings_do():
    assert "dark lines on white" in run("colorize.py", "--help").stdout
    assert "same subfolders" in run("extract.py", "--help").stdout


def test_a_wrong_checkpoint_is_one_sentence(trained, tmp_path):
    refused = run(
        "evaluate.py",
        *("--checkpoint", tmp_path / "none", "--data", trained.data[0], "--output", tmp_path / "r"),
    )
    assert refused.returncode == 1
    assert "none: no such run folder" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "r").exists()
