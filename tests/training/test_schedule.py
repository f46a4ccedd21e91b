"""Learning rates over the steps of a run."""

import json
import math
from dataclasses import replace

import pytest
from torch.optim import Adam

from colorizer.config.run import OptimizerConfig
from colorizer.training.schedule import learning_rate_factor
from colorizer.training.train import train


def _factors(steps, **settings):
    config = OptimizerConfig(**settings)
    return [learning_rate_factor(config, step, steps) for step in range(steps)]


def test_the_papers_learning_rates_are_constant():
    assert _factors(5) == [1.0] * 5


def test_warm_up_rises_to_the_whole_and_stays_there():
    assert _factors(6, warmup=4) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_decay_falls_to_what_is_left_at_the_very_last_step(schedule):
    factors = _factors(101, schedule=schedule, final_lr=0.1)
    assert factors[0] == 1.0 and factors[-1] == pytest.approx(0.1)
    assert factors[50] == pytest.approx(0.55)  # both are half-way there
    assert factors == sorted(factors, reverse=True)
    quarter = 0.75 if schedule == "linear" else (1 + math.cos(math.pi / 4)) / 2
    assert factors[25] == pytest.approx(0.1 + 0.9 * quarter)


def test_decay_begins_where_it_is_told_to():
    factors = _factors(101, schedule="linear", decay_from=0.5)
    assert factors[:51] == [1.0] * 51 and factors[75] == pytest.approx(0.5) and factors[100] == 0


def test_warm_up_and_decay_multiply():
    assert _factors(5, warmup=2, schedule="linear") == [0.5, 0.75, 0.5, 0.25, 0.0]


def test_decay_from_the_end_and_runs_of_one_step_are_whole():
    assert _factors(3, schedule="cosine", decay_from=1.0) == [1.0] * 3
    assert _factors(1, schedule="linear") == [1.0]


def _rates(config):
    lines = map(json.loads, (config.output / "metrics.jsonl").read_text().splitlines())
    return [
        tuple(line[f"learning-rate/{n}"] for n in ("generator", "discriminator")) for line in lines
    ]


def test_both_networks_learn_at_the_rate_that_is_logged(tiny, monkeypatch):
    optimizer = OptimizerConfig(0.1, 0.2, warmup=2, schedule="linear")
    optimizer = replace(optimizer, generator_lr=1e-3, discriminator_lr=2e-3)
    config = tiny("extractor-demo", steps=5, optimizer=optimizer)
    seen = []
    step = Adam.step

    def spy(self, *arguments, **named):
        seen.append(self.param_groups[0]["lr"])
        return step(self, *arguments, **named)

    monkeypatch.setattr(Adam, "step", spy)
    train(config)
    factors = [0.5, 0.75, 0.5, 0.25, 0.0]
    assert _rates(config) == [pytest.approx((1e-3 * f, 2e-3 * f)) for f in factors]
    assert seen[0::2] == pytest.approx([2e-3 * f for f in factors])  # the discriminator is first
    assert seen[1::2] == pytest.approx([1e-3 * f for f in factors])


def test_a_run_continues_at_another_rate_and_says_so(trained, capsys):
    config = trained
    other = OptimizerConfig(generator_lr=5e-5, schedule="cosine", betas=config.optimizer.betas)
    other = replace(other, ema_decay=config.optimizer.ema_decay)
    train(replace(config, steps=4, optimizer=other, keep_every=3))
    shown = capsys.readouterr().out
    for change in (
        "optimizer.generator_lr was 0.004, is now 5e-05",
        "optimizer.schedule was constant, is now cosine",
        "keep_every was 0, is now 3",
    ):
        assert f"Changed from step 2 on: {change}." in shown
    assert [rate for rate, _ in _rates(config)][:2] == [0.004, 0.004]
    assert _rates(config)[3][0] == 0.0
