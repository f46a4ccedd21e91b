"""Whether a GPU computes what the CPU does: the first steps in every precision, and more."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from gpu_report import Teller
from gpu_scale import METHODS, Place, device, kernels, wait
from gpu_steps import Difference, Step, differences, first_step
from standing_in import augmented, characters
from torch import Tensor

from colorizer.networks import attention

NAMES = {"no": "float32", "bf16": "bf16", "fp16": "fp16"}
COMPILING = 60.0  # seconds that kernels for a whole step may take


# Several times what rounding gives, measured with full networks on a CPU whose convolutions' inputs
# and results were rounded: fp16 3e-4, 1e-3, 0.03 (SCFT: 0.08), 0.05; bf16 2e-3, 2e-3, 0.10, 0.15.
TOLERANCES = {
    "float32": Difference(1e-4, 1e-3, 2e-2, 0.02),
    "bf16": Difference(2e-2, 5e-2, 0.5, 0.35),
    "fp16": Difference(5e-3, 2e-2, 0.25, 0.15),
}


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


# ---- Precisions


@contextmanager
def on_the_cpu() -> Iterator[None]:
    """Tasks built within train there, though there is a GPU."""
    os.environ["ACCELERATE_USE_CPU"] = "true"
    try:
        yield
    finally:
        del os.environ["ACCELERATE_USE_CPU"]


def tolerance(place: Place, precision: str) -> Difference:
    """How far a step in a precision may be off."""
    return Difference(*(min(1.0, place.scale.slack * most) for most in TOLERANCES[precision]))


def precisions(tell: Teller, place: Place, preset: str) -> None:
    """A preset's first step in each precision against the CPU's in float32."""
    batch = characters(place.scale.batch, place.scale.size)
    with on_the_cpu():
        wanted = first_step(place.task(preset, "no"), batch)
    for precision in place.scale.precisions:
        found = first_step(place.task(preset, precision), batch)
        compare(tell, place, preset, NAMES[precision], found, wanted)


def compare(tell: Teller, place: Place, preset: str, name: str, found: Step, wanted: Step) -> None:
    """A row of the table of steps."""
    off = differences(found, wanted)
    allowed = tolerance(place, name)
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


# ---- The same step in other ways


def recomputed(tell: Teller, place: Place) -> None:
    """With --recompute, in float32; beside how far the plain step is from itself."""
    batch = characters(place.scale.batch, place.scale.size)
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
    """With --compile; the batch is one that is timed later, which finds the kernels made."""
    batch = characters(place.scale.batches[0], place.scale.size)
    precision = place.scale.usual
    plain = first_step(place.task("attention-aware", precision), batch)
    torch.compiler.reset()
    with kernels():
        found = first_step(place.task("attention-aware", precision, compile=True), batch)
    off, allowed = differences(found, plain), tolerance(place, NAMES[precision])
    tell.check(
        "The compiled step against the plain one: off by (allowed)",
        off.loss <= allowed.loss and off.gradient <= allowed.gradient,
        precision=NAMES[precision],
        losses=f"{off.loss:.1e} ({allowed.loss:g})",
        gradients=f"{off.gradient:.1e} ({allowed.gradient:g})",
    )


def no_wait(tell: Teller, place: Place, preset: str, precision: str) -> None:
    """A step, once everything is warm, in which no operation may make the host wait."""
    task = place.task(preset, precision)
    batch = augmented(task, characters(place.scale.batch, place.scale.size))
    for _ in range(2):
        task.step(batch)
    wait()
    torch.cuda.set_sync_debug_mode("error")
    try:
        task.step(batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    tell.check(
        "No operation of a step makes the host wait", True, preset=preset, precision=precision
    )


def many_steps(tell: Teller, place: Place, precision: str) -> None:
    """Losses stay finite, and the first falls."""
    task = place.task("attention-aware", precision)
    batch = augmented(task, characters(place.scale.batch, place.scale.size))
    losses = []
    for _ in range(place.scale.long_run):
        found = task.step(batch).losses
        names = list(found)
        losses.append(torch.stack(list(found.values())))
        if len(losses) % 10 == 0:
            wait()
            if tell.left < 10:
                break
    found = torch.stack(losses).cpu()  # steps × losses
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
    before = attention.MAX_ENTRIES
    for name, function in (
        ("stop-gradient", attention.doubly_normalized_attention),
        ("SCFT", attention.scaled_attention),
    ):
        try:
            attention.MAX_ENTRIES = place.scale.most_entries
            found = passes(function, inputs, incoming)
            attention.MAX_ENTRIES = 2**62
            wanted = passes(function, [t.double() for t in inputs], incoming.double())
        finally:
            attention.MAX_ENTRIES = before
        for what, one, other in zip(("result", "gradient of values"), found, wanted, strict=True):
            off = float((one.double() - other).norm() / other.norm())
            tell.check(
                f"Attention of {place.scale.tokens} tokens against float64: off by (allowed)",
                off <= 1e-3,
                attention=name,
                of=what,
                off=f"{off:.1e} (0.001)",
            )


def passes(
    function: Callable[[Tensor, Tensor, Tensor], Tensor], inputs: list[Tensor], incoming: Tensor
) -> tuple[Tensor, Tensor]:
    """Forward and backward: the result, and the gradient of the values."""
    query, key, value = inputs
    value = value.detach().requires_grad_()
    result = function(query, key, value)
    (gradient,) = torch.autograd.grad(result, value, incoming)
    return result.detach(), gradient
