"""The generators of the paper and ours: their size, the sizes they take, what they look at."""

import copy
from dataclasses import asdict

import pytest
import torch
import torch.nn.functional as F

from colorizer.config.presets import PRESETS
from colorizer.networks.discriminator import Discriminator
from colorizer.networks.generator import Features, Generator

SMALL = {"width": 0.25, "stages": 4, "residual_blocks": 1}
PAPERS = {
    "attention-aware": {},
    "sga": {"convolutional_attention": False},
    "scft-ca": {"attention": "scft"},
    "scft": {"attention": "scft", "convolutional_attention": False, "encoder_batch_norm": False},
}
METHODS = PAPERS | {"ours": {"attention": "none", "copying": True, "picks": 2}}


def _parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


# Counted on the authors' released code; scft-ca's encoder is not what that code builds.
@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("attention-aware", 83_952_507),
        ("sga", 83_906_899),
        ("scft-ca", 82_913_907 + 45_608 + 3_968),  # scft, CBAM as in attention-aware, batch norm
        ("scft", 82_913_907),
    ],
)
def test_full_size_generators_have_the_papers_parameters(method, parameters):
    with torch.device("meta"):
        assert _parameters(Generator(**PAPERS[method])) == parameters
        preset = PRESETS[method]().network
        assert _parameters(Generator(**asdict(preset))) == parameters


def test_discriminator_has_the_papers_parameters_and_map():
    with torch.device("meta"):
        discriminator = Discriminator()
        scores = discriminator(torch.zeros(1, 3, 256, 256), torch.zeros(1, 1, 256, 256))
    assert _parameters(discriminator) == 175_584
    assert scores.shape == (1, 1, 13, 13)


def test_full_size_tokens_have_992_channels():
    with torch.device("meta"):
        assert Generator().cross_attention.norm.num_features == 992


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("height", "width"), [(32, 32), (48, 80)])
def test_any_multiple_of_the_stride_is_colored_at_its_own_size(method, height, width):
    generator = Generator(**METHODS[method], **SMALL)
    line = torch.rand(2, 1, height, width) * 2 - 1
    reference = torch.rand(2, 3, 64, 40) * 2 - 1
    image, matching, copies = generator(line, reference)
    assert image.shape == (2, 3, height, width)
    assert image.abs().max() <= 1
    if method == "ours":
        assert matching is None
        assert copies.queries.shape[:2] == (2, height * width)
        assert copies.keys.shape[:2] == copies.colors.shape[:2] == (2, 2 * 64 * 40 // 64)
    else:
        assert copies is None
        assert matching.queries.shape[:2] == (2, height * width // 64)
        assert matching.keys.shape[:2] == (2, 64 * 40 // 64)


def test_default_stages_work_at_16_pixel_steps():
    generator = Generator(width=0.0625, residual_blocks=1)
    assert generator(torch.zeros(2, 1, 48, 32), torch.zeros(2, 3, 32, 32)).image.shape[2:] == (
        48,
        32,
    )


def test_other_sizes_are_refused_with_their_name():
    generator = Generator(**SMALL)
    with pytest.raises(ValueError, match="reference is 30x32; sides must be multiples of 8"):
        generator(torch.zeros(1, 1, 32, 32), torch.zeros(1, 3, 32, 30))


@pytest.mark.parametrize("method", METHODS)
def test_every_parameter_learns(method):
    torch.manual_seed(0)
    generator = Generator(**METHODS[method], **SMALL)
    line, reference = torch.randn(2, 1, 32, 32).tanh(), torch.randn(2, 3, 32, 32).tanh()
    generator(line, reference).image.square().mean().backward()
    without = [n for n, p in generator.named_parameters() if p.grad is None or not p.grad.any()]
    # A bias before batch norm has no effect, and CBAM's few hidden units may be off at the start.
    assert [n for n in without if not n.endswith("bias") and ".mlp." not in n] == []


@pytest.mark.parametrize("method", METHODS)
def test_result_depends_on_line_and_reference(method):
    torch.manual_seed(0)
    generator = Generator(**METHODS[method], **SMALL).double()
    line = torch.randn(2, 1, 32, 32, dtype=torch.float64).tanh()
    reference = torch.randn(2, 3, 32, 32, dtype=torch.float64).tanh()
    result = generator(line, reference).image
    for other in (generator(-line, reference), generator(line, -reference)):
        assert (other.image - result).abs().max() > 1e-6


def test_within_normalized_once_all_forwards_share_one_spectral_norm_in_float32():
    torch.manual_seed(0)
    discriminator = Discriminator(width=0.25)
    layer = discriminator.layers[0]
    vectors = layer.parametrizations.weight[0]._u
    vectors.copy_(F.normalize(torch.randn_like(vectors), dim=0))  # far from where it converges
    exact = copy.deepcopy(discriminator).layers[0].weight  # after one power iteration
    picture, line = torch.rand(1, 3, 64, 64), torch.rand(1, 1, 64, 64)
    under_autocast = []  # a GPU's would take the norm in half precision, a CPU's does not
    layer.parametrizations.weight[0].register_forward_hook(
        lambda *_: under_autocast.append(torch.is_autocast_enabled("cpu"))
    )
    with torch.autocast("cpu", torch.bfloat16), discriminator.normalized_once():
        after = vectors.clone()
        assert torch.equal(layer.weight, exact)
        discriminator(picture, line)
        discriminator(picture, line)
        assert torch.equal(layer.weight, exact)
    assert under_autocast == [False]
    assert torch.equal(vectors, after)
    discriminator(picture, line)
    assert not torch.equal(vectors, after)


@pytest.mark.parametrize("method", METHODS)
def test_every_convolution_gets_channels_last(method):
    """Else a GPU converts what goes in, and the gradient that comes out."""
    generator = Generator(**SMALL, **METHODS[method]).to(memory_format=torch.channels_last)
    others = []

    def look(module: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
        if not inputs[0].is_contiguous(memory_format=torch.channels_last):
            others.append(module)

    for module in generator.modules():
        if isinstance(module, torch.nn.Conv2d) and module.kernel_size == (3, 3):
            module.register_forward_pre_hook(look)
    pictures = (torch.rand(2, channels, 32, 32) for channels in (1, 3))
    generator(*(p.to(memory_format=torch.channels_last) for p in pictures))
    assert not others


@pytest.mark.parametrize("method", METHODS)
def test_of_several_references_the_order_and_repetition_change_nothing(method):
    torch.manual_seed(0)
    generator = Generator(**METHODS[method], **SMALL).double()  # so that rounding hides nothing

    def drawn(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, dtype=torch.float64) * 2 - 1

    line = drawn(2, 1, 32, 48)
    with torch.no_grad():
        for _ in range(20):  # batch norm learns its statistics, or features are next to nothing
            generator(drawn(2, 1, 32, 48), drawn(2, 3, 32, 32))
    generator.eval()
    pictures = [drawn(1, 3, 32, 32), drawn(1, 3, 48, 16)]
    with torch.inference_mode():
        one, two = (generator.read(picture) for picture in pictures)

        def colored(*several: Features) -> torch.Tensor:
            return generator.color(line, Features.joined(several).repeated(2)).image

        alone = generator(line, pictures[0].expand(2, -1, -1, -1)).image
        for same, expected in (
            (colored(one), alone),
            (colored(one, one, one), alone),
            (colored(two, one), colored(one, two)),
        ):
            torch.testing.assert_close(same, expected, atol=1e-12, rtol=0)
        assert (colored(one, two) - alone).abs().max() > 1e-7
