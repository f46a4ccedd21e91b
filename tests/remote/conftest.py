"""What the tests of shards at an address share."""

from pathlib import Path

import pytest

from colorizer.remote import bucket


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails is tried again at once."""
    monkeypatch.setattr(bucket, "PAUSES", (0.01, 0.01, 0.01))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A folder for a cache, which is not there yet."""
    return tmp_path / "cache"
