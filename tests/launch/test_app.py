"""The page as a person uses it: started, visited, ended."""

import re
import select
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file

from colorizer.coloring.colorizer import Colorizer
from colorizer.drawings.corrections import ANY, parse_points
from colorizer.pictures.grid import write_picture
from tests.helpers.forging import png
from tests.helpers.programs import PATIENCE, ROOT, start
from tests.helpers.shipping import NETWORKS, ship
from tests.helpers.visiting import VISITORS, Caller, visit

MEGABYTES = 2


@dataclass(frozen=True)
class Served:
    """A page that is being served."""

    url: str
    checkpoint: Path
    temporary: Path  # where its files lie


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The program, with an untrained network; ended as a service manager does."""
    folder = tmp_path_factory.mktemp("page")
    checkpoint = ship(folder, NETWORKS[0])
    temporary = folder / "temporary"
    temporary.mkdir()
    arguments = ("--checkpoint", checkpoint, "--port", 0, "--max-megabytes", MEGABYTES)
    command = [sys.executable, "-u", ROOT / "launch" / "app.py", *arguments]
    process = start(command, TMPDIR=str(temporary))
    try:
        yield Served(address_in(process), checkpoint, temporary)
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert list(temporary.iterdir()) == []


def address_in(process) -> str:
    """The address that a page says."""
    said = ""
    while select.select([process.stdout], [], [], PATIENCE)[0]:
        line = process.stdout.readline()
        said += line
        found = re.match(r"(http://\S+) is the page", line)
        if found:
            return found[1]
        if not line:
            break
    process.kill()
    raise AssertionError(said)


@pytest.fixture
def given(tmp_path, draw_scene):
    """A drawing's file, and those of two references."""
    paths = [tmp_path / f"{name}.png" for name in ("girl", "front", "back")]
    write_picture(paths[0], drawn(draw_scene, 0))
    write_picture(paths[1], draw_scene(1, 60, 80))
    write_picture(paths[2], draw_scene(2, 80, 60))
    return paths[0], paths[1:]


def drawn(draw_scene, number: int) -> np.ndarray:
    """A line drawing, 120×90."""
    edges = cv2.Canny(draw_scene(number, 120, 90), 40, 80)
    return 255 - cv2.dilate(edges, np.ones((2, 2), np.uint8))


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path))[..., ::-1]


@pytest.mark.parametrize("kind", VISITORS)
def test_a_drawing_is_coloured_corrected_and_downloaded(page, kind, given, tmp_path):
    colorizer = Colorizer(page.checkpoint, "cpu")
    with visit(kind, page.url, tmp_path / "downloads") as person:
        person.upload(*given)
        assert "120×90" in person.color()
        first = read(person.download())
        assert np.array_equal(first, colorizer(*given).picture)
        person.wipe()
        points = parse_points(person.set_point(), [], "the page")[ANY]
        assert [max(abs(point.x - 60), abs(point.y - 45)) <= 1 for point in points] == [True]
        second = read(person.download())
        # A browser hears from the page alone.
        assert all(url.startswith((page.url, "data:", "blob:")) for url in person.answered)
    assert np.array_equal(second, colorizer(*given, points=points).picture)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("kind", VISITORS)
def test_bad_files_are_answered_in_a_sentence_and_the_page_goes_on(page, kind, given, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    wide = png(tmp_path / "wide.png", 20_000, 10_000, bytes(10_000_000))
    bomb = png(tmp_path / "bomb.png", 60_000, 60_000, bytes(10_000_000))
    with visit(kind, page.url, tmp_path / "downloads") as person:
        assert "notes.txt cannot be read as a picture; give a PNG" in person.refused(text)
        for path in (wide, bomb):
            said = person.refused(path)
            assert f"{path.name} is too large: at most 100 million pixels" in said
        person.upload(*given)
        assert "120×90" in person.color()


def test_too_many_bytes_are_refused_while_they_come(page, tmp_path):
    large = tmp_path / "large.png"
    large.write_bytes(bytes(MEGABYTES * 2**20 + 1))
    with large.open("rb") as file:
        answer = httpx.post(f"{page.url}/gradio_api/upload", files={"files": file})
    assert answer.status_code == 413
    assert not [path for path in page.temporary.rglob("large.png") if path.stat().st_size]


def test_two_people_at_once_get_each_their_own(page, given, tmp_path, draw_scene):
    colorizer = Colorizer(page.checkpoint, "cpu")
    drawings = [tmp_path / f"drawing {number}.png" for number in range(4)]
    for number, path in enumerate(drawings):
        write_picture(path, drawn(draw_scene, number))

    def work(drawing: Path) -> np.ndarray:
        with visit(Caller, page.url, tmp_path / drawing.stem) as person:
            person.upload(drawing, given[1])
            person.color()
            person.set_point()
            return read(person.download())

    with ThreadPoolExecutor() as people:
        results = list(people.map(work, drawings))
    points = parse_points("60 45 #102030", [], "here")[ANY]
    for drawing, result in zip(drawings, results, strict=True):
        assert np.array_equal(result, colorizer(drawing, given[1], points=points).picture)


def test_a_folder_is_coloured_by_the_program_for_folders(page, given, tmp_path, draw_scene):
    folder, output = tmp_path / "cut", tmp_path / "out"
    for number in range(2):
        write_picture(folder / f"{number}.png", drawn(draw_scene, number))
    client = Client(page.url, verbose=False)
    said = client.predict(
        str(folder), str(given[1][0]), str(output), ["result"], api_name="/folder"
    )
    assert said.endswith("Done."), said
    colorizer = Colorizer(page.checkpoint, "cpu")
    for number in range(2):
        expected = colorizer(folder / f"{number}.png", given[1][0]).picture
        assert np.array_equal(read(output / f"{number}.png"), expected)


def test_the_endpoints_have_names(page, given):
    client = Client(page.url, verbose=False)
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {
        *("/color", "/correct", "/folder")
    }
    outside = [handle_file(given[0]), [], "", ["result"]]
    with pytest.raises(Exception, match="No reference yet"):
        client.predict(*outside, api_name="/color")


def test_only_this_machine_is_answered_and_nobody_else_is_asked(page):
    answer = httpx.get(page.url)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert httpx.get(page.url, headers={"host": "elsewhere.example"}).status_code == 400
    assert "127.0.0.1" in page.url


def test_folders_are_offered_to_this_machine_alone(tmp_path, page):
    from colorizer.page.layout import build
    from colorizer.page.uploads import Limits
    from colorizer.page.work import Desk

    desk = Desk(Colorizer(page.checkpoint, "cpu"), Limits(1, 1), tmp_path)
    assert set(build(desk, None).get_api_info()["named_endpoints"]) == {"/color", "/correct"}
