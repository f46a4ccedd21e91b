"""Characters drawn large and shrunk, as a source of shards."""

from pathlib import Path

import numpy as np
import pytest

from colorizer.making.config import CharactersConfig
from colorizer.making.sources import source_of
from colorizer.system.errors import UserError


def config_of(**settings):
    return CharactersConfig(output=Path("none"), count=1, size=64, **settings)


def test_a_shrunk_drawing_has_fainter_lines_and_says_what_it_was():
    pictures = {}
    for drawn_at in (None, 192):
        source = source_of(config_of(drawn_at=drawn_at))
        pictures[drawn_at] = source.load(next(iter(source.find())))
    plain, shrunk = pictures[None], pictures[192]
    assert shrunk.line.shape == plain.line.shape == (64, 64)
    assert np.median(shrunk.line[plain.line < 64]) > 64
    assert shrunk.metadata["character"] == {"seed": 0, "pose": 0, "drawn_at": 192}
    assert "drawn_at" not in plain.metadata["character"]


def test_another_size_drawn_at_is_another_source():
    identities = [source_of(config_of(drawn_at=side)).identity for side in (None, 128, 192)]
    assert identities[0] != identities[1] != identities[2]


@pytest.mark.parametrize("drawn_at", [0, 32, 100, 8192, -64])
def test_a_size_that_cannot_be_shrunk_evenly_is_refused(drawn_at):
    with pytest.raises(UserError, match=f"--drawn-at is {drawn_at}; give a multiple of --size"):
        source_of(config_of(drawn_at=drawn_at))
