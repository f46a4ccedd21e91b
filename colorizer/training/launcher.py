"""Accelerate's own settings, as its launcher hands them over in the environment.

Each that could change a training is followed here, followed by Accelerate itself
(ACCELERATE_CPU_AFFINITY, ACCELERATE_DEBUG_MODE, ACCELERATE_LOG_LEVEL), or refused.
"""

import os

import torch

from colorizer.config.training import TrainConfig
from colorizer.system.device import is_set
from colorizer.system.errors import UserError

SHARDED = {
    "ACCELERATE_USE_FSDP": "FSDP",
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "a parallelism config",
}


def wants_gpu() -> bool:
    """Whether to train on GPUs: there are some, and the launcher does not ask for the CPU.

    Raises:
        UserError: ACCELERATE_USE_CPU is neither true nor false.
    """
    return not is_set("ACCELERATE_USE_CPU") and torch.cuda.is_available()


def check_gpus() -> None:
    """Refuse more processes than GPUs.

    Raises:
        UserError: naming both numbers and what to do.
    """
    # Some launchers show each process a GPU of its own, which is the first for all of them.
    rank, there = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if rank >= there:
        wanted = os.environ.get("LOCAL_WORLD_SIZE", rank + 1)
        raise UserError(
            f"the launcher starts {wanted} processes on this machine, where torch sees {there}"
            f" GPU(s); set num_processes in its config, or give --num_processes {there}"
            f" (torchrun: --nproc_per_node {there})."
        )


def check_launcher(config: TrainConfig) -> None:
    """Refuse what the launcher asks for and this training does not do.

    Raises:
        UserError: naming the setting and what to do.
    """
    for name, what in SHARDED.items():
        if is_set(name):
            raise UserError(
                f"{name} is set: the launcher asks for {what}, but each process here holds whole"
                " networks. Take distributed_type MULTI_GPU or NO in its config, as"
                " accelerate_configs/ do, or unset the variable."
            )
    for name in ("ACCELERATE_DEBUG_MODE", "ACCELERATE_CPU_AFFINITY"):
        is_set(name)  # to refuse what Accelerate cannot read
    backend = os.environ.get("ACCELERATE_DYNAMO_BACKEND", "no")
    if backend.lower() != "no":
        raise UserError(
            f"ACCELERATE_DYNAMO_BACKEND is {backend}, which compiles what must not be compiled."
            " Remove it from the launcher's config or the environment, and give --compile."
        )
    if "ACCELERATE_TORCH_DEVICE" in os.environ:
        raise UserError(
            "ACCELERATE_TORCH_DEVICE is set; unset it. CUDA_VISIBLE_DEVICES chooses GPUs,"
            " ACCELERATE_USE_CPU=true the CPU."
        )
    kind = os.environ.get("ACCELERATE_SAGEMAKER_DISTRIBUTED_TYPE", "NO")
    if is_set("ACCELERATE_USE_SAGEMAKER") and kind != "NO":
        raise UserError(
            f"ACCELERATE_SAGEMAKER_DISTRIBUTED_TYPE is {kind}, which this training does not know;"
            " set it to NO, and start several processes with torchrun."
        )
    accumulate = os.environ.get("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", str(config.accumulate))
    if accumulate != str(config.accumulate):
        raise UserError(
            f"ACCELERATE_GRADIENT_ACCUMULATION_STEPS is {accumulate}, but --accumulate is"
            f" {config.accumulate}; unset the variable."
        )


def launcher_precision() -> str | None:
    """The mixed precision that the launcher asks for; None: it has no wish.

    Raises:
        UserError: one that this training does not know, such as fp8.
    """
    precision = os.environ.get("ACCELERATE_MIXED_PRECISION", "no").lower()
    if precision == "no":  # what the launcher sets as well where nothing was asked for
        return None
    if precision not in ("bf16", "fp16"):
        raise UserError(
            f"ACCELERATE_MIXED_PRECISION is {precision}, the launcher's --mixed_precision; this"
            " training knows bf16, fp16 and no."
        )
    return precision


def choose_precision(config: TrainConfig, gpu: bool) -> str:
    """`bf16`, `fp16` or `no`: the setting's, else the launcher's, else the best that is there.

    Raises:
        UserError: it cannot be had.
    """
    wished = launcher_precision()
    name = "--mixed-precision"
    precision = config.mixed_precision
    if precision == "auto" and wished:
        name, precision = "the launcher's --mixed_precision", wished
    if precision == "auto":
        half = "bf16" if gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        precision = half if gpu else "no"
    if precision == "fp16" and not gpu:
        raise UserError(f"{name} fp16 needs a GPU; use no, bf16 or auto.")
    if precision == "fp16" and config.accumulate > 1 and config.loss.adversarial > 0:
        # The scaler that D and G share may change its scale between G's accumulated batches.
        raise UserError(
            "fp16 does not work with --accumulate and an adversarial loss; use --mixed-precision"
            " bf16 or no."
        )
    return precision
