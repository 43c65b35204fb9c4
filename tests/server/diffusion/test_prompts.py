# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts as artists write them: A1111's weights and escapes, and more than 75 tokens."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from pose_to_anime.generation_server.diffusion.clip_tokenizer import clip_tokenizer, make_tokenizer  # noqa: E402
from pose_to_anime.generation_server.diffusion.prompts import PromptEncoder, chunked, parse_weights  # noqa: E402
from pose_to_anime.generation_server.models.builtin.vocabulary import WORDS, build_vocabulary  # noqa: E402
from transformers import CLIPTextConfig, CLIPTextModel  # noqa: E402


@pytest.mark.parametrize(
    ("prompt", "pieces"),
    [
        ("", []),
        ("a cat", [("a cat", 1.0)]),
        ("a (cat)", [("a ", 1.0), ("cat", 1.1)]),
        ("a ((cat))", [("a ", 1.0), ("cat", 1.21)]),
        ("[cat]", [("cat", 1 / 1.1)]),
        ("(cat:1.5), dog", [("cat", 1.5), (", dog", 1.0)]),
        ("(cat: .5 )", [("cat", 0.5)]),
        ("(cat:-1)", [("cat", -1.0)]),
        ("(a (b:2) c:3)", [("a ", 3.0), ("b", 6.0), (" c", 3.0)]),
        ("([a]:2)", [("a", 2 / 1.1)]),
        (r"hero \(series\)", [("hero (series)", 1.0)]),
        (r"(hero \(series\):1.2)", [("hero (series)", 1.2)]),
        (r"\[x\] a\\b", [(r"[x] a\b", 1.0)]),
        (r"a\nb", [(r"a\nb", 1.0)]),
        ("(open", [("open", 1.1)]),
        ("closed) a]", [("closed) a]", 1.0)]),
        ("(a] b)", [("a] b", 1.1)]),
        ("time 12:30", [("time 12:30", 1.0)]),
        ("(time 12:30)", [("time 12", 30.0)]),
        ("(a:1.2.3)", [("a:1.2.3", 1.1)]),
        ("a BREAK b", [("a ", 1.0), (None, 1.0), (" b", 1.0)]),
        ("BREAKFAST Bed", [("BREAKFAST Bed", 1.0)]),
        ("(a BREAK b:2)", [("a ", 2.0), (None, 1.0), (" b", 2.0)]),
    ],
)
def test_weights(prompt: str, pieces: list[tuple[str | None, float]]) -> None:
    parsed = parse_weights(prompt)
    assert [piece.text for piece in parsed if piece.text != ""] == [text for text, _ in pieces]
    assert [piece.weight for piece in parsed if piece.text != ""] == pytest.approx([weight for _, weight in pieces])


def test_clips_tokenizer_is_open_clips() -> None:
    """open_clip's own code over the same list of merges gives the same numbers."""
    import open_clip

    theirs = open_clip.get_tokenizer("ViT-L-14")
    ours = clip_tokenizer()
    assert len(ours) == 49408
    for text in ("a photo of an astronaut", "1girl, solo, (masterpiece:1.2)", "ünïcödé 日本 don't it's", "  two   spaces\nline"):
        ids = ours(text).input_ids
        assert theirs(text)[0][: len(ids)].tolist() == ids


def test_the_builtin_vocabulary_has_its_words_whole_and_takes_any_text() -> None:
    tokenizer = make_tokenizer(*build_vocabulary())
    for word in WORDS:
        assert len(tokenizer.tokenize(word)) == 1, word
    ids = tokenizer("rasengan 日本 ♥").input_ids
    assert ids[0] == tokenizer.bos_token_id and ids[-1] == tokenizer.eos_token_id
    assert tokenizer.eos_token_id not in ids[1:-1]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "rasengan 日本 ♥"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer(*build_vocabulary())


def test_chunks(tokenizer: Any) -> None:
    def sizes(prompt: str) -> list[int]:
        return [len(chunk.ids) for chunk in chunked(parse_weights(prompt), tokenizer)]

    assert sizes("") == [0]
    assert sizes("red " * 75) == [75]
    assert sizes("red " * 76) == [75, 1]
    assert sizes("red " * 151) == [75, 75, 1]
    assert sizes("red, " * 40) == [74, 6]  # 80 tokens; the cut is behind a comma
    assert sizes("red " * 50 + ", " + "blue " * 60) == [75, 36]  # no comma within reach of the end
    assert sizes("red BREAK blue") == [1, 1]
    assert sizes("BREAK") == [0]


def test_every_token_keeps_its_weight_across_chunks(tokenizer: Any) -> None:
    chunks = chunked(parse_weights("red " * 70 + "(blue hair:1.5) " + "green " * 10), tokenizer)
    blue, hair = (tokenizer.convert_tokens_to_ids(f"{word}</w>") for word in ("blue", "hair"))
    for chunk in chunks:
        assert len(chunk.ids) == len(chunk.weights)
        for token, weight in zip(chunk.ids, chunk.weights, strict=True):
            assert weight == (1.5 if token in (blue, hair) else 1.0)


@pytest.fixture(scope="module")
def text_encoder(tokenizer: Any) -> Any:
    torch.manual_seed(3)
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    encoder = CLIPTextModel(config).eval()
    with torch.no_grad():
        encoder.final_layer_norm.bias.fill_(0.5)  # a mean that weights can be measured against, as a trained encoder has
    return encoder


def direct(tokenizer: Any, text_encoder: Any, prompt: str, layer: int) -> Any:
    """A short prompt by transformers alone; ``layer`` counts from the end, 1 is the last."""
    ids = tokenizer(prompt, padding="max_length", max_length=77, return_tensors="pt").input_ids
    with torch.no_grad():
        output = text_encoder(ids, output_hidden_states=True)
        return output.last_hidden_state if layer == 1 else text_encoder.final_layer_norm(output.hidden_states[-layer])


@pytest.mark.parametrize("clip_skip", [1, 2])
def test_a_plain_prompt_is_what_transformers_gives(tokenizer: Any, text_encoder: Any, clip_skip: int) -> None:
    encoder = PromptEncoder(tokenizer, text_encoder, clip_skip)
    for prompt in ("", "1girl, blue hair"):
        torch.testing.assert_close(encoder.encode(prompt), direct(tokenizer, text_encoder, prompt, clip_skip))


def test_long_prompts_are_their_chunks_in_a_row(tokenizer: Any, text_encoder: Any) -> None:
    encoder = PromptEncoder(tokenizer, text_encoder, 1)
    long = encoder.encode("red " * 75 + "blue hair")
    assert long.shape == (1, 154, 32)
    torch.testing.assert_close(long[:, 77:], direct(tokenizer, text_encoder, "blue hair", 1))


def test_a_shorter_negative_goes_on_with_empty_chunks(tokenizer: Any, text_encoder: Any) -> None:
    encoder = PromptEncoder(tokenizer, text_encoder, 1)
    positive, negative = encoder.encode_pair("red " * 160, "bad")
    assert positive.shape == negative.shape == (1, 231, 32)
    torch.testing.assert_close(negative[:, 154:], direct(tokenizer, text_encoder, "", 1))
    positive, negative = encoder.encode_pair("red", "bad " * 80)
    assert positive.shape == negative.shape == (1, 154, 32)


def test_weights_scale_their_tokens_and_keep_the_mean(tokenizer: Any, text_encoder: Any) -> None:
    encoder = PromptEncoder(tokenizer, text_encoder, 1)
    plain, weighted = encoder.encode("blue hair"), encoder.encode("blue (hair:1.5)")
    ratio = (weighted / plain)[0].mean(1)
    torch.testing.assert_close(ratio[2] / ratio[1], torch.tensor(1.5))  # 0 is the start token
    torch.testing.assert_close(weighted.mean(), plain.mean())
    assert (encoder.encode("(blue hair:1.0)") == plain).all()


def test_an_encoder_without_a_mean_gets_the_plain_product(tokenizer: Any, text_encoder: Any) -> None:
    bias = text_encoder.final_layer_norm.bias.detach().clone()
    try:
        with torch.no_grad():
            text_encoder.final_layer_norm.bias.zero_()
        encoder = PromptEncoder(tokenizer, text_encoder, 1)
        plain, weighted = encoder.encode("blue hair"), encoder.encode("blue (hair:1.5)")
        torch.testing.assert_close(weighted[0, 2], plain[0, 2] * 1.5)
        torch.testing.assert_close(weighted[0, 3:], plain[0, 3:])
    finally:
        with torch.no_grad():
            text_encoder.final_layer_norm.bias.copy_(bias)


def test_what_was_encoded_is_remembered(tokenizer: Any, text_encoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = PromptEncoder(tokenizer, text_encoder, 1)
    first = encoder.encode("blue hair")
    monkeypatch.setattr(CLIPTextModel, "forward", None)
    assert encoder.encode("blue hair") is first
    with pytest.raises(TypeError):
        encoder.encode("red hair")
