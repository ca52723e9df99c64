"""Names of tensors, variables, functions, dtypes and errors."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.tensor": {
        "": "Tensor",
        "errors": "OperatorNotAllowedInGraphError",
    },
    "graphtf.tensor_shape": {
        "": "TensorShape broadcast_static_shape",
    },
    "graphtf.variable": {
        "": "Variable VariableAggregation VariableSynchronization",
    },
    "graphtf.spec": {
        "": "TensorSpec TypeSpec type_spec_from_value",
    },
    "graphtf.indexed_slices": {
        "": "IndexedSlices IndexedSlicesSpec",
    },
    "graphtf.composite": {
        "": "RaggedTensor SparseTensor",
        "sparse": "SparseTensor",
    },
    "graphtf.tape": {
        "": "GradientTape UnconnectedGradients",
        "autodiff": "GradientTape",
    },
    "graphtf.forward": {
        "autodiff": "ForwardAccumulator",
    },
    "graphtf.scopes": {
        "": "name_scope device control_dependencies variable_creator_scope",
    },
    "graphtf.functions.trace": {
        "": "init_scope",
    },
    "graphtf.functions.function": {
        "": "function",
        "config": "run_functions_eagerly functions_run_eagerly",
        "types.experimental": "GenericFunction=Function PolymorphicFunction=Function",
    },
    "graphtf.api.gradient_registry": {
        "": "RegisterGradient no_gradient",
    },
    "graphtf.api.queues": {
        "queue": "FIFOQueue PaddingFIFOQueue PriorityQueue QueueBase RandomShuffleQueue",
    },
    "graphtf.functions.graphs": {
        "": "Graph Operation",
        "compat.v1": "get_default_graph",
    },
    "graphtf.functions.concrete": {
        "types.experimental": "ConcreteFunction",
    },
    "graphtf.convert": {
        "": "constant convert_to_tensor register_tensor_conversion_function",
    },
    "graphtf.nest": {
        "nest": "assert_same_structure flatten is_nested map_structure pack_sequence_as",
    },
    "graphtf.ir.dtypes": {
        "": "DType as_dtype float16 float32 float64 bfloat16 complex64 complex128 int8 int16 int32 int64 uint8 "
        "uint16 uint32 uint64 bool=bool_ string half=float16 double=float64 qint8 qint16 qint32 quint8 quint16 "
        "resource variant",
        "dtypes": "DType as_dtype float16 float32 float64 bfloat16 complex64 complex128 int8 int16 int32 int64 "
        "uint8 uint16 uint32 uint64 bool=bool_ string half=float16 double=float64 qint8 qint16 qint32 "
        "quint8 quint16 resource variant QUANTIZED_DTYPES=QUANTIZED",
        "dtypes.experimental": "float8_e4m3fn float8_e5m2 float8_e4m3b11fnuz float8_e4m3fnuz float8_e5m2fnuz "
        "float4_e2m1fn int2 int4 uint2 uint4",
        "experimental": "float8_e4m3fn float8_e5m2 float8_e4m3b11fnuz float8_e4m3fnuz float8_e5m2fnuz float4_e2m1fn "
        "int2 int4 uint2 uint4",
    },
    "graphtf.ir.errors": {
        "errors": "OpError CancelledError UnknownError InvalidArgumentError DeadlineExceededError NotFoundError "
        "AlreadyExistsError PermissionDeniedError ResourceExhaustedError FailedPreconditionError AbortedError "
        "OutOfRangeError UnimplementedError InternalError UnavailableError DataLossError UnauthenticatedError",
    },
}
