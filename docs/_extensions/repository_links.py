"""Sphinx extension for links to Markdown files of the repository that are no pages, such as a package's README.

MyST treats every link to a Markdown file as a link to a page. A file outside ``docs/`` becomes a download here, as
files of code do. A file that does not exist stays a warning.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class RepositoryLinks(SphinxTransform):
    """Replacement of links to Markdown files outside the pages by downloads."""

    default_priority = 5  # before downloads are collected

    def apply(self, **_: Any) -> None:
        """Replace the links of one page."""
        page = Path(self.env.doc2path(self.env.docname))
        for link in list(self.document.findall(addnodes.pending_xref)):
            target = Path(f"{link['reftarget']}.md")
            if link.get("refdomain") == "doc" and target.is_absolute() and target.is_file():
                address = os.path.relpath(target, page.parent)
                file = addnodes.download_reference("", "", refdoc=self.env.docname, reftarget=address, reftype="myst")
                file += nodes.inline("", "", *link.children, classes=["xref", "download", "myst"])
                link.replace_self(file)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transform."""
    app.add_transform(RepositoryLinks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
