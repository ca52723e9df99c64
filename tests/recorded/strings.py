"""Cases of `tf.strings`."""

from __future__ import annotations

from tests.recorded.cases import Family

FAMILY = Family("strings")
_add = FAMILY.add
WORDS = ["Hello World", "  a b\tc ", "", "ÄÖ,ü€,,x", "\U0001d11e clef"]
LONG = [
    "x" * n for n in (0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 63, 64, 65, 100, 127, 128, 129, 200, 256)
]
LONG += ["The quick brown fox " * 5, "日本語テキスト" * 7]

_add("lower", lambda tf, w: [tf.strings.lower(w), tf.strings.lower(w, encoding="utf-8")], WORDS)
_add("upper", lambda tf, w: [tf.strings.upper(w), tf.strings.upper(w, encoding="utf-8")], WORDS)
_add("lower of numbers", lambda tf: tf.strings.lower(3))
_add("strip", lambda tf, w: tf.strings.strip(w), WORDS)
_add("length", lambda tf, w: [tf.strings.length(w), tf.strings.length(w, unit="UTF8_CHAR")], WORDS)
_add("substr", lambda tf, w: [tf.strings.substr(w[:2], 1, 3), tf.strings.substr(w[:2], [1, 2], [3, 1])], WORDS)
_add("substr of characters", lambda tf, w: tf.strings.substr(w[3:], -2, 2, unit="UTF8_CHAR"), WORDS)
_add("substr outside", lambda tf, w: tf.strings.substr(w, 50, 1), WORDS)
for _name, _options in {
    "white space": {}, "comma": {"sep": ","}, "once": {"sep": " ", "maxsplit": 1}, "one word": {"maxsplit": 1},
}.items():  # fmt: skip
    _add(f"split {_name}", lambda tf, w, o=_options: tf.strings.split(w, **o), WORDS)
_add("split a scalar", lambda tf, w: tf.strings.split(w[0]), WORDS)
_add("split a matrix", lambda tf, w: tf.strings.split([w[:2], w[3:]]), WORDS)
_add("bytes_split", lambda tf, w: tf.strings.bytes_split(w), WORDS)
_add("reduce_join", lambda tf, w: [tf.strings.reduce_join(w), tf.strings.reduce_join(w, separator="-")], WORDS)
_add(
    "reduce_join of axes",
    lambda tf, w: [
        tf.strings.reduce_join([w[:2], w[3:]], axis=0, separator="-"),
        tf.strings.reduce_join([w[:2], w[3:]], axis=[1, 0], separator="-"),
        tf.strings.reduce_join([w[:2], w[3:]], axis=-1, keepdims=True),
    ],
    WORDS,
)
_add("reduce_join of rows", lambda tf, w: tf.strings.reduce_join(tf.strings.split(w), axis=-1, separator="_"), WORDS)
for _name, _args in {
    "pairs": (2,), "singles and pairs": ((1, 2), "|"), "padded": (3, " ", ("L", "R")),
    "padded by one": (3, " ", ("L", "R"), 1), "short kept": (5, " ", None, None, True),
    "several, short kept": ((3, 4), " ", None, None, True), "long and short kept": ((1, 3), " ", None, None, True),
}.items():  # fmt: skip
    _add(f"ngrams {_name}", lambda tf, w, a=_args: tf.strings.ngrams(tf.strings.split(w), *a), WORDS)
_add("ngrams of a vector", lambda tf: [tf.strings.ngrams(["a", "b", "c"], 2), tf.strings.ngrams(["a"], 2)])
_add("ngrams of a matrix", lambda tf: tf.strings.ngrams([["a", "b"], ["c", "d"]], 2))
_add("to_number", lambda tf, s: tf.strings.to_number(s), ["1.5", "-3e2", " 7 ", "inf", "0x10", "1e400"])
_add("to_number whole", lambda tf, s: tf.strings.to_number(s, tf.int64), ["1", "-3"])
for _bad in ("abc", "1_0"):
    _add(f"to_number of {_bad}", lambda tf, s: tf.strings.to_number(s), [_bad])
_add("to_number too large", lambda tf, s: tf.strings.to_number(s, tf.int32), ["99999999999"])
for _pattern, _rewrite in (
    ("[aeiou]", "*"), (r"(\w+) (\w+)", r"\2-\1"), ("b*", "x"), (".", "x"), ("(?i)HELLO|x", "_"), ("", "-"),
    (r"[!\"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~\']", ""), (r"\pL", "L"), ("(", "L"), ("(?=a)", "L"), ("l", r"\\\0\0"),
    (r"[[:space:]]+", "_"), (r"\Qo W\E", "."), (r"(o)\1", "."), ("l{2}", "LL"), (r"[^\x00-\x{7f}]", "?"),
):  # fmt: skip
    _add(f"regex_replace {_pattern!r}", lambda tf, w, a=_pattern, b=_rewrite: tf.strings.regex_replace(w, a, b), WORDS)
_add("regex_replace once", lambda tf, w: tf.strings.regex_replace(w, "[a-z]", "_", replace_global=False), WORDS)
_add("regex_replace at ends", lambda tf, s: tf.strings.regex_replace(s, "b$", "E"), ["a\nb\n", "ab"])
_add("regex_replace at lines", lambda tf, s: tf.strings.regex_replace(s, "(?m)^|$", "E"), ["a\nb\n"])
_add("regex_replace flags inside", lambda tf, s: tf.strings.regex_replace(s, "a(?i)x|b(?i)X", "_"), ["aXbx", "AxB"])
_add("regex_full_match", lambda tf, w: tf.strings.regex_full_match(w, ".*o.*"), WORDS)
_add("regex_full_match of ASCII", lambda tf, w: tf.strings.regex_full_match(w, r"\w+"), ["a1", "a", "aé"])
_add("to_hash_bucket_fast", lambda tf, s: tf.strings.to_hash_bucket_fast(s, 2**62 - 57), LONG)
_add("to_hash_bucket", lambda tf, s: tf.strings.to_hash_bucket(s, 2**62 - 57), LONG)
_add("to_hash_bucket_strong", lambda tf, s: tf.strings.to_hash_bucket_strong(s, 2**62 - 57, [123, 456789]), LONG)
_add("to_hash_bucket of none", lambda tf, s: tf.strings.to_hash_bucket_fast(s, 0), LONG)
_add("fingerprint", lambda tf, s: [tf.fingerprint(s), tf.fingerprint([s, s]), tf.fingerprint([[1.0, 2.0]])], LONG)
_add("unicode_decode", lambda tf, w: tf.strings.unicode_decode(w, "UTF-8"), WORDS)
_add("unicode_decode with offsets", lambda tf, w: tf.strings.unicode_decode_with_offsets(w, "UTF-8"), WORDS)
_add("unicode_split", lambda tf, w: tf.strings.unicode_split(w, "UTF-8"), WORDS)
_add("unicode_split with offsets", lambda tf, w: tf.strings.unicode_split_with_offsets(w[3], "UTF-8"), WORDS)
_BROKEN = [b"a\xff\xc3b\xe2\x82z\xf0\x9f"]
for _errors in ("strict", "replace", "ignore"):
    _add(
        f"unicode_decode of broken text, {_errors}",
        lambda tf, s, e=_errors: tf.strings.unicode_decode_with_offsets(s, "UTF-8", errors=e), _BROKEN,
    )  # fmt: skip
_add("unicode_transcode", lambda tf, w: tf.strings.unicode_transcode(w, "UTF-8", "UTF-16-BE"), WORDS)
_add(
    "unicode_transcode without control characters",
    lambda tf, w: tf.strings.unicode_transcode(w, "UTF-8", "UTF-8", "replace", 63, True), WORDS,
)  # fmt: skip
_add("unicode_encode", lambda tf, c: tf.strings.unicode_encode(c, "UTF-8"), [[71, 246], [9731, 8364]])
_add(
    "unicode_encode again",
    lambda tf, w: tf.strings.unicode_encode(tf.strings.unicode_decode(w, "UTF-8"), "UTF-8"),
    WORDS,
)
for _errors in ("strict", "replace", "ignore"):
    _add(
        f"unicode_encode of a surrogate, {_errors}",
        lambda tf, c, e=_errors: tf.strings.unicode_encode(c, "UTF-16-BE", errors=e), [[0xD800, 65]],
    )  # fmt: skip
_add("unicode_script", lambda tf, c: tf.strings.unicode_script(c), [65, 946, 1041, 0x4E00, 32, 0x10FFFF, 0x1F600])
_add("format", lambda tf, x, s: tf.strings.format("{} and {}!", [x, s]), [1, 2], ["a", "b"])
_add("format of many", lambda tf, x: tf.strings.format("%t", x, placeholder="%t"), list(range(10)))
_add("join with rows", lambda tf, w: tf.strings.join([tf.strings.split(w), "-"]), WORDS)
_add(
    "functions of rows", lambda tf, w: tf.strings.to_hash_bucket_fast(tf.strings.lower(tf.strings.split(w)), 10), WORDS
)
_add("edit_distance", lambda tf: tf.edit_distance(
    tf.SparseTensor([[0, 0], [0, 1], [1, 0]], ["a", "b", "c"], [2, 3]),
    tf.SparseTensor([[0, 0], [1, 0], [1, 1]], ["a", "c", "d"], [2, 3]),
))  # fmt: skip
_add("edit_distance unnormalised", lambda tf: tf.edit_distance(
    tf.SparseTensor([[0, 0], [0, 1], [1, 0]], [1, 2, 3], [3, 3]),
    tf.SparseTensor([[1, 0], [1, 1], [2, 0]], [3, 4, 5], [3, 3]), normalize=False,
))  # fmt: skip
