"""State dicts as the authors' released code saves them, and their import."""

import re
from dataclasses import asdict
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from colorizer.checkpoints.released import ImportConfig, import_released
from colorizer.config.networks import GeneratorConfig
from colorizer.networks.generator import Generator

NARROW = 0.125  # two channels in the first layer, 124 in a token
METHODS = {
    "attention-aware": GeneratorConfig(width=NARROW),
    "sga": GeneratorConfig(convolutional_attention=False, width=NARROW),
    "scft": GeneratorConfig("scft", False, False, width=NARROW),
}


def _counted(theirs: str):
    return lambda match: theirs.format(int(match[1]) + 1)


# The released code's names, written down from its classes; .{norm}. is behind CBAM if that is on.
RULES = [
    (r"^line_encoder\.layers\.(\d+)\.", _counted("encoder_sketch.conv_{}.")),
    (r"^reference_encoder\.layers\.(\d+)\.", _counted("encoder_reference.conv_{}.")),
    (r"(?<=_)(\d+)\.conv\.", r"\1.0."),
    (r"(?<=_)(\d+)\.attention\.mlp\.", r"\1.1.channel_attention.fc."),
    (r"(?<=_)(\d+)\.attention\.spatial\.", r"\1.1.spatial_attention.conv."),
    (r"^(encoder_.*)\.norm\.", r"\1.{norm}."),
    (r"^cross_attention\.query\.", "scft.w_q."),
    (r"^cross_attention\.key\.", "scft.w_k."),
    (r"^(cross|self)_attention\.shortcut\.", r"gnn.gcn_\1.src_fc."),
    (r"^(cross|self)_attention\.norm\.", r"gnn.gcn_\1.bn."),
    (r"^residual_blocks\.(\d+)\.body\.", _counted("res_block.block_{}.")),
    (r"^decoder\.first\.(\d+)\.", lambda m: f"unet_decoder.dec_{5 - int(m[1])}_2."),
    (r"^decoder\.second\.(\d+)\.", lambda m: f"unet_decoder.dec_{5 - int(m[1])}_1."),
    (r"^decoder\.head\.", "unet_decoder.fc."),
]
VALUE = {
    "sga": r"gnn.gcn_\1.msg_fc.",
    "attention-aware": r"gnn.gcn_\1.msg_fc.",
    "scft": "scft.w_v.",
}


@cache
def generator_of(method: str) -> Generator:
    """One whose every number matters: batch norm's statistics too."""
    torch.manual_seed(0)
    generator = Generator(**asdict(METHODS[method])).eval()
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor, low, high in (
                (module.weight.data, 0.5, 1.5),
                (module.bias.data, -0.5, 0.5),
                (module.running_mean, -0.2, 0.2),
                (module.running_var, 0.5, 2.0),
            ):
                tensor.uniform_(low, high)
    return generator


def released(method: str, generator: nn.Module | None = None) -> dict[str, Tensor]:
    """A state dict as the released code's generator of a method would have."""
    rules = [*RULES, (r"^(cross|self)_attention\.value\.", VALUE[method])]
    norm = "2" if METHODS[method].convolutional_attention else "1"
    state = {}
    for name, tensor in (generator or generator_of(method)).state_dict().items():
        if ".attention.mlp." in name:  # linear layers there
            tensor = tensor.flatten(1)
        for ours, theirs in rules:
            name = re.sub(ours, theirs, name)
        state[name.replace("{norm}", norm)] = tensor
    return state


def save_as(tmp_path: Path, content: object, **how: bool) -> Path:
    """`released.pth` in a folder, as torch.save writes it."""
    path = tmp_path / "released.pth"
    torch.save(content, path, **how)
    return path


def import_file(path: Path, method: str = "sga", **settings: object) -> Path:
    """`imported.safetensors` beside a released file."""
    output = path.with_name("imported.safetensors")
    import_released(ImportConfig(path, method, output, **settings))
    return output
