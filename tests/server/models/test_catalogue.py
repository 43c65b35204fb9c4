# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry: ours, the user's and what lies in the user's folder; what is here, what is missing, what is wrong. No torch."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from pose_to_anime.generation_server.amounts import GIB
from pose_to_anime.generation_server.families.advice import advised
from pose_to_anime.generation_server.families.catalogue import families
from pose_to_anime.generation_server.models.catalogue import FOLDER, ModelCatalogue, ModelMissing, UnknownModel
from pose_to_anime.generation_server.models.check import check_entry
from pose_to_anime.generation_server.models.entry import KINDS, UNION_CONTROLS, ModelError, read_entry
from pose_to_anime.generation_server.models.lock import Lock, LockedFile
from pose_to_anime.generation_server.protocol import ModelStatus
from weight_files import weights

CROSS_ATTENTION = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
CONTROL_ATTENTION = "control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
XL_CROSS_ATTENTION = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
XL_UNION_ATTENTION = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight"
HINTS = "controlnet_cond_embedding.conv_in.weight"

XL = 'title = "X"\nfamily = "sdxl"\nkind = "checkpoint"\nrepository = "a/b"\n'
UNION = 'title = "X"\nfamily = "sdxl"\nkind = "controlnet"\nrepository = "a/b"\nadapter = "union"\n'


def diffusers_folder(folder: Path) -> Path:
    for name in ("unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"):
        weights(folder / f"{name}.safetensors")
    return folder


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.fixture
def catalogue(models: Path) -> ModelCatalogue:
    return ModelCatalogue(models.parent)


def test_every_entry_of_ours_is_complete() -> None:
    names = {path.stem for path in FOLDER.glob("*.toml")}
    for path in FOLDER.glob("*.toml"):
        entry = read_entry(path)
        assert entry.licence and entry.pictures and entry.title
        assert entry.kind in KINDS and (entry.family in families() or entry.kind in ("detector", "upscaler"))
        assert set(entry.companions) | set(entry.prefers) <= names
        assert "nsfw" in (entry.negative_prompt or "nsfw").split(", ")
        assert entry.made_here or entry.repository
    assert read_entry(FOLDER / "builtin.toml").advised is False


def test_statuses_travel_and_say_what_is_missing(catalogue: ModelCatalogue) -> None:
    statuses = {status.name: status for status in catalogue.statuses()}
    for status in statuses.values():
        assert ModelStatus.from_json(json.loads(json.dumps(status.to_json()))) == status
    meina = statuses["meinamix_v11"]
    assert not meina.present and meina.controls == ()
    assert {file.source for file in meina.missing} == {"Meina/MeinaMix_V11"}
    assert all(file.size is None for file in meina.missing)  # nobody has told a size: none is invented
    assert statuses["builtin"].present


def test_nothing_heavy_is_imported_to_list_models(models: Path) -> None:
    heavy = "torch", "diffusers", "transformers"
    code = (
        "import sys; from pathlib import Path; from pose_to_anime.generation_server.models.catalogue import ModelCatalogue; "
        f"ModelCatalogue(Path(sys.argv[1])).statuses(); print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(models.parent)], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_folder_and_a_file_of_the_entrys_name_are_found(catalogue: ModelCatalogue, models: Path) -> None:
    diffusers_folder(models / "meinamix_v11")
    assert catalogue.resolve("meinamix_v11").place.folder == models / "meinamix_v11"
    weights(models / "control_v11f1p_sd15_depth.safetensors", {CONTROL_ATTENTION: [320, 768]})
    status = catalogue.status("meinamix_v11")
    assert status.present and status.controls == ("depth",)
    resolved = catalogue.resolve("meinamix_v11")
    assert resolved.controlnets["depth"].file == models / "control_v11f1p_sd15_depth.safetensors"
    assert "models download control_v11p_sd15_openpose" in resolved.missing_controls["openpose"]


def test_the_hubs_cache_is_used(catalogue: ModelCatalogue, tmp_path: Path) -> None:
    """As huggingface_hub lays it out when another program has downloaded the model."""
    cache = tmp_path / "hub" / "models--Meina--MeinaMix_V11"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text("abc123")
    diffusers_folder(cache / "snapshots" / "abc123")
    assert catalogue.resolve("meinamix_v11").place.folder == cache / "snapshots" / "abc123"
    (cache / "snapshots" / "abc123" / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    assert [file.path for file in catalogue.status("meinamix_v11").missing] == [
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
    ]


def test_half_precision_and_shards_count(catalogue: ModelCatalogue, models: Path) -> None:
    folder = diffusers_folder(models / "meinamix_v11")
    unet = folder / "unet" / "diffusion_pytorch_model.safetensors"
    unet.rename(unet.with_name("diffusion_pytorch_model.fp16.safetensors"))
    text = folder / "text_encoder" / "model.safetensors"
    text.rename(text.with_name("model-00001-of-00001.safetensors"))
    text.with_name("model.safetensors.index.json").write_text("{}")
    assert catalogue.status("meinamix_v11").present
    unet.with_name("diffusion_pytorch_model.fp16.safetensors").rename(unet.with_name("diffusion_pytorch_model.bin"))
    assert not catalogue.status("meinamix_v11").present  # a pickle is none


def test_the_users_entries(catalogue: ModelCatalogue, models: Path) -> None:
    diffusers_folder(models.parent / "elsewhere")
    (models / "mine.toml").write_text('title = "Mine"\nfamily = "sd15"\nkind = "checkpoint"\npath = "../elsewhere"\n')
    assert catalogue.status("mine").present
    (models / "meinamix_v11.toml").write_text(
        'title = "My Meina"\nfamily = "sd15"\nkind = "checkpoint"\nrepository = "me/meina"\n'
    )
    assert catalogue.status("meinamix_v11").title == "My Meina"
    (models / "lost.toml").write_text('title = "Lost"\nfamily = "sd15"\nkind = "checkpoint"\npath = "nowhere.safetensors"\n')
    with pytest.raises(ModelMissing, match=r"Lost is not on this computer .*nowhere.safetensors.*correct the path"):
        catalogue.resolve("lost")
    assert catalogue.problems() == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("title = ", "cannot be read"),
        ('family = "sd15"\nkind = "checkpoint"\nrepository = "a/b"', "lacks 'title'"),
        ('title = "X"\nfamily = "sd99"\nkind = "checkpoint"\nrepository = "a/b"', "family 'sd99': use one of builtin, sd15"),
        ('title = "X"\nfamily = "sd15"\nkind = "poem"\nrepository = "a/b"', "kind 'poem': use checkpoint or controlnet"),
        ('title = "X"\nfamily = "sd15"\nkind = "checkpoint"', "either 'repository' or 'path'"),
        ('title = "X"\nfamily = "sd15"\nkind = "checkpoint"\nrepository = "a/b"\npath = "c"', "either 'repository' or 'path'"),
        ('title = "X"\nfamily = "sd15"\nkind = "controlnet"\nrepository = "a/b"', "needs 'control', one of openpose"),
        (UNION + 'control = "depth"', "needs 'controls', a list of openpose"),
        (UNION + 'controls = ["depth", "doll"]', "needs 'controls', a list of openpose"),
        (UNION + 'controls = ["depth", "smell"]', "has an unknown control: use openpose"),
        (UNION.replace("union", "magic"), "has the adapter 'magic': use controlnet or union"),
        ('title = "X"\nfamily = "sd15"\nkind = "vae"\ncontrol = "depth"\nrepository = "a/b"', "only a controlnet has"),
        (XL + 'prediction = "sample"', "has the prediction 'sample': use epsilon or v_prediction"),
        (XL + "guidance_rescale = 7", "use a number from 0 to 1"),
        (XL + "advised_memory = 12e9", "has the advised_memory 1.2e+10: use a number of GiB"),
        ('title = "X"\nkind = "upscaler"\nrepository = "a/b"', "lacks 'files'"),
        ('title = "X"\nfamily = "sdxl"\nkind = "upscaler"\nfiles = ["x.safetensors"]\nrepository = "a/b"', "upscaler is of none"),
        (XL + 'guidance_rescale = "0.7"', "must have a number in 'guidance_rescale'"),
        ('title = "X"\nfamily = "sd15"\nkind = "checkpoint"\nrepository = "https://x/a/b"', "write it as owner/name"),
        ('title = "X"\nfamily = "sd15"\nkind = "checkpoint"\nrepository = "a/b"\nfiles = ["x.ckpt"]', "only .safetensors files"),
        (
            'title = "X"\nfamily = "sd15"\nkind = "checkpoint"\nrepository = "a/b"\nfiles = ["../x.safetensors"]',
            "only .safetensors",
        ),
        ('title = "X"\nfamily = "sd15"\nkind = "checkpoint"\nrepository = "a/b"\nmagic = 1', "unknown line 'magic': known are"),
        ('title = 5\nfamily = "sd15"\nkind = "checkpoint"\nrepository = "a/b"', "must have a text in 'title'"),
        ('title = "X"\nfamily = "sd15"\nkind = "checkpoint"\nmade_here = true', "cannot have 'made_here'"),
    ],
)
def test_a_broken_entry_is_left_out_and_said(catalogue: ModelCatalogue, models: Path, text: str, sentence: str) -> None:
    (models / "broken.toml").write_text(text)
    (problem,) = catalogue.problems()
    assert sentence in problem and "broken.toml" in problem
    assert "broken" not in {status.name for status in catalogue.statuses()}
    assert catalogue.status("builtin").present  # the others work
    with pytest.raises(UnknownModel) as caught:
        catalogue.resolve("broken")
    assert sentence in str(caught.value)  # whoever asks for it is told why


def test_unknown_and_unfit_names(catalogue: ModelCatalogue) -> None:
    with pytest.raises(UnknownModel, match=r"There is no model 'x': use one of animagine_xl_4, .*, builtin, .*, meinamix_v11"):
        catalogue.status("x")
    with pytest.raises(ModelError, match="is a controlnet, which works with a model"):
        catalogue.resolve("control_v11f1p_sd15_depth")
    with pytest.raises(ModelMissing, match=r"\(unet.*safetensors and 2 more from Meina/MeinaMix_V11\): download it under Model"):
        catalogue.resolve("meinamix_v11")


def test_files_that_nobody_described_are_recognised(catalogue: ModelCatalogue, models: Path) -> None:
    weights(models / "Counterfeit V3.0.safetensors", {CROSS_ATTENTION: [320, 768]})
    weights(models / "my_openpose.safetensors", {CONTROL_ATTENTION: [320, 768]})
    folder = diffusers_folder(models / "Anything")
    (folder / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    (folder / "unet" / "config.json").write_text('{"cross_attention_dim": 768}')
    (models / "notes").mkdir()
    found = {status.name: status for status in catalogue.statuses()}
    assert (found["counterfeit_v3.0"].title, found["counterfeit_v3.0"].family) == ("Counterfeit V3.0", "sd15")
    assert found["anything"].present and found["anything"].controls == ("openpose",)
    assert catalogue.resolve("counterfeit_v3.0").place.file == models / "Counterfeit V3.0.safetensors"
    assert catalogue.problems() == []


def test_a_model_says_which_controls_fit_and_why_the_others_do_not(catalogue: ModelCatalogue, models: Path) -> None:
    """As ``GET /v1/models`` sends it. A ControlNet of another family never fits."""
    weights(models / "illustrious.safetensors", {XL_CROSS_ATTENTION: [640, 2048]})
    weights(models / "xl_union.safetensors", {XL_UNION_ATTENTION: [640, 2048], "task_embedding": [8, 320], HINTS: [16, 3, 3, 3]})
    weights(models / "control_lineart.safetensors", {CONTROL_ATTENTION: [320, 768]})
    weights(models / "old.safetensors", {CROSS_ATTENTION: [320, 768]})
    found = {status.name: status for status in catalogue.statuses()}
    assert found["illustrious"].family == found["xl_union"].family == "sdxl"
    assert found["xl_union"].kind == "controlnet"
    assert found["illustrious"].controls == found["xl_union"].controls == UNION_CONTROLS
    assert found["illustrious"].missing_controls == {}
    assert found["old"].controls == ("lineart",)
    assert set(found["old"].missing_controls) == {"openpose", "depth", "normal", "canny", "segmentation", "doll"}
    assert "models download control_v11p_sd15_seg'," in found["old"].missing_controls["segmentation"]
    (models / "xl_union.safetensors").unlink()
    alone = catalogue.status("illustrious")
    assert alone.controls == ()
    assert "models download controlnet_union_sdxl_promax', or switch the depth control off" in alone.missing_controls["depth"]
    assert ModelStatus.from_json(alone.to_json()) == alone


def test_one_union_is_for_all_that_it_is_for(catalogue: ModelCatalogue, models: Path) -> None:
    weights(models / "controlnet_union_sdxl_promax.safetensors")
    diffusers_folder(models / "animagine_xl_4")
    weights(models / "animagine_xl_4" / "text_encoder_2" / "model.safetensors")
    resolved = catalogue.resolve("animagine_xl_4")
    assert {place.entry.name for place in resolved.controlnets.values()} == {"controlnet_union_sdxl_promax"}
    status = catalogue.status("animagine_xl_4")
    assert (status.skeleton_profile, status.hands, status.face) == ("xinsir", False, False)
    assert resolved.vae is None
    before = resolved.identity
    weights(models / "sdxl_vae_fp16_fix" / "diffusion_pytorch_model.safetensors")
    resolved = catalogue.resolve("animagine_xl_4")
    assert resolved.vae is not None and resolved.vae.entry.name == "sdxl_vae_fp16_fix" and resolved.identity != before


def test_a_checkpoint_prefers_its_own_controlnets_where_they_are_here(catalogue: ModelCatalogue, models: Path) -> None:
    weights(models / "controlnet_union_sdxl_promax.safetensors")
    weights(models / "noob_depth_midas" / "diffusion_pytorch_model.fp16.safetensors")
    for name in ("noobai_xl_1_1", "animagine_xl_4"):
        diffusers_folder(models / name)
        weights(models / name / "text_encoder_2" / "model.safetensors")
    assert catalogue.controlnet_names("noobai_xl_1_1")["depth"] == "noob_depth_midas"
    assert catalogue.controlnet_names("noobai_xl_1_1")["openpose"] == "controlnet_union_sdxl_promax"
    assert set(catalogue.controlnet_names("animagine_xl_4").values()) == {"controlnet_union_sdxl_promax"}
    assert "noob_depth_midas" not in catalogue.entry("noobai_xl_1_1").companions  # never downloaded unasked


def test_what_works_on_pictures_has_no_family(catalogue: ModelCatalogue, models: Path) -> None:
    ours = catalogue.status("realesrgan_x4plus_anime_6b")
    assert (ours.kind, ours.family, ours.present, ours.missing[0].source) == (
        "upscaler",
        "",
        False,
        "Comfy-Org/Real-ESRGAN_repackaged",
    )
    weights(models / "realesrgan_x4plus_anime_6b" / "RealESRGAN_x4plus_anime_6B.safetensors")
    assert catalogue.status(ours.name).present
    weights(models / "big.safetensors")
    (models / "mine.toml").write_text(
        'title = "Mine"\nkind = "upscaler"\nfiles = ["big.safetensors"]\npath = "big.safetensors"\n'
    )
    assert catalogue.status("mine").present and catalogue.problems() == []


def test_the_models_say_what_to_begin_with(catalogue: ModelCatalogue) -> None:
    def first(gib: float) -> list[str]:
        return [status.name for status in advised(catalogue.statuses(), int(gib * GIB))][:2]

    assert first(24)[0] == first(11.7)[0] == "animagine_xl_4"
    assert first(8)[0] == first(4)[0] == first(0)[0] == "meinamix_v11"
    names = [status.name for status in advised(catalogue.statuses(), 8 * GIB)]
    assert "builtin" not in names and "realesrgan_x4plus_anime_6b" not in names
    assert names.index("counterfeit_v3") < names.index("animagine_xl_4") < names.index("pony_diffusion_v6_xl")
    pony, union = catalogue.status("pony_diffusion_v6_xl"), catalogue.status("controlnet_union_sdxl_promax")
    assert pony.quality_prompt.startswith("score_9") and pony.companions[0] == union.name and pony.advised_memory == 12.0
    assert not pony.recommended and catalogue.status("animagine_xl_4").recommended


def test_the_hash_of_a_single_file_is_told_or_reckoned_once(catalogue: ModelCatalogue, models: Path) -> None:
    mine = weights(models / "mine.safetensors", {CROSS_ATTENTION: [320, 768]})
    assert catalogue.sha256("mine") == ""  # not while a picture waits
    place = catalogue.locate(catalogue.entry("mine"))[0]
    assert place is not None and check_entry(catalogue, catalogue.entry("mine"), place) == []
    assert catalogue.sha256("mine") == hashlib.sha256(mine.read_bytes()).hexdigest()
    weights(mine, {CROSS_ATTENTION: [321, 768]})
    assert catalogue.sha256("mine") == ""
    weights(models / "counterfeit_v3" / "Counterfeit-V3.0_fix_fp16.safetensors")
    catalogue.lock.write("gsdf/Counterfeit-V3.0", "c0ffee", {"Counterfeit-V3.0_fix_fp16.safetensors": LockedFile(5, "ab" * 32)})
    assert catalogue.sha256("counterfeit_v3") == "ab" * 32
    diffusers_folder(models / "meinamix_v11")
    assert catalogue.sha256("meinamix_v11") == ""
    weights(models / "control_v11f1p_sd15_depth.safetensors", {CONTROL_ATTENTION: [320, 768]})
    assert catalogue.controlnet_names("meinamix_v11") == {"depth": "control_v11f1p_sd15_depth"}


def test_files_that_cannot_be_used_are_said(catalogue: ModelCatalogue, models: Path) -> None:
    weights(models / "sd2.safetensors", {CROSS_ATTENTION: [320, 1024]})
    weights(models / "lora.safetensors")
    weights(models / "control.safetensors", {CONTROL_ATTENTION: [320, 768]})
    path = weights(models / "cut.safetensors", {CROSS_ATTENTION: [320, 768]})
    path.write_bytes(path.read_bytes()[:-1])
    (models / "page.safetensors").write_text("<html>not found</html>")
    problems = {Path(text.split()[0]).name: text for text in catalogue.problems()}
    assert set(problems) == {"sd2.safetensors", "lora.safetensors", "control.safetensors", "cut.safetensors", "page.safetensors"}
    assert "kind of model that is not known" in problems["sd2.safetensors"]
    assert "put 'openpose', 'depth' or another into it" in problems["control.safetensors"]
    assert "is damaged (it has" in problems["cut.safetensors"]
    assert "cut off, or no safetensors file" in problems["page.safetensors"]


def test_the_lock_survives_nonsense(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "models" / "lock.json")
    assert lock.revision("a/b") is None and lock.files("a/b") == {}
    lock.write("a/b", "c0ffee", {"x": LockedFile(5, "ab")})
    assert lock.revision("a/b") == "c0ffee" and lock.size("a/b", "x") == 5 and lock.size("a/b", "y") is None
    lock.write(
        "a/c", "c0ffee", {"n.safetensors": LockedFile(5), "n.fp16.safetensors": LockedFile(3), "m.safetensors": LockedFile(7)}
    )
    assert (lock.size("a/c", "n.safetensors"), lock.size("a/c", "m.safetensors")) == (3, 7)  # of what would be downloaded
    lock.path.unlink()
    lock.write("a/b", "c0ffee", {"x": LockedFile(5, "ab")})
    for nonsense in ("", "[]", '{"a/b": 3}', '{"a/b": {"revision": 3, "files": {"x": {"weight": 5}}}}', '{"a/b": {"files": []}}'):
        lock.path.write_text(nonsense)
        assert lock.revision("a/b") is None and lock.files("a/b") == {}
    lock.write("a/b", "c0ffee", {})
    assert lock.revision("a/b") == "c0ffee"


def test_an_entry_says_how_its_controlnet_was_shown_people(models: Path, catalogue: ModelCatalogue) -> None:
    """The family's way, unless the ControlNet that is used, or the checkpoint itself, says another."""
    known = {status.name: status for status in catalogue.statuses()}
    for name, shown in (("builtin", False), ("meinamix_v11", True)):
        status = known[name]
        assert (status.skeleton_profile, status.hands, status.face) == ("controlnet", shown, shown)
    diffusers_folder(models / "mine")
    lines = 'title = "Mine"\nfamily = "sd15"\nkind = "checkpoint"\npath = "mine"\ncompanions = ["thick"]\n'
    (models / "mine.toml").write_text(lines, "utf-8")
    weights(models / "thick" / "diffusion_pytorch_model.safetensors")
    lines = 'title = "Thick"\nfamily = "sd15"\nkind = "controlnet"\ncontrol = "openpose"\npath = "thick"\n'
    (models / "thick.toml").write_text(lines + 'skeleton_profile = "xinsir"\nface = false\n', "utf-8")
    status = catalogue.status("mine")
    assert (status.skeleton_profile, status.hands, status.face) == ("xinsir", True, False)
    (models / "mine.toml").write_text((models / "mine.toml").read_text("utf-8") + "hands = false\nface = true\n", "utf-8")
    status = catalogue.status("mine")
    assert (status.skeleton_profile, status.hands, status.face) == ("xinsir", False, True)
    (models / "mine.toml").write_text((models / "mine.toml").read_text("utf-8").replace("false", '"no"'), "utf-8")
    with pytest.raises(ModelError, match="true or false in 'hands'"):
        read_entry(models / "mine.toml")
