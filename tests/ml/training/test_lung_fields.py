"""The second output of the lung network: pooled features of the whole film."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from ml.inference.bundle import LUNGS, MODELS
from ml.inference.lung_crop import CONTEXT, CONTEXT_FEATURES, MASK_INPUT
from ml.inference.onnx_runtime import onnxruntime
from ml.training.lung_fields import add_context_output

FILMS = np.random.default_rng(3).random((3, MASK_INPUT, MASK_INPUT, 1)).astype(np.float32)
SHIPPED = MODELS / "screener" / LUNGS


def run(path: Path) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return list(session.run(None, {session.get_inputs()[0].name: FILMS}))


def without_context(target: Path) -> Path:
    """The shipped graph with the mask as its only output."""
    model = onnx.load(SHIPPED)
    context = next(output for output in model.graph.output if output.name == CONTEXT)
    model.graph.output.remove(context)
    kept = [node for node in model.graph.node if not any(name.startswith(CONTEXT) for name in node.output)]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    onnx.save(model, target)
    return target


def test_the_output_is_added_and_the_mask_stays_bit_for_bit(tmp_path: Path) -> None:
    path = without_context(tmp_path / "lungs.onnx")
    (before,) = run(path)
    add_context_output(path)
    mask, context = run(path)
    assert np.array_equal(mask, before)
    assert context.shape == (len(FILMS), CONTEXT_FEATURES)
    assert np.array_equal(context, run(SHIPPED)[1])
    assert context.std(axis=0).max() > 0  # it differs from film to film


def test_a_graph_that_has_the_output_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "lungs.onnx"
    path.write_bytes(SHIPPED.read_bytes())
    add_context_output(path)
    assert path.read_bytes() == SHIPPED.read_bytes()
