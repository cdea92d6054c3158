"""The only serving code that runs a network. Loads ONNX Runtime; never import it before a fork."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ml.bundle import Bundle
from ml.errors import BundleError


@dataclass(frozen=True)
class Output:
    """What the network said of a stack of films.

    Attributes:
        scores: float32 [N], P(COVID-19).
        maps: float32 [N, h, w] class activation maps, or ``None`` where the network has none.
    """

    scores: NDArray[np.float32]
    maps: NDArray[np.float32] | None = None


class Classifier:
    """A bundle's network, ready to run on one thread (processes are what scales here)."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self.bundle = bundle
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(bundle.graph, options, providers=["CPUExecutionProvider"])
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise BundleError(f"{bundle.name} wants {len(inputs)} inputs; a film is one.")
        self._input = inputs[0].name

    def predict(self, films: NDArray[np.float32]) -> Output:
        """Run the network once over a stack.

        Args:
            films: float32 [N, height, width, channels] as :func:`ml.preprocess.to_input` makes them.
        """
        scores, *maps = self._session.run(None, {self._input: films})
        return Output(scores.reshape(len(films)), maps[0] if maps else None)
