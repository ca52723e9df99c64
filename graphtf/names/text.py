"""Names of ragged and sparse tensors, strings and tables."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.api.ragged": {
        "ragged": "constant range map_flat_values row_splits_to_segment_ids segment_ids_to_row_splits "
        "stack_dynamic_partitions",
    },
    "graphtf.api.ragged_index": {
        "ragged": "boolean_mask=ragged_boolean_mask",
    },
    "graphtf.api.ragged_shape": {
        "ragged": "stack=ragged_stack",
    },
    "graphtf.api.ragged_dynamic": {
        "experimental": "DynamicRaggedShape",
    },
    "graphtf.api.sparse_broadcast": {
        "sparse": "mask",
    },
    "graphtf.api.sparse_segments": {
        "sparse": "segment_mean segment_sqrt_n segment_sum",
    },
    "graphtf.api.sparse_bincount": {
        "sparse": "bincount",
    },
    "graphtf.api.string_parts": {
        "strings": "bytes_split format length lower ngrams reduce_join split strip substr to_number upper",
    },
    "graphtf.api.string_regex": {
        "strings": "regex_full_match regex_replace",
    },
    "graphtf.api.string_unicode": {
        "strings": "unicode_decode unicode_decode_with_offsets unicode_encode unicode_script unicode_split "
        "unicode_split_with_offsets unicode_transcode",
    },
    "graphtf.api.string_hash": {
        "": "fingerprint",
        "strings": "to_hash_bucket to_hash_bucket_fast to_hash_bucket_strong",
    },
    "graphtf.tables.initializers": {
        "lookup": "KeyValueTensorInitializer TextFileIndex TextFileInitializer",
    },
    "graphtf.tables.table": {
        "lookup": "StaticHashTable StaticVocabularyTable",
        "lookup.experimental": "DenseHashTable MutableHashTable",
    },
    "graphtf.api.cross": {
        "sparse": "cross=sparse_cross cross_hashed=sparse_cross_hashed",
        "ragged": "cross=ragged_cross cross_hashed=ragged_cross_hashed",
    },
    "graphtf.api.sets": {
        "": "edit_distance",
        "sets": "difference intersection size union",
    },
}
