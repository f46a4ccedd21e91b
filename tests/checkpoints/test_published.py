"""Where published weights are looked for, how they are downloaded, and what is refused."""

import hashlib
import random
import resource
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import torch

from colorizer.checkpoints.published import (
    INCEPTION,
    VGG16,
    VGG19,
    MissingWeights,
    describe_weights,
    download,
    find_weights,
    is_published,
    load_weights,
    locate,
    sha256_of,
)
from colorizer.system.errors import UserError


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
    with pytest.raises(
        MissingWeights, match=f"the file at this address has sha256 {published.sha256}"
    ):
        locate(almost, None)
    assert not list(searched[0].iterdir())


def test_several_downloads_at_once_do_no_harm(searched, published):
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda _: load_weights(published, None), range(24)))
    assert all(len(state) == 1 for state in states)
    assert [p.name for p in searched[0].iterdir()] == [VGG16.file]


class _Server(ThreadingHTTPServer):
    """Serves one file; `cuts` says after how many bytes each answer ends too early."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.cuts: list[int] = []
        self.ranges: list[str | None] = []  # that were asked for
        self.knows_ranges = True
        self.statuses: list[int] = []  # of each answer; without one it is the file
        self.says_length = True


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers["Range"]
        server.ranges.append(wanted)
        if server.statuses and (status := server.statuses.pop(0)) != 200:
            self.send_error(status)
            return
        start = int(wanted[len("bytes=") : -1]) if wanted and server.knows_ranges else 0
        rest = server.content[start:]
        self.send_response(206 if start else 200)
        if server.says_length:
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: server.cuts.pop(0)] if server.cuts else rest)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch):
    """A server on this machine, with 3 MB of anything."""
    monkeypatch.setattr("colorizer.checkpoints.published.PAUSES", (0.0, 0.0, 0.0))
    with _Server(random.Random(0).randbytes(3_000_001)) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def served(server):
    """What the server serves, as published weights."""
    url = f"http://127.0.0.1:{server.server_port}/vgg16.pth"
    return replace(VGG16, url=url, sha256=hashlib.sha256(server.content).hexdigest())


def test_a_download_shows_how_far_it_is(searched, server, served, capsys, monkeypatch):
    monkeypatch.setattr("colorizer.system.console.PLAIN_LINE_SECONDS", 0.0)
    assert download(served).read_bytes() == server.content
    shown = [line.partition(",")[0] for line in capsys.readouterr().out.splitlines()]
    assert list(dict.fromkeys(shown)) == [
        f"downloading {VGG16.file}: {n}/4 MB" for n in (1, 2, 3, 4)
    ]


def test_a_download_that_is_cut_goes_on_where_it_was(searched, server, served):
    server.cuts, server.statuses = [1_000_000, 500_000], [200, 200, 503]
    assert download(served).read_bytes() == server.content
    assert server.ranges == [None, "bytes=1000000-", "bytes=1500000-", "bytes=1500000-"]


def test_a_server_without_ranges_is_asked_for_all_of_it_again(searched, server, served):
    server.cuts, server.knows_ranges = [1_000_000], False
    assert download(served).read_bytes() == server.content


def test_a_server_that_does_not_say_how_much_it_sends_is_believed_by_the_hash(
    searched, server, served
):
    server.says_length = False
    assert download(served).read_bytes() == server.content
    server.cuts = [2_000_000]
    (searched[0] / VGG16.file).unlink()
    with pytest.raises(MissingWeights, match="the file at this address has sha256"):
        download(served)
    assert not list(searched[0].iterdir())


def test_a_download_that_is_cut_again_and_again_is_given_up(searched, server, served):
    server.cuts = [1000] * 9
    with pytest.raises(MissingWeights, match=r"it ended after 4,000 of 3,000,001 bytes"):
        download(served)
    assert len(server.ranges) == 4 and not list(searched[0].iterdir())


def test_an_address_that_has_gone_is_said(searched, server, served):
    server.statuses = [404]
    with pytest.raises(MissingWeights, match="HTTP Error 404: Not Found"):
        download(served)
    assert not list(searched[0].iterdir())


def test_a_disk_without_room_is_said_before_the_download(searched, server, served, monkeypatch):
    usage = shutil._ntuple_diskusage(10**9, 10**9, 2_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(MissingWeights, match=r"it has 3\.0 MB, and .*own has 2\.0 MB free"):
        download(served)
    assert not list(searched[0].iterdir())


def test_a_disk_that_fills_up_is_said_and_nothing_is_left(searched, server, served):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, limits[1]))
    try:
        with pytest.raises(MissingWeights, match="File too large"):
            download(served)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert not list(searched[0].iterdir())


# ---- The description


def test_the_description_tells_what_is_found_without_downloading(searched, vgg_file, monkeypatch):
    own, hub = searched
    monkeypatch.delattr("colorizer.checkpoints.published.download")
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
