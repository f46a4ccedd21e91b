"""What is written of a painting, opened again by other readers than ours."""

import io
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from PIL import Image
from psd_tools import PSDImage

from colorizer.coloring.painting import Painting, paint
from colorizer.coloring.preparing import WorkingSize, prepare
from colorizer.coloring.writing import check_outputs, output_paths, write_outputs
from colorizer.drawings.layering import light_of, lines_of, shade_of
from colorizer.drawings.regions import Regions
from colorizer.pictures import layers
from colorizer.system.errors import UserError

ALL = ("result", "colors", "lines", "flats", "layers", "psd")
PALETTE = np.array([(255, 255, 255), (250, 205, 180), (0, 0, 0), (90, 140, 120)], np.uint8)


def painted(drawing: np.ndarray) -> Painting:
    """A drawing in smooth colours that a network could have given, some far from any flat."""
    prepared = prepare(drawing, WorkingSize(64))
    height, width = prepared.small.shape
    ramp = np.linspace(0, 255, width, dtype=np.uint8)[None].repeat(height, 0)
    small = np.dstack([ramp, ramp[:, ::-1], np.full_like(ramp, 130)])
    return paint(prepared, small, PALETTE)


@pytest.fixture
def grey(draw_scene) -> Painting:
    """Lines of all levels, at 320×203."""
    scene = cv2.cvtColor(draw_scene(1, 320, 203), cv2.COLOR_RGB2GRAY)
    line = np.where(scene > 80, 255, 0).astype(np.uint8)
    return painted(cv2.merge([cv2.GaussianBlur(line, (0, 0), 1.0)] * 3))


@pytest.fixture
def colored(grey) -> Painting:
    """The same, drawn in red and green pencil: other ink in each channel."""
    ink = 255 - grey.drawing.over.astype(np.float32)
    absorbed = np.where(np.arange(320)[None, :, None] < 160, (0.1, 1, 0.7), (0.9, 0.2, 0.8))
    over = (255 - ink[..., None] * absorbed).astype(np.uint8)
    result = painted(over)
    assert result.drawing.over.ndim == 3
    return result


@pytest.fixture(params=["grey", "colored"])
def painting(request) -> Painting:
    return request.getfixturevalue(request.param)


def blended(below: np.ndarray, layer: np.ndarray, mode: str) -> np.ndarray:
    """A layer upon others as the W3C's Compositing and Blending has it, rounded to 8 bits.

    Args:
        below: H×W×3 uint8.
        layer: H×W×4 uint8 RGBA.
        mode: OpenRaster's name.
    """
    back, front = below / 255, layer[..., :3] / 255
    mixed = {
        "svg:src-over": front,
        "svg:multiply": back * front,
        "svg:screen": back + front - back * front,
    }[mode]
    alpha = layer[..., 3:] / 255
    return np.rint(255 * (back * (1 - alpha) + mixed * alpha)).astype(np.uint8)


def most_off(first: np.ndarray, second: np.ndarray) -> int:
    return int(np.abs(first.astype(int) - second).max())


def test_each_kind_has_a_name_and_is_written_there(painting, tmp_path):
    output = tmp_path / "deep" / "page 1.v2.webp"
    names = ["", ".colors.png", ".lines.png", ".flats.png", ".ora", ".psd"]
    paths = [output, *(output.with_name("page 1.v2" + ending) for ending in names[1:])]
    assert output_paths(output, ALL) == paths and not output.parent.exists()
    assert write_outputs(painting, output, ALL) == paths
    assert sorted(output.parent.iterdir()) == sorted(paths)
    assert output_paths(output, ("psd", "flats", "psd")) == [paths[5], paths[3]]


def test_result_colors_and_lines_are_what_the_painting_holds(painting, tmp_path):
    paths = write_outputs(painting, tmp_path / "a.png", ("result", "colors", "lines"))
    result, colors, lines = map(Image.open, paths)
    assert (result.mode, colors.mode, lines.mode) == ("RGB", "RGB", "RGBA")
    assert np.array_equal(result, painting.picture)
    assert np.array_equal(colors, painting.colors)
    assert np.array_equal(lines, painting.lines)


def test_the_lines_over_white_are_the_drawing(painting):
    white = np.full_like(painting.picture, 255)
    over = painting.drawing.over
    over = over if over.ndim == 3 else cv2.merge([over] * 3)
    for mode in ("svg:src-over", "svg:multiply"):
        assert np.array_equal(blended(white, painting.lines, mode), over)


def test_flats_are_indexed_with_the_palette_and_nothing_else(painting, tmp_path):
    (path,) = write_outputs(painting, tmp_path / "a.png", ("flats",))
    image = Image.open(path)
    assert image.mode == "P" and image.getpalette() == PALETTE.ravel().tolist()
    assert np.array_equal(image, painting.flats)
    labels, count = painting.filling.regions.labels, painting.filling.regions.count
    assert count > 1
    pixels = np.asarray(image.convert("RGB"))
    for region in range(count):
        (color,) = np.unique(pixels[labels == region], axis=0)
        assert (color == PALETTE).all(1).any()


def opened_ora(path) -> tuple[list[tuple[str, str, Image.Image]], dict[str, Image.Image]]:
    """The layers (name, mode, picture), the top one first, and the other pictures."""
    with zipfile.ZipFile(path) as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        assert {each.date_time for each in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read("mimetype") == b"image/openraster" and archive.testzip() is None
        image = ElementTree.fromstring(archive.read("stack.xml"))

        def read(name: str) -> Image.Image:
            return Image.open(io.BytesIO(archive.read(name)))

        merged = read("mergedimage.png")
        assert (image.attrib["w"], image.attrib["h"]) == tuple(map(str, merged.size))
        found = [
            (each.attrib["name"], each.attrib["composite-op"], read(each.attrib["src"]))
            for each in image.iterfind("stack/layer")
        ]
        return found, {"merged": merged, "thumbnail": read("Thumbnails/thumbnail.png")}


def test_an_openraster_file_is_the_picture_in_layers(painting, tmp_path):
    (path,) = write_outputs(painting, tmp_path / "a.png", ("layers",))
    found, others = opened_ora(path)
    lines = "svg:src-over" if painting.drawing.over.ndim == 2 else "svg:multiply"
    assert [(name, mode) for name, mode, _ in found] == [
        ("lines", lines),
        ("light", "svg:screen"),
        ("shade", "svg:multiply"),
        ("flats", "svg:src-over"),
    ]
    assert np.array_equal(found[3][2], PALETTE[painting.flats])
    assert np.array_equal(others["merged"], painting.picture)
    assert others["thumbnail"].size == (256, 162)
    composite = np.zeros_like(painting.picture)
    for number, (_, mode, image) in enumerate(reversed(found)):
        composite = blended(composite, np.asarray(image.convert("RGBA")), mode)
        if number == 2:
            assert np.array_equal(composite, painting.colors)
    assert most_off(composite, painting.picture) <= (painting.drawing.over.ndim == 3)


def test_a_photoshop_file_has_the_same_layers(painting, tmp_path):
    ora, path = write_outputs(painting, tmp_path / "a.png", ("layers", "psd"))
    expected = opened_ora(ora)[0]
    document = PSDImage.open(path)
    assert np.array_equal(document.topil(), painting.picture)
    found = list(reversed(document))
    modes = {"NORMAL": "svg:src-over", "MULTIPLY": "svg:multiply", "SCREEN": "svg:screen"}
    for layer, (name, mode, image) in zip(found, expected, strict=True):
        assert (layer.name, modes[layer.blend_mode.name]) == (name, mode)
        assert layer.visible and layer.opacity == 255
        assert np.array_equal(layer.topil(), image.convert("RGBA"))


def test_another_reader_finds_the_layers_of_a_photoshop_file(painting, tmp_path):
    """Names and places alone: Pillow 12 and 13 read a layer's pixels in different ways."""
    (path,) = write_outputs(painting, tmp_path / "a.png", ("psd",))
    with Image.open(path) as image:
        assert np.array_equal(image, painting.picture)
        height, width = painting.picture.shape[:2]
        found = [(layer[0], layer[2]) for layer in image.layers]
        names = ("flats", "shade", "light", "lines")
        assert found == [(name, (0, 0, width, height)) for name in names]


def test_regions_of_a_pixel_and_palettes_of_any_size_come_apart_and_together(tmp_path):
    rng = np.random.default_rng(0)
    grey = painted(cv2.line(np.full((40, 50, 3), 255, np.uint8), (5, 5), (40, 30), (0, 0, 0), 2))
    shape = grey.drawing.line.shape
    count = shape[0] * shape[1]
    labels = np.arange(count, dtype=np.int32).reshape(shape)
    flats = rng.integers(0, 256, (count, 3)).astype(np.float32)
    filling = replace(grey.filling, regions=Regions(labels, count), flats=flats)
    filling = replace(filling, cells_of=np.full_like(filling.cells_of, -1))
    for colors in (1, 3, 256, 300):
        palette = rng.choice(256**3, colors, replace=False)
        palette = np.stack([palette >> 16, palette >> 8 & 255, palette & 255], 1).astype(np.uint8)
        painting = replace(grey, filling=filling, palette=palette)
        found = opened_ora(write_outputs(painting, tmp_path / "a.png", ("layers",))[0])[0]
        composite = np.zeros_like(painting.picture)
        for _, mode, image in reversed(found):
            composite = blended(composite, np.asarray(image.convert("RGBA")), mode)
        assert np.array_equal(composite, painting.picture)
        if colors > 256:
            with pytest.raises(UserError, match=r"a\.flats\.png: 300 colours"):
                write_outputs(painting, tmp_path / "a.png", ("flats",))
        else:
            image = Image.open(write_outputs(painting, tmp_path / "a.png", ("flats",))[0])
            assert image.getpalette() == palette.ravel().tolist()
            assert np.array_equal(image.convert("RGB"), palette[painting.flats])


def test_every_level_over_every_flat_comes_back_to_the_bit():
    flats, levels = np.mgrid[:256, :256].astype(np.uint8)
    colors, palette = cv2.merge([levels] * 3), np.arange(256, dtype=np.uint8)[:, None].repeat(3, 1)
    shade, light = (take(colors, flats, palette) for take in (shade_of, light_of))
    below = palette[flats]
    opaque = np.full_like(levels, 255)
    for mode, layer in (("svg:multiply", shade), ("svg:screen", light)):
        below = blended(below, np.dstack([layer, opaque]), mode)
    assert np.array_equal(below, colors)
    assert (shade[levels >= flats] == 255).all() and (light[levels <= flats] == 0).all()


def test_every_colored_ink_comes_back_to_the_bit():
    over = np.random.default_rng(0).integers(0, 256, (700, 700, 3)).astype(np.uint8)
    white = np.full_like(over, 255)
    assert np.array_equal(blended(white, lines_of(over), "svg:src-over"), over)


def test_no_light_where_all_is_darker_than_its_flat(grey, tmp_path):
    painting = replace(grey, palette=PALETTE[:1])
    found, _ = opened_ora(write_outputs(painting, tmp_path / "a.png", ("layers",))[0])
    assert [name for name, _, _ in found] == ["lines", "shade", "flats"]


def test_the_same_painting_gives_the_same_bytes(grey, tmp_path):
    first, second = (
        [path.read_bytes() for path in write_outputs(grey, tmp_path / name / "a.png", ALL)]
        for name in "ab"
    )
    assert first == second


def test_what_cannot_be_written_is_refused_in_a_sentence(grey, tmp_path, monkeypatch):
    output = tmp_path / "a.png"
    with pytest.raises(UserError, match=r"a\.gif: the result's name must end in \.png"):
        check_outputs(output.with_suffix(".gif"), ALL)
    with pytest.raises(UserError, match="nothing is to be written"):
        check_outputs(output, ())
    monkeypatch.setattr(layers, "MAX_PSD_SIDE", 319)
    with pytest.raises(UserError, match=r"a\.psd: the drawing is 320x203, and PSD holds 319"):
        write_outputs(grey, output, ALL)
    monkeypatch.setitem(sys.modules, "psd_tools", None)
    monkeypatch.setattr(layers, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'psd-tools.*pip install "colorizer\[psd\]"'):
        check_outputs(output, ALL)
    assert not list(tmp_path.iterdir())  # nothing half done


@pytest.mark.parametrize("kind", ["layers", "psd"])
def test_a_failure_leaves_the_old_file(grey, tmp_path, monkeypatch, kind):
    output = tmp_path / "a.png"
    (path,) = output_paths(output, (kind,))
    path.write_bytes(b"old")

    def full(file: BinaryIO, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(layers, "publish", full)
    with pytest.raises(UserError, match=rf"cannot write {path}: No space left"):
        write_outputs(grey, output, (kind,))
    assert path.read_bytes() == b"old"
