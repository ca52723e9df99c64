"""The on-disk cache of object code and of whole-program metadata: opaque bytes under a hash.

Invariant: `get` returns exactly the bytes some `put` of this user stored under that key, or None. An entry that is
cut, altered, renamed or another user's is never returned; a cache that cannot be read or written is only a miss.
Nothing read is executed or unpickled here. Entry points: `default_cache()`, `cache_key(*parts)`.
"""
from __future__ import annotations

import functools
import hashlib
import itertools
import logging
import os
import stat
import struct
import threading
import time
from pathlib import Path

_LOG = logging.getLogger(__name__)

FORMAT_VERSION = 1
DEFAULT_LIMIT = 512 << 20

_MAGIC = b"GTFCACHE"
_HEADER = struct.Struct("<8sI32sQ32s")  # magic, version, key, payload length, SHA-256 of the payload
_SUFFIX = ".gtf"
_TEMPORARY = ".tmp"
_STALE_SECONDS = 3600.0  # a temporary file this old belongs to a process that died
_TOUCH_SECONDS = 600.0  # how exact "recently used" is
_LOOKED = "looked"  # an empty file, as old as the last look at all entries,
_LOOK_SECONDS = 3600.0  # which another process does not repeat for so long
_BLOCK = 4096  # bytes that a file takes at least
_KEEP_RATIO = 0.8  # eviction frees this much room at once, so that it is rare
_OPEN_FLAGS = os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
_TICKET = itertools.count()


def cache_key(*parts: str | bytes) -> str:
    """The hexadecimal key of a sequence of texts; parts are length-prefixed, so ("ab", "c") and ("a", "bc") differ.

    >>> cache_key("ab", "c") == cache_key("a", "bc")
    False
    """
    digest = hashlib.sha256(b"graphtf-%d" % FORMAT_VERSION)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


class ObjectCache:
    """Bytes on disk under 64-digit hexadecimal keys, least recently used first to go.

    `directory` is made when missing, with access for this user alone; None means no cache. `limit` bounds the sum
    of all files, in bytes. Safe for threads and for several processes on one directory.
    """

    def __init__(self, directory: Path | None, limit: int = DEFAULT_LIMIT) -> None:
        self._directory = _private_directory(directory) if directory is not None else None
        self._limit = limit
        self._used: int | None = None
        self._lock = threading.Lock()

    @property
    def directory(self) -> Path | None:
        """Where entries lie; None when there is no usable cache."""
        return self._directory

    def get(self, key: str) -> bytes | None:
        """The bytes stored under `key`, or None. A bad entry is removed."""
        if self._directory is None:
            return None
        path = self._path(key)
        try:
            content = _read_own(path)
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                _LOG.debug("cache entry %s is not readable: %s", path, error)
            return None
        payload = None if content is None else _unwrap(content, key)
        if payload is None:
            _LOG.debug("cache entry %s is damaged or foreign; ignored", path)
            _remove(path)
        return payload

    def put(self, key: str, payload: bytes) -> None:
        """Store `payload` under `key`, replacing what was there. Failure is silent: the cache is only a shortcut."""
        content = _wrap(payload, key)
        if self._directory is None or len(content) > self._limit:
            return
        path = self._path(key)
        temporary = path.with_name(f"{key[:16]}-{os.getpid()}-{next(_TICKET)}{_TEMPORARY}")
        try:
            _write_new(temporary, content)
            os.replace(temporary, path)
        except OSError as error:
            _LOG.debug("cache entry %s was not written: %s", path, error)
            _remove(temporary)
            return
        self._account(len(content))

    def _path(self, key: str) -> Path:
        if len(key) != 64 or not set(key) <= set("0123456789abcdef"):
            raise ValueError(f"cache: key is {key!r}, expected 64 hexadecimal digits from cache_key()")
        assert self._directory is not None
        return self._directory / f"{key}{_SUFFIX}"

    def _account(self, added: int) -> None:
        """Add to the running total; when it passes the limit, look at the directory and evict.

        What other processes added is looked at once in a while only: there may be many entries.
        """
        with self._lock:
            if self._used is None:
                self._used = 0 if self._looked_at_lately() else self._limit
            self._used += _on_disk(added)
            if self._used > self._limit:
                self._used = self._evict()

    def _looked_at_lately(self) -> bool:
        assert self._directory is not None
        try:
            return time.time() - (self._directory / _LOOKED).stat().st_mtime < _LOOK_SECONDS
        except OSError:
            return False

    def _evict(self) -> int:
        """Remove stale temporaries, then least recently used entries down to the limit. Returns the bytes left."""
        assert self._directory is not None
        entries: list[tuple[float, int, str]] = []
        try:
            (self._directory / _LOOKED).touch()
            with os.scandir(self._directory) as listing:
                for item in listing:
                    status = item.stat(follow_symlinks=False)
                    if item.name.endswith(_SUFFIX):
                        entries.append((status.st_mtime, _on_disk(status.st_size), item.path))
                    elif item.name.endswith(_TEMPORARY) and time.time() - status.st_mtime > _STALE_SECONDS:
                        _remove(Path(item.path))
        except OSError as error:
            _LOG.debug("cache directory %s is not readable: %s", self._directory, error)
            return 0
        used = sum(size for _, size, _ in entries)
        if used <= self._limit:
            return used
        for _, size, path in sorted(entries):
            if used <= self._limit * _KEEP_RATIO:
                break
            _remove(Path(path))
            used -= size
        return used


def _on_disk(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


@functools.cache
def default_cache() -> ObjectCache:
    """The process' cache: in GRAPHTF_CACHE_DIR (set but empty: no cache), else `graphtf` in the XDG cache folder."""
    return ObjectCache(_default_directory())


def _default_directory() -> Path | None:
    chosen = os.environ.get("GRAPHTF_CACHE_DIR")
    if chosen is not None:
        return Path(chosen).expanduser() if chosen else None
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
    return Path(base) / "graphtf" if os.path.isabs(base) else None


def _private_directory(directory: Path) -> Path | None:
    """`directory`/objects, made if missing; None unless it is ours and no one else may write there."""
    place = directory / "objects"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.mkdir(mode=0o700, exist_ok=True)
        status = place.lstat()
    except OSError as error:
        _LOG.debug("no object cache: %s", error)
        return None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        _LOG.debug("no object cache: %s is not a directory of this user alone", place)
        return None
    return place


def _wrap(payload: bytes, key: str) -> bytes:
    checksum = hashlib.sha256(payload).digest()
    return _HEADER.pack(_MAGIC, FORMAT_VERSION, bytes.fromhex(key), len(payload), checksum) + payload


def _unwrap(content: bytes, key: str) -> bytes | None:
    """The payload if every byte of the header is as `_wrap` writes it for this key and payload, else None."""
    payload = content[_HEADER.size:]
    if len(content) < _HEADER.size:
        return None
    magic, version, stored_key, length, checksum = _HEADER.unpack_from(content)
    if magic != _MAGIC or version != FORMAT_VERSION or stored_key.hex() != key or length != len(payload):
        return None
    return payload if hashlib.sha256(payload).digest() == checksum else None


def _read_own(path: Path) -> bytes | None:
    """The file's bytes, or None unless it is a regular file that only this user can write. Marks it as used."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | _OPEN_FLAGS)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read()
    finally:
        os.close(descriptor)
    if time.time() - status.st_mtime > _TOUCH_SECONDS:
        _touch(path)
    return content


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN_FLAGS, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)


def _touch(path: Path) -> None:
    try:
        os.utime(path)
    except OSError as error:
        _LOG.debug("cache entry %s is not marked as used: %s", path, error)


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            _LOG.debug("cache entry %s is not removed: %s", path, error)
