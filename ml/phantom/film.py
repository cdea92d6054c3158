"""Numerical chest phantom: synthetic frontal radiographs for the demo, the tests and the benchmarks.

No patient is involved. `chest` and `lung_mask` return arrays; `png_bytes`, `jpeg_bytes`, `tiff_bytes`, `webp_bytes`
and `dicom_bytes` return files. Each file has `SYNTHETIC_MARK` near its beginning or end, see
`ml.decoding.synthetic_mark`.
Command line: python -m ml.phantom.film OUT_DIR --count 10 --seed 1 --format dicom --opacities 3
"""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from ml.decoding.synthetic_mark import SYNTHETIC_MARK
from ml.phantom.render import MAX_SIDE, MIN_SIDE, PhantomSpec, Picture, chest, lung_mask

__all__ = [
    "MAX_SIDE",
    "MIN_SIDE",
    "PhantomSpec",
    "Picture",
    "chest",
    "dicom_bytes",
    "jpeg_bytes",
    "lung_mask",
    "png_bytes",
    "tiff_bytes",
    "webp_bytes",
]

IMAGE_DESCRIPTION = 270  # the TIFF and Exif tag
FILM_MM = 400.0  # what the short side of the film covers
VIEWS = ("PA", "AP")


def png_bytes(spec: PhantomSpec) -> bytes:
    """Encode as greyscale PNG: 8 bit for spec.bits 8, else 16 bit holding the values unscaled.

    The mark is in tEXt chunks `Software` and `Description` ahead of the pixels (PNG, W3C, 11.3.3).
    """
    info = PngInfo()
    info.add_text("Software", SYNTHETIC_MARK)
    info.add_text("Description", SYNTHETIC_MARK)
    out = BytesIO()
    Image.fromarray(chest(spec)).save(out, "PNG", pnginfo=info, compress_level=3)
    return out.getvalue()


def jpeg_bytes(spec: PhantomSpec, quality: int = 90) -> bytes:
    """Encode as greyscale baseline JPEG with the mark as comment (COM segment).

    Raises ValueError unless spec.bits is 8 and quality 1..95.
    """
    if spec.bits != 8:
        raise ValueError(f"JPEG holds 8 bits, not {spec.bits}")
    if not 1 <= quality <= 95:
        raise ValueError(f"JPEG quality must be 1..95, not {quality}")
    out = BytesIO()
    Image.fromarray(chest(spec)).save(out, "JPEG", quality=quality, comment=SYNTHETIC_MARK)
    return out.getvalue()


def tiff_bytes(spec: PhantomSpec) -> bytes:
    """Encode as uncompressed greyscale TIFF: 8 bit for spec.bits 8, else 16 bit holding the values unscaled.

    The mark is its Image Description (tag 270), which stands ahead of the pixels.
    """
    out = BytesIO()
    Image.fromarray(chest(spec)).save(out, "TIFF", description=SYNTHETIC_MARK)
    return out.getvalue()


def webp_bytes(spec: PhantomSpec) -> bytes:
    """Encode as lossless WebP, grey in three equal channels, with the mark in an EXIF chunk behind the pixels.

    Raises ValueError unless spec.bits is 8.
    """
    if spec.bits != 8:
        raise ValueError(f"WebP holds 8 bits, not {spec.bits}")
    exif = Image.Exif()
    exif[IMAGE_DESCRIPTION] = SYNTHETIC_MARK
    out = BytesIO()
    Image.fromarray(chest(spec)).save(out, "WEBP", lossless=True, method=0, exif=exif)
    return out.getvalue()


def _uid(*parts: object) -> UID:
    """Derive a UID from what it names (2.25 + UUID, DICOM PS3.5 B.2), so that files are reproducible."""
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, repr(parts)).int}")


def _identity(data: Dataset, spec: PhantomSpec, patient_id: str) -> None:
    """Fill in patient, study, series and equipment; required but unknown values stay empty."""
    data.SpecificCharacterSet = "ISO_IR 192"
    data.PatientName = "PHANTOM^SYNTHETIC"
    data.PatientID = patient_id
    data.PatientBirthDate = data.PatientSex = ""
    data.StudyInstanceUID = _uid("study", patient_id, spec)
    data.SeriesInstanceUID = _uid("series", patient_id, spec)
    data.StudyDate = data.StudyTime = data.AccessionNumber = data.ReferringPhysicianName = ""
    data.StudyID, data.SeriesNumber, data.InstanceNumber = "1", 1, 1
    data.Modality, data.BodyPartExamined = "DX", "CHEST"
    data.Manufacturer = "Numerical phantom"
    data.ManufacturerModelName = "ml.phantom.film"
    data.PresentationIntentType = "FOR PRESENTATION"


def _geometry(data: Dataset, spec: PhantomSpec, view: str) -> None:
    """Fill in what the DX modules (DICOM PS3.3 C.8.11) ask about view, region and detector."""
    data.ImageType = ["DERIVED", "SECONDARY"]
    data.DerivationDescription = SYNTHETIC_MARK
    data.ImageComments = SYNTHETIC_MARK
    data.ViewPosition = view
    data.PatientOrientation = ["L", "F"]
    data.ImageLaterality = "U"
    data.AnatomicRegionSequence = [_code("51185008", "Chest")]
    data.AcquisitionContextSequence = []
    data.ImagerPixelSpacing = [f"{FILM_MM / min(spec.height, spec.width):.6f}"] * 2
    data.DetectorType = ""
    data.BurnedInAnnotation = "NO"  # a side letter names no patient
    data.LossyImageCompression = "00"


def _code(value: str, meaning: str) -> Dataset:
    """Build one SNOMED CT code item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def _pixels(data: Dataset, picture: Picture, bits: int, monochrome1: bool) -> None:
    """Fill in the grey values; MONOCHROME1 stores them inverted, as low value means bright there."""
    if monochrome1:
        picture = (2**bits - 1 - picture).astype(picture.dtype)
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME1" if monochrome1 else "MONOCHROME2"
    data.Rows, data.Columns = picture.shape
    data.BitsAllocated = 8 * picture.itemsize
    data.BitsStored, data.HighBit, data.PixelRepresentation = bits, bits - 1, 0
    data.PixelIntensityRelationship = "LOG"
    data.PixelIntensityRelationshipSign = 1 if monochrome1 else -1
    data.RescaleIntercept, data.RescaleSlope, data.RescaleType = 0, 1, "US"
    data.WindowCenter, data.WindowWidth = 2 ** (bits - 1), 2**bits
    data.PresentationLUTShape = "INVERSE" if monochrome1 else "IDENTITY"
    raw = picture.astype(picture.dtype.newbyteorder("<")).tobytes()
    data.PixelData = raw + b"\0" * (len(raw) % 2)
    data["PixelData"].VR = "OB" if picture.itemsize == 1 else "OW"


def dicom_bytes(
    spec: PhantomSpec, *, monochrome1: bool = False, view: str = "PA", patient_id: str | None = None
) -> bytes:
    """Encode as DICOM file: Digital X-Ray Image Storage - For Presentation, explicit VR little endian.

    The mark stands in Derivation Description and Image Comments. The patient is PHANTOM^SYNTHETIC with
    ID `patient_id` (default PHANTOM-<seed>); `view` is PA or AP and changes the label only. Equal
    arguments give equal bytes. Raises ValueError for another view.
    """
    if view not in VIEWS:
        raise ValueError(f"view of a frontal phantom must be one of {', '.join(VIEWS)}, not {view!r}")
    who = patient_id if patient_id is not None else f"PHANTOM-{spec.seed}"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = _uid("image", who, spec, monochrome1, view)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID = meta.MediaStorageSOPClassUID
    data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    _identity(data, spec, who)
    _geometry(data, spec, view)
    _pixels(data, chest(spec), spec.bits, monochrome1)
    out = BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


ENCODERS = {
    "png": png_bytes,
    "jpeg": jpeg_bytes,
    "tiff": tiff_bytes,
    "webp": webp_bytes,
    "dicom": dicom_bytes,
}
SUFFIXES = {"png": ".png", "jpeg": ".jpg", "tiff": ".tif", "webp": ".webp", "dicom": ".dcm"}


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m ml.phantom.film", description="Write synthetic chest films.")
    parser.add_argument("out_dir", type=Path, help="directory to write to; created if missing")
    parser.add_argument("--count", type=int, default=10, help="number of films (default 10)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first; the next ones count up")
    parser.add_argument("--format", choices=sorted(ENCODERS), default="png")
    parser.add_argument("--size", type=int, default=1024, help=f"side in pixels, {MIN_SIDE}..{MAX_SIDE}")
    parser.add_argument("--bits", type=int, default=8, help="bits per pixel, 8..16; JPEG and WebP only 8")
    parser.add_argument("--opacities", type=int, default=0, help="ground-glass patches per film")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        the exit status: 0, or 2 where an argument is out of range or the directory cannot be written.
    """
    args = _arguments(argv)
    show_progress = sys.stderr.isatty()
    try:
        args.out_dir.mkdir(parents=True, exist_ok=True)
        for done, seed in enumerate(range(args.seed, args.seed + args.count), start=1):
            spec = PhantomSpec(args.size, args.size, bits=args.bits, opacities=args.opacities, seed=seed)
            name = f"phantom-{seed:06d}{SUFFIXES[args.format]}"
            (args.out_dir / name).write_bytes(ENCODERS[args.format](spec))
            if show_progress:
                sys.stderr.write(f"\r{done}/{args.count}" + ("\n" if done == args.count else ""))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"ml.phantom.film: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
