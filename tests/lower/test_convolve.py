"""Convolutions and their gradients: exact on whole numbers for all geometries, layouts, dtypes and sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphtf.ir.dims import sym
from graphtf.ir.ops.prims import p
from graphtf.ir.types import tensor

from .native import agree_exactly, draw, program, results_of_threads

B, H, W = sym("b"), sym("h"), sym("w")


def geometry(
    x: tuple[Any, ...], w: tuple[int, ...], strides: Any = 1, pads: Any = 0, dilations: Any = 1, groups: int = 1
) -> tuple[Any, ...]:
    """Array, filters, and the attributes, of which a single number stands for every axis."""
    rank = len(w) - 2

    def each(v: Any) -> Any:
        return (v,) * rank if isinstance(v, int) else v

    padding = tuple((q, q) if isinstance(q, int) else q for q in each(pads))
    return x, w, {"strides": each(strides), "padding": padding, "dilations": each(dilations), "groups": groups}


GEOMETRIES = [
    geometry((2, 12, 12, 3), (3, 3, 3, 8)),
    geometry((2, 8, 9, 1), (5, 5, 1, 32)),
    geometry((3, 14, 14, 32), (3, 3, 32, 40), pads=1),
    geometry((2, 11, 13, 4), (3, 3, 4, 16), strides=2, pads=((0, 1), (1, 1))),
    geometry((2, 16, 15, 5), (3, 2, 5, 7), strides=(3, 2), pads=((2, 0), (0, 3))),
    geometry((1, 17, 19, 6), (3, 3, 6, 20), dilations=(2, 3), pads=(2, 3)),
    geometry((1, 20, 23, 3), (4, 3, 3, 5), strides=(2, 3), dilations=(3, 2), pads=((1, 4), (2, 0))),
    geometry((2, 7, 7, 48), (1, 1, 48, 33)),
    geometry((2, 7, 7, 48), (1, 1, 48, 33), strides=2),
    geometry((2, 6, 5, 24), (1, 1, 24, 8), strides=3, pads=1),
    geometry((2, 9, 9, 12), (3, 3, 4, 18), groups=3, pads=1),
    geometry((2, 9, 9, 8), (3, 3, 2, 8), strides=2, groups=4),
    geometry((2, 10, 11, 19), (3, 3, 1, 19), groups=19, pads=1),
    geometry((2, 10, 11, 6), (3, 3, 1, 12), groups=6, strides=2, pads=((0, 1), (0, 1))),
    geometry((4, 7, 7, 2), (7, 7, 2, 70)),
    geometry((3, 2, 40, 3), (2, 3, 3, 4)),
    geometry((2, 3, 3, 2), (2, 2, 2, 3), strides=4, pads=2),
    geometry((2, 30, 3), (5, 3, 24)),
    geometry((2, 31, 4), (3, 4, 6), strides=2, dilations=2, pads=3),
    geometry((3, 20, 32), (2, 32, 16)),
    geometry((1, 6, 7, 8, 3), (3, 2, 3, 3, 5), strides=(2, 1, 2), pads=(1, 0, 1)),
    geometry((2, 5, 5, 5, 4), (2, 2, 2, 2, 6), groups=2, dilations=(1, 2, 1)),
    geometry((1, 45, 40, 7), (3, 3, 7, 37)),
    geometry((2, 30, 40, 5), (3, 3, 1, 5), groups=5, pads=1),
    geometry((0, 5, 5, 2), (3, 3, 2, 4)),
    geometry((2, 2, 2, 3), (3, 3, 3, 4)),
    geometry((2, 5, 5, 3), (3, 3, 3, 0)),
]
IDS = [f"{x}*{w}-{'-'.join(str(v) for v in a.values())}" for x, w, a in GEOMETRIES]


def three(x: Any, w: Any, attrs: Any, dtype: str) -> list[Any]:
    """The types of array, filters and result, and the programs of the convolution and its two gradients."""
    tx, tw = tensor(dtype, *x), tensor(dtype, *w)
    made = program([tx, tw], lambda a, b: p.conv(a, b, **attrs))
    ty = made.graph.outputs[0].ir_type
    return [
        made,
        program([ty, tw, tx], lambda c, b, a: p.add(p.conv_grad_input(c, b, input_shape=x, **attrs), a)),
        program([tx, ty], lambda a, c: p.conv_grad_filter(a, c, filter_shape=w, **attrs)),
    ]


@pytest.mark.parametrize("x,w,attrs", GEOMETRIES, ids=IDS)
def test_whole_numbers_are_exact(x: Any, w: Any, attrs: Any) -> None:
    for made in three(x, w, attrs, "float32"):
        agree_exactly(made, draw(made.graph, {}, whole=True))


DTYPES = ("float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32", "int64", "uint64")


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(dtype: str) -> None:
    for x, w, attrs in (GEOMETRIES[0], GEOMETRIES[3], GEOMETRIES[12]):
        for made in three(x, w, attrs, dtype):
            agree_exactly(made, draw(made.graph, {}, whole=True))


def test_integers_wrap_around() -> None:
    x, w, attrs = geometry((2, 6, 7, 5), (3, 3, 5, 9), pads=1)
    for dtype in ("int8", "uint16", "int32"):
        info, rng = np.iinfo(dtype), np.random.default_rng(1)
        for made in three(x, w, attrs, dtype):
            shapes = [v.ir_type.dims for v in made.graph.inputs]
            agree_exactly(made, [rng.integers(info.min, info.max, s, dtype, endpoint=True) for s in shapes])


@pytest.mark.parametrize("k", [0, 2, 3, 4, 6, 10, 13, 20, 21])
def test_infinite_filters_and_values(k: int) -> None:
    """Padding adds nothing to the gradient of an array, whatever the filters hold."""
    x, w, attrs = GEOMETRIES[k]
    rng = np.random.default_rng(k)
    for made in three(x, w, attrs, "float32"):
        args = draw(made.graph, {}, whole=True)
        for a in args:
            a.reshape(-1)[rng.integers(0, a.size, 2)] = np.inf, np.nan
        agree_exactly(made, args)


AT_RUN_TIME = [
    (geometry((B, 12, 12, 3), (3, 3, 3, 8), pads=1), [{"b": b} for b in (0, 1, 3)]),
    (geometry((2, H, W, 3), (3, 3, 3, 8), pads=1), [{"h": h, "w": w} for h, w in ((1, 1), (5, 3), (9, 20))]),
    (geometry((B, H, W, 4), (3, 2, 4, 5), strides=2, pads=1), [{"b": 2, "h": h, "w": w} for h, w in ((3, 4), (8, 11))]),
    (geometry((B, H, W, 4), (1, 1, 4, 5)), [{"b": b, "h": h, "w": w} for b, h, w in ((1, 1, 1), (3, 4, 5), (0, 2, 2))]),
    (geometry((B, 9, 8, 6), (3, 3, 1, 6), groups=6, pads=1), [{"b": b} for b in (1, 4)]),
    (geometry((B, W, 3), (3, 3, 7), strides=2, dilations=2, pads=2), [{"b": b, "w": w} for b, w in ((1, 2), (3, 30))]),
]


@pytest.mark.parametrize("case,runs", AT_RUN_TIME, ids=[str(c[:2]) for c, _ in AT_RUN_TIME])
def test_sizes_known_at_run_time(case: Any, runs: Any) -> None:
    for made in three(*case, "float32"):
        for sizes in runs:
            agree_exactly(made, draw(made.graph, sizes, whole=True))


def test_padding_known_at_run_time() -> None:
    x, w, attrs = geometry((2, W, 3), (4, 3, 8), strides=2, pads=(((W + 1) // 2, W // 3),))
    for made in three(x, w, attrs, "float32"):
        for width in (1, 6, 13):
            agree_exactly(made, draw(made.graph, {"w": width}, whole=True))


def test_epilogues_are_part_of_the_kernel() -> None:
    def layer(x: Any, w: Any, b: Any) -> Any:
        y = p.add(p.conv(x, w, **GEOMETRIES[2][2]), p.broadcast(b, shape=(3, 14, 14, 40)))
        return p.maximum(y, np.float32(0)), p.mul(y, y)

    made = program([tensor("float32", *s) for s in (*GEOMETRIES[2][:2], (40,))], layer)
    assert [n.attrs.get("kind") for n in made.graph.nodes] == ["contract"]
    agree_exactly(made, draw(made.graph, {}, whole=True))


def test_channels_first_is_read_where_it_lies() -> None:
    def f(x: Any, w: Any) -> Any:
        last = p.conv(p.transpose(x, perm=(0, 2, 3, 1)), w, **geometry((), (3, 3, 5, 9))[2])
        return p.transpose(last, perm=(0, 3, 1, 2))

    made = program([tensor("float32", 2, 5, 10, 11), tensor("float32", 3, 3, 5, 9)], f)
    agree_exactly(made, draw(made.graph, {}, whole=True))


@pytest.mark.parametrize("k", range(3))
def test_same_bits_on_any_number_of_threads(k: int) -> None:
    x, w, attrs = geometry((16, 20, 20, 8), (3, 3, 8, 32), pads=1)
    made = three(x, w, attrs, "float32")[k]
    one, two = results_of_threads(made, draw(made.graph, {}, seed=5))
    np.testing.assert_array_equal(one[0], two[0])
