"""Writes a Stable Diffusion 1 model with random weights, small enough (31 MB) to make an image on a CPU in a second.

Usage: python make_tiny_sd1.py FOLDER

InvokeAI recognises the base of a diffusers folder by three things: the pipeline class in model_index.json, the
UNet's cross_attention_dim (768 means SD 1) and the scheduler's prediction_type. All other sizes are as small as the
parts still fit together: the text encoder gives 768 values per token, the VAE shrinks by 8 (four blocks) to 4 channels.
The weights are seeded, so every machine makes the same model with the same hash.
"""

import json
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

TEXT_WIDTH = 768
LATENT_CHANNELS = 4
START, END = "<|startoftext|>", "<|endoftext|>"


def byte_symbols() -> list[str]:
    """The 256 printable characters that stand for bytes in CLIP's byte pair encoding."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("\u00a1"), ord("\u00ac") + 1), *range(ord("\u00ae"), ord("\u00ff") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(others))]


def vocabulary() -> dict[str, int]:
    """Every byte inside a word, every byte at the end of a word, start and end: a tokenizer without any merges."""
    symbols = byte_symbols()
    tokens = [*symbols, *(symbol + "</w>" for symbol in symbols), START, END]
    return {token: index for index, token in enumerate(tokens)}


def write_json(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value), encoding="utf-8")


def write_tokenizer(folder: Path, tokens: dict[str, int]) -> None:
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    write_json(folder / "vocab.json", tokens)
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    write_json(folder / "special_tokens_map.json", special)
    write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "add_prefix_space": False, **special},
    )


def main(folder: Path) -> None:
    torch.manual_seed(0)
    tokens = vocabulary()
    write_tokenizer(folder / "tokenizer", tokens)

    UNet2DConditionModel(
        sample_size=64,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=8,
        norm_num_groups=32,
    ).save_pretrained(folder / "unet")

    AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=LATENT_CHANNELS,
        block_out_channels=(32,) * 4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=32,
        sample_size=512,
    ).save_pretrained(folder / "vae")

    CLIPTextModel(
        CLIPTextConfig(
            vocab_size=1000,
            hidden_size=TEXT_WIDTH,
            intermediate_size=256,
            num_hidden_layers=2,
            num_attention_heads=12,
            max_position_embeddings=77,
            bos_token_id=tokens[START],
            eos_token_id=tokens[END],
            pad_token_id=tokens[END],
        )
    ).save_pretrained(folder / "text_encoder")

    DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    ).save_pretrained(folder / "scheduler")

    write_json(
        folder / "model_index.json",
        {
            "_class_name": "StableDiffusionPipeline",
            "_diffusers_version": "0.39.0",
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
            "scheduler": ["diffusers", "DDIMScheduler"],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "safety_checker": [None, None],
            "feature_extractor": [None, None],
            "requires_safety_checker": False,
        },
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
