# SPDX-License-Identifier: GPL-3.0-or-later
"""How long each function of ours takes that Blender calls by itself, in a real window with a real server: timers and their parts,
handlers, panels, menus, polls, property callbacks.

    python benchmarks/callbacks.py [--part work panels set-up] [--blender 5.2] [--all]

Needs the folders of ``.ci/blender_root.sh`` and root, as the window tests do. The user's folder holds a thousand pictures, three
hundred LoRAs, a list of 50,000 tags; all panels are open, the prompts long. The baseline is one redraw of the window by Blender.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "gui"), str(ROOT / "tests" / "support")]

PARTS = ("work", "panels", "set-up")
BOUND = 16.0
"""Milliseconds that a callback may take."""
LARGER = {
    "timer generate.live_preview": 60.0,
    "draw handler": 60.0,
    "timer generate.icon_files": 100.0,
    **dict.fromkeys(("task load", "task show", "task fit", "task recall"), 100.0),
}
"""What draws control images or over the 3D view, where the graphics driver compiles at the first drawing, and what reads finished
pictures is bounded by itself. So their names begin."""

PICTURES, LORAS, TAGS = 1000, 300, 50_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS, help="what goes on (default: everything)")
    parser.add_argument("--blender", help="only this version, such as 5.2")
    parser.add_argument("--all", action="store_true", help="list every function, not only those beyond a quarter of the bound")
    options = parser.parse_args()

    import package_index
    from blender_windows import WINDOWS, Session
    from checkout import build_zip
    from conftest import free_display
    from server_process import STEP_ENGINE, running_server

    with tempfile.TemporaryDirectory() as folder:
        extension = build_zip(Path(folder))
        for window in WINDOWS:
            if missing := window.missing():
                print(f"Blender {window.version}: {missing}")
                continue
            if options.blender and window.version != options.blender:
                continue
            for part in options.part:
                if part == "set-up":
                    wheels = package_index.wheels_of(
                        package_index.LOCK.read_text("utf-8"), package_index.site_packages(), 3_000_000
                    )
                    with package_index.serve_index(wheels) as index:
                        index.slow = 3_000_000
                        seen = (Path(sys.base_prefix), package_index.site_packages())
                        python = {"PIP_INDEX_URL": index.url, "PYENV_ROOT": str(Path(sys.base_prefix).parents[1])}
                        session = Session(window, extension, free_display(), seen=seen, environment=python)
                        try:
                            fill(session.home)
                            measure(session, part, options.all)
                        finally:
                            end_server(session.home / "server")
                            session.close()
                    continue
                session = Session(window, extension, free_display())
                try:
                    fill(session.home)
                    user = ("--user-dir", str(session.home))
                    with running_server(session.home / "server", "--port", "0", *user, *STEP_ENGINE) as server:
                        server.wait_until_ready()
                        measure(session, part, options.all)
                finally:
                    session.close()
    return 0


def measure(session: object, part: str, every: bool) -> None:
    outcome = session.run("callbacks", timeout=900, arguments={"part": part})
    if outcome.exit_code or "Traceback" in outcome.console:
        print(outcome.console[-4000:])
    if "calls" not in outcome.facts:
        raise SystemExit(f"The part {part} came to no end.")
    report(session.window.version, part, outcome.facts, every)


def report(version: str, part: str, facts: dict[str, object], every: bool) -> None:
    calls = facts["calls"]
    print(f"Blender {version}, {part}: {len(calls)} functions of ours, {sum(each['count'] for each in calls.values())} calls")
    collected = facts["collected"]
    long = sum(each > BOUND for each in collected)
    print(
        f"  Python's garbage collector, counted by itself: {len(collected)} runs, {long} beyond {BOUND:.0f} ms, "
        f"the longest {max(collected, default=0.0):.1f} ms, with {facts['objects']} objects at the end"
    )
    print(f"  {'milliseconds':48} {'worst':>7} {'of it computing':>16} {'median':>8} {'calls':>6}")
    for name, each in sorted(calls.items(), key=lambda item: -item[1]["worst"]):
        bound = next((bound for start, bound in LARGER.items() if name.startswith(start)), BOUND)
        if not every and each["worst"] < bound / 4.0:
            continue
        mark = "!" if each["worst"] > bound and not name.startswith("click") else " "
        numbers = f"{each['worst']:7.1f} {each['worst computing']:16.1f} {each['median']:8.2f} {each['count']:6}"
        print(f"{mark} {name[:48]:48} {numbers}  {each['when']}")


def fill(home: Path) -> None:
    """A folder of a user who has had it for years."""
    import io
    import time

    from PIL import Image
    from pose_to_anime.addon.generate.records import Record, new_record_path, write_file, write_record
    from pose_to_anime.generation_server.protocol import GenerationRequest, JobState, new_job_id
    from weight_files import weights

    file = io.BytesIO()
    Image.radial_gradient("L").resize((1024, 1024)).convert("RGB").save(file, "PNG")
    picture = file.getvalue()
    shared = home / "picture.png"
    now = time.time()
    prompt = ", ".join(f"detail {number}" for number in range(80))
    for number in range(PICTURES):
        job_id, created = new_job_id(), now - 700.0 * number
        request = GenerationRequest(model="builtin", prompt=f"{'red hat' if number % 10 else 'coat'}, {prompt}", seed=number,
                                    width=1024, height=1024)  # fmt: skip
        record = Record(
            new_record_path(f"{number % 3:032x}", job_id, created, home / "history"),
            job_id, f"{number % 3:032x}", request, created=created, state=JobState.DONE,
        )  # fmt: skip
        if not shared.exists():
            write_file(shared, picture)
        record.result_path.parent.mkdir(parents=True, exist_ok=True)
        os.link(shared, record.result_path)
        write_record(record)
    lora = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"
    said = {"modelspec.trigger_phrase": "some words, by which, it acts"}
    for number in range(LORAS):
        width = 768 if number % 2 else 2048
        weights(home / f"models/loras/some lora number {number}.safetensors", {lora: [4, width]}, said)
    cross = "4.1.transformer_blocks.0.attn2.to_k.weight"
    for number in range(12):
        shapes = {f"model.diffusion_model.input_blocks.{cross}": [1, 2048]}
        weights(home / f"models/checkpoints/some-xl-{number}.safetensors", shapes)
    for kind in ("openpose", "depth"):
        shapes = {f"control_model.input_blocks.{cross}": [1, 2048], "input_hint_block.0.weight": [8]}
        weights(home / f"models/controlnet/some-xl-{kind}.safetensors", shapes)
    (home / "tags").mkdir()
    (home / "tags" / "many.csv").write_text("".join(f"tag_{n},0,{TAGS - n},alias_{n}\n" for n in range(TAGS)))


def end_server(data_dir: Path) -> None:
    """The server that Blender has started outlives it."""
    from pose_to_anime.generation_server.protocol import ServerAddress
    from server_process import is_alive, until

    address = ServerAddress.read(data_dir)
    if address is not None and is_alive(address.pid):
        os.kill(address.pid, signal.SIGTERM)
        until(lambda: not is_alive(address.pid))


if __name__ == "__main__":
    sys.exit(main())
