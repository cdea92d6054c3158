"""Attributes of DICOM that describe the pixels: read from any value representation, completed where they are missing.

A default is taken where the standard or every other decoder has one, or where the pixels themselves tell the value.
For all others the film is refused with the name of the attribute: a wrong guess of Photometric Interpretation would
swap black and white.
"""

from __future__ import annotations

import re
import struct

from pydicom.datadict import dictionary_description, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit

from ml import codes
from ml.decoding.codestreams import Codestream
from ml.decoding.header_numbers import BLANKS, to_number
from ml.errors import FilmError

BYTE = 8
READ_SIZES = (1, 8, 16, 32, 64)  # Bits Allocated; those of 12 bits are unpacked before
NUMBERS = (
    "SamplesPerPixel",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)
PIXEL_KEYWORDS = (*NUMBERS, "PhotometricInterpretation")
POSITIVE = frozenset({"SamplesPerPixel", "NumberOfFrames", "Rows", "Columns", "BitsAllocated", "BitsStored"})

# PS3.3 C.7.6.3.1.2, by their letters and digits alone.
PHOTOMETRIC = frozenset(
    {
        *("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "HSV", "ARGB", "CMYK", "XYB"),
        *("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT"),
    }
)
PHOTOMETRIC_BY_LETTERS = {re.sub(r"[^A-Z0-9]", "", term): term for term in PHOTOMETRIC}
FOUR_SAMPLES = ("CMYK", "ARGB")
GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
SUBSAMPLED = frozenset({"YBR_FULL_422", "YBR_PARTIAL_422"})  # two samples a pixel where uncompressed
TEXT_VRS = frozenset({"IS", "DS", "CS", "LO", "SH", "LT", "ST", "UT"})
SIZES = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "OW": "H", "OB": "B", "FL": "f", "FD": "d"}


def read_number(keyword: str, vr: str, value: bytes | memoryview, *, little: bool) -> int | None:
    """Return the first number of a value, in whatever value representation it is written; ``None`` if there is none.

    Args:
        keyword: of the attribute, one of ``NUMBERS``.
        vr: value representation, empty where the file has none.
        value: the value's bytes.
        little: whether binary numbers are little endian.
    """
    data = bytes(value[:64])
    if vr == "" or (vr == "UN" and keyword == "NumberOfFrames"):
        vr = "IS" if keyword == "NumberOfFrames" else "US"
    written = to_number(data.split(b"\\")[0].decode("latin-1")) if vr in TEXT_VRS else None
    if written is not None:
        return int(written) if written.is_integer() and abs(written) < 1 << 31 else None
    kind = SIZES.get(vr, "H")
    if vr in TEXT_VRS and data.isascii() and data.strip(BLANKS.encode()).decode().isprintable():
        return None  # a text that is no number
    if vr in ("OB", "UN") or vr in TEXT_VRS:
        kind = "B" if len(data) == 1 else "I" if len(data) == struct.calcsize("I") else "H"
    size = struct.calcsize(kind)
    if len(data) < size:
        return data[0] if len(data) == 1 else None
    number = struct.unpack_from(f"{'<' if little else '>'}{kind}", data)[0]
    return int(number) if abs(number) < 1 << 31 else None  # not so for NaN and infinity


def find_photometric(text: str) -> str:
    """Return the standard's term for a Photometric Interpretation as systems write it, or an empty string."""
    return PHOTOMETRIC_BY_LETTERS.get(re.sub(r"[^A-Z0-9]", "", text.split("\\")[0].upper()), "")


def read_numbers(dataset: Dataset) -> dict[str, int]:
    """Return those of ``NUMBERS`` that have a usable value; 0 is none where there must be some."""
    found: dict[str, int] = {}
    for keyword in NUMBERS:
        number = _number(dataset, keyword)
        if number is not None and number >= (1 if keyword in POSITIVE else 0):
            found[keyword] = number
    return found


def native_size(numbers: dict[str, int], photometric: str) -> int:
    """Return the bytes of uncompressed pixels by the header; 0 where it does not say it."""
    rows, columns, bits = (numbers.get(keyword, 0) for keyword in ("Rows", "Columns", "BitsAllocated"))
    samples = numbers.get("SamplesPerPixel") or (1 if photometric in (*GREY, "") else 3)
    if photometric in SUBSAMPLED and samples == 3:
        samples = 2
    return (rows * columns * samples * numbers.get("NumberOfFrames", 1) * bits + BYTE - 1) // BYTE


def complete_header(dataset: Dataset, native_bytes: int | None, stream: Codestream | None) -> bool:
    """Complete and correct the attributes that describe the pixels.

    Args:
        dataset: changed in place.
        native_bytes: length of uncompressed pixels; ``None`` for compressed or floating-point ones.
        stream: what compressed pixels say of themselves.

    Returns:
        whether anything but a default of the standard was put in or changed.

    Raises:
        FilmError: ``attribute_missing``, ``unsupported_layout`` or ``one_bit``.
    """
    found, photometric = read_numbers(dataset), read_photometric(dataset)
    numbers = dict(found)
    if numbers.get("PixelRepresentation", 0) > 1:  # neither of its two values; unsigned, as in DCMTK
        numbers["PixelRepresentation"] = 0
    if stream is not None:
        _complete_by_stream(numbers, stream)
    for keyword in ("Rows", "Columns"):
        _require(keyword, numbers.get(keyword))
    _complete_samples(numbers, photometric, native_bytes)
    _refuse_layout(numbers["SamplesPerPixel"], photometric)
    if not photometric and _has_value(dataset, "PhotometricInterpretation"):
        raise FilmError(codes.ATTRIBUTE_UNKNOWN, attribute=name_attribute("PhotometricInterpretation"))
    _require("PhotometricInterpretation", photometric)
    if native_bytes is not None and photometric in SUBSAMPLED and _is_not_subsampled(numbers, native_bytes):
        photometric = "YBR_FULL"
    _complete_bits(numbers, photometric, native_bytes)
    numbers.setdefault("NumberOfFrames", 1)
    numbers.setdefault("PlanarConfiguration", 0)
    if numbers["SamplesPerPixel"] > 1 or "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        numbers.setdefault("PixelRepresentation", 0)  # colours have no sign, floating-point values have their own
    _require("PixelRepresentation", numbers.get("PixelRepresentation"))
    _write(dataset, numbers, _fitting_photometric(photometric, numbers["SamplesPerPixel"], stream))
    signs = found.get("PixelRepresentation", numbers["PixelRepresentation"]), numbers["PixelRepresentation"]
    return signs[0] != signs[1] or any(
        found.get(keyword) != numbers[keyword] for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored")
    )


def read_photometric(dataset: Dataset) -> str:
    """Return the Photometric Interpretation, a term of the standard; empty where it is missing or unknown."""
    element = _element(dataset, "PhotometricInterpretation")
    value = element.value if element is not None else None
    if isinstance(value, bytes):
        return find_photometric(value.decode("latin-1"))
    return find_photometric(str(value)) if isinstance(value, str) else ""


def _element(dataset: Dataset, keyword: str) -> DataElement | RawDataElement | None:
    tag = tag_for_keyword(keyword)
    return dataset.get_item(tag) if tag is not None and tag in dataset else None


def _number(dataset: Dataset, keyword: str) -> int | None:
    element = _element(dataset, keyword)
    if isinstance(element, RawDataElement):
        return read_number(keyword, element.VR or "", element.value or b"", little=element.is_little_endian)
    value = element.value if element is not None else None
    if isinstance(value, bytes):
        return read_number(keyword, "", value, little=True)
    try:
        return int(value if isinstance(value, (int, float, str)) else value[0])  # type: ignore[index]
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _complete_by_stream(numbers: dict[str, int], stream: Codestream) -> None:
    """Take from the codestream what it says; bits only where the header lacks them or has too few."""
    by_stream = {"Rows": stream.rows, "Columns": stream.columns, "SamplesPerPixel": stream.samples}
    numbers.update({keyword: number for keyword, number in by_stream.items() if number})
    if stream.is_signed:
        numbers["PixelRepresentation"] = 1
    if stream.bits and (stream.bits > numbers.get("BitsAllocated", 0) or numbers["BitsAllocated"] % BYTE):
        numbers["BitsAllocated"] = BYTE if stream.bits <= BYTE else 2 * BYTE
    if stream.decoder == JPEGBaseline8Bit:  # always 8 bits
        numbers["BitsAllocated"] = BYTE
    if stream.bits:
        numbers.setdefault("BitsStored", min(stream.bits, numbers["BitsAllocated"]))


def _complete_samples(numbers: dict[str, int], photometric: str, native_bytes: int | None) -> None:
    """Complete Samples per Pixel by the Photometric Interpretation; of a contradiction, the length decides."""
    by_photometric = 1 if photometric in (*GREY, "") else 4 if photometric in FOUR_SAMPLES else 3
    samples = numbers.setdefault("SamplesPerPixel", by_photometric)
    if native_bytes is not None and samples in (1, 3) and samples != by_photometric:
        fits = native_size({**numbers, "SamplesPerPixel": 3}, photometric) <= native_bytes
        numbers["SamplesPerPixel"] = 3 if fits else 1


def _refuse_layout(samples: int, photometric: str) -> None:
    """Raise ``unsupported_layout`` unless a pixel has one grey value or three colours."""
    if photometric in FOUR_SAMPLES and samples >= 3:
        what = f"Photometric Interpretation {photometric}"
    elif samples not in (1, 3):
        what = f"{samples} samples a pixel"
    else:
        return
    raise FilmError(codes.UNSUPPORTED_LAYOUT, kind="DICOM", what=what)


def _is_not_subsampled(numbers: dict[str, int], native_bytes: int) -> bool:
    """Return whether there are three values a pixel, against a Photometric Interpretation of two."""
    whole = native_size(numbers, "YBR_FULL")
    return numbers["SamplesPerPixel"] == 3 and 0 < whole <= native_bytes <= whole + 1


def _complete_bits(numbers: dict[str, int], photometric: str, native_bytes: int | None) -> None:
    """Complete Bits Allocated, Bits Stored and High Bit; Bits Allocated fits the length of uncompressed pixels."""
    if native_bytes is not None:
        count = native_size({**numbers, "BitsAllocated": BYTE}, photometric)
        _fit_bits_allocated(numbers, native_bytes, count)
    elif "BitsAllocated" not in numbers and "BitsStored" in numbers:
        numbers["BitsAllocated"] = BYTE if numbers["BitsStored"] <= BYTE else 2 * BYTE
    _require("BitsAllocated", numbers.get("BitsAllocated"))
    allocated = numbers["BitsAllocated"]
    if allocated not in READ_SIZES:
        raise FilmError(codes.ATTRIBUTE_UNUSABLE, attribute=name_attribute("BitsAllocated"))
    if not 1 <= numbers.get("BitsStored", 0) <= allocated:
        numbers["BitsStored"] = allocated
    if numbers["BitsStored"] == 1:
        raise FilmError(codes.ONE_BIT)
    if not numbers["BitsStored"] - 1 <= numbers.get("HighBit", -1) < allocated:
        numbers["HighBit"] = numbers["BitsStored"] - 1


def _fit_bits_allocated(numbers: dict[str, int], length: int, count: int) -> None:
    """Set Bits Allocated to what the length of ``count`` values allows, where the header's number does not fit."""
    allocated, stored = numbers.get("BitsAllocated", 0), numbers.get("BitsStored", 0)
    deepest = max(stored, numbers.get("HighBit", 0) + 1)
    if allocated in READ_SIZES and deepest <= allocated and length * BYTE >= allocated * count:
        return
    for size in (8, 16, 32):
        if count * size // BYTE <= length <= count * size // BYTE + 1 and stored <= size:
            numbers["BitsAllocated"] = size
            return
    if not allocated and stored:
        numbers["BitsAllocated"] = BYTE if stored <= BYTE else 2 * BYTE


def _fitting_photometric(photometric: str, samples: int, stream: Codestream | None) -> str:
    """Return a Photometric Interpretation that fits the number of samples."""
    if samples == 1 and photometric not in GREY:
        return "MONOCHROME2"
    if samples == 3 and photometric in GREY:
        return "YBR_FULL" if stream is not None and stream.is_lossy_jpeg else "RGB"
    return photometric


def _write(dataset: Dataset, numbers: dict[str, int], photometric: str) -> None:
    for keyword in NUMBERS:
        if keyword == "PlanarConfiguration" and numbers["SamplesPerPixel"] == 1:
            continue
        dataset.add_new(keyword, "IS" if keyword == "NumberOfFrames" else "US", numbers[keyword])
    dataset.PhotometricInterpretation = photometric


def _require(keyword: str, value: int | str | None) -> None:
    """Raise ``attribute_missing`` for an attribute without a usable value."""
    if value is None or value == "":
        raise FilmError(codes.ATTRIBUTE_MISSING, attribute=name_attribute(keyword))


def _has_value(dataset: Dataset, keyword: str) -> bool:
    element = _element(dataset, keyword)
    value = element.value if element is not None else b""
    return bool(value.strip(BLANKS.encode()) if isinstance(value, bytes) else str(value or "").strip(BLANKS))


def name_attribute(keyword: str) -> str:
    """Return name and tag of an attribute, for a sentence."""
    tag = tag_for_keyword(keyword) or 0
    return f"{dictionary_description(tag)} ({tag >> 16:04X},{tag & 0xFFFF:04X})"
