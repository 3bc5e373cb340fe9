"""In which precision networks are trained: the fastest that the device multiplies and adds without detours."""

import torch

from study.spec import BFLOAT16, FLOAT32

# What a CPU calls the instructions that multiply pairs of bfloat16 and add them up in float32.
_BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16")


def fastest(device: str) -> str:
    """bfloat16 (autocast) where the device computes with it, else float32.

    Weights, optimizer, batch normalization and losses stay in float32, and so does every evaluation: see
    `bench/precision.py` for what it does to the scores.

    Args:
        device: "cpu" or "cuda".
    """
    if device == "cuda":
        # GPUs before Ampere only imitate it, slowly.
        return BFLOAT16 if torch.cuda.is_bf16_supported(including_emulation=False) else FLOAT32
    capabilities = torch.cpu.get_capabilities()
    return BFLOAT16 if any(capabilities.get(name) for name in _BFLOAT16_INSTRUCTIONS) else FLOAT32
