"""What each way of computing gives: off and on, in turns, in one process."""

import copy
import socket
from collections.abc import Callable, Sequence

import torch
import torch.distributed as dist
import torch.nn.functional as F
from gpu_fast import COMPILING, NAMES, stepper, warm
from gpu_report import Teller
from gpu_scale import Place, device, kernels, release
from measuring import timed
from torch import Tensor, nn

from colorizer.networks import attention
from colorizer.networks.batch_norm import normalize_over_processes
from colorizer.networks.convolutional_attention import ConvolutionalAttention, InFewPasses
from colorizer.networks.doubling import Doubled
from colorizer.training.differences import gram_difference, mean_difference

TABLE = "Milliseconds of one forward and one backward pass"
SMALL = 2  # pictures: the share of one of many GPUs
ROUNDS = 20  # on a GPU; the least of them counts
VGG_MAPS = ((64, 1), (128, 2), (256, 4), (512, 8), (512, 16))  # channels, and what divides the side
DECODER_MAPS = ((256, 16), (128, 8), (64, 4), (32, 2))  # that are enlarged
PRECISIONS = {"no": torch.float32, "bf16": torch.bfloat16}

Pass = Callable[[], object]


def run(tell: Teller, place: Place) -> None:
    """All of them, the dearest first."""
    tell.attempt("VGG's differences", lambda: vgg_differences(tell, place))
    tell.attempt("convolutional attention", lambda: convolutional_attention(tell, place))
    tell.attempt("the enlargement", lambda: enlargement(tell, place))
    tell.attempt("batch norm over processes", lambda: batch_norm(tell, place))
    tell.attempt("SCFT's attention", lambda: scft_attention(tell, place))
    tell.attempt("kernels that cuDNN chooses by trying", lambda: cudnn_benchmark(tell, place))
    seconds = COMPILING if torch.cuda.is_available() else 0.0
    tell.attempt("a small share of a batch", lambda: small_share(tell, place), seconds)


def vgg_differences(tell: Teller, place: Place) -> None:
    """The perceptual and the style loss of a batch, beside copies in float32."""

    def plain_gram(features: Tensor) -> Tensor:
        flat = features.float().flatten(2)
        return flat @ flat.transpose(1, 2) / features[0].numel()

    truths = maps(place, VGG_MAPS)
    results = [m.requires_grad_() for m in maps(place, VGG_MAPS)]
    pairs = list(zip(results, truths, strict=True))

    def gradients(loss: Tensor) -> Sequence[Tensor]:
        return torch.autograd.grad(loss, results)  # not added to any before

    compare(
        tell,
        "perceptual loss",
        lambda: gradients(sum(F.l1_loss(r.float(), t.float()) for r, t in pairs)),
        lambda: gradients(sum(mean_difference(r, t) for r, t in pairs)),
    )
    compare(
        tell,
        "style loss",
        lambda: gradients(sum(F.l1_loss(plain_gram(r), plain_gram(t)) for r, t in pairs)),
        lambda: gradients(sum(gram_difference(r, t) for r, t in pairs)),
    )


def convolutional_attention(tell: Teller, place: Place) -> None:
    """That of a layer at full resolution: operation by operation, and in the passes of training."""
    (x,) = maps(place, ((16, 1),))
    d_z = torch.randn_like(x)
    module = ConvolutionalAttention(16).to(device())
    inputs = (
        x.requires_grad_(),
        module.mlp[0].weight,
        module.mlp[2].weight,
        module.spatial.weight,
    )

    def by_operations() -> None:
        with torch.autocast(x.device.type, x.dtype, enabled=x.dtype != torch.float32):
            z = module.by_operations(x)
        torch.autograd.grad(z, inputs, d_z)

    with kernels():
        compare(
            tell,
            "convolutional attention",
            by_operations,
            lambda: torch.autograd.grad(InFewPasses.apply(*inputs), inputs, d_z),
        )


def enlargement(tell: Teller, place: Place) -> None:
    """All four of the decoder."""
    inputs = [m.requires_grad_() for m in maps(place, DECODER_MAPS)]
    gradients = [torch.randn_like(Doubled.apply(m, True)) for m in inputs]

    def each(enlarge: Callable[[Tensor], Tensor]) -> None:
        for x, d_y in zip(inputs, gradients, strict=True):
            torch.autograd.grad(enlarge(x), x, d_y)

    compare(
        tell,
        "bilinear enlargement",
        lambda: each(
            lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        ),
        lambda: each(lambda x: Doubled.apply(x, True)),
    )


def batch_norm(tell: Teller, place: Place) -> None:
    """A norm at full resolution in a group of one process, beside torch's SyncBatchNorm."""
    if not torch.cuda.is_available():
        tell.note("SyncBatchNorm computes on GPUs alone; torch's own batch norm is in its place.")
    x = maps(place, ((16, 1),))[0].requires_grad_()
    plain = nn.Sequential(nn.BatchNorm2d(16)).to(device())
    ours = copy.deepcopy(plain)
    normalize_over_processes(ours)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, init_method=address, rank=0, world_size=1)
    try:
        if torch.cuda.is_available():
            plain = nn.SyncBatchNorm.convert_sync_batchnorm(plain)
            plain[0].process_group = dist.group.WORLD
        compare(
            tell,
            "batch norm over processes",
            lambda: torch.autograd.grad(plain(x).sum(), [x, *plain.parameters()]),
            lambda: torch.autograd.grad(ours(x).sum(), [x, *ours.parameters()]),
        )
    finally:
        dist.destroy_process_group()


def scft_attention(tell: Teller, place: Place) -> None:
    """Of a batch's tokens: in the kernels that spare the map, and with the map held."""
    count = (place.scale.size // 16) ** 2
    shape = (place.scale.batches[0], count, 992)
    tokens = [torch.randn(shape, device=device(), requires_grad=True) for _ in range(3)]

    def attend(most: int) -> None:
        attention.MAX_ENTRIES = most
        torch.autograd.grad(attention.scaled_attention(*tokens).sum(), tokens)

    before = attention.MAX_ENTRIES
    try:
        compare(tell, "SCFT's attention", lambda: attend(0), lambda: attend(2**62))
    finally:
        attention.MAX_ENTRIES = before


def cudnn_benchmark(tell: Teller, place: Place) -> None:
    """A whole step with cuDNN's kernels as it guesses, and as it finds them by trying."""
    precision, batch = place.scale.usual, place.scale.batches[0]
    step = stepper(place, place.task("attention-aware", precision), batch)

    def with_benchmark(on: bool) -> None:
        torch.backends.cudnn.benchmark = on
        step()

    before = torch.backends.cudnn.benchmark
    try:
        warm(lambda: with_benchmark(True), place.scale)
        compare(
            tell,
            f"a step of {batch} in {NAMES[precision]}, cudnn.benchmark",
            lambda: with_benchmark(False),
            lambda: with_benchmark(True),
        )
    finally:
        torch.backends.cudnn.benchmark = before
    release()


def small_share(tell: Teller, place: Place) -> None:
    """A step of two pictures, whose time is the host's: as it is, and with --compile."""
    fastest = []
    for compiled in (False, True):
        task = place.task("attention-aware", place.scale.usual, compile=compiled)
        step = stepper(place, task, SMALL)
        with kernels():
            warm(step, place.scale)
            fastest.append(1e3 * min(timed(step) for _ in range(rounds())))
    what = f"a step of {SMALL} in {NAMES[place.scale.usual]}, --compile"
    tell.row(TABLE, what=what, before=fastest[0], now=fastest[1], ratio=fastest[0] / fastest[1])


def rounds() -> int:
    """How often each way is timed."""
    return ROUNDS if torch.cuda.is_available() else 2


def maps(place: Place, shapes: Sequence[tuple[int, int]]) -> list[Tensor]:
    """A batch of random maps for each pair of channels and divisor of the side, channels last."""
    scale = place.scale
    return [
        torch.rand(scale.batches[0], channels, scale.size // divisor, scale.size // divisor)
        .to(device(), PRECISIONS[scale.usual])
        .to(memory_format=torch.channels_last)
        for channels, divisor in shapes
    ]


def compare(tell: Teller, what: str, off: Pass, on: Pass) -> None:
    """Time both by turns; the least of each counts."""
    for work in (off, on):
        timed(work)  # what is made once
    times = [(timed(off), timed(on)) for _ in range(rounds())]
    before, after = (1e3 * min(column) for column in zip(*times, strict=True))
    tell.row(TABLE, what=what, before=before, now=after, ratio=before / after)
