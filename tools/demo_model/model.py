"""The network: a Llama of a few million parameters, as weft reads one.

Grouped-query attention, rotary positions, RMSNorm before each half, SwiGLU, the embedding used
again as the head. Rotary pairs are neighbours (0,1), (2,3), ...: the order a GGUF file of
architecture "llama" has, so that the export copies weights and permutes none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """What the file's metadata says of the network. Sizes are multiples of 32, a Q8_0 block."""

    vocab: int = 2048
    width: int = 192
    layers: int = 6
    heads: int = 6
    kv_heads: int = 2
    head_dim: int = 32
    ffn: int = 512
    context: int = 512
    rope_base: float = 10000.0
    norm_eps: float = 1e-5

    def as_dict(self) -> dict[str, int | float]:
        return asdict(self)


def rope_table(shape: Shape, length: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each [length, head_dim / 2]."""
    exponent = torch.arange(0, shape.head_dim, 2, dtype=torch.float64) / shape.head_dim
    angle = torch.arange(length, dtype=torch.float64)[:, None] * shape.rope_base**-exponent
    return angle.cos().float(), angle.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x [batch, heads, tokens, head_dim]; turns each pair of neighbours by its position's angle."""
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    turned = torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1)
    return turned.flatten(-2).to(x.dtype)


class Norm(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        q, kv = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        self.attn_norm = Norm(shape.width, shape.norm_eps)
        self.attn_q = nn.Linear(shape.width, q, bias=False)
        self.attn_k = nn.Linear(shape.width, kv, bias=False)
        self.attn_v = nn.Linear(shape.width, kv, bias=False)
        self.attn_output = nn.Linear(q, shape.width, bias=False)
        self.ffn_norm = Norm(shape.width, shape.norm_eps)
        self.ffn_gate = nn.Linear(shape.width, shape.ffn, bias=False)
        self.ffn_up = nn.Linear(shape.width, shape.ffn, bias=False)
        self.ffn_down = nn.Linear(shape.ffn, shape.width, bias=False)

    def attention(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        def heads(y: Tensor) -> Tensor:  # [batch, tokens, n * head_dim] to [batch, n, tokens, head_dim]
            return y.unflatten(-1, (-1, self.shape.head_dim)).transpose(1, 2)

        q = rotate(heads(self.attn_q(x)), cos, sin)
        k = rotate(heads(self.attn_k(x)), cos, sin)
        v = heads(self.attn_v(x))
        group = self.shape.heads // self.shape.kv_heads
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.attn_output(out.transpose(1, 2).flatten(-2))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.attention(self.attn_norm(x), cos, sin)
        h = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))


class Llama(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocab, shape.width)
        self.blk = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.output_norm = Norm(shape.width, shape.norm_eps)
        cos, sin = rope_table(shape, shape.context)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.reset()

    def reset(self) -> None:
        """Normal weights; those that write into the residual stream smaller, by its depth."""
        for name, weight in self.named_parameters():
            if weight.dim() < 2:
                continue
            into_stream = name.endswith(("attn_output.weight", "ffn_down.weight"))
            std = 0.02 if weight is self.token_embd.weight else weight.shape[1] ** -0.5
            nn.init.normal_(weight, std=std / (2 * self.shape.layers) ** 0.5 if into_stream else std)

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens [batch, length] to logits [batch, length, vocab]."""
        length = tokens.shape[1]
        cos, sin = self.cos[:length], self.sin[:length]
        x = self.token_embd(tokens)
        for layer in self.blk:
            x = layer(x, cos, sin)
        return F.linear(self.output_norm(x), self.token_embd.weight)
