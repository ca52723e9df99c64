"""The laws of views, of what reads through them, and of reductions. Guards and flags are explained in rule.py."""

from __future__ import annotations

from graphtf.passes.rules.rule import (
    Rule,
    all_are,
    empty,
    inside,
    keeps_order,
    last_two,
    leading_ones,
    only_stretched,
    rule,
    same_shape,
    scalar,
    size_one,
    sorted_axes,
    whole,
)

SHAPES: tuple[Rule, ...] = (
    # nothing changes
    rule("reshape-same", "reshape{shape=s}(x) => x", same_shape("x", "s")),
    rule("broadcast-same", "broadcast{shape=s}(x) => x", same_shape("x", "s")),
    rule("transpose-nothing", "transpose{perm=p}(x) => x", sorted_axes("p")),
    rule("slice-whole", "slice{starts=s, limits=l, strides=t}(x) => x", whole("x")),
    rule("pad-nothing", "pad{low=l, high=h}(x, v) => x", all_are(0, "l", "h")),
    rule("reverse-nothing", "reverse{axes=a}(x) => x", empty("a")),
    rule("concat-one", "concat{axis=a}(x) => x"),
    rule("dynamic-slice-whole", "dynamic_slice{sizes=s}(x, i) => x", same_shape("x", "s")),
    rule("dynamic-update-whole", "dynamic_update_slice(x, u, i) => u"),
    # one after the other
    rule("reshape-reshape", "reshape{shape=s}(reshape{shape=t}(x)) => reshape{shape=s}(x)"),
    rule("broadcast-broadcast", "broadcast{shape=s}(broadcast{shape=t}(x)) => broadcast{shape=s}(x)"),
    rule("transpose-transpose", "transpose{perm=p}(transpose{perm=q}(x)) => transpose{perm=compose(q, p)}(x)"),
    rule("reverse-reverse", "reverse{axes=a}(reverse{axes=b}(x)) => reverse{axes=either(a, b)}(x)"),
    rule("slice-slice",
         "slice{starts=s, limits=l, strides=t}(slice{starts=a, limits=b, strides=c}(x))"
         " => slice{starts=within(a, c, s), limits=up_to(a, c, l), strides=times(c, t)}(x)"),
    rule("pad-pad", "pad{low=l, high=h}(pad{low=a, high=b}(x, v), v) => pad{low=plus(l, a), high=plus(h, b)}(x, v)"),
    rule("slice-pad",
         "slice{starts=s, limits=l, strides=t}(pad{low=a, high=b}(x, v))"
         " => slice{starts=minus(s, a), limits=minus(l, a), strides=t}(x)", inside("x")),
    # a view that another does as well
    rule("transpose-is-reshape", "transpose{perm=p}(x) => reshape{shape=out}(x)", keeps_order("x", "p")),
    rule("broadcast-reshape", "broadcast{shape=s}(reshape{shape=t}(x)) => broadcast{shape=s}(x)",
         leading_ones("x", "t")),
    rule("reshape-broadcast-one",
         "reshape{shape=s}(broadcast{shape=t}(x)) => broadcast{shape=s}(reshape{shape=unit(t)}(x))", scalar("x")),
    rule("transpose-broadcast-one",
         "transpose{perm=p}(broadcast{shape=t}(x)) => broadcast{shape=out}(reshape{shape=unit(t)}(x))", scalar("x")),
    rule("reverse-broadcast-one", "reverse{axes=a}(broadcast{shape=t}(x)) => broadcast{shape=t}(x)", scalar("x")),
    rule("slice-broadcast-one",
         "slice{starts=s, limits=l, strides=k}(broadcast{shape=t}(x))"
         " => broadcast{shape=out}(reshape{shape=unit(t)}(x))", scalar("x")),
    # reductions
    rule("sum-nothing", "reduce_sum{axes=a}(x) => x", empty("a")),
    rule("max-nothing", "reduce_max{axes=a}(x) => x", empty("a")),
    rule("min-nothing", "reduce_min{axes=a}(x) => x", empty("a")),
    rule("sum-of-one", "reduce_sum{axes=a}(x) => reshape{shape=out}(x)", size_one("x", "a"), needs="nsz"),
    rule("max-of-one", "reduce_max{axes=a}(x) => reshape{shape=out}(x)", size_one("x", "a")),
    rule("min-of-one", "reduce_min{axes=a}(x) => reshape{shape=out}(x)", size_one("x", "a")),
    rule("sum-sum", "reduce_sum{axes=a}(reduce_sum{axes=b}(x)) => reduce_sum{axes=both(a, b)}(x)", needs="reassoc"),
    rule("max-max-axes", "reduce_max{axes=a}(reduce_max{axes=b}(x)) => reduce_max{axes=both(a, b)}(x)"),
    rule("min-min-axes", "reduce_min{axes=a}(reduce_min{axes=b}(x)) => reduce_min{axes=both(a, b)}(x)"),
    rule("any-any-axes", "reduce_any{axes=a}(reduce_any{axes=b}(x)) => reduce_any{axes=both(a, b)}(x)"),
    rule("all-all-axes", "reduce_all{axes=a}(reduce_all{axes=b}(x)) => reduce_all{axes=both(a, b)}(x)"),
    rule("max-broadcast", "reduce_max{axes=a}(broadcast{shape=s}(x)) => reshape{shape=out}(x)",
         only_stretched("x", "s", "a")),
    rule("min-broadcast", "reduce_min{axes=a}(broadcast{shape=s}(x)) => reshape{shape=out}(x)",
         only_stretched("x", "s", "a")),
    # contractions read transposed operands as they are
    rule("matmul-transpose-left",
         "matmul{transpose_a=f, transpose_b=g, dtype=d}(transpose{perm=p}(x), y)"
         " => matmul{transpose_a=flip(f), transpose_b=g, dtype=d}(x, y)", last_two("p")),
    rule("matmul-transpose-right",
         "matmul{transpose_a=f, transpose_b=g, dtype=d}(x, transpose{perm=p}(y))"
         " => matmul{transpose_a=f, transpose_b=flip(g), dtype=d}(x, y)", last_two("p")),
    rule("transpose-matmul",
         "transpose{perm=p}(matmul{transpose_a=f, transpose_b=g, dtype=d}(x, y))"
         " => matmul{transpose_a=flip(g), transpose_b=flip(f), dtype=d}(y, x)", last_two("p")),
)  # fmt: skip
