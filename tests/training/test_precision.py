"""Which precision a device is fastest in."""

import pytest
import torch

from study.spec import BFLOAT16, FLOAT32
from study.training.precision import fastest


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [((), FLOAT32), (("avx512_f",), FLOAT32), (("avx512_bf16",), BFLOAT16), (("amx_bf16", "amx_tile"), BFLOAT16)],
)
def test_a_cpu_trains_in_bfloat16_only_if_it_computes_with_it(
    instructions: tuple[str, ...], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, **dict.fromkeys(instructions, True)})
    assert fastest("cpu") == expected


def test_the_names_are_those_by_which_torch_calls_the_instructions() -> None:
    capabilities = torch.cpu.get_capabilities()
    if capabilities.get("architecture") != "x86_64":
        pytest.skip("of x86 processors")
    assert {"avx512_bf16", "amx_bf16"} <= set(capabilities)
