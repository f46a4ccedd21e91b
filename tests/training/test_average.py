"""The running average of a network."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from colorizer.training.average import RunningAverage


@pytest.mark.parametrize("trained", [False, True])
def test_weights_and_statistics_are_averaged_and_counters_are_copied(trained):
    torch.manual_seed(0)
    live = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).double()
    average = RunningAverage(deepcopy(live), live, 0.9, trained)
    wanted = {name: value.clone() for name, value in live.state_dict().items()}
    for step in range(1, 100):
        with torch.no_grad():
            for parameter in live.parameters():
                parameter.add_(torch.randn_like(parameter))
        live(torch.randn(4, 3, dtype=torch.float64))  # moves the statistics, counts the batch
        average.update()
        decay = 0.9 if trained else min(0.9, (1 + step) / (10 + step))
        for name, value in live.state_dict().items():
            if value.is_floating_point():
                wanted[name] = decay * wanted[name] + (1 - decay) * value
    state = average.network.state_dict()
    assert state.pop("1.num_batches_tracked") == wanted.pop("1.num_batches_tracked") + 99
    for name, value in state.items():
        assert value.numpy() == pytest.approx(wanted[name].numpy(), abs=1e-12), name
    assert average.updates == 99
