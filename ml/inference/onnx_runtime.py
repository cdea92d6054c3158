"""ONNX Runtime without its telemetry. Whatever needs it imports it from here.

Its official builds for Linux report sessions to their maker unless told otherwise (microsoft/onnxruntime, pull
request 27379): they look up a name outside and keep an identifier of the machine under ``~/.cache``. The variable is
read when the library is loaded, so it is set first.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

onnxruntime.disable_telemetry_events()

__all__ = ["onnxruntime"]
