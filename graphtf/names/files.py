"""Names of files and of what is in them: `tf.io`, `tf.train`, `tf.summary`, `tf.saved_model`, `tf.image`."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.checkpoint.checkpoint": {
        "train": "Checkpoint CheckpointOptions TrackableView",
    },
    "graphtf.checkpoint.waiting": {
        "train": "checkpoints_iterator",
    },
    "graphtf.checkpoint.python_state": {
        "train.experimental": "PythonState",
    },
    "graphtf.coordinator": {
        "train": "Coordinator",
    },
    "graphtf.checkpoint.manager": {
        "train": "CheckpointManager",
    },
    "graphtf.checkpoint.state": {
        "train": "get_checkpoint_state latest_checkpoint",
    },
    "graphtf.checkpoint.reader": {
        "train": "list_variables load_checkpoint load_variable",
    },
    "graphtf.files.gfile": {
        "io.gfile": "GFile copy exists get_registered_schemes glob isdir join listdir makedirs mkdir remove rename "
        "rmtree stat walk",
    },
    "graphtf.files.whole": {
        "io": "decode_compressed matching_files read_file write_file",
    },
    "graphtf.files.records": {
        "io": "TFRecordOptions TFRecordWriter",
        "compat.v1.io": "tf_record_iterator",
        "python.lib.io.tf_record": "tf_record_iterator",
    },
    "graphtf.files.example_protos": {
        "train": "BytesList Example Feature FeatureList FeatureLists Features FloatList Int64List SequenceExample",
    },
    "graphtf.files.tensors": {
        "": "make_ndarray make_tensor_proto",
        "io": "decode_base64 decode_raw encode_base64 parse_tensor serialize_tensor write_graph",
    },
    "graphtf.files.webp": {
        "io": "decode_webp",
        "image": "decode_webp",
    },
    "graphtf.files.sparse_messages": {
        "io": "deserialize_many_sparse serialize_many_sparse serialize_sparse",
    },
    "graphtf.api.image_cropping": {
        "image": "sample_distorted_bounding_box stateless_sample_distorted_bounding_box",
    },
    "graphtf.api.moving_average": {
        "train": "ExponentialMovingAverage",
    },
    "graphtf.api.dlpack": {
        "experimental.dlpack": "from_dlpack to_dlpack",
    },
    "graphtf.api.image_jpeg": {
        "image": "adjust_jpeg_quality random_jpeg_quality stateless_random_jpeg_quality",
    },
    "graphtf.files.feature_specs": {
        "io": "FixedLenFeature FixedLenSequenceFeature RaggedFeature SparseFeature VarLenFeature",
    },
    "graphtf.files.parsing": {
        "io": "parse_example parse_sequence_example parse_single_example parse_single_sequence_example",
    },
    "graphtf.files.text_records": {
        "io": "decode_csv decode_json_example",
    },
    "graphtf.files.images": {
        "io": "decode_and_crop_jpeg decode_bmp decode_gif decode_image decode_jpeg decode_png encode_jpeg encode_png "
        "extract_jpeg_shape is_jpeg",
        "image": "decode_and_crop_jpeg decode_bmp decode_gif decode_image decode_jpeg decode_png encode_jpeg "
        "encode_png extract_jpeg_shape is_jpeg",
    },
    "graphtf.files.sound": {
        "audio": "decode_wav encode_wav",
    },
    "graphtf.files.compat": {
        "compat": "as_bytes as_str as_str_any as_text bytes_or_text_types complex_types integral_types "
        "path_to_str real_types",
    },
    "graphtf.files.summary": {
        "summary": "SummaryWriter create_file_writer create_noop_writer flush graph import_event record_if "
        "should_record_summaries trace_export trace_off trace_on write",
        "summary.experimental": "get_step set_step summary_scope write_raw_pb",
    },
    "graphtf.files.summary_kinds": {
        "summary": "audio histogram image scalar text",
    },
    "graphtf.files.event_protos": {
        "compat.v1": "Event Summary SummaryMetadata",
        "core.util.event_pb2": "Event",
        "core.framework.summary_pb2": "Summary SummaryMetadata",
    },
    "graphtf.files.profiler": {
        "profiler.experimental": "Profile ProfilerOptions Trace start stop",
    },
    "graphtf.saved_model_format.saving": {
        "saved_model": "save",
    },
    "graphtf.saved_model_format.loading": {
        "saved_model": "contains_saved_model load",
    },
    "graphtf.saved_model_format.options": {
        "saved_model": "ASSETS_KEY CLASSIFY_INPUTS CLASSIFY_METHOD_NAME CLASSIFY_OUTPUT_CLASSES CLASSIFY_OUTPUT_SCORES "
        "DEBUG_DIRECTORY DEBUG_INFO_FILENAME_PB PREDICT_INPUTS PREDICT_METHOD_NAME PREDICT_OUTPUTS REGRESS_INPUTS "
        "REGRESS_METHOD_NAME REGRESS_OUTPUTS SAVED_MODEL_SCHEMA_VERSION "
        "ASSETS_DIRECTORY DEFAULT_SERVING_SIGNATURE_DEF_KEY GPU LoadOptions SAVED_MODEL_FILENAME_PB "
        "SAVED_MODEL_FILENAME_PBTXT SERVING SaveOptions TPU TRAINING VARIABLES_DIRECTORY VARIABLES_FILENAME",
        "saved_model.experimental": "TrackableResource",
    },
    "graphtf.api.image_flip": {
        "image": "central_crop flip_left_right flip_up_down random_crop random_flip_left_right random_flip_up_down "
        "resize_with_crop_or_pad rot90 stateless_random_crop stateless_random_flip_left_right "
        "stateless_random_flip_up_down transpose",
    },
    "graphtf.api.image_adjust": {
        "image": "adjust_brightness adjust_contrast adjust_gamma adjust_hue adjust_saturation "
        "per_image_standardization psnr random_brightness random_contrast random_hue random_saturation rgb_to_yiq "
        "rgb_to_yuv stateless_random_brightness stateless_random_contrast stateless_random_hue "
        "stateless_random_saturation "
        "yiq_to_rgb yuv_to_rgb",
    },
    "graphtf.api.image_boxes": {
        "image": "crop_and_resize non_max_suppression",
    },
    "graphtf.api.cosine": {
        "signal": "dct idct linear_to_mel_weight_matrix mfccs_from_log_mel_spectrograms",
    },
}
