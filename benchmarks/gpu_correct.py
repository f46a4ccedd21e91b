"""Whether a GPU computes what the CPU does: each preset's first step in every precision, and more.

What is compared of a step: its losses; the networks' gradients (their norms, and how far the whole
gradient is off); and which way each parameter went, as Adam's first step is the gradient's sign.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from gpu_report import Teller
from gpu_scale import METHODS, Place, device, wait
from standing_in import characters
from torch import Tensor, nn

from colorizer.data.dataset import Batch
from colorizer.networks import attention
from colorizer.training.colorization import Colorization
from colorizer.training.task import Task

FLOAT32, TF32 = "float32", "float32 with TF32, as it runs by default"
NAMES = {"no": TF32, "bf16": "bf16", "fp16": "fp16"}
FALLS = 24  # of fp16's scale, by half each time
COMPILING = 60.0  # seconds that kernels for a whole step may take


class Tolerance(NamedTuple):
    """How far a step may be off, relative to what it is held against."""

    loss: float  # of each loss
    norm: float  # of each network's gradient
    gradient: float  # length of the difference of the gradients
    turned: float  # share of the parameters that went the other way


# Several times what rounding gives. Measured with full networks on a CPU whose convolutions' inputs
# were rounded: TF32 3e-4, 1e-3, 0.03, 0.04; bf16 2e-3, 2e-3, 0.10, 0.15. Narrow ones are off more.
TOLERANCES = {
    FLOAT32: Tolerance(1e-4, 1e-3, 5e-3, 0.02),
    TF32: Tolerance(3e-3, 1e-2, 0.12, 0.12),
    "bf16": Tolerance(3e-2, 8e-2, 0.4, 0.35),
    "fp16": Tolerance(5e-3, 2e-2, 0.15, 0.15),
}


class Step(NamedTuple):
    """What one step did, on the CPU."""

    losses: dict[str, float]
    gradients: dict[str, Tensor]  # network → its gradient, flat
    moves: dict[str, Tensor]  # network → the way its parameters went, flat


def run(tell: Teller, place: Place) -> None:
    """All checks, most important first."""
    for preset in METHODS:
        tell.attempt(
            f"the steps of {preset}", lambda preset=preset: precisions(tell, place, preset)
        )
    tell.attempt("attention of many tokens", lambda: many_tokens(tell, place))
    tell.attempt("the recomputed step", lambda: recomputed(tell, place))
    if torch.cuda.is_available():
        for preset in ("attention-aware", "scft"):
            for precision in place.scale.precisions:
                tell.attempt(
                    f"no wait in a step of {preset} in {precision}",
                    lambda preset=preset, precision=precision: no_wait(
                        tell, place, preset, precision
                    ),
                )
    else:
        tell.note("Whether a step makes the host wait is seen on a GPU alone.")
    for precision in place.scale.precisions:
        tell.attempt(f"many steps in {precision}", lambda p=precision: many_steps(tell, place, p))
    seconds = COMPILING if torch.cuda.is_available() else 0.0
    tell.attempt("the compiled step", lambda: compiled(tell, place), seconds)


# ---- One step


def first_step(task: Colorization, batch: Batch) -> Step:
    """The step of an untrained task; in fp16 the first whose gradients do not overflow."""
    parameters = task.draw_parameters(batch.numbers)
    state = [t for n in task.trained for t in (*n.parameters(), *n.buffers())]
    start = [t.detach().clone() for t in state]
    before = {name: flat(network.parameters()) for name, network in networks(task).items()}
    for _ in range(FALLS):
        with gradients(task) as found:
            losses = task.step(batch, parameters).losses
        if all(bool(g.isfinite().all()) for g in found.values()):
            break
        with torch.no_grad():
            for tensor, old in zip(state, start, strict=True):
                tensor.copy_(old)
        for name in networks(task):
            optimizer_of(task, name).state.clear()
    moves = {
        name: flat(network.parameters()) - before[name] for name, network in networks(task).items()
    }
    return Step({name: loss.item() for name, loss in losses.items()}, dict(found), moves)


def networks(task: Task) -> dict[str, nn.Module]:
    """The trained ones by their names."""
    return {"generator": task.generator, "discriminator": task.discriminator}


def optimizer_of(task: Task, name: str) -> torch.optim.Optimizer:
    """torch's own, of a network."""
    return getattr(task, f"{name}_optimizer").optimizer


@contextmanager
def gradients(task: Task) -> Iterator[dict[str, Tensor]]:
    """Those that the optimizers act on within, without fp16's scale."""
    found: dict[str, Tensor] = {}

    def keep(name: str, network: nn.Module) -> None:
        scaler = task.accelerator.scaler
        scale = scaler.get_scale() if scaler is not None else 1.0
        # SCFT's loss may leave a parameter out.
        parameters = list(network.parameters())
        all_of_it = (torch.zeros_like(p) if p.grad is None else p.grad for p in parameters)
        found[name] = flat(all_of_it) / scale

    handles = [
        optimizer_of(task, name).register_step_pre_hook(
            lambda *_, name=name, network=network: keep(name, network)
        )
        for name, network in networks(task).items()
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def flat(tensors: Iterator[Tensor]) -> Tensor:
    """One vector on the CPU in float32; the order within a tensor is that of its indices."""
    return torch.cat([t.detach().float().reshape(-1) for t in tensors]).cpu()


# ---- Precisions


@contextmanager
def on_the_cpu() -> Iterator[None]:
    """Tasks built within train there, though there is a GPU."""
    os.environ["ACCELERATE_USE_CPU"] = "true"
    try:
        yield
    finally:
        del os.environ["ACCELERATE_USE_CPU"]


@contextmanager
def without_tf32() -> Iterator[None]:
    """Convolutions within are float32 to the last bit."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def precisions(tell: Teller, place: Place, preset: str) -> None:
    """A preset's first step in each precision against the CPU's in float32."""
    batch = characters(place.scale.batch, place.scale.size)
    with on_the_cpu():
        wanted = first_step(place.task(preset, "no"), batch)
    with without_tf32():
        compare(tell, preset, FLOAT32, first_step(place.task(preset, "no"), batch), wanted)
    for precision in place.scale.precisions:
        if precision == "no" and not torch.cuda.is_available():
            continue  # a CPU has no TF32
        found = first_step(place.task(preset, precision), batch)
        compare(tell, preset, NAMES[precision], found, wanted)


def compare(tell: Teller, preset: str, name: str, found: Step, wanted: Step) -> None:
    """A row of the table of steps."""
    off = differences(found, wanted)
    allowed = TOLERANCES[name]
    tell.check(
        "A step against the CPU's in float32: off by (allowed)",
        all(math.isfinite(o) and o <= a for o, a in zip(off, allowed, strict=True)),
        preset=preset,
        precision=name,
        losses=f"{off.loss:.1e} ({allowed.loss:g})",
        norms_of_gradients=f"{off.norm:.1e} ({allowed.norm:g})",
        gradients=f"{off.gradient:.1e} ({allowed.gradient:g})",
        parameters_that_went_the_other_way=f"{off.turned:.2%} ({allowed.turned:.0%})",
    )


def differences(found: Step, wanted: Step) -> Tolerance:
    """The largest of each kind."""
    losses = [abs(found.losses[n] - w) / abs(w) for n, w in wanted.losses.items()]
    norms, lengths, turned = [], [], []
    for name, gradient in wanted.gradients.items():
        other = found.gradients[name]
        norms.append(abs(float(other.norm() / gradient.norm()) - 1))
        lengths.append(float((other - gradient).norm() / gradient.norm()))
        turned.append(float((found.moves[name] * wanted.moves[name] < 0).float().mean()))
    return Tolerance(max(losses), max(norms), max(lengths), max(turned))


# ---- The same step in other ways


def recomputed(tell: Teller, place: Place) -> None:
    """With --recompute, in float32; beside how far the plain step is from itself."""
    batch = characters(place.scale.batch, place.scale.size)
    with without_tf32():
        plain, again, other = (
            first_step(place.task("attention-aware", "no", recompute=recompute), batch)
            for recompute in (False, False, True)
        )
    itself, found = differences(again, plain), differences(other, plain)
    for name, off in (("plain again", itself), ("recomputed", found)):
        tell.check(
            "The plain step again, and the recomputed: off by",
            off.loss <= 1e-5 and off.gradient <= 1e-4 + 4 * itself.gradient,
            step=name,
            losses=f"{off.loss:.1e} (1e-5)",
            gradients=f"{off.gradient:.1e} (1e-4 and 4 times the first row's)",
        )


def compiled(tell: Teller, place: Place) -> None:
    """With --compile, in bf16; at the batch that is timed later, which finds the kernels made."""
    batch = characters(place.scale.batches[0], place.scale.size)
    changes = place.scale.compiled
    plain = first_step(place.task("attention-aware", "bf16", **changes), batch)
    torch.compiler.reset()
    found = first_step(place.task("attention-aware", "bf16", compile=True, **changes), batch)
    off, allowed = differences(found, plain), TOLERANCES["bf16"]
    tell.check(
        "The compiled step against the plain one, in bf16: off by (allowed)",
        off.loss <= allowed.loss and off.gradient <= allowed.gradient,
        losses=f"{off.loss:.1e} ({allowed.loss:g})",
        gradients=f"{off.gradient:.1e} ({allowed.gradient:g})",
    )


def no_wait(tell: Teller, place: Place, preset: str, precision: str) -> None:
    """A step, once everything is warm, in which no operation may make the host wait."""
    task = place.task(preset, precision)
    batch = characters(place.scale.batch, place.scale.size)
    parameters = task.draw_parameters(batch.numbers)
    for _ in range(2):
        task.step(batch, parameters)
    wait()
    torch.cuda.set_sync_debug_mode("error")
    try:
        task.step(batch, parameters)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    tell.check(
        "No operation of a step makes the host wait", True, preset=preset, precision=precision
    )


def many_steps(tell: Teller, place: Place, precision: str) -> None:
    """Losses stay finite, and the first falls."""
    task = place.task("attention-aware", precision)
    batch = characters(place.scale.batch, place.scale.size)
    parameters = task.draw_parameters(batch.numbers)
    losses = []
    for _ in range(place.scale.long_run):
        losses.append(torch.stack(list(task.step(batch, parameters).losses.values())))
        if len(losses) % 10 == 0:
            wait()
            if tell.left < 10:
                break
    found = torch.stack(losses).cpu()
    names = list(task.step(batch, parameters).losses)
    l1 = found[:, names.index("l1")]
    scaler = task.accelerator.scaler
    tell.check(
        "Steps on one batch, attention-aware with all losses",
        bool(found.isfinite().all()) and bool(l1[-1] < l1[0]),
        precision=NAMES[precision],
        steps=len(losses),
        not_finite=int((~found.isfinite()).sum()),
        L1_at_first=float(l1[0]),
        at_last=float(l1[-1]),
        scale_of_fp16=scaler.get_scale() if scaler is not None else None,
    )


# ---- Attention


def many_tokens(tell: Teller, place: Place) -> None:
    """Both attentions on as many tokens as a large picture has, against float64 held whole."""
    torch.manual_seed(0)
    shape = (1, place.scale.tokens, 992)
    inputs = [torch.randn(shape, device=device()).mul_(0.5) for _ in range(3)]
    incoming = torch.randn(shape, device=device())
    before = attention.MOST_ENTRIES
    for name, function in (
        ("stop-gradient", attention.doubly_normalized_attention),
        ("SCFT", scaled_attention),
    ):
        try:
            attention.MOST_ENTRIES = place.scale.most_entries
            found = passes(function, inputs, incoming)
            attention.MOST_ENTRIES = 2**62
            wanted = passes(function, [t.double() for t in inputs], incoming.double())
        finally:
            attention.MOST_ENTRIES = before
        for what, one, other in zip(("result", "gradient of values"), found, wanted, strict=True):
            off = float((one.double() - other).norm() / other.norm())
            tell.check(
                f"Attention of {place.scale.tokens} tokens against float64: off by (allowed)",
                off <= 1e-3,
                attention=name,
                of=what,
                off=f"{off:.1e} (0.001)",
            )


def scaled_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """SCFT's, in float32 as torch's kernels have it; in float64 as the formula is written."""
    if query.dtype == torch.float64:
        return torch.softmax(query @ key.transpose(1, 2) / query.shape[2] ** 0.5, 2) @ value
    heads = (t.unsqueeze(1) for t in (query, key, value))
    return torch.nn.functional.scaled_dot_product_attention(*heads).squeeze(1)


def passes(function: object, inputs: list[Tensor], incoming: Tensor) -> tuple[Tensor, Tensor]:
    """Forward and backward: the result, and the gradient of the values."""
    query, key, value = inputs
    value = value.detach().requires_grad_()
    result = function(query, key, value)
    (gradient,) = torch.autograd.grad(result, value, incoming)
    return result.detach(), gradient
