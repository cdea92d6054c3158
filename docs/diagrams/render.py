"""Render the Mermaid diagrams of the pages to SVG files beside this program: ``python3 docs/diagrams/render.py``.

Needs Mermaid's command line (the npm package ``@mermaid-js/mermaid-cli``) as ``mmdc`` on the path or in ``MMDC``, and
the browser that it drives. Only who changes a diagram needs these; ``make docs`` uses the files.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Text as SVG text: pictures in an <img> show no HTML in some browsers.
CONFIG = {
    "theme": "neutral",
    "themeVariables": {"fontSize": "18px"},
    "htmlLabels": False,
    "flowchart": {"htmlLabels": False, "nodeSpacing": 20, "rankSpacing": 45, "wrappingWidth": 320},
}

sys.path.insert(0, str(HERE.parent / "_extensions"))


def main() -> int:
    """Render every diagram of every page; return the exit status."""
    from diagram_source import FENCE, HEAD, digest_of

    program = os.environ.get("MMDC") or shutil.which("mmdc")
    if program is None:
        print("mmdc was not found: install the npm package @mermaid-js/mermaid-cli, or set MMDC.", file=sys.stderr)
        return 2
    for page in sorted(HERE.parent.rglob("*.md")):
        for source in FENCE.findall(page.read_text()):
            head = HEAD.match(source)
            if head is None:
                print(f"{page.name}: the first line of a diagram must be '%% name.svg: …'", file=sys.stderr)
                return 1
            target = HERE / head["file"]
            picture = _rendered(program, source)
            target.write_text(picture.replace(">", f"><!-- source {digest_of(source)} -->", 1) + "\n")
            print(target.name)
    return 0


def _rendered(program: str, source: str) -> str:
    """Return the SVG of a diagram."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "in.mmd").write_text(source)
        (place / "config.json").write_text(json.dumps(CONFIG))
        browser: dict[str, object] = {"args": ["--no-sandbox"]} if os.geteuid() == 0 else {}
        if found := shutil.which("chromium") or shutil.which("google-chrome"):
            browser["executablePath"] = found
        (place / "browser.json").write_text(json.dumps(browser))
        options = ["-c", place / "config.json", "-p", place / "browser.json", "-b", "transparent"]
        subprocess.run([program, "-i", place / "in.mmd", "-o", place / "out.svg", *options], check=True)
        return (place / "out.svg").read_text().strip()


if __name__ == "__main__":
    sys.exit(main())
