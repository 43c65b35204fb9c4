# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws docs/posing.png and docs/workspace.png anew, photographs of a real Blender with the built extension and a real server.

    python tests/gui/readme_pictures.py [--out docs]

With the Python of the server's environment. Needs the folders of ``.ci/blender_root.sh`` and root, as the window tests do.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "gui"), str(ROOT / "tests" / "support")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder for the pictures (default: docs)")
    out = parser.parse_args().out

    from blender_windows import WINDOWS, Session
    from checkout import build_zip
    from conftest import free_display
    from PIL import Image
    from server_process import running_server

    window = WINDOWS[-1]  # the newest Blender
    if missing := window.missing():
        print(f"Blender {window.version}: {missing}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        session = Session(window, build_zip(Path(folder)), free_display())
        try:
            with running_server(session.home / "server", "--port", "0") as server:
                server.wait_until_ready()
                outcome = session.run("readme_pictures", timeout=900)
            if outcome.exit_code:
                print(outcome.console, file=sys.stderr)
                return 1
            out.mkdir(parents=True, exist_ok=True)
            for name in ("posing", "workspace"):
                x, y, width, height = outcome.facts[name]
                with Image.open(outcome.photographs[name]) as photograph:
                    part = photograph.convert("RGB").crop((x, y, x + width, y + height))
                part.save(out / f"{name}.png", optimize=True)
                print(out / f"{name}.png")
        finally:
            session.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
