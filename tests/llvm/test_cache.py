"""The disk cache returns what was put, or nothing."""
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from graphtf.llvm import cache as cache_module
from graphtf.llvm.cache import ObjectCache, cache_key

KEY = cache_key("a test")
OTHER = cache_key("another test")
PAYLOAD = bytes(range(256)) * 3


def entry(cache: ObjectCache, key: str = KEY) -> Path:
    assert cache.directory is not None
    return cache.directory / f"{key}.gtf"


@pytest.fixture
def cache(tmp_path: Path) -> ObjectCache:
    return ObjectCache(tmp_path / "cache")


def test_what_was_put_comes_back(cache: ObjectCache, tmp_path: Path) -> None:
    assert cache.get(KEY) is None
    cache.put(KEY, PAYLOAD)
    cache.put(OTHER, b"")
    assert cache.get(KEY) == PAYLOAD
    assert cache.get(OTHER) == b""
    assert ObjectCache(tmp_path / "cache").get(KEY) == PAYLOAD


def test_put_replaces(cache: ObjectCache) -> None:
    cache.put(KEY, b"old")
    cache.put(KEY, b"new")
    assert cache.get(KEY) == b"new"


def test_keys_depend_on_every_part_and_its_bounds() -> None:
    keys = {cache_key("ab", "c"), cache_key("a", "bc"), cache_key("abc"), cache_key("abc", ""), cache_key(b"abc", "x")}
    assert len(keys) == 5
    assert cache_key("abc") == cache_key(b"abc")


@pytest.mark.parametrize("key", ["", "a" * 63, "A" * 64, "../" + "a" * 61, "g" * 64])
def test_only_digests_are_keys(cache: ObjectCache, key: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        cache.get(key)


def test_every_flipped_byte_is_noticed(cache: ObjectCache) -> None:
    payload = b"short payload"
    cache.put(KEY, payload)
    good = entry(cache).read_bytes()
    for position in range(len(good)):
        for bit in (0, 7):
            entry(cache).write_bytes(good[:position] + bytes([good[position] ^ 1 << bit]) + good[position + 1:])
            assert cache.get(KEY) is None, f"byte {position}, bit {bit}"
            assert not entry(cache).exists()
    cache.put(KEY, payload)
    assert cache.get(KEY) == payload


def test_every_cut_and_any_addition_is_noticed(cache: ObjectCache) -> None:
    cache.put(KEY, b"short payload")
    good = entry(cache).read_bytes()
    for length in range(len(good)):
        entry(cache).write_bytes(good[:length])
        assert cache.get(KEY) is None, f"cut to {length} bytes"
    entry(cache).write_bytes(good + b"\0")
    assert cache.get(KEY) is None


def test_an_entry_under_a_foreign_key_is_ignored(cache: ObjectCache) -> None:
    cache.put(OTHER, PAYLOAD)
    os.rename(entry(cache, OTHER), entry(cache, KEY))
    assert cache.get(KEY) is None


def test_another_format_version_is_ignored(cache: ObjectCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.put(KEY, PAYLOAD)
    monkeypatch.setattr(cache_module, "FORMAT_VERSION", cache_module.FORMAT_VERSION + 1)
    assert cache.get(KEY) is None


def test_a_link_a_directory_a_pipe_or_a_writable_file_is_ignored(cache: ObjectCache, tmp_path: Path) -> None:
    cache.put(OTHER, PAYLOAD)
    cache.put(KEY, PAYLOAD)
    path, kept = entry(cache), tmp_path / "kept"
    os.rename(path, kept)
    os.symlink(kept, path)
    assert cache.get(KEY) is None
    path.unlink(missing_ok=True)
    path.mkdir()
    assert cache.get(KEY) is None
    cache.put(KEY, PAYLOAD)
    path.rmdir()
    os.mkfifo(path)
    assert cache.get(KEY) is None
    cache.put(KEY, PAYLOAD)
    path.chmod(0o666)
    assert cache.get(KEY) is None


def test_files_and_folder_are_private(cache: ObjectCache) -> None:
    cache.put(KEY, PAYLOAD)
    assert cache.directory is not None
    assert stat.S_IMODE(cache.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(entry(cache).stat().st_mode) == 0o600


def test_a_folder_others_may_write_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects").chmod(0o777)
    cache = ObjectCache(tmp_path)
    assert cache.directory is None
    cache.put(KEY, PAYLOAD)
    assert cache.get(KEY) is None
    assert list((tmp_path / "objects").iterdir()) == []


def test_a_linked_folder_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "objects").symlink_to(tmp_path / "elsewhere")
    assert ObjectCache(tmp_path).directory is None


def test_a_folder_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ObjectCache(tmp_path).put(KEY, PAYLOAD)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert ObjectCache(tmp_path).directory is None


def test_without_a_folder_nothing_is_stored(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for cache in (ObjectCache(None), ObjectCache(tmp_path / "file"), ObjectCache(Path("/proc/nowhere"))):
        cache.put(KEY, PAYLOAD)
        assert cache.get(KEY) is None


def test_a_failing_disk_is_a_miss(cache: ObjectCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        path.write_bytes(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_module, "_write_new", full)
    cache.put(KEY, PAYLOAD)
    assert cache.get(KEY) is None
    assert cache.directory is not None
    assert list(cache.directory.iterdir()) == []


def test_least_recently_used_entries_go_first(tmp_path: Path) -> None:
    keys = [cache_key(str(i)) for i in range(12)]
    cache = ObjectCache(tmp_path, limit=9 * 4096)  # what nine small files take
    for age, key in enumerate(keys[:9]):
        cache.put(key, bytes(1000))
        os.utime(entry(cache, key), (age, age))
    assert cache.get(keys[0]) is not None  # used now: the oldest becomes the youngest
    cache.put(keys[9], bytes(1000))
    kept = {key for key in keys if cache.get(key) is not None}
    assert keys[0] in kept
    assert keys[9] in kept
    assert keys[1] not in kept
    assert len(list(tmp_path.rglob("*.gtf"))) <= 9


def test_one_process_looks_at_all_entries_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    evict = ObjectCache._evict
    monkeypatch.setattr(ObjectCache, "_evict", lambda cache: looks.append(cache) or evict(cache))
    first, second = ObjectCache(tmp_path), ObjectCache(tmp_path)
    first.put(KEY, PAYLOAD)
    second.put(OTHER, PAYLOAD)
    assert looks == [first]
    assert first.directory is not None
    os.utime(first.directory / "looked", (0, 0))
    third = ObjectCache(tmp_path)
    third.put(KEY, PAYLOAD)
    assert looks == [first, third]


def test_an_entry_above_the_limit_is_not_stored(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path, limit=1000)
    cache.put(KEY, bytes(2000))
    assert cache.get(KEY) is None


def test_remains_of_dead_writers_are_removed(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path)
    assert cache.directory is not None
    stale, fresh = cache.directory / "x-1-1.tmp", cache.directory / "x-1-2.tmp"
    stale.write_bytes(b"half")
    fresh.write_bytes(b"half")
    os.utime(stale, (0, 0))
    cache.put(KEY, PAYLOAD)
    assert not stale.exists()
    assert fresh.exists()


WRITER = """
import sys
from pathlib import Path
from graphtf.llvm.cache import ObjectCache, cache_key
cache = ObjectCache(Path(sys.argv[1]), limit=200_000)
for turn in range(60):
    key = cache_key(str(turn % 7))
    found = cache.get(key)
    assert found is None or found == bytes([turn % 7]) * 9000, "mixed entry"
    cache.put(key, bytes([turn % 7]) * 9000)
"""


def test_processes_that_write_at_once_never_mix(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)]) for _ in range(4)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    cache = ObjectCache(tmp_path)
    assert all(cache.get(cache_key(str(i))) == bytes([i]) * 9000 for i in range(7))


def test_the_folder_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("GRAPHTF_CACHE_DIR", raising=False)
    assert cache_module._default_directory() == tmp_path / "xdg" / "graphtf"
    monkeypatch.setenv("GRAPHTF_CACHE_DIR", str(tmp_path / "own"))
    assert cache_module._default_directory() == tmp_path / "own"
    monkeypatch.setenv("GRAPHTF_CACHE_DIR", "")
    assert cache_module._default_directory() is None
