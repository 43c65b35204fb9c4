# SPDX-License-Identifier: GPL-3.0-or-later
"""How long Blender waits for us in a real window: the click on Generate, and each call of our timer.

    python benchmarks/window.py [--repeat 3]

Needs the folders of ``.ci/blender_root.sh`` and root, as the window tests do. The baseline is what Blender itself takes to draw
the same window once more.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "gui"), str(ROOT / "tests" / "support")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, help="runs for each Blender (default 3)")
    repeat = parser.parse_args().repeat

    from blender_windows import WINDOWS, Session
    from checkout import build_zip
    from conftest import free_display
    from server_process import running_server

    with tempfile.TemporaryDirectory() as folder:
        extension = build_zip(Path(folder))
        for window in WINDOWS:
            if missing := window.missing():
                print(f"Blender {window.version}: {missing}")
                continue
            session = Session(window, extension, free_display())
            try:
                with running_server(session.home / "server", "--port", "0") as server:
                    server.wait_until_ready()
                    runs = [
                        session.run("first_picture", timeout=600, arguments={"worker": server.worker_pid()}).facts
                        for _ in range(repeat)
                    ]
            finally:
                session.close()
            redraw = statistics.median(run["redraw"] for run in runs)
            print(f"Blender {window.version}, {repeat} runs; one redraw of the window by Blender itself: {redraw:.0f} ms")
            for name, limit in (("click", 150.0), ("worst callback", 30.0)):
                values = [run[name] for run in runs]
                median, worst = statistics.median(values), max(values)
                told = f"median {median:6.1f} ms, worst {worst:6.1f} ms (promised {limit:.0f})"
                print(f"  {name:15} {told}, {median / redraw:.2f} redraws")
    return 0


if __name__ == "__main__":
    sys.exit(main())
