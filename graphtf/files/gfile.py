"""`tf.io.gfile`: files and folders, with TensorFlow's errors.

Invariant: only local paths (and file:// URLs of them); a failure of the system is a `tf.errors` error. Entry points:
`GFile` and the functions below.
"""

from __future__ import annotations

import errno
import functools
import glob as _glob
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from graphtf.ir.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    OpError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnimplementedError,
    UnknownError,
)  # fmt: skip

_F = TypeVar("_F", bound=Callable[..., Any])
_BY_NUMBER: dict[int | None, type[OpError]] = {
    errno.ENOENT: NotFoundError, errno.EEXIST: AlreadyExistsError, errno.ENOTEMPTY: FailedPreconditionError,
    errno.ENOTDIR: FailedPreconditionError, errno.EISDIR: FailedPreconditionError, errno.EACCES: PermissionDeniedError,
    errno.EPERM: PermissionDeniedError, errno.EROFS: PermissionDeniedError, errno.ENOSPC: ResourceExhaustedError,
}  # fmt: skip
_MODES = ("r", "w", "a", "r+", "w+", "a+", "rb", "wb", "ab", "rb+", "wb+", "ab+", "r+b", "w+b", "a+b")


class FileStatistics(NamedTuple):
    """What `stat` gives: size in bytes, time of the last change, and whether it is a folder."""

    length: int
    mtime_nsec: int
    is_directory: bool


def as_error(error: OSError) -> OpError:
    """TensorFlow's error for one of the system."""
    kind = _BY_NUMBER.get(error.errno, UnknownError)
    return kind(None, None, f"{error.filename or ''}; {error.strerror or error}")


def _speaking(function: _F) -> _F:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except OSError as error:
            raise as_error(error) from None

    return run  # type: ignore[return-value]


def local(path: Any) -> str:
    """A path as text. Raises UnimplementedError for a file system that is not the local one."""
    text = os.fsdecode(path)
    scheme, found, rest = text.partition("://")
    if not found or not scheme.isalnum():
        return text
    if scheme == "file":
        return rest
    raise UnimplementedError(None, None, f"File system scheme '{scheme}' not implemented (file: '{text}')")


# ---- asking ----------------------------------------------------------------------------------------------------------


def exists(path: Any) -> bool:
    """Is there a file or a folder? Follows https://www.tensorflow.org/api_docs/python/tf/io/gfile/exists.

    >>> exists("/no/such/file")
    False
    """
    return os.path.exists(local(path))


def isdir(path: Any) -> bool:
    """Is it a folder? Follows https://www.tensorflow.org/api_docs/python/tf/io/gfile/isdir.

    >>> isdir("/")
    True
    """
    return os.path.isdir(local(path))


@_speaking
def listdir(path: Any) -> list[str]:
    """The names in a folder. Raises NotFoundError if there is none.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/gfile/listdir.
    """
    place = local(path)
    if not os.path.isdir(place):
        raise NotFoundError(None, None, f"Could not find directory {place}")
    return os.listdir(place)


def glob(pattern: Any) -> list[str]:
    """The paths that match a pattern, or one of several.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/gfile/glob.

    >>> glob("/no/such/*")
    []
    """
    patterns = [pattern] if isinstance(pattern, (str, bytes, os.PathLike)) else list(pattern)
    return [path for one in patterns for path in sorted(_glob.glob(local(one)))]


def join(path: Any, *paths: Any) -> str:
    """Parts of a path as one. Follows https://www.tensorflow.org/api_docs/python/tf/io/gfile/join.

    >>> join("a", "b/c")
    'a/b/c'
    """
    return os.path.join(os.fsdecode(path), *map(os.fsdecode, paths))


@_speaking
def stat(path: Any) -> FileStatistics:
    """Size, time of change and kind. Raises NotFoundError.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/gfile/stat.
    """
    found = os.stat(local(path))
    return FileStatistics(found.st_size, found.st_mtime_ns, os.path.isdir(local(path)))


def walk(
    top: Any, topdown: bool = True, onerror: Callable[[Any], Any] | None = None
) -> Iterator[tuple[str, list[str], list[str]]]:
    """(folder, folders in it, files in it) of a folder and all below.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/gfile/walk.
    """
    report = None if onerror is None else lambda error: onerror(as_error(error))
    yield from os.walk(local(top), topdown, report)


def get_registered_schemes() -> list[str]:
    """The file systems there are: the local one.

    >>> get_registered_schemes()
    ['', 'file']
    """
    return ["", "file"]


# ---- changing --------------------------------------------------------------------------------------------------------


@_speaking
def mkdir(path: Any) -> None:
    """Make a folder. Raises AlreadyExistsError, NotFoundError.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/gfile/mkdir.
    """
    os.mkdir(local(path))


@_speaking
def makedirs(path: Any) -> None:
    """Make a folder and those above it. Raises FailedPreconditionError where a file is in the way.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/gfile/makedirs.
    """
    place = local(path)
    if os.path.exists(place) and not os.path.isdir(place):
        raise FailedPreconditionError(None, None, f"{place} is not a directory")
    os.makedirs(place, exist_ok=True)


@_speaking
def remove(path: Any) -> None:
    """Delete a file. Raises NotFoundError, FailedPreconditionError for a folder.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/gfile/remove.
    """
    os.remove(local(path))


@_speaking
def rmtree(path: Any) -> None:
    """Delete a folder with all in it. Raises NotFoundError.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/gfile/rmtree.
    """
    place = local(path)
    if os.path.isfile(place):
        os.remove(place)
    else:
        shutil.rmtree(place)


def _free(path: str, overwrite: bool) -> str:
    if not overwrite and os.path.exists(path):
        raise AlreadyExistsError(None, None, f"file already exists: {path}")
    return path


@_speaking
def copy(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Copy a file. Raises NotFoundError, AlreadyExistsError unless `overwrite`.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/gfile/copy.
    """
    shutil.copyfile(local(src), _free(local(dst), overwrite))


@_speaking
def rename(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Move a file or folder. Raises NotFoundError, AlreadyExistsError unless `overwrite`.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/gfile/rename.
    """
    os.replace(local(src), _free(local(dst), overwrite))


# ---- open files ------------------------------------------------------------------------------------------------------


class GFile:
    """A file, opened when it is first used. Text is UTF-8; with a "b" in the mode, bytes.

    Raises InvalidArgumentError for another mode. Follows https://www.tensorflow.org/api_docs/python/tf/io/gfile/GFile.
    """

    def __init__(self, name: Any, mode: str = "r") -> None:
        if mode not in _MODES:
            raise InvalidArgumentError(None, None, f"mode is {mode!r}, expected one of r, w, a, with + and b")
        self._name, self._mode = name, mode
        self._file: Any = None

    @property
    def name(self) -> Any:
        return self._name

    @property
    def mode(self) -> str:
        return self._mode

    def _open(self, writing: bool | None = None) -> Any:
        """The open file. Raises PermissionDeniedError for what the mode does not allow."""
        if writing is not None:
            allowed = "+" in self._mode or (self._mode[0] != "r" if writing else self._mode[0] == "r")
            if not allowed:
                what = "write" if writing else "read"
                raise PermissionDeniedError(
                    None, None, f"File isn't open for {'writing' if writing else 'reading'}: {what}"
                )
        if self._file is None:
            encoding = None if "b" in self._mode else "utf-8"
            self._file = open(  # noqa: SIM115 - it is open as long as this is
                local(self._name), self._mode, encoding=encoding, newline=None if "b" in self._mode else ""
            )
        return self._file

    @_speaking
    def size(self) -> int:
        """Its size in bytes."""
        if self._file is not None and self._mode != "r":
            self._file.flush()
        return os.stat(local(self._name)).st_size

    @_speaking
    def read(self, n: int = -1) -> Any:
        """So many bytes or characters, or the rest."""
        return self._open(False).read(n)

    @_speaking
    def write(self, file_content: Any) -> None:
        """Write text or bytes, whatever the mode says."""
        file = self._open(True)
        if "b" in self._mode:
            file.write(file_content.encode() if isinstance(file_content, str) else file_content)
        else:
            file.write(file_content.decode() if isinstance(file_content, bytes) else file_content)

    @_speaking
    def readline(self) -> Any:
        """The next line with its end."""
        return self._open(False).readline()

    @_speaking
    def readlines(self) -> list[Any]:
        """The rest of the lines."""
        return list(self._open(False).readlines())

    @_speaking
    def seek(self, offset: int | None = None, whence: int = 0, position: int | None = None) -> None:
        """Go to a place, counted from the start (0), here (1) or the end (2)."""
        if offset is None:
            offset = position
        if offset is None:
            raise TypeError("seek(): offset argument required")
        if whence not in (0, 1, 2):
            raise InvalidArgumentError(None, None, f"Invalid whence argument: {whence}. Valid values are 0, 1, or 2.")
        file = self._open()
        if whence == 1:
            offset, whence = file.tell() + offset, 0
        if whence == 2 and "b" not in self._mode:
            offset, whence = self.size() + offset, 0
        file.seek(offset, whence)

    @_speaking
    def tell(self) -> int:
        """Where it is."""
        return int(self._open().tell())

    def seekable(self) -> bool:
        return True

    @_speaking
    def flush(self) -> None:
        """Hand what was written to the system."""
        if self._file is not None:
            self._file.flush()

    @_speaking
    def close(self) -> None:
        """Close it; using it again opens it anew."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> GFile:
        return self

    def __exit__(self, *exc: Any) -> None:
        if self._file is None and self._mode[0] in "wa":
            self._open()
        self.close()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        line = self.readline()
        if not line:
            raise StopIteration
        return line
