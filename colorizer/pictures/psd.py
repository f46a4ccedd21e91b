"""Layered pictures as Photoshop files. Importing it needs psd-tools: `check_psd` comes first."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from psd_tools.constants import BlendMode, ChannelID, ColorMode, Compression
from psd_tools.psd import PSD
from psd_tools.psd.header import FileHeader
from psd_tools.psd.image_data import ImageData
from psd_tools.psd.layer_and_mask import (
    ChannelData,
    ChannelDataList,
    ChannelImageData,
    ChannelInfo,
    LayerAndMaskInformation,
    LayerInfo,
    LayerRecord,
    LayerRecords,
)

from colorizer.pictures.layers import Layer, Mode, check_psd, replacing

MODES: dict[Mode, BlendMode] = {
    "normal": BlendMode.NORMAL,
    "multiply": BlendMode.MULTIPLY,
    "screen": BlendMode.SCREEN,
}
BITS, VERSION = 8, 1
KIND_BYTES = 2  # before a channel's data: how it is compressed


def write_psd(path: Path, picture: np.ndarray, layers: Iterable[Layer]) -> None:
    """Write a Photoshop file.

    Args:
        path: Ends in .psd.
        picture: H×W×3 uint8 RGB, what the layers give together.
        layers: The top one first, each as large as the picture; all are held, compressed.

    Raises:
        UserError: the picture is too large for the format, or the file cannot be written.
    """
    height, width = picture.shape[:2]
    check_psd(path, (height, width))
    # The file's records, not psd-tools' PSDImage: it would flatten the layers anew, in float32.
    header = FileHeader(channels=3, height=height, width=width, depth=BITS)
    header.color_mode = ColorMode.RGB
    merged = ImageData(Compression.RLE)
    merged.set_data([picture.transpose(2, 0, 1).tobytes()], header)
    records, channels = LayerRecords(), ChannelImageData()
    for record, data in reversed([_packed(layer) for layer in layers]):  # the lowest first
        records.append(record)
        channels.append(data)
    parts = LayerAndMaskInformation(LayerInfo(len(records), records, channels))
    with replacing(path) as file:
        PSD(header, layer_and_mask_information=parts, image_data=merged).write(file)


def _packed(layer: Layer) -> tuple[LayerRecord, ChannelDataList]:
    """A layer's record, and its channels, compressed."""
    height, width, count = layer.pixels.shape
    record = LayerRecord(bottom=height, right=width, blend_mode=MODES[layer.mode], name=layer.name)
    channels = ChannelDataList()
    for number in (ChannelID.TRANSPARENCY_MASK, *range(3)):
        plane = layer.pixels[..., number] if number >= 0 or count == 4 else None
        values = b"\xff" * (height * width) if plane is None else plane.tobytes()
        data = ChannelData(Compression.RLE)
        data.set_data(values, width, height, BITS, VERSION)
        data.data += b"\0" * (len(data.data) % 2)  # Pillow's reader looks for it at even places
        record.channel_info.append(ChannelInfo(ChannelID(number), len(data.data) + KIND_BYTES))
        channels.append(data)
    return record, channels
