"""launch/checkpoint.py import: generators that the authors' released code has trained.

What it refuses is in test_refused_imports.py.
"""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from colorizer.checkpoints.generator_file import find_generator
from colorizer.checkpoints.released import fitting_network
from colorizer.checkpoints.tensor_file import read_tensors
from colorizer.coloring.colorizer import Colorizer
from colorizer.config.networks import GeneratorConfig
from colorizer.config.presets import PRESETS
from colorizer.evaluation.config import EvaluateConfig, MeasureConfig
from colorizer.evaluation.evaluator import evaluate
from colorizer.networks.generator import Generator
from tests.helpers.released import METHODS, generator_of, import_file, released, save_as

PAPERS_SIZE = {"attention-aware": 83_952_507, "sga": 83_906_899, "scft": 82_913_907}


@pytest.mark.parametrize("method", METHODS)
def test_a_generator_with_the_released_names_colours_as_ours_to_the_bit(method, tmp_path, capsys):
    generator = generator_of(method)
    path = save_as(
        tmp_path,  # what the released code's train_*.py writes
        {"gen": released(method, generator), "optim_g": {"state": {}}, "dis": {}, "optim_d": {}},
    )
    imported = import_file(path, method, step=105_001)
    assert f"the {method} of {path} (entry 'gen', float32), of width 0.125" in (
        capsys.readouterr().out
    )
    file = find_generator(imported, GeneratorConfig)
    assert (file.network, file.size, file.step) == (METHODS[method], 256, 105_001)
    line, reference = torch.rand(1, 1, 64, 48) * 2 - 1, torch.rand(1, 3, 64, 64) * 2 - 1
    colorizer = Colorizer(imported, "cpu")
    with torch.inference_mode():
        wanted = generator(line, reference).image
        assert torch.equal(colorizer.generator(line, reference).image, wanted)
    assert wanted.std() > 0.05


@pytest.mark.parametrize(
    ("method", "names"),
    [
        (
            "attention-aware",
            [
                *("encoder_sketch.conv_1.0.weight", "encoder_reference.conv_10.2.running_var"),
                *("encoder_sketch.conv_9.1.channel_attention.fc.2.weight", "gnn.gcn_self.bn.bias"),
                *("gnn.gcn_cross.src_fc.weight", "res_block.block_1.0.weight"),
                *("unet_decoder.dec_5_2.0.weight", "unet_decoder.dec_1_1.1.num_batches_tracked"),
                "unet_decoder.fc.weight",
            ],
        ),
        ("sga", ["encoder_reference.conv_10.1.running_var", "gnn.gcn_self.msg_fc.bias"]),
        ("scft", ["scft.w_q.weight", "scft.w_v.bias", "res_block.block_4.4.running_mean"]),
    ],
)
def test_the_names_of_these_tests_are_the_released_ones(method, names):
    assert set(names) <= released(method).keys()


@pytest.mark.parametrize("method", METHODS)
def test_the_released_width_is_the_papers(method):
    full = replace(METHODS[method], width=1.0)
    with torch.device("meta"):
        state = released(method, Generator(**asdict(full)))
    assert fitting_network(method, state, Path("their.pth")) == full == PRESETS[method]().network
    parameters = (t.numel() for n, t in state.items() if "running" not in n and "num_" not in n)
    assert sum(parameters) == PAPERS_SIZE[method]


def test_evaluate_takes_it(tmp_path, character_shards, no_weights):
    imported = import_file(save_as(tmp_path, released("sga")), size=64)
    measure = MeasureConfig(modes=("self",), metrics=("psnr",))
    report = evaluate(
        EvaluateConfig(imported, character_shards, tmp_path / "report", measure=measure)
    )
    assert report["figures"]["self"]["psnr"]["mean"] > 0


@pytest.mark.slow
def test_other_ways_to_save_the_same_generator(tmp_path, draw_scene):
    state = released("sga")
    scene = draw_scene(1, 64, 64)
    wanted = Colorizer(import_file(save_as(tmp_path, state)), "cpu")(scene[..., 0], scene).picture
    linear = "gnn.gcn_self.src_fc.weight"
    for saved in (
        {f"module.{name}": tensor for name, tensor in state.items()},  # of DataParallel
        {"state_dict": state, "epoch": 3},
        {name: nn.Parameter(t) if t.is_floating_point() else t for name, t in state.items()},
        state | {linear: state[linear].T.contiguous().T},
        {name: t.double() if t.is_floating_point() else t for name, t in state.items()},
    ):
        colorizer = Colorizer(import_file(save_as(tmp_path, saved), overwrite=True), "cpu")
        assert np.array_equal(colorizer(scene[..., 0], scene).picture, wanted)


def test_half_precision_becomes_float32_without_loss(tmp_path, capsys):
    state = {n: t.half() if t.is_floating_point() else t for n, t in released("sga").items()}
    tensors = read_tensors(import_file(save_as(tmp_path, state)))
    assert "float16" in capsys.readouterr().out
    head = tensors["decoder.head.weight"]
    assert head.dtype == torch.float32
    assert torch.equal(head, state["unet_decoder.fc.weight"].float())
