"""Fixtures of all rooms: drawn pictures, sets of them, tiny trainings, and a quick machine."""

import gc
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from accelerate.state import AcceleratorState, GradientState
from hypothesis import HealthCheck, settings
from PIL import Image

from colorizer.config.losses import ExtractionLossConfig, LossConfig
from colorizer.config.presets import PRESETS
from colorizer.config.training import ColorizationConfig, TrainConfig
from colorizer.making.config import CharactersConfig, FolderConfig
from colorizer.making.pipeline import make_shards
from colorizer.shards.writer import ShardWriter
from colorizer.training.train import train

START_PROGRAMS = ("launch", "benchmarks")  # folders of tests

# What a busy machine cannot hold is no fault of the code.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

DrawScene = Callable[[int, int, int], np.ndarray]
TinyConfig = Callable[..., TrainConfig]


def _draw_scene(number: int, width: int, height: int) -> np.ndarray:
    """A disc and a box in flat colours with dark outlines; other colours for each number."""
    rng = np.random.default_rng(number)
    ground, disc, box = (tuple(map(int, rng.integers(90, 250, 3))) for _ in range(3))
    scene = np.full((height, width, 3), ground, np.uint8)
    side = min(width, height)
    for color, thickness in ((disc, -1), ((20, 10, 30), max(1, side // 40))):
        cv2.circle(scene, (width // 3, height // 2), side // 4, color, thickness)
    for color, thickness in ((box, -1), ((20, 10, 30), max(1, side // 40))):
        corner = (width // 2, height // 3)
        cv2.rectangle(scene, corner, (width * 5 // 6, height * 4 // 5), color, thickness)
    return scene


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts programs waits seconds for each of them to import torch."""
    for item in items:
        if item.path.parent.name in START_PROGRAMS:
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """What is imported by now stays: Python need not search it for garbage again and again."""
    gc.freeze()


@pytest.fixture(scope="session")
def draw_scene() -> DrawScene:
    """`draw_scene(number, width, height)` -> height×width×3 uint8 RGB."""
    return _draw_scene


@pytest.fixture
def picture_folder(tmp_path: Path) -> Path:
    """A folder of ten colour pictures of several sizes, formats and depths, and one text file."""
    folder = tmp_path / "pictures"
    (folder / "more" / "deep").mkdir(parents=True)
    for number in range(10):
        parent = folder if number % 3 else folder / "more" / "deep"
        suffix = ("png", "jpg", "webp")[number % 3]
        scene = _draw_scene(number, 60 + 9 * number, 100 - 4 * number)
        Image.fromarray(scene).save(parent / f"scene {number}.{suffix}")
    (folder / "notes.txt").write_text("not a picture")
    return folder


@pytest.fixture
def shard_folder(tmp_path: Path) -> Path:
    """Ten 32×32 samples in shards of 4, 4 and 2; the metadata holds the scene's number."""
    folder = tmp_path / "shards"
    with ShardWriter(folder, 32, 4, {"source": "test"}) as writer:
        for number in range(10):
            scene = _draw_scene(number, 32, 32)
            line = cv2.cvtColor(scene, cv2.COLOR_RGB2GRAY)
            writer.write(f"scene-{number}", scene, line, {"number": number})
    return folder


@pytest.fixture(scope="session")
def character_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve drawn characters in two poses each at 64×64, about a quarter held out."""
    folder = tmp_path_factory.mktemp("characters")
    make_shards(
        CharactersConfig(
            output=folder, count=12, size=64, held_out=0.25, samples_per_shard=5, workers=1
        )
    )
    return folder


@pytest.fixture(scope="session")
def bucket_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes in buckets of 64, in groups of three shapes, about a quarter held out."""
    folder = tmp_path_factory.mktemp("buckets")
    sizes = ((80, 50), (60, 60), (48, 96), (90, 40), (64, 60))
    for number in range(40):
        path = folder / "pictures" / f"group-{number // 4}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_draw_scene(number, *sizes[number % 5])).save(path)
    make_shards(
        FolderConfig(
            folder=folder / "pictures",
            output=folder / "set",
            size=64,
            fit="buckets",
            group_by="parent",
            held_out=0.25,
            samples_per_shard=4,
            workers=1,
        )
    )
    return folder / "set"


@pytest.fixture(scope="session")
def vgg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stand-in for the VGG-19 weights: the right names and shapes, random values."""
    from benchmarks.standing_in import write_vgg  # torchvision takes seconds to import

    return write_vgg(tmp_path_factory.mktemp("weights") / "vgg19.safetensors")


@pytest.fixture(autouse=True)
def _fresh_accelerate() -> Iterator[None]:
    """Accelerate keeps its state for the process; every test starts its own."""
    yield
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


@pytest.fixture(autouse=True)
def _few_curves(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes a second, and hundreds of tests train: only those marked `curves` draw them."""
    if request.node.get_closest_marker("curves") is None:
        monkeypatch.setattr("colorizer.training.reporting.draw_curves", lambda *paths: None)


@pytest.fixture(autouse=True)
def _no_power_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test does not wait for the disk: what it reads again comes from memory."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def mount_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """`mount_disk("64k")` -> a disk of its own of that size, where mounting is allowed."""
    disk = tmp_path / "disk"

    def mount(size: str) -> Path:
        disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
        if subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("mounting is not allowed here; test_saving.py limits the files' size")
        return disk

    yield mount
    if disk.is_mount():
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def tiny(character_shards: Path, tmp_path: Path) -> TinyConfig:
    """`tiny("sga", output="a", steps=2)`: a preset at its smallest, with all losses but VGG's."""

    def configure(preset: str = "demo", output: str = "run", **changes) -> TrainConfig:
        config = PRESETS[preset](character_shards, tmp_path / output)
        small = {
            "start_from": None,
            "steps": 3,
            "batch_size": 4,
            "workers": 0,
            "log_every": 1,
            "sample_every": 0,
            "evaluate_every": 0,
            "patience": 0,
            "checkpoint_every": 100,
            "discriminator_width": 0.125,
        }
        if isinstance(config, ColorizationConfig):
            network = replace(config.network, width=0.125, stages=4, residual_blocks=1)
            kept = {name: getattr(config.loss, name) for name in ("triplet", "copying", "place")}
            loss = LossConfig(perceptual=0.0, style=0.0, **kept)
        else:
            network = replace(config.network, width=0.125, stages=3)
            loss = ExtractionLossConfig()
        small |= {"network": network, "loss": loss}
        return replace(config, **(small | changes))

    return configure


@pytest.fixture(scope="session")
def _trained_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the runs that several tests want: a preset's is trained once, then copied."""
    return tmp_path_factory.mktemp("trained")


@pytest.fixture
def trained(tiny: TinyConfig, _trained_runs: Path) -> TrainConfig:
    """A tiny colorizer with checkpoints of steps 1 and 2, and a running average."""
    return _two_steps("demo", tiny, _trained_runs)


@pytest.fixture
def trained_extractor(tiny: TinyConfig, _trained_runs: Path) -> TrainConfig:
    """A tiny line extractor with checkpoints of steps 1 and 2, and a running average."""
    return _two_steps("extractor-demo", tiny, _trained_runs)


def _two_steps(preset: str, tiny: TinyConfig, runs: Path) -> TrainConfig:
    """The test's own copy of a run."""
    config = tiny(preset, output=f"trained-{preset}", steps=2, checkpoint_every=1)
    if (runs / preset).exists():
        shutil.copytree(runs / preset, config.output, symlinks=True)
    else:
        train(config)
        shutil.copytree(config.output, runs / preset, symlinks=True)
    return config


@pytest.fixture
def no_weights(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No published weights anywhere, and no way to download them."""
    empty = tmp_path_factory.mktemp("empty")
    monkeypatch.setenv("COLORIZER_WEIGHTS", str(empty / "own"))
    monkeypatch.setenv("TORCH_HOME", str(empty / "hub"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
