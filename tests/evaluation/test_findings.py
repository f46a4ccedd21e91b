"""What is put together of the pictures' figures."""

import numpy as np
import pytest
import torch

from colorizer.characters import draw, sample_character, sample_pose
from colorizer.evaluation.constant_colors import constant_errors, constant_terms
from colorizer.evaluation.examine import Examined
from colorizer.evaluation.findings import CONSTANT, PARTNERED, Share, add_constant_colors
from colorizer.evaluation.protocol import Column
from colorizer.pictures.grid import psnr_of
from colorizer.system.processes import ALONE

OWN = Column("self", "psnr")


def test_what_a_picture_does_not_have_is_not_a_number_and_features_stay_in_order():
    share = Share([OWN, PARTNERED], ["self", "random"])
    features = torch.randn(2, 2048)
    share.add(Examined({OWN: 1.0, PARTNERED: 2.0}, {"self": features[0]}))
    share.add(Examined({OWN: 3.0}, {"self": features[1]}))
    findings = share.gather(ALONE)
    np.testing.assert_array_equal(findings.values, [[1, 2], [3, np.nan]])
    assert torch.equal(findings.features["self"], features)
    assert findings.features["random"].shape == (0, 2048)


@pytest.mark.parametrize("pictures", [0, 2])
def test_a_share_may_have_features_alone_or_nothing(pictures):
    share = Share([], [])
    for _ in range(pictures):
        share.add(Examined())
    findings = share.gather(ALONE)
    assert findings.values.shape == (pictures, 0)
    add_constant_colors(findings, [])
    assert findings.values.shape == (pictures, 0)


def test_constant_colors_are_of_the_pictures_that_have_a_partner():
    terms = [constant_terms(draw(sample_character(s), sample_pose(s, 0), 32)) for s in range(2)]
    columns = [PARTNERED, CONSTANT]
    share = Share(columns, [])
    share.add(Examined({PARTNERED: 9.0}, constant=terms[0]))
    share.add(Examined())
    share.add(Examined({PARTNERED: 8.0}, constant=terms[1]))
    findings = share.gather(ALONE)
    add_constant_colors(findings, columns)
    first, second = psnr_of(constant_errors(np.stack(terms)))
    np.testing.assert_array_equal(findings.values, [[9, first], [np.nan, np.nan], [8, second]])
