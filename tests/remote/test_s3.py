"""An S3 bucket, as moto imitates one on this machine."""

from pathlib import Path

import pytest

from colorizer.remote import bucket
from colorizer.remote.address import Address
from colorizer.remote.bucket import Bucket, NotFetched
from colorizer.remote.cache import CacheSettings, RemoteFolder
from colorizer.shards.reader import ShardReader
from colorizer.system.errors import UserError

pytest.importorskip("s3fs")
server = pytest.importorskip("moto.server")


@pytest.fixture(scope="module")
def endpoint():
    moto = server.ThreadedMotoServer(port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def s3(endpoint, monkeypatch):
    """Signed in as a machine is: by the environment."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "hidden-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    import s3fs

    monkeypatch.setattr(bucket, "_systems", {})
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir("shelf")
    yield Address("s3://shelf")
    s3fs.S3FileSystem().rm("shelf", recursive=True)


@pytest.fixture
def uploaded(s3, shard_folder: Path) -> Address:
    place = s3 / "sets" / "mine"
    for path in shard_folder.iterdir():
        Bucket(place).write(path, path.name)
    return place


def test_shards_are_read_from_a_bucket(uploaded, shard_folder, cache):
    reader = ShardReader(RemoteFolder(uploaded, CacheSettings(cache, 10**9)))
    local = ShardReader(shard_folder)
    for number in range(len(local)):
        assert (reader[number].color == local[number].color).all()


def test_a_folder_is_listed_and_removed(uploaded, shard_folder):
    mine = Bucket(uploaded)
    assert mine.files() == {path.name: path.stat().st_size for path in shard_folder.iterdir()}
    above = Bucket(Address("s3://shelf/sets"))
    assert above.folders() == ["mine"] and above.files() == {}
    above.remove("mine")
    above.remove("mine")
    assert mine.files() == {} and above.folders() == []


def test_a_bucket_that_is_not_there_is_named(s3):
    with pytest.raises(NotFetched, match=r"s3://other/a/x cannot be read: .*look at the address"):
        Bucket(Address("s3://other/a")).read("x")


def test_a_key_without_rights_is_named_and_no_secret_is_said(s3, monkeypatch):
    import s3fs

    async def refused(self, *arguments, **options):
        raise PermissionError("Access Denied")

    monkeypatch.setattr(s3fs.S3FileSystem, "_cat_file", refused)
    with pytest.raises(UserError) as said:
        Bucket(s3).read("x")
    assert "Access Denied; sign in as docs/remote.md says" in str(said.value)
    assert "hidden-secret" not in str(said.value)


def test_nobody_signed_in_is_named(s3, monkeypatch, tmp_path):
    with monkeypatch.context() as nobody:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            nobody.delenv(name)
        nobody.setenv("AWS_EC2_METADATA_DISABLED", "true")
        nobody.setenv("HOME", str(tmp_path))
        with pytest.raises(NotFetched, match=r"sign in as docs/remote\.md says"):
            Bucket(s3).read("x")
