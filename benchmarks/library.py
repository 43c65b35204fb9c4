# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the pose library takes in a real window: to open, for the first time and again, and to apply a pose.

    python benchmarks/library.py [--repeat 3]

Needs the folders of ``.ci/blender_root.sh`` and root, as the window tests do. The baselines are what Blender itself takes to draw
the same window once more, and to evaluate a figure of which one bone has moved.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "gui"), str(ROOT / "tests" / "support")]

MEASURED = (
    ("open first", 200.0, "redraw"),
    ("open again", 200.0, "redraw"),
    ("our drawing first", 200.0, "redraw"),
    ("our drawing again", 200.0, "redraw"),
    ("apply", 20.0, "nothing but evaluate"),
    ("apply with a click", 20.0, "nothing but evaluate"),
)
"""What is measured, at most how many milliseconds are promised, and what it is compared with."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, help="runs for each Blender (default 3)")
    repeat = parser.parse_args().repeat

    from blender_windows import WINDOWS, Session
    from checkout import build_zip
    from conftest import free_display

    with tempfile.TemporaryDirectory() as folder:
        extension = build_zip(Path(folder))
        for window in WINDOWS:
            if missing := window.missing():
                print(f"Blender {window.version}: {missing}")
                continue
            session = Session(window, extension, free_display())
            try:
                runs = [session.run("library_speed", timeout=600).facts for _ in range(repeat)]
            finally:
                session.close()
            report(window.version, runs)
    return 0


def report(version: str, runs: list[dict[str, float]]) -> None:
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    print(f"Blender {version}, {len(runs)} runs, {medians['poses']:.0f} poses, milliseconds")
    for baseline in dict.fromkeys(name for _, _, name in MEASURED):
        print(f"  {baseline:22} median {medians[baseline]:7.1f}")
    for name, limit, baseline in MEASURED:
        worst = max(run.get(f"{name}, worst", run[name]) for run in runs)
        told = f"median {medians[name]:7.1f}, worst {worst:7.1f} (promised {limit:.0f})"
        print(f"  {name:22} {told}, {medians[name] / medians[baseline]:.2f} × {baseline}")


if __name__ == "__main__":
    sys.exit(main())
