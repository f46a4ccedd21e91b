"""Learning rates over the steps of a run: constant in the paper (Sec. 4.2), or risen and fallen."""

import math

from colorizer.config.run import OptimizerConfig


def learning_rate_factor(config: OptimizerConfig, step: int, steps: int) -> float:
    """What both learning rates are multiplied by: a function of the step alone.

    Args:
        config: Warm-up and decay.
        step: Steps done before this one: 0 to steps - 1.
        steps: Of the whole run.

    Returns:
        0 to 1; `config.final_lr` at the last step if the schedule falls.
    """
    return _risen(config, step) * _fallen(config, step, steps)


def _risen(config: OptimizerConfig, step: int) -> float:
    return min(1.0, (step + 1) / max(1, config.warmup))


def _fallen(config: OptimizerConfig, step: int, steps: int) -> float:
    start = config.decay_from * (steps - 1)
    if config.schedule == "constant" or step <= start:
        return 1.0
    done = (step - start) / (steps - 1 - start)  # to 1 at the last step
    left = 1 - done if config.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2
    return config.final_lr + (1 - config.final_lr) * left
