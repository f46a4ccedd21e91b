"""Copying: where the colours of a result come from, and what the copying loss wants of them."""

import pytest
import torch

from colorizer.networks.copying import OPEN, Copies, CopyingHead
from colorizer.networks.generator import Generator
from colorizer.training.losses import SPREAD, STRAY, copying_loss, place_loss
from tests.helpers.largest import LargestTensor

SMALL = {"width": 0.25, "stages": 3, "residual_blocks": 0, "attention": "none", "copying": True}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def _copier(picks: int = 1) -> Generator:
    """A generator that copies and never paints."""
    generator = Generator(**SMALL, picks=picks).eval()
    generator.copying.gate.weight.data.zero_()
    generator.copying.gate.bias.data.fill_(100)
    return generator


@pytest.mark.parametrize("picks", [1, 3])
def test_what_is_copied_is_the_references(picks):
    """One colour alone comes out as it is; several are mixed, but never left."""
    line = torch.rand(2, 1, 32, 48) * 2 - 1
    color = torch.tensor([0.9, -0.3, 0.123]).view(1, 3, 1, 1)
    generator = _copier(picks)
    with torch.no_grad():
        image = generator(line, color.expand(2, 3, 24, 16)).image
        torch.testing.assert_close(image, color.expand(2, 3, 32, 48))
        reference = torch.rand(2, 3, 24, 16)
        image = generator(line, reference).image
    for channel in range(3):
        found, there = image[:, channel], reference[:, channel]
        assert there.min() <= found.min() and found.max() <= there.max()


def test_each_cell_offers_its_picks():
    """A cell's colours are means of its own pixels."""
    generator = _copier(picks=2)
    reference = torch.rand(1, 3, 8, 12)
    with torch.no_grad():
        colors = generator(torch.rand(1, 1, 16, 16), reference).copies.colors
    assert colors.shape == (1, 2 * 3 * 2, 3)  # 2×3 cells of 4×4 pixels
    for cell, picks in enumerate(colors[0].unflatten(0, (-1, 2))):
        row, column = divmod(cell, 3)
        pixels = reference[0, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4].flatten(1)
        assert (picks > pixels.min(1).values).all() and (picks < pixels.max(1).values).all()


def test_it_is_attention_of_pixels_over_picks():
    head = CopyingHead(4, 4, token_channels=6, context_channels=5, cell=2, picks=2)
    features, map_ = torch.rand(2, 4, 6, 4), torch.rand(2, 4, 4, 4)
    reference, painted = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 6, 4)
    offers = head.offers(reference, map_, torch.rand(2, 4, 6))
    image, copies = head(features, painted, offers)
    chances = (copies.queries @ copies.keys.transpose(1, 2) / 32**0.5).softmax(2)
    copied = (chances @ copies.colors).transpose(1, 2).view(2, 3, 6, 4)
    gate = torch.sigmoid(head.gate(features) + OPEN)
    torch.testing.assert_close(image, gate * copied + (1 - gate) * painted)


@pytest.mark.parametrize("trains", [False, True])
def test_the_map_of_pixels_and_picks_is_never_held(trains):
    """At 512×512 with three references of that size it would take 52 GB."""
    generator = Generator(**SMALL).train(trains).requires_grad_(trains)
    line, reference = torch.rand(1, 1, 128, 128), torch.rand(1, 3, 128, 128)
    pixels, picks = 128**2, 32**2
    with LargestTensor() as largest:
        image = generator(line, reference).image
        if trains:
            image.sum().backward()
    assert 0 < largest.entries < pixels * picks / 8


def test_the_gate_leaves_room_to_paint():
    generator = _copier()
    generator.copying.gate.bias.data.fill_(-100)
    line, reference = torch.rand(1, 1, 16, 16), torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        image = generator(line, reference).image
        assert torch.equal(image, generator(line, -reference).image)  # of the line alone
        assert not torch.equal(image, generator(-line, reference).image)


def test_everything_learns():
    generator = Generator(**SMALL, convolutional_attention=False)
    colored = generator(torch.rand(2, 1, 16, 16), torch.rand(2, 3, 16, 16))
    loss = colored.image.square().mean() + copying_loss(colored.copies, torch.rand(2, 3, 16, 16))
    loss.backward()
    unmoved = [n for n, p in generator.named_parameters() if p.grad is None or not p.grad.any()]
    assert not [name for name in unmoved if not name.endswith("conv.bias")]  # before batch norm


def _copies(scores: list[float], colors: list[float]) -> Copies:
    """Of one pixel that copies greys with these scores."""
    keys = torch.tensor(scores).view(1, -1, 1)
    return Copies(torch.ones(1, 1, 1), keys, torch.tensor(colors).view(1, -1, 1).expand(-1, -1, 3))


def test_the_copying_loss_is_the_likelihood_of_the_true_colour():
    truth = torch.full((1, 3, 1, 1), 0.5)
    scores, colors = [1.0, -2.0, 0.5], [0.4, 0.5, -0.9]
    chances = torch.tensor(scores).softmax(0)
    off = 3 * (torch.tensor(colors) - 0.5) ** 2  # over three channels
    likely = (chances * torch.exp(-off / (2 * SPREAD**2))).sum()
    expected = -torch.log((1 - STRAY) * likely + STRAY)
    torch.testing.assert_close(copying_loss(_copies(scores, colors), truth), expected)


def test_a_mean_of_two_colours_is_worse_than_one_that_is_right():
    """Where L1 sees no difference: half black and half white are not grey."""
    truth = torch.zeros(1, 3, 1, 1)
    right = copying_loss(_copies([0.0, 9.0, 0.0], [-1.0, 0.0, 1.0]), truth)
    mean = copying_loss(_copies([9.0, 0.0, 9.0], [-1.0, 0.0, 1.0]), truth)
    assert right < 0.1 and mean > 4


def test_pixels_of_large_pictures_are_looked_at_from_edge_to_edge():
    side = 128
    truth = torch.linspace(-1, 1, side).view(1, 1, side, 1).expand(1, 3, side, side)
    queries = truth[:, :1].flatten(2).transpose(1, 2)  # each pixel asks for its own brightness
    colors = torch.tensor([-1.0, 1.0])
    keys = 50 * colors.view(1, 2, 1)
    loss = copying_loss(Copies(queries, keys, colors.view(1, 2, 1).expand(1, 2, 3)), truth)
    rows = truth[0, 0, :, 0]
    off = 3 * (rows.abs() - 1) ** 2
    every = -torch.log((1 - STRAY) * torch.exp(-off / (2 * SPREAD**2)) + STRAY).mean()
    assert loss == pytest.approx(every.item(), abs=0.05)


def test_a_key_knows_its_surroundings():
    """A cell's key changes with what lies beyond the encoder's view of it; its colours do not."""
    generator = Generator(**SMALL, convolutional_attention=False).eval()
    line, reference = torch.rand(1, 1, 64, 64), torch.rand(1, 3, 64, 64)
    other = reference.clone()
    other[..., 40:] = -1
    with torch.no_grad():
        one, two = (generator(line, picture).copies for picture in (reference, other))
    assert not torch.equal(one.keys[:, 6], two.keys[:, 6])
    torch.testing.assert_close(one.colors[:, 6], two.colors[:, 6])


@pytest.mark.parametrize("picks", [1, 2])
def test_the_place_loss_is_how_unsure_each_token_is_of_its_cell(picks):
    """Of 2×3 tokens of 2×2 pixels, and four cells, of which the last shows no token's place."""
    queries, keys = torch.rand(2, 24, 32), torch.rand(2, 4 * picks, 32)
    anchors = torch.tensor([[5, 0, 2, -1], [1, 1, 3, -1]])
    asked = queries.view(2, 2, 2, 3, 2, 32).mean((2, 4)).flatten(1, 2)  # B×6×D
    expected = []
    for picture in range(2):
        for cell, token in enumerate(anchors[picture, :3]):
            chances = (keys[picture] @ asked[picture, token] / 32**0.5).softmax(0)
            expected.append(-chances.view(4, picks)[cell].sum().log())
    copies = Copies(queries, keys, torch.rand(2, 4 * picks, 3))
    loss = place_loss(copies, anchors, (2, 3), torch.tensor(6.0))
    torch.testing.assert_close(loss, torch.stack(expected).mean())
    assert place_loss(copies, anchors.clamp_max(-1), (2, 3), torch.tensor(0.0)) == 0
