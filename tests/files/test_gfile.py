"""Files and folders through `tf.io`, records, and images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphtf as tf

gfile = tf.io.gfile


def test_text_and_bytes(tmp_path: Path) -> None:
    path = str(tmp_path / "a.txt")
    with gfile.GFile(path, "w") as file:
        file.write("ä\nb\r\n")
        file.write(b"c")
    with gfile.GFile(path) as file:
        assert (file.size(), file.readline(), file.tell() > 0, file.readlines()) == (7, "ä\n", True, ["b\r\n", "c"])
        file.seek(0)
        assert list(file) == ["ä\n", "b\r\n", "c"]
    with gfile.GFile(path, "ab") as file:
        file.write("d")
    with gfile.GFile(path, "rb") as file:
        file.seek(-2, 2)
        assert file.read() == b"cd"
    with pytest.raises(tf.errors.PermissionDeniedError):
        gfile.GFile(path).write("x")
    with pytest.raises(tf.errors.NotFoundError):
        gfile.GFile(str(tmp_path / "none")).read()
    with pytest.raises(tf.errors.InvalidArgumentError):
        gfile.GFile(path, "z")


def test_folders(tmp_path: Path) -> None:
    deep = gfile.join(str(tmp_path), "a", "b")
    gfile.makedirs(deep)
    gfile.makedirs(deep)
    gfile.GFile(gfile.join(deep, "x.txt"), "w").write("x")
    assert gfile.isdir(deep) and gfile.exists(deep) and gfile.listdir(deep) == ["x.txt"]
    assert [Path(p).name for p in gfile.glob([f"{deep}/*.txt", f"{deep}/none"])] == ["x.txt"]
    assert [(Path(a).name, b, c) for a, b, c in gfile.walk(f"{tmp_path}/a")] == [("a", ["b"], []), ("b", [], ["x.txt"])]
    gfile.copy(f"{deep}/x.txt", f"{deep}/y.txt")
    with pytest.raises(tf.errors.AlreadyExistsError):
        gfile.copy(f"{deep}/x.txt", f"{deep}/y.txt")
    gfile.rename(f"{deep}/y.txt", f"{deep}/z.txt")
    with pytest.raises(tf.errors.AlreadyExistsError):
        gfile.rename(f"{deep}/x.txt", f"{deep}/z.txt")
    gfile.rename(f"{deep}/x.txt", f"{deep}/z.txt", overwrite=True)
    found = gfile.stat(f"{deep}/z.txt")
    assert (found.length, found.is_directory) == (1, False)
    gfile.remove(f"{deep}/z.txt")
    for refused in (gfile.remove, gfile.stat, gfile.listdir):
        with pytest.raises(tf.errors.NotFoundError):
            refused(f"{deep}/z.txt")
    with pytest.raises(tf.errors.AlreadyExistsError):
        gfile.mkdir(deep)
    gfile.rmtree(str(tmp_path / "a"))
    assert not gfile.exists(deep)
    with pytest.raises(tf.errors.UnimplementedError, match="gs"):
        gfile.exists("gs://bucket/file")


@pytest.mark.parametrize("staged", [False, True])
def test_whole_files_in_programs(tmp_path: Path, staged: bool) -> None:
    def copied(path: tf.Tensor) -> tf.Tensor:
        tf.io.write_file(path, tf.strings.join(["new ", tf.io.read_file(path)]))
        return tf.io.read_file(path)

    path = tmp_path / "sub.txt"
    path.write_bytes(b"text")
    function = tf.function(copied) if staged else copied
    assert function(tf.constant(str(path))).numpy() == b"new text"
    assert function(tf.constant(str(path))).numpy() == b"new new text"
    assert tf.io.matching_files(f"{tmp_path}/*.txt").numpy().tolist() == [str(path).encode()]
    with pytest.raises(tf.errors.NotFoundError):
        function(tf.constant(str(tmp_path / "none")))


@pytest.mark.parametrize("kind", ["", "GZIP", "ZLIB"])
def test_records_are_read_again(tmp_path: Path, kind: str) -> None:
    path = str(tmp_path / "x.tfrecord")
    records = [b"", b"a", b"b" * 5000]
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(kind)) as writer:
        for record in records:
            writer.write(record)
            writer.flush()
    assert [x.numpy() for x in tf.data.TFRecordDataset(path, kind)] == records
    with pytest.raises(tf.errors.FailedPreconditionError):
        writer.write(b"late")
    with pytest.raises(ValueError, match="compression"):
        tf.io.TFRecordOptions("LZMA")


def test_the_bytes_of_a_record(tmp_path: Path) -> None:
    """As TensorFlow writes them."""
    with tf.io.TFRecordWriter(tmp_path / "x") as writer:
        writer.write(b"abc")
    assert (tmp_path / "x").read_bytes().hex() == "0300000000000000b099490e6162636e57f121"


def test_jpegs_are_near_what_was_encoded() -> None:
    smooth = np.add.outer(np.arange(16), np.arange(24))[..., None] * np.array([4, 3, 2])
    data = tf.io.encode_jpeg(smooth.astype(np.uint8), quality=100, chroma_downsampling=False)
    assert np.abs(tf.io.decode_jpeg(data).numpy().astype(int) - smooth).max() <= 4
    assert tf.io.decode_jpeg(data, channels=1).shape == (16, 24, 1)
    assert tf.io.decode_jpeg(data, ratio=2).shape == (8, 12, 3)
    assert tf.io.decode_and_crop_jpeg(data, [2, 3, 4, 5]).shape == (4, 5, 3)
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.decode_and_crop_jpeg(data, [2, 3, 40, 5])


def test_frames_of_a_gif() -> None:
    import io

    image = pytest.importorskip("PIL.Image")
    frames = [image.new("RGB", (4, 3), color) for color in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    found = tf.io.decode_gif(out.getvalue()).numpy()
    assert found.shape == (2, 3, 4, 3)
    assert found[:, 0, 0].tolist() == [[255, 0, 0], [0, 0, 255]]
    assert tf.io.decode_image(out.getvalue(), expand_animations=False).shape == (3, 4, 3)


def test_protocol_buffers() -> None:
    example = tf.train.Example()
    example.features.feature["a"].int64_list.value.extend([1, 2])
    assert example.features.feature["a"].WhichOneof("kind") == "int64_list"
    example.features.feature["a"].float_list.value.append(0.5)
    again = tf.train.Example.FromString(example.SerializeToString())
    assert again.features.feature["a"].WhichOneof("kind") == "float_list"
    assert 'key: "a"' in str(again)
    with pytest.raises(TypeError):
        tf.train.BytesList(value=["text"])
    with pytest.raises(ValueError, match="no 'wrong' field"):
        tf.train.Feature(wrong=1)
    with pytest.raises(tf.errors.DataLossError):
        tf.train.Example.FromString(b"\n\x7f")
