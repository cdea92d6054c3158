"""ONNX Runtime without its telemetry. All code imports it from here.

The official builds for Linux report sessions to their vendor by default (microsoft/onnxruntime, pull request 27379):
they look up an external host name and store an identifier of the machine under ``~/.cache``. The variable is read
when the library is loaded, so it is set first.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

onnxruntime.disable_telemetry_events()

__all__ = ["onnxruntime"]
