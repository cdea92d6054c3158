"""The class activation map over its film, as a picture to lay on top."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.inference.lung_crop import MARGIN, LungBox

SIDE = 96  # pixels; the longer side of the overlay, which the browser enlarges. The map has seven cells a side.
COLOUR = (230, 80, 0)  # orange: no grey film has it, and it reads on black and on white
STRONGEST = 200  # alpha of a cell that alone would make the film positive beyond doubt


def overlay_png(heat: NDArray[np.float32], box: LungBox, shape: tuple[int, int]) -> bytes:
    """Draw a map where its cells lie on the film; what speaks against COVID-19 stays transparent.

    The scale is the same for every film, so that a negative film does not glow.

    Args:
        heat: [h, w] in logits; its mean over the film is the film's logit before calibration.
        box: the square of the film that the network saw.
        shape: height and width of the film in pixels.

    Returns:
        an RGBA PNG with the film's aspect ratio.
    """
    height, width = shape
    factor = SIDE / max(shape)
    half = box.side * MARGIN / 2
    left, top, right, bottom = (
        round(edge * factor) for edge in (box.x - half, box.y - half, box.x + half, box.y + half)
    )
    strength = np.clip(2.0 / (1.0 + np.exp(-heat.astype(np.float64))) - 1.0, 0.0, 1.0)
    cells = Image.fromarray((strength * STRONGEST).round().astype(np.uint8))
    alpha = Image.new("L", (max(1, round(width * factor)), max(1, round(height * factor))))
    alpha.paste(cells.resize((right - left, bottom - top), Image.Resampling.BICUBIC), (left, top))
    picture = Image.new("RGBA", alpha.size, (*COLOUR, 0))
    picture.putalpha(alpha)
    buffer = BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
