"""How fast training steps are, in each way, beside the machine's ceilings; the dearest kernels.

Pictures are noise; ours is in bf16 (in a rehearsal, in float32). The released
code's way is float32 with TF32 in convolutions, as torch runs it by default.
"""

import time
from collections.abc import Callable
from dataclasses import asdict

import torch
from gpu_report import Teller
from gpu_scale import Place, Scale, device, kernels, release, wait
from gpu_traffic import Work, count, kind_of, profile_steps
from measuring import memory_now, memory_peak, timed
from released_recipe import ReleasedStep
from standing_in import augmented, noise
from torch import Tensor, nn

from colorizer.networks.generator import Generator
from colorizer.training.colorization import Colorization

COMPILING = 45.0  # seconds that a compiled step is worth trying for
TABLE = "A training step of attention-aware"
NAMES = {"no": "float32", "bf16": "bf16"}  # of precisions, among the machine's ceilings


def run(tell: Teller, place: Place) -> None:
    """All figures, most important first."""
    first, *larger = place.scale.batches
    tell.attempt("a step", lambda: plain(tell, place, first))
    tell.attempt("the released recipe", lambda: released(tell, place, first))
    tell.attempt("a compiled step", lambda: compiled(tell, place, first), compiling())
    tell.attempt("a recomputed step", lambda: other(tell, place, first, recompute=True))
    tell.attempt("where the time goes", lambda: dearest(tell, place))
    tell.attempt("CUDA graphs", lambda: graphs(tell, place))
    for batch in larger:
        for recompute in (False, True):
            tell.attempt(
                f"{batch} pictures, recompute {recompute}",
                lambda batch=batch, recompute=recompute: other(
                    tell, place, batch, recompute=recompute
                ),
                seconds=8.0 if torch.cuda.is_available() else 0.0,
            )
        if torch.cuda.is_available():  # on a CPU such steps take long
            tell.attempt(
                f"{batch} pictures as released", lambda b=batch: released(tell, place, b), 8.0
            )
    for batch in larger if torch.cuda.is_available() else []:
        tell.attempt(
            f"{batch} pictures, compiled", lambda b=batch: compiled(tell, place, b), compiling()
        )


def compiling() -> float:
    """Seconds without which no kernels are begun: on a GPU there are those of full networks."""
    return COMPILING if torch.cuda.is_available() else 0.0


# ---- Timing


def rate_steps(
    step: Callable[[], object], scale: Scale, seconds: float
) -> tuple[float, float, int]:
    """Warm steps one behind the other, as training does them; one took so many seconds.

    Returns:
        Seconds of a step, seconds until the host has asked for one, steps timed.
    """
    count = max(scale.least_steps, int(scale.timing / seconds))
    start = time.perf_counter()
    for _ in range(count):
        step()
    asked = time.perf_counter() - start
    wait()
    return (time.perf_counter() - start) / count, asked / count, count


def warm(step: Callable[[], object], scale: Scale) -> None:
    """Until Adam's state, the libraries and their memory are there."""
    for _ in range(scale.warm_up):
        step()
    wait()


def timed_row(
    tell: Teller, place: Place, way: str, batch: int, step: Callable[[], object], **cells: object
) -> float:
    """Time a step and add its row; gives pictures/s."""
    warm(step, place.scale)
    before = memory_now()
    seconds = timed(step)
    peak = memory_peak()
    seconds, asked, count = rate_steps(step, place.scale, seconds)
    tell.row(
        TABLE,
        way=way,
        batch=batch,
        ms=1e3 * seconds,
        pictures_a_second=batch / seconds,
        ms_of_the_host=1e3 * asked,
        GB_at_most=peak / 1e9,
        beyond_weights_and_optimizers=(peak - before) / 1e9,
        steps=count,
        **cells,
    )
    return batch / seconds


def stepper(place: Place, task: Colorization, batch: int) -> Callable[[], object]:
    """What does a step of a task, as training does, on one batch."""
    pictures = augmented(task, noise(batch, place.scale.size))

    def step() -> object:
        return task.step(pictures)

    return step


def floors(tell: Teller, work: Work, precision: str) -> dict[str, float]:
    """Milliseconds that arithmetic, and traffic that nothing spares, would take at the ceilings."""
    ceilings = tell.facts.get("ceilings", {})
    found = {
        "TFLOP": work.flops / 1e12,
        "GB_moved": work.bytes / 1e9,
        "operations": work.operations,
    }
    if precision in ceilings:
        found["ms_of_arithmetic"] = 1e3 * work.flops / ceilings[precision]
    if "copy" in ceilings:
        found["ms_of_traffic"] = 1e3 * work.bytes / ceilings["copy"]
    return found


# ---- The ways


def plain(tell: Teller, place: Place, batch: int) -> None:
    """Ours, and the floors."""
    usual = NAMES[place.scale.usual]
    task = place.task("attention-aware", place.scale.usual)
    step = stepper(place, task, batch)
    work = count(step)
    rate = timed_row(tell, place, "ours", batch, step, **floors(tell, work, usual))
    tell.fact("pictures per second", rate)


def other(tell: Teller, place: Place, batch: int, recompute: bool) -> None:
    """Ours, recomputed or not."""
    task = place.task("attention-aware", place.scale.usual, recompute=recompute)
    way = "ours, --recompute" if recompute else "ours"
    timed_row(tell, place, way, batch, stepper(place, task, batch))


def compiled(tell: Teller, place: Place, batch: int) -> None:
    """Ours with kernels written for this batch alone, as a training has one batch."""
    torch.compiler.reset()
    task = place.task("attention-aware", place.scale.usual, compile=True)
    step = stepper(place, task, batch)
    with kernels():
        seconds = timed(step)
        rate = timed_row(tell, place, "ours, --compile", batch, step, first_step_s=seconds)
    tell.fact("pictures per second, compiled", rate)


def released(tell: Teller, place: Place, batch: int) -> None:
    """The released code's way of computing the same."""
    task = place.task("attention-aware", "no")
    pictures = task.augmented(*task.on_device(augmented(task, noise(batch, place.scale.size))))
    networks = task.generator.unwrapped, task.discriminator.unwrapped, task.vgg_losses.vgg
    recipe = ReleasedStep(task.config, *networks, frozen=False)
    del task, networks
    release()

    def step() -> object:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=True):  # torch's defaults
            return recipe(pictures)

    work = count(step)
    timed_row(tell, place, "as released", batch, step, **floors(tell, work, "TF32"))


# ---- Kernels


def dearest(tell: Teller, place: Place) -> None:
    """The ten dearest kernels of a step, and what all of them are for."""
    batch = place.scale.batches[0]
    step = stepper(place, place.task("attention-aware", place.scale.usual), batch)
    warm(step, place.scale)
    found = profile_steps(step, place.scale.least_steps)
    total = sum(found.milliseconds.values())
    launches = sum(found.launches.values())
    tell.note(f"A step of {batch} has {launches:.0f} kernels, which take {total:.3g} ms in all.")
    for kind, milliseconds in found.kinds.items():
        tell.row(
            f"What a step of {batch} is spent on",
            kind=kind,
            ms=milliseconds,
            share=milliseconds / total,
        )
    names = sorted(found.milliseconds, key=found.milliseconds.get, reverse=True)[:10]
    for name in names:
        tell.row(
            f"The ten dearest kernels of a step of {batch}",
            kernel=name[:120],
            kind=kind_of(name),
            ms=found.milliseconds[name],
            times=found.launches[name],
        )


# ---- CUDA graphs


class Drawn(nn.Module):
    """A generator under autocast that gives the picture alone: a graph's results are tensors."""

    def __init__(self, generator: Generator, half: bool) -> None:
        super().__init__()
        self.generator = generator
        self.half = half  # bf16 where that is precise enough

    def forward(self, line: Tensor, reference: Tensor) -> Tensor:
        # A cast that is kept beyond the graph's capture would be gone when it is replayed.
        with torch.autocast(device().type, torch.bfloat16, self.half, cache_enabled=False):
            return self.generator(line, reference).image.float()


def graphs(tell: Teller, place: Place) -> None:
    """The generator's forward and backward pass as CUDA graphs, against launching each kernel."""
    batch, size = place.scale.batches[0], place.scale.size
    torch.manual_seed(0)
    config = place.settings("attention-aware", place.scale.usual).network
    network = Drawn(Generator(**asdict(config)), place.scale.usual == "bf16")
    network.to(device(), memory_format=torch.channels_last)
    line, reference = (torch.rand(batch, c, size, size, device=device()) * 2 - 1 for c in (1, 3))

    def passes() -> None:
        network(line, reference).abs().mean().backward()
        for parameter in network.parameters():
            parameter.grad = None

    warm(passes, place.scale)
    seconds, asked, _ = rate_steps(passes, place.scale, timed(passes))
    title = f"The generator's forward and backward pass, {batch} pictures"
    tell.row(title, way="each kernel launched", ms=1e3 * seconds, ms_of_the_host=1e3 * asked)
    if not torch.cuda.is_available():
        tell.note("CUDA graphs are tried on a GPU alone.")
        return
    network = torch.cuda.make_graphed_callables(network, (line, reference))
    warm(passes, place.scale)
    seconds, asked, _ = rate_steps(passes, place.scale, timed(passes))
    tell.row(title, way="as CUDA graphs", ms=1e3 * seconds, ms_of_the_host=1e3 * asked)
