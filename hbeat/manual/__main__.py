"""`python -m hbeat.manual FOLDER` writes the pages there."""

from __future__ import annotations

import sys
from pathlib import Path

from hbeat.manual.pages import PAGES

if __name__ == "__main__":
    for name, page in PAGES.items():
        Path(sys.argv[1], name).write_text("\n".join(page()) + "\n")
