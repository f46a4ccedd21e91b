"""Tasks before their first step."""

import pytest

from colorizer.training.start import start_accelerator
from colorizer.training.task import Task
from colorizer.training.train import build_task
from tests.helpers.tiny_tasks import Build


@pytest.fixture
def build(tiny) -> Build:
    """`build("extractor-demo", loss=...)`: the task of a tiny run, before its first step."""

    def make(preset: str = "demo", **changes: object) -> Task:
        config = tiny(preset, **changes)
        return build_task(config, start_accelerator(config))

    return make
