"""The numbers of `tf.errors`: what `error.error_code` is. Follows https://www.tensorflow.org/api_docs/python/tf/errors.

Invariant: each is stated once, by the class of the errors that carry it; OK is no error's.
"""

from __future__ import annotations

from graphtf.ir import errors as e

OK = 0
CANCELLED = e.CancelledError.error_code
UNKNOWN = e.UnknownError.error_code
INVALID_ARGUMENT = e.InvalidArgumentError.error_code
DEADLINE_EXCEEDED = e.DeadlineExceededError.error_code
NOT_FOUND = e.NotFoundError.error_code
ALREADY_EXISTS = e.AlreadyExistsError.error_code
PERMISSION_DENIED = e.PermissionDeniedError.error_code
RESOURCE_EXHAUSTED = e.ResourceExhaustedError.error_code
FAILED_PRECONDITION = e.FailedPreconditionError.error_code
ABORTED = e.AbortedError.error_code
OUT_OF_RANGE = e.OutOfRangeError.error_code
UNIMPLEMENTED = e.UnimplementedError.error_code
INTERNAL = e.InternalError.error_code
UNAVAILABLE = e.UnavailableError.error_code
DATA_LOSS = e.DataLossError.error_code
UNAUTHENTICATED = e.UnauthenticatedError.error_code
