import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval import encoders
from retrieval.encoders import Encoder, SentenceEncoder, open_encoder
from retrieval.errors import SettingsError, WeightsError


@pytest.fixture(scope="module")
def builtin() -> Encoder:
    return open_encoder("builtin")


@pytest.fixture(scope="module")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP of random weights and the byte alphabet, saved as any CLIP on the hub is."""
    import json

    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    folder = tmp_path_factory.mktemp("clip")
    letters = list(bytes_to_unicode().values())
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: row for row, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)
    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    torch.manual_seed(0)
    config = CLIPConfig(
        text_config={**tower, **ends, "vocab_size": len(words), "max_position_embeddings": 77},
        vision_config={**tower, "image_size": 32, "patch_size": 16},
        projection_dim=24,
    )
    CLIPModel(config).save_pretrained(folder)
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(images, tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def clip(tiny_clip: Path) -> Encoder:
    return open_encoder(str(tiny_clip))


def picture(colour: str) -> Image.Image:
    return Image.new("RGB", (40, 60), colour)


def test_texts_of_one_meaning_lie_close_together(builtin: Encoder) -> None:
    vectors = builtin.embed_text(["a film about a robbery", "a movie about a heist", "apple pie recipe"])
    assert vectors.shape == (3, builtin.dimensions)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > 0.4 + vectors[0] @ vectors[2]


def test_no_texts_give_no_vectors(builtin: Encoder) -> None:
    assert builtin.embed_text([]).shape == (0, builtin.dimensions)
    assert builtin.embed_pictures([]).shape == (0, builtin.dimensions)


def test_a_huge_text_is_cut_to_the_window(builtin: Encoder) -> None:
    long = "heist film " * 50_000
    assert builtin.embed_text([long])[0] @ builtin.embed_text(["heist film " * 200])[0] > 0.99


def test_chinese_is_mostly_unknown_to_the_builtin_encoder(builtin: Encoder) -> None:
    assert builtin.count_tokens(["红色的丝绸连衣裙，适合夏天"]).unknown_share > 0.1
    assert builtin.count_tokens(["a red silk dress for the summer"]).unknown_share == 0
    assert builtin.count_tokens([]).unknown_share == 0


def test_the_fingerprint_is_that_of_the_weights(builtin: Encoder) -> None:
    assert open_encoder().fingerprint == builtin.fingerprint


def test_other_text_weights_than_minilms_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.setattr(encoders, "_minilm_folder", lambda: tmp_path)
    with pytest.raises(WeightsError, match="is not all-MiniLM-L6-v2"):
        open_encoder()


def test_the_builtin_encoder_sees_into_the_space_of_its_texts(builtin: Encoder) -> None:
    assert builtin.sees
    seen = builtin.embed_pictures([picture("red"), picture("red").convert("P"), picture("blue")])
    assert seen.shape == (3, builtin.dimensions)
    np.testing.assert_allclose(np.linalg.norm(seen, axis=1), 1, atol=1e-5)
    assert seen[0] @ seen[1] > 0.99 > seen[0] @ seen[2]


def test_missing_weights_of_the_image_encoder_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from retrieval.builtin import image_tower

    monkeypatch.setattr(image_tower.load_image_tower, "__defaults__", (tmp_path / "image_encoder.safetensors",))
    with pytest.raises(WeightsError, match="install the package again"):
        open_encoder()


def test_an_external_model_sees_and_reads_into_one_space(clip: Encoder) -> None:
    assert clip.sees
    assert clip.dimensions == 24
    texts = clip.embed_text(["red", "green"])
    pictures = clip.embed_pictures([picture("red"), picture("green").convert("RGBA")])
    assert texts.shape == pictures.shape == (2, 24)
    np.testing.assert_allclose(np.linalg.norm([*texts, *pictures], axis=1), 1, atol=1e-5)
    assert abs(pictures[0] - pictures[1]).max() > 1e-3


def test_a_text_that_names_a_picture_stays_text(clip: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    picture("red").save(path)
    seen = clip.embed_pictures([picture("red")])[0]
    read = clip.embed_text([str(path), f"file://{path}"])
    assert (read @ seen < 0.99).all()
    assert read[0] @ clip.embed_text([f"{path} "])[0] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("text", ["http://127.0.0.1:9/x.png", "data:image/png;base64,AAAA", "https://youtu.be/x"])
def test_a_text_that_looks_like_an_address_is_not_opened(clip: Encoder, text: str) -> None:
    assert np.isfinite(clip.embed_text([text])).all()


def test_external_models_are_told_apart_by_their_weights(clip: Encoder, tiny_clip: Path, builtin: Encoder) -> None:
    assert open_encoder(str(tiny_clip)).fingerprint == clip.fingerprint != builtin.fingerprint


def test_a_model_for_text_alone_refuses_pictures() -> None:
    encoder = SentenceEncoder(str(encoders._minilm_folder()), local=True)
    assert not encoder.sees
    with pytest.raises(SettingsError, match="multimodal preset"):
        encoder.embed_pictures([picture("red")])


def test_weights_that_can_run_code_are_refused(tiny_clip: Path, tmp_path: Path) -> None:
    for file in tiny_clip.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch here'\ntR.")
    with pytest.raises(WeightsError, match="can run code"):
        open_encoder(str(tmp_path))


def test_a_folder_without_a_model_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="expected a sentence-transformers model"):
        open_encoder(str(tmp_path))


def test_an_unknown_name_lists_the_presets() -> None:
    with pytest.raises(SettingsError, match="builtin, multimodal, multilingual, multilingual-multimodal"):
        open_encoder("clipp")


def test_importing_the_module_loads_no_model_library() -> None:
    import subprocess

    code = "import sys, retrieval.encoders; print(sorted({'torch', 'sentence_transformers'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
