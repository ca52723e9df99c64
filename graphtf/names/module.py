"""Names of modules, devices, versions, error codes, AutoGraph and the switches of debugging."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.module": {
        "": "Module",
    },
    "graphtf.devices": {
        "config": "PhysicalDevice LogicalDevice LogicalDeviceConfiguration list_physical_devices list_logical_devices "
        "get_visible_devices set_visible_devices get_logical_device_configuration set_logical_device_configuration "
        "get_soft_device_placement set_soft_device_placement",
        "config.experimental": "VirtualDeviceConfiguration=LogicalDeviceConfiguration list_physical_devices "
        "list_logical_devices get_visible_devices set_visible_devices "
        "get_virtual_device_configuration=get_logical_device_configuration "
        "set_virtual_device_configuration=set_logical_device_configuration get_device_details set_memory_growth "
        "get_synchronous_execution set_synchronous_execution get_device_policy set_device_policy "
        "tensor_float_32_execution_enabled enable_tensor_float_32_execution get_memory_growth get_memory_info "
        "get_memory_usage reset_memory_stats enable_mlir_bridge disable_mlir_bridge",
        "test": "gpu_device_name is_gpu_available is_built_with_cuda is_built_with_rocm=is_built_with_cuda "
        "is_built_with_gpu_support=is_built_with_cuda is_built_with_xla",
        "config.threading": "get_intra_op_parallelism_threads set_intra_op_parallelism_threads "
        "get_inter_op_parallelism_threads set_inter_op_parallelism_threads",
    },
    "graphtf.functions.function": {
        "config": "experimental_run_functions_eagerly=run_functions_eagerly "
        "experimental_functions_run_eagerly=functions_run_eagerly",
    },
    "graphtf.error_codes": {
        "errors": "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED "
        "RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS "
        "UNAUTHENTICATED",
    },
    "graphtf.numerics": {
        "debugging": "enable_check_numerics disable_check_numerics",
    },
    "graphtf.version": {
        "version": "VERSION GIT_VERSION COMPILER_VERSION GRAPH_DEF_VERSION GRAPH_DEF_VERSION_MIN_CONSUMER "
        "GRAPH_DEF_VERSION_MIN_PRODUCER",
    },
    "graphtf.type_dispatch": {
        "experimental": "dispatch_for_api dispatch_for_binary_elementwise_apis "
        "dispatch_for_binary_elementwise_assert_apis dispatch_for_unary_elementwise_apis unregister_dispatch_for",
    },
    "graphtf.extension_type": {
        "experimental": "BatchableExtensionType ExtensionType ExtensionTypeBatchEncoder ExtensionTypeSpec",
        "experimental.extension_type": "as_dict",
    },
    "graphtf.testing.case": {
        "test": "TestCase",
    },
    "graphtf.testing.gradient": {
        "test": "Benchmark compute_gradient disable_with_predicate is_cpu_target_available main "
        "with_eager_op_as_function",
    },
    "graphtf.sysconfig": {
        "sysconfig": "CXX11_ABI_FLAG CXX_VERSION MONOLITHIC_BUILD get_build_info get_compile_flags get_include get_lib "
        "get_link_flags",
    },
    "graphtf.tracebacks": {
        "": "get_logger",
        "debugging": "enable_traceback_filtering disable_traceback_filtering is_traceback_filtering_enabled "
        "get_log_device_placement set_log_device_placement",
    },
    "graphtf.optimizer_options": {
        "config.optimizer": "get_experimental_options set_experimental_options get_jit set_jit",
    },
    "graphtf.device_spec": {
        "": "DeviceSpec",
    },
    "graphtf.tracing_types": {
        "types.experimental": "AtomicFunction Callable FunctionType SupportsTracingProtocol TensorLike TraceType",
    },
    "graphtf.data": {
        "data": "AUTOTUNE INFINITE_CARDINALITY UNKNOWN_CARDINALITY",
        "data.experimental": "AUTOTUNE INFINITE_CARDINALITY SHARD_HINT UNKNOWN_CARDINALITY",
    },
    "graphtf.data.dataset": {
        "data": "Dataset DatasetSpec",
    },
    "graphtf.data.iterator": {
        "data": "Iterator IteratorSpec NumpyIterator",
    },
    "graphtf.data.options": {
        "data": "Options ThreadingOptions",
        "data.experimental": "AutoShardPolicy AutotuneAlgorithm AutotuneOptions DistributeOptions ExternalStatePolicy "
        "OptimizationOptions ServiceOptions ThreadingOptions",
    },
    "graphtf.data.files": {
        "data": "FixedLengthRecordDataset TFRecordDataset TextLineDataset",
    },
    "graphtf.data.csv": {
        "data.experimental": "CsvDataset make_csv_dataset",
    },
    "graphtf.data.sql": {
        "data.experimental": "SqlDataset",
    },
    "graphtf.data.records": {
        "data.experimental": "TFRecordWriter make_batched_features_dataset parse_example_dataset",
    },
    "graphtf.tables.from_dataset": {
        "data.experimental": "index_table_from_dataset table_from_dataset",
    },
    "graphtf.data.experimental": {
        "data.experimental": "Counter RandomDataset Reducer assert_cardinality at bucket_by_sequence_length "
        "cardinality choose_from_datasets copy_to_device dense_to_ragged_batch dense_to_sparse_batch "
        "enable_debug_mode enumerate_dataset from_list get_next_as_optional get_single_element get_structure "
        "group_by_reducer group_by_window ignore_errors load map_and_batch pad_to_cardinality parallel_interleave "
        "prefetch_to_device rejection_resample sample_from_datasets save scan shuffle_and_repeat snapshot take_while "
        "unbatch unique",
    },
    "graphtf.data.optional": {
        "": "OptionalSpec",
        "experimental": "Optional",
        "data.experimental": "Optional",
    },
    "graphtf.autograph": {
        "autograph": "set_verbosity to_code to_graph trace",
    },
    "graphtf.autograph.experimental": {
        "autograph.experimental": "Feature do_not_convert set_loop_options",
    },
}
