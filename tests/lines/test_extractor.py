"""Drawing lines with a trained extractor: any size, in tiles, a folder."""

import hashlib
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

from colorizer.config.commands import ExtractCommand
from colorizer.lines.extractor import Extractor, extract
from colorizer.making.config import FolderConfig
from colorizer.making.pipeline import make_shards
from colorizer.shards.reader import ShardReader
from colorizer.system.errors import UserError


@pytest.fixture
def extractor(trained_extractor):
    return Extractor(trained_extractor.output)


def test_run_folder_checkpoint_folder_and_file_are_the_same_extractor(
    trained_extractor, extractor, draw_scene, tmp_path
):
    checkpoint = trained_extractor.output / "checkpoints" / "step-00000002"
    average = checkpoint / "average.safetensors"
    exported = tmp_path / "mine.safetensors"
    shutil.copy(average, exported)
    assert extractor.size == 64
    assert extractor.sha256 == hashlib.sha256(average.read_bytes()).hexdigest()
    drawing = extractor.draw(draw_scene(0, 50, 40))
    for path in (checkpoint, exported):
        assert np.array_equal(Extractor(path).draw(draw_scene(0, 50, 40)), drawing)


def test_a_colorizer_is_refused(trained):
    with pytest.raises(UserError, match="trained for colorization; give a network for extraction"):
        Extractor(trained.output)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (1, 1), (37, 90), (3, 200)])
def test_any_size_is_padded_with_its_own_border_and_cropped(extractor, height, width):
    pictures = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), np.uint8)
    drawings = extractor.draw_batch(pictures)
    assert drawings.shape == (2, height, width) and drawings.dtype == np.uint8
    padding = ((0, 0), (0, -height % 4), (0, -width % 4), (0, 0))
    padded = extractor.draw_batch(np.pad(pictures, padding, mode="edge"))
    assert np.array_equal(drawings, padded[:, :height, :width])
    assert np.array_equal(drawings[1], extractor.draw(pictures[1]))


@pytest.mark.parametrize(("height", "width"), [(150, 210), (70, 333), (301, 64)])
def test_tiles_leave_no_seams(extractor, draw_scene, height, width):
    noise = np.random.default_rng(0).integers(-20, 21, (height, width, 3))
    picture = (draw_scene(4, width, height) + noise).clip(0, 255).astype(np.uint8)
    whole = extractor.draw(picture, tile=1000)
    tiled = extractor.draw(picture, tile=100)
    # Another size may add the same numbers in another order: that moves a value by a rounding.
    difference = np.abs(tiled.astype(int) - whole)
    assert difference.max() <= 1 and (difference > 0).mean() < 0.01
    assert whole.std() > 1


def test_a_tile_smaller_than_what_a_pixel_depends_on_is_refused(extractor, draw_scene):
    least = 2 * 32 + 4  # reach 31, in strides of 4, on both sides, and one stride
    extractor.draw(draw_scene(0, 100, 16), tile=least)
    with pytest.raises(UserError, match=f"--tile is {least - 1}; this extractor needs at least"):
        extractor.draw(draw_scene(0, 100, 16), tile=least - 1)


def _settings(trained_extractor, picture, output, **more):
    return ExtractCommand(
        checkpoint=trained_extractor.output, picture=picture, output=output, **more
    )


def test_a_folder_is_drawn_with_its_subfolders_and_continued(
    trained_extractor, picture_folder, tmp_path, capsys
):
    output = tmp_path / "drawn"
    broken = picture_folder / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n")
    extract(_settings(trained_extractor, picture_folder, output))
    shown = capsys.readouterr()
    assert "10 drawn, 0 drawn before, 1 could not be read" in shown.out
    assert str(broken) in shown.err
    drawings = sorted(p.relative_to(output).as_posix() for p in output.rglob("*.png"))
    assert len(drawings) == 10 and "more/deep/scene 0.png" in drawings
    drawing = cv2.imread(str(output / "scene 1.png"), cv2.IMREAD_UNCHANGED)
    assert drawing.shape == (96, 69)  # grey, of the picture's size

    kept, missing = output / "scene 1.png", output / "scene 2.png"
    kept.write_bytes(b"mine")
    missing.unlink()
    extract(_settings(trained_extractor, picture_folder, output))
    assert "1 drawn, 9 drawn before" in capsys.readouterr().out
    assert kept.read_bytes() == b"mine" and missing.exists()
    extract(_settings(trained_extractor, picture_folder, output, overwrite=True))
    assert np.array_equal(cv2.imread(str(kept), cv2.IMREAD_UNCHANGED), drawing)


def test_long_names_and_equal_stems_in_a_folder(trained_extractor, draw_scene, tmp_path, capsys):
    """255 bytes, which leave no room for an ending that a file has until it is whole."""
    folder, output = tmp_path / "pictures", tmp_path / "drawn"
    folder.mkdir()
    longest = ("x" * 251 + ".jpg", "魔" * 83 + "xx.png")
    for name in ("a.jpg", "a.png", *longest):
        Image.fromarray(draw_scene(len(name), 40, 40)).save(folder / name)
    shutil.copy(folder / "a.png", folder / ("y" * 255))  # its drawing's name would be too long
    (folder / "b.png").write_bytes(b"broken")
    extract(_settings(trained_extractor, folder, output))
    shown = capsys.readouterr()
    assert "4 drawn, 0 drawn before, 2 could not be read" in " ".join(shown.out.split())
    assert "File name too long" in " ".join(shown.err.split())
    wanted = ["a.jpg.png", "a.png.png", "x" * 251 + ".png", "魔" * 83 + "xx.png"]
    assert sorted(path.name for path in output.iterdir()) == sorted(wanted)


def test_what_cannot_be_drawn_is_refused(trained_extractor, picture_folder, tmp_path):
    scene, broken = picture_folder / "scene 1.jpg", tmp_path / "broken.png"
    broken.write_bytes(b"nothing")
    cv2.imwrite(str(tmp_path / "scene.png"), np.zeros((40, 40, 3), np.uint8))
    (tmp_path / "link.png").symlink_to("scene.png")
    for picture, output, words in [
        (tmp_path / "none.png", tmp_path / "a.png", "no such picture or folder"),
        (scene, tmp_path / "a.jpg", "must end in .png"),
        (picture_folder, picture_folder / "drawn", "lies in"),
        (tmp_path / "scene.png", tmp_path / "scene.png", "would take the place of the picture"),
        (tmp_path / "scene.png", tmp_path / "link.png", "would take the place of the picture"),
        (broken, tmp_path / "a.png", "no picture could be read"),
    ]:
        with pytest.raises(UserError, match=words):
            extract(_settings(trained_extractor, picture, output))
    assert not (tmp_path / "a.png").exists() and not (tmp_path / "drawn").exists()


def test_shards_are_drawn_with_it(trained_extractor, extractor, picture_folder, tmp_path):
    config = FolderConfig(
        folder=picture_folder,
        output=tmp_path / "made",
        size=48,
        fit="crop",
        held_out=0.0,
        workers=1,
        lines="extractor",
        extractor=trained_extractor.output,
    )
    make_shards(config)
    reader = ShardReader(config.output / "train")
    lines = {"method": "extractor", "sha256": extractor.sha256, "scale": 1}
    assert reader.index.settings["lines"] == lines
    for number in range(len(reader)):
        sample = reader[number]
        assert sample.metadata["lines"] == lines
        expected = extractor.draw(sample.color).astype(int)
        assert abs(sample.line - expected).max() <= 1  # the batch may change the last digit


def test_shards_with_a_colorizer_for_an_extractor_are_refused(trained, picture_folder, tmp_path):
    config = FolderConfig(
        folder=picture_folder,
        output=tmp_path / "made",
        lines="extractor",
        extractor=trained.output,
    )
    with pytest.raises(UserError, match="was trained for colorization"):
        make_shards(config)
    assert not config.output.exists()
