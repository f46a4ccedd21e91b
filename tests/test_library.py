"""`import colorizer`: what a program of one's own is written with."""

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pytest

import colorizer
from colorizer import Colorizer, presets, train


def test_every_name_it_offers_is_there():
    assert set(colorizer.__all__) == set(dir(colorizer))
    for name in colorizer.__all__:
        assert getattr(colorizer, name) is not None
    assert colorizer.__version__ == version("colorizer")
    with pytest.raises(AttributeError, match="has no attribute 'paint'"):
        _ = colorizer.paint


@pytest.mark.parametrize("module", ["colorizer", "colorizer.commands.make_shards"])
def test_importing_it_alone_does_not_wait_for_torch(module):
    """Nor do the processes that make shards, each of which would hold it in memory."""
    program = f"import sys, {module}; print('torch' in sys.modules)"
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert made.stdout == "False\n"


def test_two_steps_of_training_and_a_picture(tiny):
    """The lines of its docstring, on a network that trains in a second."""
    small = tiny()
    config = presets.demo(small.data, small.output)
    config = replace(config, steps=2, network=small.network, batch_size=4, workers=0)
    assert train(config)
    line = np.full((30, 40), 255, np.uint8)
    reference = np.full((20, 20, 3), 90, np.uint8)
    picture = Colorizer(config.output)(line, [reference]).picture
    assert picture.shape == (30, 40, 3) and picture.dtype == np.uint8
    (frame,) = Colorizer(str(config.output)).sequence([line], [reference])
    assert np.array_equal(frame.picture, picture)
