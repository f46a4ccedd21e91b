"""The built package, in an environment without the clone."""

import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import cv2
import pytest

from tests.helpers.programs import ENVIRONMENT, ROOT
from tests.helpers.shipping import NETWORKS, ship

SHIPPED = {
    f"colorizer/shipped/{kind}.{suffix}"
    for kind in ("colorizer", "extractor")
    for suffix in ("safetensors", "md")
}
PROGRAMS = (
    *("app", "checkpoint", "colorize", "evaluate", "extract", "make-shards", "onnx"),
    *("table1", "train"),
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive, and the wheel that is built from it.

    Both hold stand-ins for the shipped files.
    """
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    unbuilt = shutil.ignore_patterns("__pycache__", "*.egg-info", "shipped")
    shutil.copytree(ROOT / "colorizer", source / "colorizer", ignore=unbuilt)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for network in NETWORKS:
        card = ship(source / "colorizer" / "shipped", network).with_suffix(".md")
        card.write_text("a card")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def programs(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bin/ of a new environment: the wheel, and this one's other packages."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    site = next(environment.glob("lib/python*/site-packages"))
    # Only the folder itself: the .pth file in it that leads to the clone is not read.
    (site / "others.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "install"]
    options = ["--quiet", "--no-deps", "--no-index", "--ignore-installed"]
    subprocess.run([*pip, *options, *built.glob("*.whl")], check=True)
    return environment / "bin"


def run(program: Path, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in ENVIRONMENT.items() if k != "PYTHONPATH"}
    command = [program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)


def test_the_archive_holds_the_licence_and_no_picture_of_anyone(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "setup.cfg", "colorizer/py.typed"} | SHIPPED <= names
    others = names - SHIPPED
    assert not [name for name in others if name.endswith((".png", ".jpg", ".tar", ".safetensors"))]


def test_it_is_the_wheel_that_runs(programs, tmp_path):
    shown = run(programs / "python", tmp_path, "-c", "import colorizer; print(colorizer.__file__)")
    assert Path(shown.stdout).is_relative_to(programs.parent), shown.stdout + shown.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_says_what_it_does(programs, tmp_path, name):
    shown = run(programs / f"colorizer-{name}", tmp_path, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"colorizer-{name}" in shown.stdout.splitlines()[0]


def test_a_drawing_is_coloured_with_the_file_that_comes_along(programs, tmp_path, draw_scene):
    for number, name in enumerate(("a.png", "b.png")):
        cv2.imwrite(str(tmp_path / name), draw_scene(number, 50, 40))
    arguments = ("--line", "a.png", "--reference", "b.png", "--output", "c.png")
    colored = run(programs / "colorizer-colorize", tmp_path, *arguments)
    assert colored.returncode == 0, colored.stderr
    assert "Using the colorizer that comes with the program" in colored.stdout
    assert cv2.imread(str(tmp_path / "c.png")).shape == (40, 50, 3)


def test_the_demos_first_two_commands(programs, tmp_path):
    made = run(
        programs / "colorizer-make-shards",
        tmp_path,
        *("characters", "--count", 12, "--size", 64, "--held-out", 0.25, "--output", "shards/demo"),
    )
    assert made.returncode == 0, made.stderr
    assert "accelerate launch -m colorizer.commands.train PRESET" in made.stdout
    trained = run(
        programs / "colorizer-train",
        tmp_path,
        *("demo", "--data", "shards/demo", "--output", "runs/demo", "--steps", 2),
        *("--network.width", 0.125, "--batch-size", 4, "--evaluate-every", 0),
    )
    assert trained.returncode == 0, trained.stderr
    assert (tmp_path / "runs" / "demo" / "checkpoints" / "step-00000002").is_dir()


def test_the_module_runs_under_a_launcher(programs, tmp_path):
    """`accelerate launch -m colorizer.commands.train` is how several GPUs train without a clone."""
    launcher = (programs / "python", "-m", "accelerate.commands.accelerate_cli", "launch", "--cpu")
    shown = run(launcher[0], tmp_path, *launcher[1:], "-m", "colorizer.commands.train", "--help")
    assert shown.returncode == 0, shown.stderr
    assert "attention-aware" in shown.stdout
