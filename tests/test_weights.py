"""Where published weights are looked for, how they are downloaded, and what is refused."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from colorizer import weights
from colorizer.errors import UserError
from colorizer.weights import (
    INCEPTION,
    VGG16,
    VGG19,
    MissingWeights,
    describe_weights,
    find_weights,
    is_published,
    load_weights,
    locate,
    sha256_of,
)


@pytest.fixture
def searched(tmp_path, monkeypatch):
    """An own folder and torch hub's cache, both empty; downloads fail at once."""
    own, hub = tmp_path / "own", tmp_path / "hub"
    monkeypatch.setenv("COLORIZER_WEIGHTS", str(own))
    monkeypatch.setenv("TORCH_HOME", str(hub))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    for folder in (own, hub / "hub" / "checkpoints"):
        folder.mkdir(parents=True)
    return own, hub / "hub" / "checkpoints"


def test_a_path_comes_first_then_the_own_folder_then_the_hub_cache(searched, vgg_file):
    own, hub = searched
    (hub / VGG19.file).touch()
    assert find_weights(VGG19, None) == hub / VGG19.file
    (own / VGG19.file).touch()
    assert find_weights(VGG19, None) == own / VGG19.file
    assert find_weights(VGG19, vgg_file) == vgg_file


def test_a_safetensors_file_is_read(vgg_file):
    assert load_weights(VGG19, vgg_file)["features.0.weight"].shape == (64, 3, 3, 3)


def test_a_searched_safetensors_file_is_taken_where_there_is_no_published_one(searched, vgg_file):
    own, hub = searched
    shutil.copy(vgg_file, hub / "vgg19-dcbb9e9d.safetensors")
    assert find_weights(VGG19, None) == hub / "vgg19-dcbb9e9d.safetensors"
    assert "features.0.weight" in load_weights(VGG19, None)
    (hub / VGG19.file).touch()
    assert find_weights(VGG19, None) == hub / VGG19.file
    (own / "inception-2015-12-05.safetensors").touch()
    assert find_weights(INCEPTION, None) is None


def test_missing_weights_name_file_address_hash_and_places(searched):
    with pytest.raises(MissingWeights) as error:
        load_weights(VGG19, None)
    for words in ("VGG-19", VGG19.url, VGG19.sha256, str(searched[0]), str(searched[1])):
        assert words in str(error.value)


def test_a_wrong_path_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such VGG-19 file"):
        load_weights(VGG19, tmp_path / "vgg.safetensors")


class _Trap:
    def __reduce__(self):
        return (print, ("a pickle was run",))


def test_a_pickle_with_another_hash_is_not_read(tmp_path, capsys):
    path = tmp_path / "vgg.pth"
    torch.save({"features.0.weight": _Trap()}, path)
    with pytest.raises(UserError, match="sha256"):
        load_weights(VGG19, path)
    assert "a pickle was run" not in capsys.readouterr().out


def test_a_damaged_safetensors_file_is_refused(tmp_path, vgg_file):
    path = tmp_path / "cut.safetensors"
    shutil.copy(vgg_file, path)
    with open(path, "r+b") as file:
        file.truncate(1000)
    with pytest.raises(UserError, match=r"not a readable \.safetensors file"):
        load_weights(VGG19, path)


def test_a_program_is_never_taken_from_a_safetensors_file(vgg_file):
    with pytest.raises(UserError, match="sha256 is not that of the published inception"):
        locate(INCEPTION, vgg_file)


# ---- Downloads


@pytest.fixture
def published(tmp_path):
    """Weights at a file:// address."""
    source = tmp_path / "server" / VGG16.file
    source.parent.mkdir()
    torch.save({"features.0.bias": torch.arange(4.0)}, source)
    return replace(VGG16, url=source.as_uri(), sha256=sha256_of(source))


def test_a_download_is_kept_in_the_first_folder(searched, published):
    own, hub = searched
    assert load_weights(published, None)["features.0.bias"].tolist() == [0, 1, 2, 3]
    assert [p.name for p in own.iterdir()] == [VGG16.file] and not list(hub.iterdir())
    assert is_published(own / VGG16.file, published)
    assert find_weights(published, None) == own / VGG16.file


def test_another_file_at_the_address_gets_no_name(searched, published):
    almost = replace(published, sha256=published.sha256[:-1] + "x")  # right but for the last digit
    with pytest.raises(MissingWeights, match="invalid hash value"):
        locate(almost, None)
    assert not list(searched[0].iterdir())


def test_several_downloads_at_once_do_no_harm(searched, published):
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda _: load_weights(published, None), range(24)))
    assert all(len(state) == 1 for state in states)
    assert [p.name for p in searched[0].iterdir()] == [VGG16.file]


# ---- The description


def test_the_description_tells_what_is_found_without_downloading(searched, vgg_file, monkeypatch):
    own, hub = searched
    monkeypatch.delattr(weights, "download")
    shutil.copy(vgg_file, own / "vgg19-dcbb9e9d.safetensors")
    (hub / VGG16.file).write_bytes(b"something else")
    found = dict(describe_weights())
    assert found["training: perceptual and style losses: VGG-19"] == (
        f"{own / 'vgg19-dcbb9e9d.safetensors'}, which is not the published file"
    )
    missing = found["evaluation: FID and KID: Inception"]
    assert missing == f"missing; {INCEPTION.url}, sha256 {INCEPTION.sha256}"
    wrong = found["evaluation: LPIPS (vgg): VGG-16"]
    assert wrong.startswith(f"{hub / VGG16.file} has another sha256")
