"""LPIPS against the lpips package called directly, on the pictures as PNG files."""

from dataclasses import replace
from types import SimpleNamespace

import lpips
import numpy as np
import pytest
import torch
from lpips import pretrained_networks
from PIL import Image
from safetensors.torch import load_file, save_file

from colorizer.checkpoints.published import MissingWeights
from colorizer.evaluation.metrics.perceptual import HEADS, LPIPS, LPIPS_SMALLEST_SIDE
from colorizer.system.errors import UserError

NETS = pytest.mark.parametrize("net", ["alex", pytest.param("vgg", marks=pytest.mark.slow)])


@NETS
def test_it_is_the_packages_on_png_files(
    net, stand_in_backbone, noisy_pairs, tmp_path, monkeypatch
):
    file, layers = stand_in_backbone(net)
    results, truths = noisy_pairs(3, 72, 56)
    model = SimpleNamespace(features=layers)
    name = {"alex": "alexnet", "vgg": "vgg16"}[net]
    monkeypatch.setattr(pretrained_networks.tv, name, lambda pretrained: model)
    package = lpips.LPIPS(net=net, verbose=False)
    expected = []
    for pair in zip(results, truths, strict=True):
        read = []
        for picture in pair:
            Image.fromarray(picture.numpy()).save(tmp_path / "picture.png")
            read.append(lpips.im2tensor(lpips.load_image(str(tmp_path / "picture.png"))))
        with torch.inference_mode():
            expected.append(package(*read).item())
    monkeypatch.undo()
    found = LPIPS(net, file)(results, truths)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert (found > 1e-3).all()


def test_identical_pictures_are_at_distance_0(stand_in_backbone, noisy_pairs):
    _, truths = noisy_pairs(2, 64, 64)
    assert (LPIPS("alex", stand_in_backbone("alex")[0])(truths, truths) == 0).all()


@pytest.mark.slow
def test_neither_batch_nor_threads_change_a_bit(stand_in_backbone, noisy_pairs):
    results, truths = noisy_pairs(6, 256, 256)
    measure = LPIPS("alex", stand_in_backbone("alex")[0])
    threads, found = torch.get_num_threads(), []
    for count in (1, 2):
        torch.set_num_threads(count)
        found.append(measure(results, truths).tolist())
        pairs = zip(results.split(1), truths.split(1), strict=True)
        found.append([measure(*pair).item() for pair in pairs])
        assert torch.get_num_threads() == count
    torch.set_num_threads(threads)
    assert found[0] == found[1] == found[2] == found[3]


@NETS
def test_it_does_not_exist_for_small_pictures(net, stand_in_backbone, noisy_pairs):
    measure, side = LPIPS(net, stand_in_backbone(net)[0]), LPIPS_SMALLEST_SIDE[net]
    assert np.isnan(measure(*noisy_pairs(2, 64, side - 1))).all()
    assert not np.isnan(measure(*noisy_pairs(2, 64, side))).any()


@pytest.mark.parametrize("change", ["missing", "reshaped"])
def test_another_backbone_is_refused_by_name(change, stand_in_backbone):
    file, _ = stand_in_backbone("alex")
    state = load_file(file)
    value = state.pop("features.3.weight")
    if change == "reshaped":
        state["features.3.weight"] = value[:10].clone()
    save_file(state, file)
    with pytest.raises(
        UserError, match=r"AlexNet weights: features\.3\.weight (is missing|has sh)"
    ):
        LPIPS("alex", file)


def test_a_backbone_in_half_precision_is_used_as_float32(stand_in_backbone, noisy_pairs):
    file, _ = stand_in_backbone("alex")
    half = {name: value.half() for name, value in load_file(file).items()}
    save_file({name: value.float() for name, value in half.items()}, file)
    expected = LPIPS("alex", file)(*noisy_pairs(2, 64, 64))
    save_file(half, file)
    assert LPIPS("alex", file)(*noisy_pairs(2, 64, 64)).tolist() == expected.tolist()


@pytest.mark.parametrize("change", ["int8", "not finite"])
def test_a_backbone_in_unusable_numbers_is_refused(change, stand_in_backbone):
    file, _ = stand_in_backbone("alex")
    state = load_file(file)
    bias = state["features.0.bias"]
    state["features.0.bias"] = bias.to(torch.int8) if change == "int8" else bias / 0
    save_file(state, file)
    with pytest.raises(UserError, match=rf"AlexNet weights: features\.0\.bias .*{change}"):
        LPIPS("alex", file)


def test_nothing_but_our_own_look_up_is_tried(tmp_path, monkeypatch, recwarn):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(MissingWeights, match="AlexNet weights are needed"):
        LPIPS("alex")


def test_loading_says_nothing_and_draws_no_random_numbers(stand_in_backbone, recwarn, capfd):
    file, _ = stand_in_backbone("alex")
    state = torch.random.get_rng_state()
    network = LPIPS("alex", file).network
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not recwarn and capfd.readouterr() == ("", "")


def test_other_weights_in_the_lpips_package_are_not_read(stand_in_backbone, monkeypatch):
    file, _ = stand_in_backbone("alex")
    monkeypatch.setitem(HEADS, "alex", replace(HEADS["alex"], sha256="0" * 64))
    with pytest.raises(UserError, match=r"alex\.pth: sha256 is not that of the published"):
        LPIPS("alex", file)
