"""Colouring with a trained generator, and every way to name one."""

import os
import shutil
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from colorizer.checkpoints.commands import InspectConfig, inspect
from colorizer.checkpoints.generator_file import describe_generator, find_generator
from colorizer.coloring.colorize import colorize
from colorizer.coloring.colorizer import Colorizer
from colorizer.coloring.preparing import prepare_reference
from colorizer.config.commands import ColorizeConfig
from colorizer.config.networks import GeneratorConfig
from colorizer.system.errors import UserError


@pytest.fixture
def pair(draw_scene):
    """A line drawing and a reference of other sizes, neither a multiple of anything."""
    line = cv2.cvtColor(draw_scene(1, 75, 50), cv2.COLOR_RGB2GRAY)
    return line, draw_scene(2, 61, 90)


def test_run_folder_checkpoint_folder_and_file_are_the_same_generator(trained, pair, tmp_path):
    checkpoint = trained.output / "checkpoints" / "step-00000002"
    exported = tmp_path / "mine.safetensors"
    shutil.copy(checkpoint / "average.safetensors", exported)
    results = [Colorizer(p, "cpu")(*pair).picture for p in (trained.output, checkpoint, exported)]
    assert results[0].shape == (50, 75, 3)
    for result in results[1:]:
        assert np.array_equal(result, results[0])


def test_the_running_average_is_preferred(trained):
    found = find_generator(trained.output, GeneratorConfig)
    assert found.path.name == "average.safetensors"
    assert (found.size, found.step, found.network) == (64, 2, trained.network)


def test_batches_are_padded_and_cropped(trained):
    colorizer = Colorizer(trained.output, "cpu")
    generator = torch.Generator().manual_seed(0)
    line = torch.randint(0, 256, (2, 40, 51), generator=generator).to(torch.uint8)
    reference = torch.randint(0, 256, (2, 33, 64, 3), generator=generator).to(torch.uint8)
    result = colorizer.color_batch(line, reference)
    assert result.shape == (2, 40, 51, 3) and result.dtype == torch.uint8
    padded_line = torch.full((2, 40, 56), 255, dtype=torch.uint8)
    padded_line[:, :, :51] = line
    padded_reference = torch.full((2, 40, 64, 3), 255, dtype=torch.uint8)
    padded_reference[:, :33] = reference
    with torch.no_grad():
        image = colorizer.generator(
            padded_line[:, None] / 127.5 - 1, padded_reference.permute(0, 3, 1, 2) / 127.5 - 1
        ).image
    expected = ((image + 1) * 127.5).round().to(torch.uint8)[..., :51].permute(0, 2, 3, 1)
    assert torch.equal(result, expected)


def test_a_drawing_is_colored_at_its_own_size_whatever_the_network_works_at(trained, pair):
    colorizer = Colorizer(trained.output, "cpu")
    small, large = (colorizer(*pair, working_size=size).picture for size in (32, 128))
    assert small.shape == large.shape == (50, 75, 3)
    assert not np.array_equal(small, large)


def trained_on_buckets(run: Path, path: Path) -> Path:
    """The same generator, as a training on buckets would have described it."""
    tensors = load_file(run / "checkpoints" / "step-00000002" / "average.safetensors")
    file = find_generator(run, GeneratorConfig)
    network = asdict(file.network)
    header = describe_generator("colorization", network, file.size, file.step, tensors, True)
    save_file(tensors, path, header)
    return path


@pytest.mark.parametrize(
    ("buckets", "line", "reference", "twice"),
    [(False, (14, 96), (78, 52), (27, 192)), (True, (24, 169), (78, 52), (48, 339))],
)
def test_a_panorama_has_as_many_pixels_as_what_training_showed(
    trained, tmp_path, buckets, line, reference, twice
):
    """700×100, and a reference of 40×60, where training showed squares of 64."""
    path = trained_on_buckets(trained.output, tmp_path / "wide.safetensors")
    colorizer = Colorizer(path if buckets else trained.output, "cpu")
    white = np.full((100, 700, 3), 255, np.uint8)
    small = colorizer(white, white[:60, :40] // 2).small
    assert np.abs(np.subtract(small.shape[:2], line)).max() <= 1
    assert prepare_reference(white[:60, :40], colorizer.working_size()).shape[:2] == reference
    wide = colorizer(white, white[:60, :40], working_size=128).small
    assert np.abs(np.subtract(wide.shape[:2], twice)).max() <= 1


def test_a_generator_of_buckets_colours_and_says_so(trained, pair, tmp_path, capsys):
    path = trained_on_buckets(trained.output, tmp_path / "wide.safetensors")
    assert Colorizer(path, "cpu")(*pair).picture.shape == (50, 75, 3)
    inspect(InspectConfig(path))
    assert "buckets of about 64x64" in capsys.readouterr().out


def test_the_command_writes_the_result(trained, pair, tmp_path, capsys):
    line, reference, output = (tmp_path / name for name in ("a.png", "b.jpg", "deep/c.webp"))
    cv2.imwrite(str(line), pair[0])
    cv2.imwrite(str(reference), pair[1][..., ::-1])
    colorize(
        ColorizeConfig(checkpoint=trained.output, line=line, reference=(reference,), output=output)
    )
    assert cv2.imread(str(output)).shape == (50, 75, 3)
    assert str(output) in capsys.readouterr().out


def test_what_is_not_a_checkpoint_is_refused_with_its_name(trained, tmp_path):
    empty = tmp_path / "empty"
    (empty / "checkpoints").mkdir(parents=True)
    pickle = tmp_path / "model.pth"
    torch.save({"weight": torch.zeros(1)}, pickle)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(1)}, foreign)
    for path, words in [
        (tmp_path / "nowhere", "no such run folder"),
        (empty, "no checkpoint yet"),
        (tmp_path, "not a checkpoint"),
        (pickle, "is a pickle. Reading a pickle can run any program"),
        (foreign, "does not describe a generator"),
    ]:
        with pytest.raises(UserError, match=words) as error:
            Colorizer(path)
        assert str(path) in str(error.value)


def test_a_line_extractor_is_refused(trained_extractor):
    path = trained_extractor.output
    for given in (path, path / "checkpoints" / "step-00000002" / "average.safetensors"):
        with pytest.raises(UserError, match="trained for extraction; give a network for colori"):
            Colorizer(given)


def test_tensors_that_do_not_fit_the_header_are_refused(trained, tmp_path):
    path = trained.output / "checkpoints" / "step-00000002" / "average.safetensors"
    with safe_open(path, "pt") as file:
        header = file.metadata()
    tensors = load_file(path)
    del tensors["decoder.head.weight"]
    broken = tmp_path / "broken.safetensors"
    save_file(tensors, broken, metadata=header)
    with pytest.raises(UserError, match="do not fit"):
        Colorizer(broken)


def test_unreadable_pictures_and_unusable_names_are_refused(trained, tmp_path, pair):
    line = tmp_path / "a.png"
    cv2.imwrite(str(line), pair[0])
    broken = tmp_path / "broken.png"
    broken.write_bytes(line.read_bytes()[:100])
    good = {"checkpoint": trained.output, "line": line, "reference": (line,)}
    for changes, words in [
        ({"line": broken}, "broken.png"),
        ({"reference": (tmp_path / "none.png",)}, "none.png"),
        ({"output": tmp_path / "c.txt"}, "must end in"),
        ({"working_size": 1}, "working size 1: it must be from 8 to 16384"),
        ({"working_size": 10**12}, "working size 1000000000000"),
    ]:
        with pytest.raises(UserError, match=words):
            colorize(ColorizeConfig(**(good | {"output": tmp_path / "c.png"} | changes)))
    assert not os.path.exists(tmp_path / "c.png")


@pytest.mark.parametrize("size", [(64, 64), (257, 391), (1080, 1920)])
def test_lines_are_those_of_the_drawing_to_the_pixel(trained, draw_scene, size):
    line = 255 - cv2.Canny(draw_scene(5, size[1], size[0]), 30, 60)
    painting = Colorizer(trained.output, "cpu")(line, draw_scene(6, 64, 64))
    expected = np.rint(painting.colors * (line[..., None] / 255)).astype(np.uint8)
    assert np.array_equal(painting.picture, expected)


def test_any_number_of_references_of_any_kind(trained, draw_scene, tmp_path):
    colorizer = Colorizer(trained.output, "cpu")
    line, one, two = draw_scene(1, 90, 70), draw_scene(2, 60, 80), draw_scene(3, 120, 40)
    path = tmp_path / "two.png"
    Image.fromarray(two).save(path)
    alone = colorizer(line, one)
    both = colorizer(line, [one, path])
    for same, wanted in (
        (colorizer(line, [one, one, one]), alone),
        (colorizer(line, [Image.fromarray(two), one]), both),
        (colorizer(line, colorizer.read([one, str(path)])), both),
    ):
        assert np.abs(same.small.astype(int) - wanted.small).max() <= 1  # sums in another order
    assert np.abs(both.small.astype(int) - alone.small).max() > 2
    with pytest.raises(UserError, match="no reference: give one picture"):
        colorizer(line, [])
    with pytest.raises(UserError, match="a picture is float64 70×90×3; give uint8"):
        colorizer(line / 255, one)


def test_flats_have_colours_of_the_references_alone(trained, draw_scene):
    references = [draw_scene(2, 160, 180), draw_scene(3, 120, 140)]
    painting = Colorizer(trained.output, "cpu")(draw_scene(1, 90, 70), references)
    there = {tuple(color) for picture in references for color in picture.reshape(-1, 3).tolist()}
    assert {tuple(color) for color in painting.flat_colors.reshape(-1, 3).tolist()} <= there
    labels = painting.filling.regions.labels
    for region in range(painting.filling.regions.count):
        assert len(np.unique(painting.flats[labels == region])) == 1
