"""Full architectures, with the structure and the layer names under which their published weights are known.

Each takes images of any size through adaptive pooling (the transformer through its own size), so that a test can run
the real layer graph on a small image.
"""

from collections import OrderedDict
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.models.case import Case, normal


def named(**layers: nn.Module) -> nn.Sequential:
    """Chain layers under the names that the architecture gives them."""
    return nn.Sequential(OrderedDict(layers))


class Bottleneck(nn.Module):
    """Reduce, convolve, restore, with the input added before the last activation."""

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = width * self.expansion
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    """Four stages of bottlenecks; three, four, six and three of them make ResNet-50."""

    def __init__(self, depths: tuple[int, int, int, int], classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = stage(64, 64, depths[0], 1)
        self.layer2 = stage(256, 128, depths[1], 2)
        self.layer3 = stage(512, 256, depths[2], 2)
        self.layer4 = stage(1024, 512, depths[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(2048, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def stage(channels: int, width: int, depth: int, stride: int) -> nn.Sequential:
    """Build a stage of a ResNet, whose first block changes the size."""
    first = Bottleneck(channels, width, stride)
    rest = (Bottleneck(width * Bottleneck.expansion, width, 1) for _ in range(depth - 1))
    return nn.Sequential(first, *rest)


def resnet_50(classes: int = 1000) -> ResNet:
    """Build ResNet-50: 25.6 million parameters."""
    return ResNet((3, 4, 6, 3), classes)


def convolution(channels: int, out: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Build MobileNetV2's unit: convolution, norm and clipped activation."""
    conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; the input is added where the sizes allow."""

    def __init__(self, channels: int, out: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels * expansion
        self.adds_input = stride == 1 and channels == out
        expand = () if expansion == 1 else (convolution(channels, hidden, 1),)
        depthwise = convolution(hidden, hidden, stride=stride, groups=hidden)
        self.conv = nn.Sequential(*expand, depthwise, nn.Conv2d(hidden, out, 1, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.adds_input else self.conv(x)


MOBILE_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, depth and first stride of each stage."""


class MobileNetV2(nn.Module):
    """Inverted residuals from 32 to 320 channels: 3.5 million parameters with a thousand classes."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        blocks: list[nn.Module] = [convolution(3, 32, stride=2)]
        channels = 32
        for expansion, out, depth, stride in MOBILE_STAGES:
            for index in range(depth):
                blocks.append(InvertedResidual(channels, out, stride if index == 0 else 1, expansion))
                channels = out
        self.features = nn.Sequential(*blocks, convolution(channels, 1280, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x: Tensor) -> Tensor:
        x = F.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(torch.flatten(x, 1))


class EncoderBlock(nn.Module):
    """Attention and a two-layer network, each after a norm and inside a residual."""

    def __init__(self, heads: int, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = nn.LayerNorm(width, eps=1e-6)
        layers = (nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width))
        self.mlp = nn.Sequential(*layers, nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        normed = self.ln_1(x)
        attended, _ = self.self_attention(normed, normed, normed, need_weights=False)
        x = x + self.dropout(attended)
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Learned positions, blocks, a last norm."""

    def __init__(self, length: int, depth: int, heads: int, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.empty(1, length, width).normal_(std=0.02))
        self.dropout = nn.Dropout(dropout)
        blocks = {f"encoder_layer_{index}": EncoderBlock(heads, width, hidden, dropout) for index in range(depth)}
        self.layers = named(**blocks)
        self.ln = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return self.ln(self.layers(self.dropout(x + self.pos_embedding)))


class VisionTransformer(nn.Module):
    """An image as a sequence of patches after a class token; the defaults are ViT-B/16, 86.6 million parameters."""

    def __init__(
        self,
        image: int = 224,
        patch: int = 16,
        depth: int = 12,
        heads: int = 12,
        width: int = 768,
        classes: int = 1000,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.conv_proj = nn.Conv2d(3, width, patch, patch)
        self.encoder = Encoder((image // patch) ** 2 + 1, depth, heads, width, 4 * width, dropout)
        self.heads = named(head=nn.Linear(width, classes))

    def forward(self, x: Tensor) -> Tensor:
        patches = self.conv_proj(x).flatten(2).permute(0, 2, 1)
        token = self.class_token.expand(x.shape[0], -1, -1)
        return self.heads(self.encoder(torch.cat([token, patches], dim=1))[:, 0])


def tiny_vision_transformer() -> VisionTransformer:
    """Build a transformer for 32 x 32 images that is quick enough for every test."""
    return VisionTransformer(image=32, patch=8, depth=2, heads=2, width=16, classes=5, dropout=0.1)


class DenseLayer(nn.Module):
    """All maps so far, joined, through a bottleneck to a few new ones."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, maps: list[Tensor]) -> Tensor:
        bottleneck = self.conv1(self.relu1(self.norm1(torch.cat(maps, 1))))
        return self.conv2(self.relu2(self.norm2(bottleneck)))


class DenseBlock(nn.ModuleDict):
    """Layers of which each sees the maps of all before it."""

    def __init__(self, depth: int, channels: int, growth: int) -> None:
        super().__init__()
        for index in range(depth):
            self.add_module(f"denselayer{index + 1}", DenseLayer(channels + index * growth, growth))

    def forward(self, x: Tensor) -> Tensor:
        maps = [x]
        for layer in self.values():
            maps.append(layer(maps))
        return torch.cat(maps, 1)


def transition(channels: int) -> nn.Sequential:
    """Build what halves channels and size between two dense blocks."""
    return named(
        norm=nn.BatchNorm2d(channels),
        relu=nn.ReLU(inplace=True),
        conv=nn.Conv2d(channels, channels // 2, 1, bias=False),
        pool=nn.AvgPool2d(2, 2),
    )


class DenseNet(nn.Module):
    """Dense blocks with transitions between them."""

    def __init__(self, depths: tuple[int, ...], growth: int, channels: int, classes: int) -> None:
        super().__init__()
        self.features = named(
            conv0=nn.Conv2d(3, channels, 7, 2, 3, bias=False),
            norm0=nn.BatchNorm2d(channels),
            relu0=nn.ReLU(inplace=True),
            pool0=nn.MaxPool2d(3, 2, 1),
        )
        for index, depth in enumerate(depths, 1):
            self.features.add_module(f"denseblock{index}", DenseBlock(depth, channels, growth))
            channels += depth * growth
            if index < len(depths):
                self.features.add_module(f"transition{index}", transition(channels))
                channels //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.adaptive_avg_pool2d(F.relu(self.features(x), inplace=True), (1, 1))
        return self.classifier(torch.flatten(x, 1))


def densenet_121(classes: int = 1000) -> DenseNet:
    """Build DenseNet-121: 8 million parameters, and the memory planner's hardest customer."""
    return DenseNet((6, 12, 24, 16), growth=32, channels=64, classes=classes)


IMAGE = normal((2, 3, 32, 32))

CASES = (
    Case("vision_transformer_tiny", tiny_vision_transformer, IMAGE),
    Case("resnet_50", partial(resnet_50, 10), IMAGE, large=True),
    Case("mobilenet_v2", partial(MobileNetV2, 10), IMAGE, large=True),
    Case("densenet_121", partial(densenet_121, 10), IMAGE, large=True),
    Case(
        "vision_transformer",
        VisionTransformer,
        normal((2, 3, 224, 224)),
        large=True,
        notes="86 million parameters",
    ),
)
