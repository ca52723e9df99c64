"""Strings of segments joined."""

from __future__ import annotations

import pytest

import graphtf as tf


@pytest.mark.parametrize("traced", [False, True])
def test_segments_are_joined(traced):
    join = tf.function(tf.strings.unsorted_segment_join) if traced else tf.strings.unsorted_segment_join
    words = tf.constant([["a", "b"], ["c", "d"]])
    assert join(words, [[0, 1], [1, 0]], 3, "-").numpy().tolist() == [b"a-d", b"b-c", b""]
    assert join(words, [1, 1], 2).numpy().tolist() == [[b"", b""], [b"ac", b"bd"]]


def test_segments_that_do_not_fit():
    for ids, count in (([5], 2), ([-1], 2), ([0, 0], 2)):
        with pytest.raises(tf.errors.InvalidArgumentError):
            tf.strings.unsorted_segment_join(["a"], ids, count)


def test_nothing_joined_is_empty():
    assert tf.strings.join([]).numpy() == b""


def test_views_of_a_mapping_are_structures():
    assert tf.nest.is_nested({"a": 1}.values())
    assert tf.nest.flatten({"a": 1, "b": 2}.items()) == ["a", 1, "b", 2]
