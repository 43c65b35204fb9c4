# SPDX-License-Identifier: GPL-3.0-or-later
"""Photographs every panel in each language at 100 % and 150 %, in each Blender that is here, and lays them out to be looked at.

    python tests/gui/panel_pictures.py --out DIR

With the Python of the server's environment. Needs the folders of ``.ci/blender_root.sh`` and root, as the window tests do. Writes
DIR/BLENDER-LANGUAGE-SCALE.png: the sidebars of the 3D view and the Image Editor, in columns.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blender_windows import Outcome

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "gui"), str(ROOT / "tests" / "support")]

LANGUAGES = ("en_US", "ja_JP", "zh_HANS")
SCALES = (1.0, 1.5)
SCREEN = (1600, 10000)
"""Higher than a user's, so that everything is in sight while it is open."""

COLUMN = 1500
"""Pixels of a sidebar above each other in the sheet."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--languages", nargs="+", default=LANGUAGES, choices=LANGUAGES)
    parser.add_argument("--scales", nargs="+", type=float, default=SCALES)
    parser.add_argument("--blender", help="only this version, such as 5.2")
    options = parser.parse_args()

    import blender_windows
    from checkout import build_zip
    from conftest import free_display

    blender_windows.SCREEN = SCREEN
    options.out.mkdir(parents=True, exist_ok=True)
    code = 0
    with tempfile.TemporaryDirectory() as folder:
        extension = build_zip(Path(folder))
        for window in blender_windows.WINDOWS:
            if options.blender and window.version != options.blender:
                continue
            if missing := window.missing():
                print(f"Blender {window.version}: {missing}", file=sys.stderr)
                code = 2
                continue
            session = blender_windows.Session(window, extension, free_display())
            try:
                wanted = {"languages": list(options.languages), "scales": list(options.scales)}
                outcome = session.run("panels", timeout=3000, arguments=wanted)
                if outcome.exit_code:
                    print(outcome.console, file=sys.stderr)
                    print(f"after {list(outcome.photographs)[-1:]}", file=sys.stderr)
                    return 1
                lay_out(outcome, options.out, window.version)
            finally:
                session.close()
    return code


def lay_out(outcome: Outcome, out: Path, version: str) -> None:
    """Each photograph's sidebars, cut into columns beside each other."""
    import numpy as np
    from PIL import Image

    for name, sidebars in outcome.facts["sidebars"].items():
        columns = []
        for x, y, width, height in sidebars:
            with Image.open(outcome.photographs[name]) as photograph:
                sidebar = photograph.convert("RGB").crop((x, y, x + width, y + height))
            rows = np.asarray(sidebar)[:, 10 : width - 60].std(axis=(1, 2))  # beside the tabs, which go on
            end = int(np.flatnonzero(rows > 4.0).max(initial=0)) + 8
            columns += [sidebar.crop((0, top, width, min(top + COLUMN, end))) for top in range(0, end, COLUMN)]
        sheet = Image.new("RGB", (sum(column.width + 8 for column in columns), COLUMN), "#181818")
        left = 0
        for column in columns:
            sheet.paste(column, (left, 0))
            left += column.width + 8
        path = out / f"{version}-{name}.png"
        sheet.save(path, optimize=True)
        print(path)


if __name__ == "__main__":
    sys.exit(main())
