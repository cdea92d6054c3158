"""Films with random legal headers, and what a decoder must show of each by the standard.

The expected picture comes from the film and the numbers that were drawn, by arithmetic written from DICOM PS3.3 C.11
and PS3.5 8.1.1. No code of the product and no DICOM library has a part in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset

from ml.phantom.film import PhantomSpec, chest
from tests.ml.compressed import COMPRESSED, LOSSLESS, compressed, explicit, written

BORDER = 9  # pixels
MIN_SHOWN = 0.1  # of the film must be neither black nor white, so that no window is drawn that hides it
NATIVE = (
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)
LOSSY = tuple(syntax for syntax in COMPRESSED if syntax not in LOSSLESS)
LOSSY_NAMES = {uid.UID(syntax).name for syntax in LOSSY}
Picture = NDArray[Any]  # float64


@dataclass
class DrawnFilm:
    """A film and what is expected of it.

    Attributes:
        header: what was drawn, for the message of a failing test.
        data: the file.
        values: int64 [H, W], the stored values that the bits of the field hold.
        inside: which pixels are no padding.
        units: the values after the rescale or the modality LUT.
        shown: brightness after VOI LUT or window, before inversion; after a window 0 to 1.
        linear: whether a window was applied that is no curve.
        inverted: whether low values are shown bright.
        reference_options: of ``dcmj2pnm``.
        span: how many units lie between black and white.
    """

    header: dict[str, Any]
    values: NDArray[np.int64]
    inside: NDArray[np.bool_]
    units: Picture
    shown: Picture
    linear: bool = False
    inverted: bool = False
    data: bytes = b""
    reference_options: list[str] = field(default_factory=lambda: ["+Wm"])
    span: float = 0.0

    @property
    def expected(self) -> Picture:
        """The network's picture, 0 to 255: the film spread over all levels, padding black."""
        return self._finish(spread(self.shown, self.inside))

    @property
    def expected_on_screen(self) -> Picture:
        """The viewer's picture, 0 to 255: a window as it is, anything else spread over all levels."""
        return self._finish(self.shown * 255 if self.linear else spread(self.shown, self.inside))

    def _finish(self, levels: Picture) -> Picture:
        return np.where(self.inside, 255 - levels if self.inverted else levels, 0)


def spread(shown: Picture, inside: NDArray[np.bool_]) -> Picture:
    """Spread the film, padding aside, over 0..255."""
    low, high = shown[inside].min(), shown[inside].max()
    return np.asarray((shown - low) * (255 / (high - low)))


@cache
def base_film(number: int) -> Picture:
    """A phantom, 0 to 1; smooth enough that neighbours differ little."""
    film = chest(PhantomSpec(140, 120, bits=16, seed=number, opacities=number % 3)).astype(float)
    return np.asarray((film - film.min()) / (film.max() - film.min()))


def draw_film(seed: int) -> DrawnFilm:
    """Draw films until one is shown by its header."""
    random = np.random.default_rng(seed)
    while True:
        film = _draw(random)
        inside = film.shown[film.inside]
        if ((inside > inside.min()) & (inside < inside.max())).mean() >= MIN_SHOWN:
            return film


def _draw(random: np.random.Generator) -> DrawnFilm:
    syntax = str(random.choice([*NATIVE, *NATIVE, *COMPRESSED]))
    native = syntax in NATIVE
    allocated = int(random.choice([8, 16, 16, 16]))
    stored = int(random.integers(6, 9)) if allocated == 8 else int(random.integers(8, 17))
    if syntax == uid.JPEGExtended12Bit:
        allocated, stored = 16, 12
    elif not native:  # encoders make bytes of values of 8 bits; that of pydicom for RLE, of 6 and 7 bits too
        stored = 8 if allocated == 8 and syntax != uid.RLELossless else stored if allocated == 8 else max(stored, 9)
    signed = bool(random.integers(2)) and (native or syntax == uid.RLELossless)
    shift = int(random.integers(allocated - stored + 1)) if native and random.random() < 0.4 else 0
    header: dict[str, Any] = {
        "syntax": uid.UID(syntax).name, "allocated": allocated, "stored": stored, "shift": shift, "signed": signed,
    }  # fmt: skip
    low_end = -(1 << (stored - 1)) if signed else 0
    shares = (0.1, 0.9) if syntax in LOSSY else _ends(random)  # lossy codecs overshoot, which wraps in some decoders
    low, high = (low_end + round(share * ((1 << stored) - 1)) for share in shares)
    values = np.round(low + base_film(int(random.integers(6))) * (high - low)).astype(np.int64)
    dataset = Dataset()
    values, inside = _draw_padding(random, dataset, header, values, (low_end, low_end + (1 << stored) - 1), syntax)
    film = DrawnFilm(header, values, inside, values.astype(float), values.astype(float))
    _draw_modality(random, dataset, film)
    _draw_voi(random, dataset, film)
    _draw_polarity(random, dataset, film)
    film.data = _write(random, dataset, film, syntax)
    return film


def _ends(random: np.random.Generator) -> tuple[float, float]:
    """Draw which part of all values a film has; the ends are often free."""
    return float(random.choice([0, random.uniform(0, 0.4)])), float(random.choice([1, random.uniform(0.6, 1)]))


def _draw_padding(
    random: np.random.Generator, dataset: Dataset, header: dict[str, Any], values: NDArray[np.int64],
    possible: tuple[int, int], syntax: str,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:  # fmt: skip
    """Draw a border of padding: one value or a range, of those that the film leaves free."""
    inside = np.ones(values.shape, dtype=np.bool_)
    free = [(possible[0], int(values.min()) - 1), (int(values.max()) + 1, possible[1])]
    free = [ends for ends in free if ends[0] <= ends[1]]
    if not free or random.random() < 0.4 or syntax in LOSSY:
        return values, inside
    ends = sorted(int(end) for end in random.integers(*free[int(random.integers(len(free)))], 2, endpoint=True))
    if random.random() < 0.5:
        ends = ends[:1]
    inside[:] = False
    inside[BORDER:-BORDER, BORDER:-BORDER] = True
    border = random.integers(ends[0], ends[-1], values.shape, endpoint=True)
    vr = str(random.choice(["US", "SS"]))  # some writers take the other one; the 16 bits are the same
    header["padding"] = [ends, vr]
    for keyword, end in zip(("PixelPaddingValue", "PixelPaddingRangeLimit"), random.permutation(ends), strict=False):
        word = int(end) & 0xFFFF
        dataset.add_new(keyword, vr, word - 0x10000 if vr == "SS" and word & 0x8000 else word)
    return np.where(inside, values, border), inside


def _draw_modality(random: np.random.Generator, dataset: Dataset, film: DrawnFilm) -> None:
    choice = random.random()
    if choice < 0.4:
        slope = float(random.choice([1, -1, 2, 0.5, 3.25, -0.75]))
        intercept = float(random.choice([0, -1024, 7.5, 100]))
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
        film.header["rescale"] = [slope, intercept]
        film.units = film.values * slope + intercept
    elif choice < 0.55:
        film.units = _draw_table(random, dataset, "ModalityLUTSequence", film, film.values.astype(float))


def _draw_voi(random: np.random.Generator, dataset: Dataset, film: DrawnFilm) -> None:
    film.shown = film.units
    inner = film.units[film.inside]
    film.span = float(inner.max() - inner.min())
    choice = random.random()
    if choice < 0.2:
        film.shown = _draw_table(random, dataset, "VOILUTSequence", film, film.units)
        if "VOILUTSequence" in dataset:
            film.span = min(film.span, film.header["VOILUTSequence"][0])
            film.reference_options = ["+Wl", "1"]
    elif choice < 0.8:
        low, high = np.percentile(inner, [20, 80])
        centre = round(float(random.uniform(low, high)), 1)
        width = round(max(2.0, film.span * float(random.uniform(0.2, 2.5))), 1)
        _apply_window(random, dataset, film, centre, width)


def _apply_window(
    random: np.random.Generator, dataset: Dataset, film: DrawnFilm, centre: float, width: float
) -> None:
    function = str(random.choice(["", "LINEAR", "LINEAR_EXACT", "SIGMOID"]))
    others = int(random.integers(3))  # further windows are choices of the reader
    dataset.WindowCenter, dataset.WindowWidth = [centre] + [1.0] * others, [width] + [2.0] * others
    if function:
        dataset.VOILUTFunction = function
    film.header["window"] = [function, centre, width]
    film.linear = function != "SIGMOID"
    film.span = min(film.span, width)
    film.reference_options = ["+Wi", "1"]
    if function == "SIGMOID":  # C.11.2.1.3.1
        film.shown = 1 / (1 + np.exp(-4 * (film.units - centre) / width))
    elif function == "LINEAR_EXACT":  # C.11.2.1.3.2
        film.shown = ((film.units - centre) / width + 0.5).clip(0, 1)
        # DCMTK 3.6 does not know it; the LINEAR window with the same edges is half a unit up and one unit wider.
        film.reference_options = ["+Ww", str(centre + 0.5), str(width + 1)]
    else:  # C.11.2.1.2.1
        film.shown = ((film.units - (centre - 0.5)) / (width - 1) + 0.5).clip(0, 1)


def _draw_table(
    random: np.random.Generator, dataset: Dataset, keyword: str, film: DrawnFilm, inputs: Picture
) -> Picture:
    """Draw a table that covers most of the values, and look them up; values beyond an end get the entry there."""
    low, high = int(np.floor(inputs.min())), int(np.ceil(inputs.max()))
    first = low + int(random.integers(0, max(1, (high - low) // 8)))
    count = int(min(1 << 16, max(2, (high - first) * random.uniform(0.8, 1.1))))
    if not first >= -(1 << 15) or first >= 1 << (15 if low < 0 else 16):
        return inputs
    bits = int(random.choice([8, 10, 12, 16]))
    curve = np.linspace(0, 1, count) ** float(random.uniform(0.5, 2))
    entries = np.round((curve if random.random() < 0.8 else 1 - curve) * ((1 << bits) - 1)).astype(np.int64)
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [count & 0xFFFF, first, bits])
    packed = bits == 8 and bool(random.integers(2))
    film.header[keyword] = [count, first, bits, "packed" if packed else "words"]
    item.add_new("LUTData", "OW", (entries.astype(np.uint8) if packed else entries.astype("<u2")).tobytes())
    if packed and count % 2:
        item.LUTData += b"\0"
    setattr(dataset, keyword, [item])
    return entries[(np.floor(inputs) - first).clip(0, count - 1).astype(np.int64)].astype(float)


def _draw_polarity(random: np.random.Generator, dataset: Dataset, film: DrawnFilm) -> None:
    """Draw what PS3.3 C.8.11.3.1.2 permits: INVERSE with MONOCHROME1, IDENTITY with MONOCHROME2, or no shape."""
    film.inverted = bool(random.integers(2))
    dataset.PhotometricInterpretation = "MONOCHROME1" if film.inverted else "MONOCHROME2"
    if random.random() < 0.5:
        dataset.PresentationLUTShape = "INVERSE" if film.inverted else "IDENTITY"
    film.header["photometric"] = [dataset.PhotometricInterpretation, dataset.get("PresentationLUTShape")]


def _write(random: np.random.Generator, dataset: Dataset, film: DrawnFilm, syntax: str) -> bytes:
    allocated, stored, shift = (film.header[key] for key in ("allocated", "stored", "shift"))
    words = (film.values & ((1 << stored) - 1)) << shift
    if syntax in NATIVE and random.random() < 0.5:  # unused bits may hold anything
        field_bits = ((1 << stored) - 1) << shift
        words |= random.integers(0, 1 << allocated, words.shape) & ~field_bits & ((1 << allocated) - 1)
        film.header["unused bits"] = "random"
    pixels = words.astype(np.uint8 if allocated == 8 else np.uint16)
    data = explicit(pixels, stored) if syntax in NATIVE else compressed(pixels, syntax, stored)
    whole = pydicom.dcmread(BytesIO(data))
    for keyword in ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "PresentationLUTShape"):
        whole.pop(keyword, None)
    whole.update({element.tag: element for element in dataset})
    whole.HighBit, whole.PixelRepresentation = stored + shift - 1, int(film.header["signed"])
    if syntax not in NATIVE or syntax == uid.ExplicitVRLittleEndian:
        return written(whole)
    return _transcoded(whole, uid.UID(syntax))


def _transcoded(dataset: Dataset, syntax: uid.UID) -> bytes:
    """Write a film in another native transfer syntax."""
    fresh = Dataset()
    fresh.update({element.tag: element for element in dataset})
    fresh.file_meta = dataset.file_meta
    fresh.file_meta.TransferSyntaxUID = syntax
    if not syntax.is_little_endian:
        if fresh.BitsAllocated == 8:
            fresh["PixelData"].VR = "OB"  # as OW it would be of words
        else:
            fresh.PixelData = np.frombuffer(fresh.PixelData, "<u2").astype(">u2").tobytes()
        for keyword in ("ModalityLUTSequence", "VOILUTSequence"):
            for item in fresh.get(keyword) or ():
                item.LUTData = np.frombuffer(item.LUTData, "<u2").astype(">u2").tobytes()
    out = BytesIO()
    fresh.save_as(
        out, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian, enforce_file_format=True
    )
    return out.getvalue()
