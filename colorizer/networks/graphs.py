"""The generator as two graphs of plain tensors, as programs without torch run them.

One reads a reference, one paints; between them what was read of several is put side by side.
"""

from torch import Tensor, nn

from colorizer.networks.copying import Offers
from colorizer.networks.generator import Features, Generator


class ReaderGraph(nn.Module):
    """What a reference has to give, as the tensors that `features_of` names."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, reference: Tensor) -> tuple[Tensor, ...]:
        """B×3×H×W in [-1, 1] → B×M×C each."""
        tokens, offers = self.generator.read(reference)
        attended = (tokens,) if self.generator.cross_attention is not None else ()
        return (*attended, *(offers or ()))


class PainterGraph(nn.Module):
    """A drawing in the colours of what was read."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, line: Tensor, read: tuple[Tensor, ...]) -> Tensor:
        """B×1×H×W in [-1, 1], and the reader's tensors → B×3×H×W in [-1, 1]."""
        # Without attention nobody looks at the tokens.
        tokens = read[0]
        offers = Offers(read[-2], read[-1]) if self.generator.copying is not None else None
        return self.generator.color(line, Features(tokens, offers)).image


def features_of(generator: Generator) -> tuple[str, ...]:
    """The names of what the reader gives and the painter takes."""
    attended = ("tokens",) if generator.cross_attention is not None else ()
    copied = ("keys", "colors") if generator.copying is not None else ()
    return attended + copied
