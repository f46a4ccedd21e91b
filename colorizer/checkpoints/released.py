"""Generators that the authors' released code has trained, made into generator files.

Its classes and ours are the same networks under other names: with the same weights they colour
alike. Nothing but the tensors is read of its files.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from colorizer.checkpoints.commands import CheckpointPath
from colorizer.checkpoints.export import check_output, how_to_use, publish
from colorizer.checkpoints.generator_file import MAX_SIDE, describe_generator
from colorizer.checkpoints.saved_file import read_saved
from colorizer.config.networks import GeneratorConfig
from colorizer.config.presets import COLORIZERS
from colorizer.networks.generator import Generator
from colorizer.system import console
from colorizer.system.errors import UserError

Method = Literal["attention-aware", "sga", "scft"]  # those that their code really contains
MAX_CHANNELS = 1600  # of the first layer, which has 16: a hundred times the width
NAMES_SHOWN = 3  # of those that are missing or unknown


@dataclass(frozen=True)
class ImportConfig:
    """Make a generator file of one that the authors' released code has trained."""

    path: CheckpointPath
    """Read the file that their code wrote: a whole checkpoint, or a state dict alone.
    Only its tensors are read; a file that holds programs is refused."""
    method: Method
    """Say what was trained: their model_our.py, model_SGA.py or model_SCFT.py.
    Their SCFT_cbam.py is scft too: its encoders have no convolutional attention after all."""
    output: Path = Path("generator.safetensors")
    """Write this file, which --checkpoint takes."""
    size: int = 256
    """Say the side of the pictures it was trained on; their code's own is 256."""
    step: int = 0
    """Say how many steps it was trained for, if you know."""
    overwrite: bool = False
    """Replace the output if it exists already."""


def import_released(config: ImportConfig) -> None:
    """Write the generator file, and read it back.

    Raises:
        UserError: the file is not a generator of the method; or the other cannot be written.
    """
    network = COLORIZERS[config.method]().network
    if not 0 < config.size <= MAX_SIDE or config.size % network.stride:
        raise UserError(
            f"--size is {config.size}; it must be a multiple of {network.stride} up to {MAX_SIDE}."
        )
    if config.step < 0:
        raise UserError(f"--step is {config.step}; it must be at least 0.")
    check_output(config.output, config.overwrite)
    place, state = find_state(read_saved(config.path), config.path)
    network = fitting_network(config.method, state, config.path)
    tensors = renamed(network, state)
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise UserError(
                f"{config.path}: {released_name(name, network)} is not finite in float32, so this"
                " generator colours nothing; give an earlier checkpoint."
            )
    header = describe_generator(network.task, asdict(network), config.size, config.step, tensors)
    publish(config.output, tensors, header)
    types = {str(t.dtype).removeprefix("torch.") for t in state.values() if t.is_floating_point()}
    console.say(
        f"{config.output}: the {config.method} of {config.path} ({place}, {', '.join(types)}), of"
        f" width {network.width:g}"
    )
    console.say(f"Use it: {how_to_use(config.output)}")


# ---- Their names

# {k} counts from 0 with us and {n} from 1 there, finest or first layer first; {level} counts down
# from 5 as the decoder goes from coarse to fine. What follows in a name is the same in both.
ENCODERS = {
    f"{ours}.layers.{{k}}.{our_layer}": f"{theirs}.conv_{{n}}.{their_layer}"
    for ours, theirs in {
        "line_encoder": "encoder_sketch",
        "reference_encoder": "encoder_reference",
    }.items()
    for our_layer, their_layer in {
        "conv": "0",
        "attention.mlp": "1.channel_attention.fc",  # two linear layers; ours are 1×1 convs
        "attention.spatial": "1.spatial_attention.conv",
        "norm": "{norm}",
    }.items()
}
ATTENTION = {
    "stop-gradient": {
        "cross_attention.shortcut": "gnn.gcn_cross.src_fc",
        "cross_attention.value": "gnn.gcn_cross.msg_fc",
        "cross_attention.norm": "gnn.gcn_cross.bn",
        "self_attention.shortcut": "gnn.gcn_self.src_fc",
        "self_attention.value": "gnn.gcn_self.msg_fc",
        "self_attention.norm": "gnn.gcn_self.bn",
    },
    "scft": {
        "cross_attention.query": "scft.w_q",
        "cross_attention.key": "scft.w_k",
        "cross_attention.value": "scft.w_v",
    },
}
REST = {
    "residual_blocks.{k}.body": "res_block.block_{n}",
    "decoder.first.{k}": "unet_decoder.dec_{level}_2",
    "decoder.second.{k}": "unet_decoder.dec_{level}_1",
    "decoder.head": "unet_decoder.fc",
}
FIRST = "encoder_sketch.conv_1.0.weight"  # 16×1×3×3
DISCRIMINATOR = "layer_1.0.weight_orig"


def released_name(name: str, network: GeneratorConfig) -> str:
    """What the released code calls a tensor of our generator."""
    norm = 2 if network.convolutional_attention else 1  # its place in their layer
    for ours, theirs in (ENCODERS | ATTENTION[network.attention] | REST).items():
        for k in range(2 * network.stages):
            prefix = ours.format(k=k)
            if name.startswith(f"{prefix}."):
                theirs = theirs.format(n=k + 1, level=network.stages - k, norm=norm)
                return theirs + name.removeprefix(prefix)
    raise KeyError(name)


def released_shapes(network: GeneratorConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor of the released generator, by its name there."""
    with torch.device("meta"):
        state = Generator(**asdict(network)).state_dict()
    return {
        released_name(name, network): tuple(t.shape[:2] if ".mlp." in name else t.shape)
        for name, t in state.items()
    }


def renamed(network: GeneratorConfig, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The released generator's tensors as our generator's: names, shapes, float32.

    Args:
        network: What `fitting_network` gave for them.
        state: By their names.
    """
    with torch.device("meta"):
        wanted = Generator(**asdict(network)).state_dict()
    tensors = {}
    for name, like in wanted.items():
        tensor = state[released_name(name, network)].detach()
        copy = torch.empty(like.shape, dtype=like.dtype)  # in memory of its own, row-major
        tensors[name] = copy.copy_(tensor.reshape(like.shape))
    return tensors


# ---- What their files hold


def find_state(content: dict[Any, Any], path: Path) -> tuple[str, dict[str, Tensor]]:
    """The generator in what a file holds: the whole, or one entry (`gen` in their checkpoints).

    Returns:
        Where it was and its state dict, without the `module.` of DataParallel.

    Raises:
        UserError: there is none, there are several, or it has something else among its tensors.
    """
    places = {"the whole": content} | {
        f"entry {key!r}": value for key, value in content.items() if isinstance(value, dict)
    }
    states = {
        place: {str(name).removeprefix("module."): value for name, value in state.items()}
        for place, state in places.items()
    }
    found = [place for place, state in states.items() if FIRST in state]
    if len(found) > 1:
        raise UserError(
            f"{path} holds {len(found)} generators ({_some(found)}); save one of them alone."
        )
    if not found:
        kind = "no generator of the released code"
        if any(DISCRIMINATOR in state for state in states.values()):
            kind = "the discriminator alone"
        raise UserError(
            f"{path} holds {kind} (no {FIRST}, but {_some(content)}); give a file with the"
            " generator's state dict."
        )
    state = states[found[0]]
    for name, value in state.items():
        if not _is_plain(value):
            raise UserError(f"{path}: {name} is not a plain tensor; save the state dict alone.")
    if sum(t.numel() * t.element_size() for t in state.values()) > path.stat().st_size:
        raise UserError(f"{path}: its tensors claim to be larger than the file; copy it again.")
    return found[0], state


def _is_plain(value: Any) -> bool:
    return (
        type(value) in (Tensor, nn.Parameter)
        and not value.is_nested
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and (value.is_floating_point() or value.dtype == torch.int64)
    )


def fitting_network(method: str, state: Mapping[str, Tensor], path: Path) -> GeneratorConfig:
    """The settings of the generator that a state dict is of, its width by its first layer.

    Raises:
        UserError: it is another method's, or names, shapes or types are not those of the released
            code; says which.
    """
    network = COLORIZERS[method]().network
    channels, *_ = (*state[FIRST].shape, 0)
    if 0 < channels <= MAX_CHANNELS:
        network = replace(network, width=channels / 16)
    wanted = released_shapes(network)
    if state.keys() != wanted.keys():
        for other in get_args(Method):
            if state.keys() == released_shapes(COLORIZERS[other]().network).keys():
                raise UserError(f"{path} looks like {other}; give --method {other}.")
        faults = {
            "is missing": wanted.keys() - state.keys(),
            "is unknown": state.keys() - wanted.keys(),
        }
        said = "; ".join(f"{_some(sorted(names))} {k}" for k, names in faults.items() if names)
        raise UserError(f"{path} is no generator of the released {method}: {said}.")
    for name, shape in wanted.items():
        tensor = state[name]
        if tuple(tensor.shape) != shape:
            raise UserError(f"{path}: {name} has shape {tuple(tensor.shape)}, expected {shape}.")
        if tensor.is_floating_point() == name.endswith("num_batches_tracked"):
            raise UserError(f"{path}: {name} is of {tensor.dtype}.")
    return network


def _some(names: Any) -> str:
    """The first of some names, and how many more there are."""
    names = [str(name)[:100] for name in names]
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
