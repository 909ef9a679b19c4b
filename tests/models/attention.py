"""Attention: the fused operator with its options, torch's own modules, and transformers small and smaller."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.models.case import BATCH, Arguments, Case, KeywordArguments, integers, normal

WIDTH, HEADS = 8, 2


class SelfAttention(nn.Module):
    """Attention around the fused operator, heads split by reshaping with the input's own sizes."""

    def __init__(self, causal: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        self.causal = causal
        self.dropout = dropout
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        batch, steps, width = x.shape
        heads = self.qkv(x).reshape(batch, steps, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        query, key, value = heads.unbind(0)
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=dropout, is_causal=self.causal
        )
        return self.out(mixed.transpose(1, 2).reshape(batch, steps, width))


class GroupedQueryAttention(nn.Module):
    """Fewer heads for keys and values than for queries, and a scale of one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH // 2)
        self.value = nn.Linear(WIDTH, WIDTH // 2)

    def forward(self, x: Tensor) -> Tensor:
        query = self.query(x).unflatten(-1, (4, 2)).transpose(1, 2)
        key = self.key(x).unflatten(-1, (2, 2)).transpose(1, 2)
        value = self.value(x).unflatten(-1, (2, 2)).transpose(1, 2)
        return F.scaled_dot_product_attention(query, key, value, scale=0.25, enable_gqa=True).transpose(1, 2).flatten(2)


class WrittenOutAttention(nn.Module):
    """Attention made of elementary operators, with a causal mask that is a buffer outside the state_dict."""

    def __init__(self, longest: int = 16) -> None:
        super().__init__()
        self.causal: Tensor
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.dropout = nn.Dropout(0.25)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.register_buffer("causal", torch.ones(longest, longest).tril().bool(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, steps, width = x.shape
        query, key, value = self.qkv(x).split(width, dim=-1)
        query = query.view(batch, steps, HEADS, -1).transpose(1, 2)
        key = key.view(batch, steps, HEADS, -1).transpose(1, 2)
        value = value.view(batch, steps, HEADS, -1).transpose(1, 2)
        scores = (query @ key.transpose(-2, -1)) / math.sqrt(width // HEADS)
        scores = scores.masked_fill(~self.causal[:steps, :steps], float("-inf"))
        mixed = self.dropout(F.softmax(scores, dim=-1)) @ value
        return self.out(mixed.transpose(1, 2).contiguous().view(batch, steps, width))


class InfiniteMask(nn.Module):
    """A mask with infinities that is added to the scores: a buffer that is allowed to be non-finite."""

    def __init__(self) -> None:
        super().__init__()
        self.mask: Tensor
        self.attention = SelfAttention()
        self.register_buffer("mask", torch.full((5, 5), float("-inf")).triu(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, self.mask)


class OwnAttention(nn.Module):
    """torch's attention of a sequence to itself, with the weights that it attends by."""

    def __init__(self, weights: bool) -> None:
        super().__init__()
        self.weights = weights
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, dropout=0.25, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.attention(x, x, x, need_weights=self.weights)


class CrossAttention(nn.Module):
    """torch's attention of one sequence to another of another width, some of whose steps are padding."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, kdim=6, vdim=4, batch_first=True)

    def forward(self, x: Tensor, key: Tensor, value: Tensor, padding: Tensor) -> Tensor:
        return self.attention(x, key, value, key_padding_mask=padding, need_weights=False)[0]


class LanguageModel(nn.Module):
    """A decoder-only transformer whose output projection is its embedding: one tensor, two names."""

    def __init__(self, vocabulary: int = 11, longest: int = 16) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, WIDTH)
        self.position = nn.Embedding(longest, WIDTH)
        self.dropout = nn.Dropout(0.1)
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH) for _ in range(2)])
        self.attentions = nn.ModuleList([WrittenOutAttention(longest) for _ in range(2)])
        self.head = nn.Linear(WIDTH, vocabulary, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.dropout(self.embedding(tokens) + self.position(positions))
        for norm, attention in zip(self.norms, self.attentions, strict=True):
            x = x + attention(norm(x))
        return self.head(x)


class Rotary(nn.Module):
    """Queries turned by an angle that grows with the position."""

    def __init__(self) -> None:
        super().__init__()
        self.frequency: Tensor
        self.query = nn.Linear(WIDTH, WIDTH)
        self.register_buffer("frequency", 1.0 / 100 ** (torch.arange(0, WIDTH, 2) / WIDTH), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        query = self.query(x)
        angle = torch.outer(torch.arange(x.shape[1]).float(), self.frequency)
        even, odd = query[..., 0::2], query[..., 1::2]
        turned = (even * angle.cos() - odd * angle.sin(), even * angle.sin() + odd * angle.cos())
        return torch.stack(turned, dim=-1).flatten(-2)


def encoder_layer(norm_first: bool) -> nn.Module:
    """Build torch's encoder layer, with the norm on either side."""
    return nn.TransformerEncoderLayer(WIDTH, HEADS, 16, 0.1, "gelu", batch_first=True, norm_first=norm_first)


def encoder() -> nn.Module:
    """Build two encoder layers with a norm after them, batch second."""
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 16)
    return nn.TransformerEncoder(layer, 2, nn.LayerNorm(WIDTH), enable_nested_tensor=False)


def decoder_layer() -> nn.Module:
    """Build torch's decoder layer."""
    return nn.TransformerDecoderLayer(WIDTH, HEADS, 16, 0.0, batch_first=True)


def square_mask(generator: torch.Generator) -> KeywordArguments:
    """Draw a mask that says where attention may go, and lets every step see itself."""
    allowed = torch.rand(5, 5, generator=generator) > 0.5
    return {"mask": allowed | torch.eye(5, dtype=torch.bool)}


def padded(generator: torch.Generator) -> Arguments:
    """Draw queries, keys, values and a mask whose last steps are padding."""
    padding = torch.tensor([[False] * 4 + [True] * 2]).repeat(BATCH, 1)
    return (*normal((BATCH, 5, WIDTH), (BATCH, 6, 6), (BATCH, 6, 4))(generator), padding)


SEQUENCE = normal((BATCH, 5, WIDTH))
STEPS = {"x": (0, 1)}
"""Both the batch and the length of the sequence vary."""

CASES = (
    Case("attention", SelfAttention, SEQUENCE),
    Case("attention_causal", lambda: SelfAttention(causal=True), SEQUENCE),
    Case("attention_dynamic", SelfAttention, SEQUENCE, dynamic=STEPS),
    Case("attention_masked", SelfAttention, SEQUENCE, square_mask, dynamic={"x": (0,)}),
    Case(
        "attention_dropout",
        lambda: SelfAttention(dropout=0.5),
        SEQUENCE,
        train_only=True,
        notes="the probability is written out and belongs to no dropout layer",
    ),
    Case("attention_grouped", GroupedQueryAttention, SEQUENCE),
    Case("attention_written_out", WrittenOutAttention, SEQUENCE, dynamic=STEPS),
    Case("attention_infinite_mask", InfiniteMask, SEQUENCE, notes="the buffer holds infinities"),
    Case(
        "multihead",
        lambda: OwnAttention(False),
        SEQUENCE,
        train_only=True,
        notes="its attention dropout is lost",
    ),
    Case("multihead_weights", lambda: OwnAttention(True), SEQUENCE, train_only=True),
    Case("multihead_cross", CrossAttention, padded),
    Case("encoder_layer", lambda: encoder_layer(False), SEQUENCE, train_only=True),
    Case("encoder_layer_norm_first", lambda: encoder_layer(True), SEQUENCE, train_only=True),
    Case("encoder", encoder, normal((5, BATCH, WIDTH)), dynamic={"src": (1,)}, train_only=True),
    Case("decoder_layer", decoder_layer, normal((BATCH, 4, WIDTH), (BATCH, 6, WIDTH))),
    Case("language_model", LanguageModel, integers((BATCH, 6), limit=11), dynamic={"tokens": (0, 1)}),
    Case("rotary", Rotary, SEQUENCE, dynamic=STEPS),
)
