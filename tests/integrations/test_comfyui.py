"""The ComfyUI node as ComfyUI loads and calls it, without ComfyUI."""

import importlib.util
import sys
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch

from colorizer.coloring.colorizer import Colorizer
from colorizer.system.errors import UserError
from tests.helpers.programs import ROOT

FOLDER = ROOT / "integrations" / "comfyui"


@pytest.fixture(scope="module")
def package() -> ModuleType:
    """Loaded by its path, as ComfyUI does it with a folder of custom_nodes."""
    spec = importlib.util.spec_from_file_location(
        "custom_nodes_colorizer", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def node(package):
    return package.NODE_CLASS_MAPPINGS["ColorizeDrawing"]()


def image(*pictures):
    return torch.from_numpy(np.stack(pictures)).float() / 255


@pytest.fixture
def drawings(draw_scene):
    scenes = [draw_scene(number, 75, 50) for number in (1, 2)]
    return [cv2.merge([cv2.cvtColor(scene, cv2.COLOR_RGB2GRAY)] * 3) for scene in scenes]


def test_the_node_tells_comfyui_what_it_takes_and_gives(package, node):
    assert package.NODE_DISPLAY_NAME_MAPPINGS.keys() == package.NODE_CLASS_MAPPINGS.keys()
    inputs = node.INPUT_TYPES()["required"]
    types = {name: kind for name, (kind, _) in inputs.items()}
    assert types == {
        "line": "IMAGE",
        "reference": "IMAGE",
        "checkpoint": "STRING",
        "working_size": "INT",
    }
    assert len(node.RETURN_TYPES) == len(node.RETURN_NAMES) == 5
    assert callable(getattr(node, node.FUNCTION))


def test_a_batch_is_coloured_as_the_colorizer_does_it(node, trained, drawings, draw_scene):
    references = [draw_scene(number, 60, 90) for number in (3, 4)]
    line = image(*drawings) - 0.3 / 255  # as after a node that scales: no whole levels
    arguments = (line, image(*references), str(trained.output), 32)
    layers = dict(zip(node.RETURN_NAMES, node.colorize(*arguments), strict=True))
    colorizer = Colorizer(trained.output)
    for number, drawing in enumerate(drawings):
        painting = colorizer(drawing, references, 32)
        expected = {
            "result": painting.picture,
            "colors": painting.colors,
            "flats": painting.flat_colors,
            "lines": painting.lines[..., :3],
            "ink": painting.lines[..., 3],
        }
        for name, pixels in expected.items():
            layer = layers[name]
            assert layer.dtype == torch.float32 and layer.min() >= 0 and layer.max() <= 1
            assert np.array_equal((layer[number] * 255).round().numpy(), pixels), name
    assert layers["ink"].shape == (2, 50, 75)


def test_the_colorizer_is_loaded_once_and_works_at_its_own_size(node, trained, drawings):
    line = image(*drawings[:1])
    first = node.colorize(line, line, str(trained.output), 0)
    again = node.colorize(line, line, f" {trained.output} ", 64)
    assert torch.equal(first[0], again[0])


@pytest.mark.parametrize(
    ("line", "reference"), [((1, 50, 75, 4), (1, 50, 75, 3)), ((1, 50, 75, 3), (50, 75, 3))]
)
def test_another_form_is_a_sentence(node, trained, line, reference):
    with pytest.raises(UserError, match=r"(line|reference) is .*; give an IMAGE"):
        node.colorize(torch.zeros(line), torch.zeros(reference), str(trained.output))


def test_a_checkpoint_that_is_nowhere_is_a_sentence(node, drawings, tmp_path):
    line = image(*drawings[:1])
    with pytest.raises(UserError, match="no such run folder"):
        node.colorize(line, line, str(tmp_path / "none"))
