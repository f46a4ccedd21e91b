"""What may be dropped on the page, and what is said of what may not."""

import pytest
from PIL import Image

from colorizer.page.uploads import MOST_REFERENCES, Limits
from colorizer.system.errors import UserError
from tests.helpers.forging import png

LIMITS = Limits(megabytes=1, megapixels=1)


def test_a_picture_is_decoded_with_its_opacity(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGBA", (40, 30), (10, 20, 30, 0)).save(path)
    decoded = LIMITS.decoded(path)
    assert decoded.pixels.shape == (30, 40, 3) and decoded.alpha is not None


@pytest.mark.parametrize(
    ("width", "height", "said"),
    [
        (1001, 1000, "at most 1 million pixels, and it has 1001x1000"),
        (20_000, 10_000, "at most 1 million pixels"),
        (60_000, 60_000, "at most 1 million pixels"),
        (8, 8, "is too small"),
    ],
)
def test_a_size_is_refused_by_the_header(tmp_path, monkeypatch, width, height, said):
    monkeypatch.setattr(Image.Image, "load", lambda image: pytest.fail("decoded"))
    with pytest.raises(UserError, match=said) as refused:
        LIMITS.decoded(png(tmp_path / "huge.png", width, height))
    assert str(refused.value).startswith("huge.png is too")


def test_what_is_no_picture_is_refused_by_its_name(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    cut = png(tmp_path / "cut.png", 100, 100, b"few")
    for path in (text, cut):
        with pytest.raises(UserError, match=f"^{path.name} cannot be read as a picture; give a"):
            LIMITS.decoded(path)


def test_references_are_wanted_and_bounded(tmp_path):
    with pytest.raises(UserError, match="No reference yet"):
        LIMITS.all_decoded([])
    with pytest.raises(UserError, match="17 references; give 16 at most"):
        LIMITS.all_decoded([tmp_path / "a.png"] * (MOST_REFERENCES + 1))
