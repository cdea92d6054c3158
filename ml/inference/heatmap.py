"""The overlay: a film's class activation map as a transparent picture."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from ml.arrays import Float32Array
from ml.inference.lung_crop import MARGIN, LungBox

SIDE = 96  # pixels; the longer side of the overlay, which the browser enlarges. The map has seven cells on a side.
COLOUR = (230, 80, 0)  # orange: not in a grey film, and visible on black and on white
MAX_ALPHA = 200  # of a cell that alone would make the film positive with probability 1


def overlay_png(heat: Float32Array, box: LungBox, shape: tuple[int, int]) -> bytes:
    """Draw a map at the place of its cells on the film; cells that count against COVID-19 stay transparent.

    The scale is the same for every film, so that a negative film has no strong colours.

    Args:
        heat: [h, w] in logits; its mean over the film is the film's logit before calibration.
        box: the square of the film that was the network's input.
        shape: height and width of the film in pixels.

    Returns:
        An RGBA PNG with the film's aspect ratio.
    """
    height, width = shape
    factor = SIDE / max(shape)
    half = box.side * MARGIN / 2
    left, top, right, bottom = (
        round(edge * factor) for edge in (box.x - half, box.y - half, box.x + half, box.y + half)
    )
    strength = np.clip(2.0 / (1.0 + np.exp(-heat.astype(np.float64))) - 1.0, 0.0, 1.0)
    cells = Image.fromarray((strength * MAX_ALPHA).round().astype(np.uint8))
    alpha = Image.new("L", (max(1, round(width * factor)), max(1, round(height * factor))))
    alpha.paste(cells.resize((right - left, bottom - top), Image.Resampling.BICUBIC), (left, top))
    picture = Image.new("RGBA", alpha.size, (*COLOUR, 0))
    picture.putalpha(alpha)
    buffer = BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
