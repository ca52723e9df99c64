"""The workloads in PyTorch. `WORKS[name](compiled, arrays)` gives a function of no arguments that does one step;
`compiled` is `torch.compile`, or leaves a function as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from peers.inputs import HEADS, SEQUENCE, STEPS, UNITS, WIDTH, Arrays

Step = Callable[[], Any]


def applied(f: Callable[..., Any], *operands: Any) -> Step:
    """A function on fixed operands, without gradients."""
    given = [torch.tensor(x) for x in operands]

    def run() -> Any:
        with torch.no_grad():
            return f(*given)

    return run


def huber(compiled: Any, arrays: Arrays) -> Step:
    def loss(y: Any, p: Any) -> Any:
        e = (y - p).abs()
        return torch.where(e < 1, 0.5 * e * e, e - 0.5).mean()

    return applied(compiled(loss), arrays["a"], arrays["b"])


def gelu(compiled: Any, arrays: Arrays) -> Step:
    f = compiled(lambda x: 0.5 * x * (1 + torch.tanh(0.7978845608 * (x + 0.044715 * x * x * x))))
    return applied(f, arrays["x"])


def softmax(compiled: Any, arrays: Arrays) -> Step:
    return applied(compiled(lambda x: torch.softmax(x, -1)), arrays["x"])


def layernorm(compiled: Any, arrays: Arrays) -> Step:
    f = compiled(lambda x, scale, shift: F.layer_norm(x, x.shape[-1:], scale, shift))
    return applied(f, arrays["x"], arrays["scale"], arrays["shift"])


def matmul(compiled: Any, arrays: Arrays) -> Step:
    return applied(compiled(lambda a, b: a @ b), arrays["a"], arrays["b"])


def add(compiled: Any, arrays: Arrays) -> Step:
    a, b = torch.tensor(arrays["a"]), torch.tensor(arrays["b"])
    return lambda: a + b


def tape(compiled: Any, arrays: Arrays) -> Step:
    w, x = torch.tensor(arrays["a"], requires_grad=True), torch.tensor(arrays["b"])
    return lambda: torch.autograd.grad((w * x).sum(), w)[0]


def call(compiled: Any, arrays: Arrays) -> Step:
    return applied(compiled(lambda a, b: a + b), arrays["a"], arrays["b"])


def dense(weights: list[Any], biases: list[Any], x: Any) -> Any:
    last = len(weights) - 1
    for k, (w, b) in enumerate(zip(weights, biases)):
        x = torch.addmm(b, x, w)
        x = x if k == last else F.relu(x)
    return x


def mlpfwd(compiled: Any, arrays: Arrays) -> Step:
    weights, biases = ([torch.tensor(arrays[f"{kind}{k}"]) for k in range(3)] for kind in "wb")
    return applied(compiled(lambda x: dense(weights, biases, x)), arrays["x"])


def training(loss_of: Callable[..., Any], parameters: list[Any], optimiser: Any, *operands: Any) -> Step:
    """One step of an optimiser."""

    def run() -> Any:
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(*operands)
        loss.backward()
        optimiser.step()
        return loss.detach()

    return run


def parameters_of(arrays: Arrays, *names: str) -> list[Any]:
    return [torch.tensor(arrays[k], requires_grad=True) for k in names]


def mlp(compiled: Any, arrays: Arrays) -> Step:
    weights, biases = (parameters_of(arrays, *(f"{kind}{k}" for k in range(3))) for kind in "wb")
    optimiser = torch.optim.Adam(weights + biases, lr=1e-3, eps=1e-7, fused=True)
    loss_of = compiled(lambda x, y: F.cross_entropy(dense(weights, biases, x), y))
    x, y = torch.tensor(arrays["x"]), torch.tensor(arrays["y"]).long()
    return training(loss_of, weights + biases, optimiser, x, y)


def cnn(compiled: Any, arrays: Arrays) -> Step:
    kernels = [torch.tensor(arrays[k].transpose(3, 2, 0, 1).copy(), requires_grad=True) for k in ("k1", "k2")]
    # Flattening takes channels first here; the rows of w1 are put in that order, so the numbers are the others'.
    w1 = arrays["w1"].reshape(7, 7, 64, 128).transpose(2, 0, 1, 3).reshape(-1, 128).copy()
    w1, w2 = torch.tensor(w1, requires_grad=True), torch.tensor(arrays["w2"], requires_grad=True)
    parameters = [*kernels, w1, w2]

    def loss_of(x: Any, y: Any) -> Any:
        for k in kernels:
            x = F.max_pool2d(F.relu(F.conv2d(x, k, padding=1)), 2)
        return F.cross_entropy(F.relu(x.flatten(1) @ w1) @ w2, y)

    x, y = torch.tensor(arrays["x"].transpose(0, 3, 1, 2).copy()), torch.tensor(arrays["y"]).long()
    return training(compiled(loss_of), parameters, torch.optim.SGD(parameters, lr=1e-3, fused=True), x, y)


def attn(compiled: Any, arrays: Arrays) -> Step:
    names = ("qkv", "out", "up", "down", "scale1", "shift1", "scale2", "shift2")
    parameters = parameters_of(arrays, *names)
    n, size = len(arrays["x"]), WIDTH // HEADS

    def loss_of(x: Any) -> Any:
        qkv, out, up, down, scale1, shift1, scale2, shift2 = parameters
        parts = (F.layer_norm(x, (WIDTH,), scale1, shift1) @ qkv).reshape(n, SEQUENCE, 3, HEADS, size)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v)
        h = x + mixed.transpose(1, 2).reshape(n, SEQUENCE, WIDTH) @ out
        u = F.gelu(F.layer_norm(h, (WIDTH,), scale2, shift2) @ up, approximate="tanh")
        return ((h + u @ down) ** 2).mean()

    optimiser = torch.optim.SGD(parameters, lr=1e-4, fused=True)
    return training(compiled(loss_of), parameters, optimiser, torch.tensor(arrays["x"]))


def lstm(compiled: Any, arrays: Arrays) -> Step:
    layer = torch.nn.LSTM(arrays["x"].shape[2], UNITS, batch_first=True)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.tensor(arrays["wx"].T.copy()))
        layer.weight_hh_l0.copy_(torch.tensor(arrays["wh"].T.copy()))
        layer.bias_ih_l0.zero_()
        layer.bias_hh_l0.zero_()
    assert arrays["x"].shape[1] == STEPS
    parameters = list(layer.parameters())
    optimiser = torch.optim.SGD(parameters, lr=1e-2, fused=True)
    loss_of = compiled(lambda x: (layer(x)[1][0] ** 2).mean())
    return training(loss_of, parameters, optimiser, torch.tensor(arrays["x"]))


_ALL = (huber, gelu, softmax, layernorm, matmul, add, tape, call, mlpfwd, mlp, cnn, attn, lstm)
WORKS = {f.__name__: f for f in _ALL}
