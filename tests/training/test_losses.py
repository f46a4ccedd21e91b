"""Each loss against a computation by hand."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from colorizer.networks.attention import Matching
from colorizer.system.errors import UserError
from colorizer.training.differences import gram
from colorizer.training.losses import (
    VGGFeatures,
    adversarial_loss,
    discriminator_loss,
    perceptual_loss,
    style_loss,
    tokens_come_from,
    triplet_loss,
)


def _maps(seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, c, s, s + 1, generator=generator) for c, s in ((4, 6), (8, 3))]


def test_gram_divides_by_channels_height_and_width():
    features = _maps(0)[0]
    f = features[1].double().numpy().reshape(4, -1)
    np.testing.assert_allclose(gram(features)[1].numpy(), f @ f.T / (4 * 6 * 7), rtol=1e-5)


def test_gram_is_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(gram(_maps(0)[0]), gram(_maps(0)[0].float()))
        assert gram(_maps(0)[0].bfloat16()).dtype == torch.float32


def test_perceptual_loss_is_the_mean_difference_of_each_map_summed():
    a, b = _maps(0), _maps(1)
    differences = [x.double().numpy() - y.double().numpy() for x, y in zip(a, b, strict=True)]
    expected = sum(np.abs(d).mean() for d in differences)
    assert perceptual_loss(a, b).item() == pytest.approx(expected, rel=1e-6)


def test_style_loss_is_the_mean_difference_of_each_gram_summed():
    a, b = _maps(0), _maps(1)
    expected = 0.0
    for x, y in zip(a, b, strict=True):
        for picture in range(2):
            f, g = (t[picture].double().numpy().reshape(t.shape[1], -1) for t in (x, y))
            expected += np.abs(f @ f.T - g @ g.T).mean() / f.size / 2
    assert style_loss(a, b).item() == pytest.approx(expected, rel=1e-5)


def test_adversarial_targets_are_one_for_real_and_zero_for_fake():
    real, fake = torch.tensor([0.5, 2.0]), torch.tensor([3.0, 1.0])
    assert discriminator_loss(real, fake).item() == pytest.approx((0.25 + 1) / 2 + (9 + 1) / 2)
    assert adversarial_loss(fake).item() == pytest.approx((4 + 0) / 2)
    assert discriminator_loss(torch.ones(3), torch.zeros(3)) == 0
    assert adversarial_loss(torch.ones(3)) == 0


def _grid(shift: float = 0.0) -> torch.Tensor:
    """Where each of 4×4 reference pixels comes from: `shift` of the side further right."""
    centres = (torch.arange(4) + 0.5) / 2 - 1
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack([x + 2 * shift, y], -1)[None]


def test_tokens_know_where_in_the_truth_they_come_from():
    assert tokens_come_from(_grid(), 2, 2).tolist() == [[0, 1, 2, 3]]
    assert tokens_come_from(_grid(0.5), 2, 2).tolist() == [[1, -1, 3, -1]]
    assert tokens_come_from(_grid(1.0), 2, 2).tolist() == [[-1] * 4]
    assert tokens_come_from(_grid(), 4, 2).tolist() == [list(range(8))]


def _matching(logits):
    """One whose scores these are."""
    return Matching(logits, torch.eye(4)[None], 1.0)


def _triplet(logits, anchors, negatives, margin):
    count = (anchors >= 0).sum().float()
    return triplet_loss(_matching(logits), anchors, negatives, margin, count)


def test_triplet_loss_compares_the_true_place_with_another_key():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(1, 4, 4, generator=generator)  # 2×2 queries, 2×2 keys
    negatives = torch.tensor([[1, 2, 3, 0]])
    # The reference is the truth moved half a side to the left: key 0 shows the place of query 1,
    # key 2 that of query 3; keys 1 and 3 come from outside.
    s = logits[0].numpy()
    expected = np.mean([max(0, s[1, 1] - s[1, 0] + 2), max(0, s[3, 3] - s[3, 2] + 2)])
    anchors = tokens_come_from(_grid(0.5), 2, 2)
    assert _triplet(logits, anchors, negatives, 2.0).item() == pytest.approx(expected)


def test_triplet_loss_of_perfect_correspondence_is_zero_and_of_none_the_margin():
    negatives = torch.tensor([[1, 2, 3, 0]])
    here, outside = torch.arange(4)[None], torch.full((1, 4), -1)
    assert _triplet(20 * torch.eye(4)[None], here, negatives, 12.0) == 0
    assert _triplet(torch.zeros(1, 4, 4), here, negatives, 12.0) == 12.0
    assert _triplet(torch.zeros(1, 4, 4), outside, negatives, 12.0) == 0


def test_triplet_loss_teaches_the_logits():
    logits = torch.zeros(1, 4, 4, requires_grad=True)
    negatives = torch.tensor([[1, 2, 3, 0]])
    _triplet(logits, torch.arange(4)[None], negatives, 12.0).backward()
    assert (logits.grad[0].diagonal() < 0).all()  # true correspondences are pushed up


def test_vgg_gives_the_five_relu_maps_of_torchvision(vgg_file):
    from torchvision.models import vgg19

    state = load_file(vgg_file)
    ours = VGGFeatures(state)
    assert not any(p.requires_grad for p in ours.parameters())
    with torch.device("meta"):  # no values are drawn for its 144 million weights
        theirs = vgg19()
    weights = {k.removeprefix("features."): v for k, v in state.items()}
    theirs.features.load_state_dict(weights, assign=True, strict=True)
    picture = torch.rand(1, 3, 32, 32) * 2 - 1
    maps = ours(picture)
    assert [tuple(m.shape[1:]) for m in maps] == [
        (64, 32, 32),
        (128, 16, 16),
        (256, 8, 8),
        (512, 4, 4),
        (512, 2, 2),
    ]
    for end, found in zip((4, 9, 18, 27, 36), maps, strict=True):
        torch.testing.assert_close(found, theirs.features[:end](picture))


def test_vgg_can_normalize_as_imagenet_does(vgg_file):
    state = load_file(vgg_file)
    picture = torch.rand(1, 3, 16, 16) * 2 - 1
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    expected = VGGFeatures(state)(((picture + 1) / 2 - mean) / std)
    found = VGGFeatures(state, imagenet_normalization=True)(picture)
    torch.testing.assert_close(found[-1], expected[-1])


def test_vgg_weights_of_another_network_are_refused(vgg_file):
    state = load_file(vgg_file)
    del state["features.34.weight"]
    with pytest.raises(UserError, match=r"features\.34\.weight is missing"):
        VGGFeatures(state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_vgg_weights_of_another_precision_work_as_float32(vgg_file, dtype):
    stored = {name: tensor.to(dtype) for name, tensor in load_file(vgg_file).items()}
    picture = torch.rand(1, 3, 16, 16) * 2 - 1
    maps = VGGFeatures(stored)(picture)
    expected = VGGFeatures({name: tensor.float() for name, tensor in stored.items()})(picture)
    assert all(found.dtype == torch.float32 for found in maps)
    assert all(torch.equal(*pair) for pair in zip(maps, expected, strict=True))


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        (torch.int8, "is int8; give a file in float32 or half precision"),
        (torch.float8_e4m3fn, "is float8_e4m3fn; give a file in float32"),
        (torch.complex64, "is complex64; give a file in float32"),
    ],
)
def test_vgg_weights_that_are_quantised_are_refused(vgg_file, dtype, words):
    state = load_file(vgg_file)
    state["features.2.bias"] = state["features.2.bias"].to(dtype)
    with pytest.raises(UserError, match=rf"VGG-19 weights: features\.2\.bias {words}"):
        VGGFeatures(state)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_vgg_weights_that_are_not_finite_are_refused(vgg_file, value):
    state = load_file(vgg_file)
    state["features.2.weight"][3, 4] = value
    with pytest.raises(UserError, match=r"features\.2\.weight has values that are not finite"):
        VGGFeatures(state)
