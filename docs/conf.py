"""Configuration of Sphinx for the documentation site; ``make docs`` builds it into ``var/docs``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "Chest X-ray screening"
html_title = project
language = "en"
extensions = ["myst_parser", "mermaid_svg", "repository_links"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_extensions", "_static", "diagrams"]

myst_enable_extensions: list[str] = []
myst_heading_anchors = 3  # headings get the anchors that code hosts give them, so that links work in both
myst_fence_as_directive = ["mermaid"]
suppress_warnings: list[str] = []  # every warning is an error, see the Makefile

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_show_copyright = False
html_copy_source = False
