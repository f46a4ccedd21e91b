"""The colorization task (Sec. 3): its batches, its losses, its samples."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from colorizer.augmentation.distortion import (
    Augmented,
    DistortionParameters,
    ReferencePictures,
    augment,
    draw_parameters,
    to_signed,
    to_uint8,
)
from colorizer.checkpoints.published import VGG19, load_weights
from colorizer.config.training import ColorizationConfig
from colorizer.loading.characters_truth import in_colors_of, is_drawn, is_redrawn_exactly, redraw
from colorizer.loading.references import groups, random_references, same_group
from colorizer.networks.generator import Colored, Generator
from colorizer.shards.index import Shape
from colorizer.shards.reader import Sample, ShardReader
from colorizer.training.held_out import Case, HeldOut
from colorizer.training.losses import (
    VGGFeatures,
    VGGLosses,
    VGGStage,
    copying_loss,
    place_loss,
    tokens_come_from,
    triplet_loss,
)
from colorizer.training.recompute import recompute_activations
from colorizer.training.samples import SampleGrid
from colorizer.training.task import MEMORY_FORMAT, DiscriminatorInput, Task
from colorizer.training.together import reduced

PRECISIONS = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
WRONG_SEED = 0  # as evaluate.py's --pairs-seed


class Colorization(Task[ColorizationConfig, DistortionParameters, Augmented, Colored]):
    """Colours a line drawing like the truth, from the truth or another of its group, distorted."""

    def __init__(self, config: ColorizationConfig, accelerator: Accelerator) -> None:
        # Before anything large is built: its weights may be missing.
        needed = config.loss.needs_vgg
        self.vgg_losses = build_vgg_losses(config, accelerator) if needed else None
        super().__init__(config, accelerator, Generator)

    def draw_parameters(self, numbers: list[int], shape: Shape) -> DistortionParameters:
        """How the references are distorted, and the triplet loss's negatives."""
        config = self.config
        rows, columns = (side // config.network.stride for side in shape)
        keys = rows * columns if config.loss.triplet > 0 else 0
        return draw_parameters(config.augment, config.seed, numbers, keys, shape[1] / shape[0])

    def augmented(self, color: Tensor, line: Tensor, *more: Tensor) -> Augmented:
        """Line, truth and distorted reference."""
        references = None
        if self.config.references.same_group > 0:
            references, more = ReferencePictures(*more[:2]), more[2:]
        parameters = DistortionParameters(*more)
        return augment(self.config.augment, parameters, color, line, references)

    def generate(self, pictures: Augmented) -> Colored:
        """The line in the reference's colours."""
        return self.generator.network(pictures.line, pictures.reference)

    def real(self, pictures: Augmented) -> DiscriminatorInput:
        """The truth with its line."""
        return DiscriminatorInput(pictures.truth, pictures.line)

    def fake(self, pictures: Augmented, result: Colored) -> DiscriminatorInput:
        """The result with the line it was made from."""
        return DiscriminatorInput(result.image, pictures.line)

    def losses(self, pictures: Augmented, result: Colored) -> dict[str, Tensor]:
        """Eq. 1 to 3, and the triplet loss."""
        weights = self.config.loss
        losses = {}
        if weights.l1 > 0:
            losses["l1"] = F.l1_loss(result.image.float(), pictures.truth)
        if self.vgg_losses is not None:
            losses |= self.vgg_losses(result.image, pictures.truth)
        if weights.copying > 0 and result.copies is not None:
            losses["copying"] = copying_loss(result.copies, pictures.truth)
        if weights.place > 0 or weights.triplet > 0:
            losses |= self._correspondence_losses(pictures, result)
        return losses

    def _correspondence_losses(self, pictures: Augmented, result: Colored) -> dict[str, Tensor]:
        """What is learned from knowing where in the truth each token of the reference is from."""
        weights, losses = self.config.loss, {}
        stride = self.config.network.stride
        rows, columns = (side // stride for side in pictures.line.shape[2:])
        anchors = tokens_come_from(pictures.grid, rows, columns)
        # Each process has another number of them, and DDP takes the mean of all gradients.
        there, samples = (anchors >= 0).sum().float(), pictures.line.shape[0]
        means = reduced(
            self.accelerator, torch.stack([there, torch.full_like(there, samples)]), "mean"
        )
        count = means[0] * (samples / means[1])  # 1, but for unequal shares of a batch
        if weights.place > 0 and result.copies is not None:
            losses["place"] = place_loss(result.copies, anchors, (rows, columns), count)
        if weights.triplet > 0 and result.matching is not None:
            losses["triplet"] = triplet_loss(
                result.matching, anchors, pictures.negatives, weights.triplet_margin, count
            )
        return losses

    def sample_grid(self) -> "ColorizationSamples":
        """Columns: line | reference | result | truth."""
        return ColorizationSamples(self.config, self.accelerator.device)

    def held_out(self) -> "ColorizationHeldOut":
        """Each drawing with the right references and a wrong one."""
        return ColorizationHeldOut(self.config, self.accelerator)


def build_vgg_losses(config: ColorizationConfig, accelerator: Accelerator) -> VGGLosses:
    """The perceptual and the style loss, on the device.

    Raises:
        UserError: VGG-19's weights are not there or are not its.
    """
    loss = config.loss
    with accelerator.local_main_process_first():  # one download a machine
        state = load_weights(VGG19, loss.vgg_weights)
    vgg = VGGFeatures(state, loss.imagenet_normalization)
    vgg.to(accelerator.device).to(memory_format=MEMORY_FORMAT)
    # Autocast would convert its weights twice a step: it remembers those that learn alone.
    vgg.stages.to(PRECISIONS[accelerator.mixed_precision])
    if config.recompute:
        recompute_activations(vgg, VGGStage)
    losses = VGGLosses(vgg, perceptual=loss.perceptual > 0, style=loss.style > 0)
    if config.compile:
        losses.compile()
    return losses


class ColorizationSamples(SampleGrid):
    """Colours a fixed batch.

    The reference is another picture of the same group (a character in another pose) where there is
    one, else the truth distorted as in training.
    """

    columns = ("line", "reference", "result", "truth")

    def __init__(self, config: ColorizationConfig, device: torch.device) -> None:
        super().__init__(config, device)
        # As in training, but without jitter, mirroring and zoom: the truth is the picture itself.
        distortion = replace(
            config.augment, flip=0.0, hue=0.0, saturation=0.0, brightness=0.0, zoom=(1.0, 1.0)
        )
        partners = same_group(groups(self.reader))
        self.pictures: dict[int, tuple[Tensor, Tensor, Tensor]] = {}  # place → its 1×C×H×W each
        for batch in self.batches():
            height, width = batch.line.shape[1:]
            parameters = draw_parameters(
                distortion, config.seed, batch.numbers, aspect=width / height
            )
            made = augment(distortion, parameters, batch.color, batch.line)
            for row, (place, number) in enumerate(zip(batch.places, batch.numbers, strict=True)):
                one = slice(row, row + 1)
                reference = made.reference[one]
                if (partner := partners[number]) is not None:
                    picture = torch.from_numpy(self.reader[partner].color).permute(2, 0, 1)
                    reference = to_signed(picture.contiguous())[None]
                self.pictures[place] = (made.line[one], reference, made.truth[one])

    def row(self, generator: nn.Module, place: int) -> list[np.ndarray]:
        """One picture, coloured."""
        line, reference, truth = (picture.to(self.device) for picture in self.pictures[place])
        result = generator(line, reference).image
        return [to_uint8(picture[0]) for picture in (line, reference, result, truth)]


class ColorizationHeldOut(HeldOut):
    """Colours drawings with their own picture, one of their group, and a wrong one.

    References and truths are those of evaluate.py: of drawn characters all truths are known. Of
    others it is not known what the group's reference or the wrong one should give; the figures then
    tell how far the result is from the drawing's own colours.
    """

    rows = (
        "cross",  # another picture of the group; the truth is known
        "cross-own-colours",  # another picture of the group; the drawing's own colours
        "self",  # the truth itself
        "wrong",  # a picture of another group; the drawing's own colours
        "recolored",  # the same; the truth in that character's colours
    )

    def __init__(self, config: ColorizationConfig, accelerator: Accelerator) -> None:
        reader = ShardReader(config.held_out_shards)
        self._groups = groups(reader)
        self._same = same_group(self._groups)
        self._random = random_references(self._groups, WRONG_SEED)
        super().__init__(config, accelerator)

    def cases_of(self, number: int) -> Iterator[Case]:
        """The drawing with each of its references."""
        sample = self.reader[number]
        redrawn = is_drawn(sample.metadata) and is_redrawn_exactly(sample)
        yield _case(sample, sample, {"self": sample.color})
        if (partner := self._same[number]) is not None:
            row = "cross" if redrawn else "cross-own-colours"
            yield _case(sample, self.reader[partner], {row: sample.color})
        stranger = self._random[number]
        if stranger is not None and self._groups[stranger] != self._groups[number]:
            other = self.reader[stranger]
            truths = {"wrong": sample.color}
            if redrawn and is_drawn(other.metadata):
                truths["recolored"] = in_colors_of(redraw(sample), other)
            yield _case(sample, other, truths)

    def result_of(self, generator: nn.Module, inputs: Sequence[Tensor]) -> Tensor:
        """The line in the reference's colours."""
        return generator(*inputs).image


def _case(sample: Sample, reference: Sample, truths: dict[str, np.ndarray]) -> Case:
    line = torch.from_numpy(sample.line)[None]
    return Case((line, torch.from_numpy(reference.color).permute(2, 0, 1)), truths)
