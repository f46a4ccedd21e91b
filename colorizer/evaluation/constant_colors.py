"""Constant colours: the best that can be done with drawn characters without a reference."""

import numpy as np

from colorizer.characters import REGIONS, TONES, Drawing

LABELS = len(REGIONS) * len(TONES)
TERMS = 4 * LABELS + 2  # of a picture


def constant_terms(drawing: Drawing) -> np.ndarray:
    """What one truth adds to the least squares of `constant_errors`: a row of float64.

    One constant colour per region and tone; the ink is given. A pixel is modelled as
    a·ink + w·constant, with the ink's share a = 1 - w from the line drawing, as far as the hand
    lets it show. With y = pixel - a·ink the row holds, for each label, Σ w² and the three Σ w·y;
    then Σ y², and the count of values.
    """
    labels = (drawing.regions.astype(int) * len(TONES) + drawing.tones).ravel()
    hidden = (1 - drawing.character.hand.ink_shown) * (255 - drawing.line.ravel())
    weight = (drawing.line.ravel() + hidden) / 255.0
    ink = np.array(drawing.character.palette.ink, float)
    rest = drawing.color.reshape(-1, 3) - (1 - weight)[:, None] * ink
    shares = np.bincount(labels, weight**2, LABELS)
    products = [np.bincount(labels, weight * rest[:, c], LABELS) for c in range(3)]
    return np.concatenate([shares, *products, [(rest**2).sum(), rest.size]])


def constant_errors(terms: np.ndarray) -> np.ndarray:
    """Mean squared errors with the constants that are best for all pictures together.

    Args:
        terms: For each of N pictures its row of `constant_terms`.

    Returns:
        N values, in squared 8-bit levels.
    """
    shares = terms[:, :LABELS]  # N×L
    products = terms[:, LABELS : 4 * LABELS].reshape(-1, 3, LABELS)  # N×3×L
    squares, values = terms[:, -2], terms[:, -1]
    colors = products.sum(0) / np.maximum(shares.sum(0), 1e-12)  # 3×L
    cross = (products * colors).sum((1, 2))
    model = (shares[:, None] * colors**2).sum((1, 2))
    return (squares - 2 * cross + model) / values
