"""Sphinx extension that shows a Mermaid diagram as the SVG file that was rendered from it.

A code host draws a ``mermaid`` fence with its own script. This site loads no script from elsewhere, so it shows a
picture that ``docs/diagrams/render.py`` made beforehand. The first line of a fence names it::

    %% architecture.svg: Folders and processes, and how a film passes through them

The picture carries the digest of its source. A fence that was changed without rendering it again is a warning, and so
an error in ``make docs``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diagram_source import HEAD, digest_of
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER = "diagrams"


class MermaidPicture(SphinxDirective):
    """The directive ``mermaid``."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the picture with its text alternative."""
        source = "\n".join(self.content)
        head = HEAD.match(source.strip())
        if head is None:
            raise self.error("The first line of a diagram must be '%% name.svg: what it shows'.")
        path = Path(self.env.srcdir) / FOLDER / head["file"]
        self.env.note_dependency(str(path))
        if not path.exists() or digest_of(source) not in path.read_text():
            raise self.warning(f"{path.name} is not of this source; run python3 docs/diagrams/render.py")
        address = f"/{FOLDER}/{head['file']}"
        picture = nodes.image(uri=address, alt=head["text"])
        return [nodes.container("", picture, classes=["diagram"])]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("mermaid", MermaidPicture)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
