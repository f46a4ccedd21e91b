"""FID and KID against clean-fid called directly."""

import numpy as np
import pytest
import torch
from cleanfid import fid as cleanfid
from cleanfid.inception_torchscript import InceptionV3W
from PIL import Image

from colorizer.evaluation.metrics.inception import Inception, fid, kid
from colorizer.system.errors import UserError


def _features(count: int, seed: int, width: int = 48) -> torch.Tensor:
    """Sparse, correlated and not negative, as Inception's are."""
    mixing = torch.randn(20, width, generator=torch.Generator().manual_seed(0))
    own = torch.Generator().manual_seed(seed)
    causes = torch.randn(count, 20, generator=own) + 0.1 * seed
    return torch.relu(causes @ mixing + torch.randn(count, width, generator=own))


# ---- The network


@pytest.mark.filterwarnings("ignore:`torch.jit.load`")
def test_features_are_clean_fids_on_png_files(stand_in_inception, noisy_pairs, tmp_path):
    results, _ = noisy_pairs(5, 80, 60)
    for number, picture in enumerate(results):
        Image.fromarray(picture.numpy()).save(tmp_path / f"{number}.png")
    expected = cleanfid.get_folder_features(
        str(tmp_path),
        InceptionV3W(str(stand_in_inception.parent), download=False),
        num_workers=0,
        device=torch.device("cpu"),
        verbose=False,
    )
    found = Inception(stand_in_inception).features(results)
    assert found.shape == (5, 2048) and found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-6)
    assert found.std() > 0.01


def test_neither_batch_nor_threads_change_a_bit_of_the_features(stand_in_inception, noisy_pairs):
    results, _ = noisy_pairs(4, 64, 64)
    network = Inception(stand_in_inception)
    threads, found = torch.get_num_threads(), []
    for count in (1, 2):
        torch.set_num_threads(count)
        found.append(network.features(results))
        found.append(torch.cat([network.features(picture) for picture in results.split(1)]))
    torch.set_num_threads(threads)
    assert all(torch.equal(found[0], other) for other in found[1:])


def test_another_program_is_not_run(stand_in_inception, tmp_path):
    changed = tmp_path / "inception.pt"
    changed.write_bytes(stand_in_inception.read_bytes() + b"\0")
    with pytest.raises(UserError, match=r"sha256 is not that of the published"):
        Inception(changed)


def test_it_works_without_a_warning(stand_in_inception, noisy_pairs, recwarn):
    Inception(stand_in_inception).features(noisy_pairs(1, 40, 40)[0])
    assert not recwarn


# ---- The distances


@pytest.mark.filterwarnings("ignore:The `disp` argument")
@pytest.mark.parametrize(("n", "m"), [(300, 300), (400, 90), (40, 300), (30, 20)])
def test_fid_is_clean_fids(n, m):
    a, b = _features(n, 1), _features(m, 3)
    expected = cleanfid.fid_from_feats(a.double().numpy(), b.double().numpy())
    assert fid(a, b) == pytest.approx(expected, rel=1e-5)
    assert fid(a, b) == pytest.approx(fid(b, a), rel=1e-12)


def test_fid_of_a_set_with_itself_is_0_and_of_a_shifted_one_the_shifts_square():
    a = _features(100, 1)
    assert fid(a, a) == pytest.approx(0, abs=1e-9)
    assert fid(a, a + 0.5) == pytest.approx(48 * 0.25, rel=1e-5)


def test_kid_is_clean_fids_over_all_pictures(monkeypatch):
    a, b = _features(70, 1), _features(70, 3)
    expected = cleanfid.kernel_distance(
        a.double().numpy(), b.double().numpy(), num_subsets=1, max_subset_size=70
    )
    assert kid(a, b) == pytest.approx(expected, rel=1e-9)
    monkeypatch.setattr("colorizer.evaluation.metrics.inception.KID_BLOCK", 16)
    assert kid(a, b) == pytest.approx(expected, rel=1e-9)


def test_kid_of_two_sizes_leaves_out_each_picture_with_itself():
    a, b = _features(20, 1), _features(40, 3)
    both = torch.cat([a, b]).double()
    kernel = (both @ both.T / 48 + 1) ** 3
    among, others = kernel[:20, :20], kernel[20:, 20:]
    by_hand = (
        (among.sum() - among.trace()) / (20 * 19)
        + (others.sum() - others.trace()) / (40 * 39)
        - 2 * kernel[:20, 20:].mean()
    )
    assert kid(a, b) == pytest.approx(by_hand.item(), rel=1e-9)


@pytest.mark.parametrize("distance", [fid, kid])
def test_threads_do_not_change_a_bit_of_the_distances(distance):
    a, b = _features(700, 1, 600), _features(500, 3, 600)
    threads, found = torch.get_num_threads(), set()
    for count in (1, 2):
        torch.set_num_threads(count)
        found.add(distance(a, b))
        assert torch.get_num_threads() == count
    torch.set_num_threads(threads)
    assert len(found) == 1


@pytest.mark.parametrize("distance", [fid, kid])
def test_one_picture_has_no_distance(distance):
    assert np.isnan(distance(_features(1, 1), _features(9, 1)))
    assert np.isnan(distance(_features(9, 1), _features(1, 1)))
