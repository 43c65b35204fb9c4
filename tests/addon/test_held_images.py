# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of results in a file that needs them: they stay when the results leave the history, and where they cannot it is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from made_results import blender_with_own_history, make, read  # noqa: E402
from pose_to_anime.addon.generate import gallery, held_images, history, pictures, session  # noqa: E402
from pose_to_anime.addon.generate.records import Record, record_paths  # noqa: E402
from timer_calls import settle, tick_until  # noqa: E402

OPS = bpy.ops.pose_to_anime


@pytest.fixture(autouse=True)
def blender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with blender_with_own_history(tmp_path / "home", monkeypatch):
        yield


def use_in_material(record: Record) -> None:
    material = bpy.data.materials.new("with a picture")
    material.use_fake_user = material.use_nodes = True
    material.node_tree.nodes.new("ShaderNodeTexImage").image = pictures.open_image(record)


def test_images_that_something_uses_outlive_their_results(tmp_path: Path) -> None:
    shown, used, kept, bare = (make("a girl", n, seed=int(n)) for n in (1.0, 2.0, 3.0, 4.0))
    (window,) = bpy.context.window_manager.windows
    area = max(window.screen.areas, key=lambda area: area.width * area.height)
    area.ui_type = "IMAGE_EDITOR"
    read()
    area.spaces.active.image = pictures.open_image(shown)
    use_in_material(used)
    use_in_material(bare)
    pictures.keep(kept, "PACK")
    expected = {record.job_id: pictures.read_png(record.result_path) for record in (used, kept, bare)}
    bpy.ops.ed.undo_push(message="used")
    assert OPS.discard_result(job_id=bare.job_id) == {"FINISHED"}
    assert OPS.discard_others("EXEC_DEFAULT") == {"FINISHED"}
    tick_until(lambda: gallery.count() == 0 and gallery._state.reading is None)
    assert pictures.image_of(shown.job_id) is None and not any(record.result_path.exists() for record in (used, kept, bare))
    assert session.session.notice.endswith("which uses them: 2.")
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.ed.undo_push(message="something else")
    for step in (bpy.ops.ed.undo, bpy.ops.ed.redo, bpy.ops.ed.undo):
        step()
        for record in (used, kept, bare):
            image = pictures.image_of(record.job_id)
            assert image is not None and np.array_equal(pictures.pixels_of(image), expected[record.job_id]), step
    for path in (tmp_path / "a.blend", tmp_path / "b.blend"):
        bpy.ops.wm.save_as_mainfile(filepath=str(path))
        bpy.ops.wm.open_mainfile(filepath=str(path))
        for job_id, pixels in expected.items():
            assert np.array_equal(pictures.pixels_of(pictures.image_of(job_id)), pixels), "it is in the file"
    assert held_images.missing() == []


def test_of_a_linked_image_nobody_says_that_it_is_packed(tmp_path: Path) -> None:
    made = [make("a girl", n, seed=int(n)) for n in (1.0, 2.0)]
    read()
    for record in made:
        use_in_material(record)
    images = {pictures.image_of(record.job_id) for record in made}
    bpy.data.libraries.write(str(tmp_path / "pictures.blend"), {*bpy.data.materials, *images})
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "pictures.blend"), link=True) as (theirs, ours):
        ours.materials = [name for name in theirs.materials if name.startswith("with a picture")]
    settle()
    titles = [pictures.title(record) for record in made]
    assert OPS.discard_result(job_id=made[0].job_id) == {"FINISHED"}
    settle()
    assert titles[0] in session.session.notice and "packed" not in session.session.notice
    own = make("a boy", 3.0, seed=3)
    use_in_material(own)
    read()
    gallery.remove((gallery.item(made[1].job_id), gallery.item(own.job_id)))
    settle()
    said = session.session.notice
    assert "which uses them: 1." in said and titles[1] in said and titles[0] not in said, "each is told when it goes"
    assert sorted(held_images.missing()) == sorted(titles)
    for record in (*made, own):
        assert not record.result_path.exists() and pictures.image_of(record.job_id) is not None


def test_of_a_picture_whose_file_is_gone_nobody_says_that_it_is_packed() -> None:
    record = make("a girl", 1.0)
    read()
    use_in_material(record)
    record.result_path.unlink()
    assert not history.throw_away(record)
    assert pictures.image_of(record.job_id) is not None and pictures.title(record) in session.session.notice


def test_saving_puts_into_the_file_what_it_uses_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "files" / "a.blend"
    path.parent.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    used, shown = make("a girl", 1.0, seed=1), make("a boy", 2.0, seed=2)
    read()
    use_in_material(used)
    pictures.open_image(shown)
    expected = pictures.read_png(used.result_path)
    bpy.ops.file.make_paths_relative()
    assert ".." in pictures.image_of(used.job_id).filepath
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    assert pictures.image_of(used.job_id).packed_file and not pictures.image_of(shown.job_id).packed_file
    for record in record_paths():
        record.unlink()
        record.with_suffix(".png").unlink()
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert np.array_equal(pictures.pixels_of(pictures.image_of(used.job_id)), expected)


def test_a_file_whose_picture_is_gone_says_so(tmp_path: Path) -> None:
    record = make("a girl", 1.0)
    read()
    use_in_material(record)
    image = pictures.image_of(record.job_id)
    path = tmp_path / "copied" / "pictures.blend"  # as an older version wrote it, which packed nothing
    path.parent.mkdir()
    bpy.data.libraries.write(str(path), {bpy.context.scene, *bpy.data.materials, image}, fake_user=False)
    assert held_images.missing() == [] and not history.is_gone(record.job_id)
    for file in record.files:
        file.unlink(missing_ok=True)
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert held_images.missing() == [pictures.title(record)]
    history._tell_missing()
    assert pictures.title(record) in session.session.notice
    assert not history.is_gone(record.job_id), "panels look into memory alone"
    tick_until(lambda: history.is_gone(record.job_id))
