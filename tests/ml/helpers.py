"""Small films and records that several tests are made of."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image

from ml.data.datasets import FilmRecord
from ml.errors import FilmError
from ml.inference.bundle import Bundle, find_bundle
from ml.inference.classifier import Classifier
from ml.phantom.film import PhantomSpec, dicom_bytes, png_bytes


def refusal(call: Callable[[], object]) -> FilmError:
    """The FilmError that a call must raise."""
    with pytest.raises(FilmError) as caught:
        call()
    return caught.value


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@cache
def _small_dicom() -> bytes:
    return dicom_bytes(PhantomSpec(80, 80, bits=12))


def dicom_with(pixels: NDArray[Any] | None = None, **values: Any) -> bytes:
    """A phantom's DICOM file with other attributes and, where given, other pixels (uint16, 12 bits)."""
    dataset = pydicom.dcmread(BytesIO(_small_dicom()))
    if pixels is not None:
        dataset.Rows, dataset.Columns = pixels.shape[:2]
        dataset.PixelData = pixels.tobytes()
    if "PhotometricInterpretation" in values:  # the phantom's Presentation LUT Shape would decide instead
        dataset.pop("PresentationLUTShape", None)
    for keyword, value in values.items():
        if keyword == "PixelPaddingValue":  # US or SS, which pydicom does not guess
            dataset.add_new(keyword, "US", value)
        else:
            setattr(dataset, keyword, value)
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def correlation(left: NDArray[Any], right: NDArray[Any]) -> float:
    return float(np.corrcoef(left.ravel().astype(float), right.ravel().astype(float))[0, 1])


def mean_difference(left: NDArray[Any], right: NDArray[Any]) -> float:
    return float(np.abs(left.astype(float) - right.astype(float)).mean())


def record(path: Path, source: str = "chest_xray", finding: str = "normal", **details: Any) -> FilmRecord:
    return FilmRecord(path, source, finding, **{"patient": path.stem, **details})


def phantom_file(path: Path, seed: int, **details: Any) -> Path:
    """A small PNG phantom on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png_bytes(PhantomSpec(**{"height": 128, "width": 128, "seed": seed, **details})))
    return path


@cache
def seed_cnn_bundle() -> Bundle:
    return find_bundle("seed-cnn")


@cache
def classifier() -> Classifier:
    """The classifier of ``seed-cnn`` on one thread."""
    return Classifier(seed_cnn_bundle())


def tiny_graph(path: Path) -> Path:
    """Write a graph of three convolutions with random weights: film [N, 12, 12, 1] -> logit [N, 1]."""
    import onnx
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = {
        "scale": np.array(2, np.float32),
        "shape": np.array([-1, 1, 12, 12]),
        "low": np.array(0, np.float32),
        "high": np.array(6, np.float32),
        "head": rng.normal(size=(6, 1)).astype(np.float32),
        **{
            f"kernel{number}": rng.normal(size=(6, channels, 3, 3)).astype(np.float32)
            for number, channels in enumerate((1, 6, 6))
        },
    }
    nodes = [
        helper.make_node("Mul", ["film", "scale"], ["scaled"], name="scale"),
        helper.make_node("Reshape", ["scaled", "shape"], ["x0"], name="layout"),
    ]
    for number in range(3):
        nodes += [
            helper.make_node("Conv", [f"x{number}", f"kernel{number}"], [f"y{number}"], name=f"convolution{number}"),
            helper.make_node("Clip", [f"y{number}", "low", "high"], [f"x{number + 1}"], name=f"relu{number}"),
        ]
    nodes += [
        helper.make_node("GlobalAveragePool", ["x3"], ["pooled"], name="pool"),
        helper.make_node("Flatten", ["pooled"], ["features"], name="flatten"),
        helper.make_node("MatMul", ["features", "head"], ["logit"], name="head"),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("film", onnx.TensorProto.FLOAT, ["N", 12, 12, 1])],
        [helper.make_tensor_value_info("logit", onnx.TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
