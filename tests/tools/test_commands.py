"""The commands, called as the shell calls them: what they print, what they write, and how they refuse."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from graphtf.export.portable import load
from graphtf.flags import flags
from graphtf.ir.parse import parse
from graphtf.passes.pipeline import PIPELINE
from graphtf.tools.main import COMMANDS, main
from graphtf.tools.programs import read, spec
from graphtf.tools.usage import UsageError

SCRIPT = str(Path(__file__).with_name("script.py"))
LAYER = [f"{SCRIPT}:layer", "--spec", "f32[?, 2]"]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def layer(tmp_path: Path, capsys: Capture) -> str:
    """The layer as a portable file."""
    path = str(tmp_path / "layer.gtf")
    assert main(["export", *LAYER, "-o", path]) == 0
    capsys.readouterr()
    return path


def refused(capsys: Capture, *words: str) -> str:
    """The one line that a refused command says."""
    assert main(words) in (1, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"graphtf {words[0]}: ") and err.count("\n") == 1
    return err


# ---- the command -----------------------------------------------------------------------------------------------------


def test_help_lists_every_command(capsys: Capture) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out and what in out for name, what in COMMANDS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    assert f"usage: graphtf {name}" in capsys.readouterr().out


def test_no_and_unknown_commands(capsys: Capture) -> None:
    assert main([]) == 2
    assert main(["veiw"]) == 2
    assert "did you mean 'view'?" in capsys.readouterr().err
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("graphtf 0.")


def test_the_module_runs_as_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "graphtf", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("graphtf 0.")


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m graphtf view {SCRIPT}:layer --spec 'f32[?, 2]' | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("graph")
    assert done.stderr == ""


# ---- programs --------------------------------------------------------------------------------------------------------


def test_specs_are_types() -> None:
    assert spec("f32[?, 784]").shape.as_list() == [None, 784]
    assert spec(" bfloat16[] ").shape.as_list() == []
    assert spec("int64").dtype.name == "int64"
    assert spec("bool[*]").shape.rank is None
    for bad in ("f32[", "f33[2]", "f32[2.5]", "f32[-2]", "", "f32[2] x"):
        with pytest.raises(UsageError):
            spec(bad)


def test_programs_from_every_source(layer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = read(f"{SCRIPT}:layer", ["f32[?, 2]"]).graph
    text = tmp_path / "layer.ir"
    text.write_text(str(graph))
    assert str(read(str(text)).graph) == str(graph)
    assert len(load(layer).graph) == len(read(layer).graph) == len(graph)
    monkeypatch.setattr("sys.stdin", io.StringIO(str(graph)))
    assert str(read("-").graph) == str(graph)
    assert [str(v.type) for v in read(f"{SCRIPT}:plain", ["i32[3]", "i32[]"]).graph.outputs] == ["i32[3]", "i32[3]"]
    assert len(read(f"{SCRIPT}:traced").graph.inputs) == 1
    assert len(read(f"{SCRIPT}:logs").graph.inputs) == 1


@pytest.mark.parametrize(
    "words, message",
    [
        (["absent.gtf"], "no file"),
        (["absent.ir"], "no file 'absent.ir'; a program is"),
        (["absent.py:f"], "no file 'absent.py'"),
        (["no.such.module:f"], "cannot import 'no.such.module'"),
        ([f"{SCRIPT}:absent"], "has no 'absent'"),
        ([f"{SCRIPT}:number"], "is not a function"),
        ([f"{SCRIPT}:layer"], "does not take no arguments"),
        ([f"{SCRIPT}:layer", "--spec", "f32(2)"], "is not a type"),
        ([SCRIPT], "ParseError: line 1"),
    ],
)
def test_programs_that_are_none(words: list[str], message: str, capsys: Capture) -> None:
    assert message in refused(capsys, "view", *words)


# ---- opt -------------------------------------------------------------------------------------------------------------


def test_opt_prints_after_every_pass_and_each_text_parses(layer: str, capsys: Capture) -> None:
    assert main(["opt", layer, "--verify"]) == 0
    out = capsys.readouterr().out
    for step in PIPELINE:
        assert f"; ---- {step.name}: " in out
    parts = [p for p in out.split("; ---- ") if "\ngraph @" in p]
    assert len(parts) >= 2
    for part in parts:
        parse(part.partition("\n")[2])


def test_opt_options(layer: str, capsys: Capture) -> None:
    assert main(["opt", layer, "--stats"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[1] for line in out[1:]] == [*(s.name for s in PIPELINE), "all"]
    assert main(["opt", layer, "--final", "--until", "fold"]) == 0
    assert "fusion" not in capsys.readouterr().out
    assert main(["opt", layer, "--final"]) == 0
    fused = parse(capsys.readouterr().out)
    assert any(n.op.name == "fusion" for n in fused.nodes)
    assert main(["opt", layer, "--pass", "dce", "--pass", "fold", "--stats"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == ["dce", "fold", "all"]


def test_opt_lowers(layer: str, capsys: Capture) -> None:
    assert main(["opt", layer, "--lower"]) == 0
    loops = capsys.readouterr().out
    assert "kernel @main" in loops and "sizes(" in loops
    assert main(["opt", layer, "--llvm"]) == 0
    assert "define i32 @program(ptr" in capsys.readouterr().out
    for target, word in (("x86-64-v3", "vbroadcastss"), ("aarch64", "fmla")):
        assert main(["opt", layer, "--asm", "--target", target]) == 0
        assert word in capsys.readouterr().out


def test_opt_refuses(layer: str, capsys: Capture) -> None:
    assert "no pass is called 'polish'; there are inline" in refused(capsys, "opt", layer, "--until", "polish")
    assert "not among the passes chosen" in refused(capsys, "opt", layer, "--pass", "dce", "--until", "fold")
    assert "expected one of host" in refused(capsys, "opt", layer, "--asm", "--target", "pdp11")


# ---- view and export -------------------------------------------------------------------------------------------------


def test_view_writes_what_the_suffix_says(layer: str, tmp_path: Path, capsys: Capture) -> None:
    for name in ("a.svg", "a.dot", "a.ir"):
        assert main(["view", layer, "-o", str(tmp_path / name)]) == 0
    ElementTree.parse(tmp_path / "a.svg")
    assert (tmp_path / "a.dot").read_text().startswith("digraph")
    assert str(parse((tmp_path / "a.ir").read_text())) == str(load(layer).graph)
    capsys.readouterr()
    assert main(["view", layer, "--compiled", "--format", "svg"]) == 0
    assert "kernel" in capsys.readouterr().out
    assert main(["view", layer, "--until", "dce"]) == 0
    assert "fusion" not in capsys.readouterr().out
    assert "expected a file that ends in .svg" in refused(capsys, "view", layer, "-o", "a.jpeg")
    assert "expected a file that ends in .gtf" in refused(capsys, "export", layer, "-o", "a.onnx")


# ---- run -------------------------------------------------------------------------------------------------------------


def test_run_a_portable_file(layer: str, tmp_path: Path, capsys: Capture) -> None:
    x = np.array([[1.0, 2.0], [-4.0, 0.5]], np.float32)
    wanted = np.maximum(x @ np.float32([[1.0, -1.0], [0.5, 2.0]]) + 2, 0)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", x.astype(np.float64))
    for name in ("x.npy", "x.npz"):
        assert main(["run", layer, str(tmp_path / name), "-o", str(tmp_path / "out.npz")]) == 0
        with np.load(tmp_path / "out.npz") as out:
            np.testing.assert_allclose(out["arr_0"], wanted, rtol=1e-6)
    assert main(["run", layer, str(tmp_path / "x.npy")]) == 0
    assert "output 0: float32[2, 2]" in capsys.readouterr().out
    assert main(["run", layer, "--random", "3", "--size", "n0=5", "--times", "2"]) == 0
    assert "output 0: float32[5, 2]" in capsys.readouterr().out


def test_run_refuses_what_is_no_input(layer: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    np.save(tmp_path / "wide.npy", np.zeros((2, 3), np.float32))
    assert "takes 1 arrays" in refused(capsys, "run", layer)
    assert "no file" in refused(capsys, "run", layer, str(tmp_path / "absent.npy"))
    for name in ("bad.npy", "objects.npy"):
        assert "holds no arrays" in refused(capsys, "run", layer, str(tmp_path / name))
    assert "InvalidArgumentError" in refused(capsys, "run", layer, str(tmp_path / "wide.npy"))
    assert "expected NAME=NUMBER" in refused(capsys, "run", layer, "--random", "1", "--size", "n0")
    (tmp_path / "cut.gtf").write_bytes(Path(layer).read_bytes()[:200])
    assert "DataLossError" in refused(capsys, "run", str(tmp_path / "cut.gtf"))


def test_run_a_script(capsys: Capture) -> None:
    before = sys.argv, list(sys.path)
    assert main(["run", SCRIPT, "a", "--b"]) == 0
    assert capsys.readouterr().out == "arguments ['a', '--b'] result 6.0\n"
    assert main(["run", SCRIPT, "exit"]) == 3
    assert main(["run", SCRIPT, "message"]) == 1
    assert capsys.readouterr().err == "no more\n"
    assert (sys.argv, sys.path) == before
    assert "no file" in refused(capsys, "run", "absent.py")


def test_run_on_the_reference(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flags, "interpret", False)
    assert main(["run", "--interpret", SCRIPT]) == 0
    assert flags.interpret
    assert "result 6.0" in capsys.readouterr().out


# ---- debug -----------------------------------------------------------------------------------------------------------


def test_debug_names_the_first_nan(tmp_path: Path, capsys: Capture) -> None:
    np.save(tmp_path / "x.npy", np.float32([2.0, 0.5, 3.0]))
    assert main(["debug", f"{SCRIPT}:logs", str(tmp_path / "x.npy"), "--nan"]) == 1
    out = capsys.readouterr().out
    assert "the first NaN or infinity: %" in out and "= log(" in out and "script.py" in out
    assert "NaN 1" in out or "nan" in out
    np.save(tmp_path / "x.npy", np.float32([2.0, 3.5, 3.0]))
    assert main(["debug", f"{SCRIPT}:logs", str(tmp_path / "x.npy"), "--nan"]) == 0
    assert capsys.readouterr().out == "every value is finite\n"


def test_debug_shows_every_value_under_its_printed_name(layer: str, capsys: Capture) -> None:
    assert main(["debug", layer, "--random", "1", "--values"]) == 0
    out = capsys.readouterr().out
    graph = load(layer).graph
    for line in str(graph).splitlines()[1:-2]:
        name, _, rest = line.strip().partition(" = ")
        assert f"{name} = {rest.partition('(')[0]} " in out


@pytest.mark.parametrize("option", ["--compare", "--bisect"])
def test_debug_holds_native_to_the_reference(layer: str, option: str, capsys: Capture) -> None:
    assert main(["debug", layer, "--random", "1", option]) == 0
    out = capsys.readouterr().out
    assert "ok  output 0: largest difference" in out and "ok  variable weights: largest difference 0" in out
    assert ("every pass and kernel gives the reference's values" in out) is (option == "--bisect")


# ---- doctor, bench, demo ---------------------------------------------------------------------------------------------


def test_doctor_tests_itself(capsys: Capture) -> None:
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("numpy", "llvmlite", "processor", "threads", "cache", "convolution"))


def test_doctor_lists_the_api(capsys: Capture) -> None:
    assert main(["doctor", "--api"]) == 0
    out = capsys.readouterr().out
    assert "tf.math" in out and "in all" in out
    assert main(["doctor", "--missing", "tf.math"]) == 0
    assert "tf.math.add\n" not in capsys.readouterr().out
    assert "no namespace tf.maths" in refused(capsys, "doctor", "--missing", "tf.maths")


def test_bench_measures_one_work(tmp_path: Path, capsys: Capture) -> None:
    assert main(["bench", "--works", "huber:100", "--only", "kernels", "--markdown", str(tmp_path / "b.md")]) == 0
    assert "huber:100" in capsys.readouterr().out
    text = (tmp_path / "b.md").read_text()
    assert text.startswith("# Performance\n") and "### Kernels" in text
    assert "| huber:100 |" in text and "another number" not in text
    assert "no section 'all'; there are machine" in refused(capsys, "bench", "--only", "all")


def test_the_demo(tmp_path: Path) -> None:
    """In a process of its own, without a terminal: no control characters, and files that can be read back."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "graphtf", "demo", "--epochs", "2", "--output", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    assert "\x1b" not in done.stdout and "\r" not in done.stdout
    assert "equal up to rounding" in done.stdout and "train_step.svg" in done.stdout
    loaded = load(tmp_path / "out" / "classifier.gtf")
    (labels,) = loaded(np.load(tmp_path / "out" / "digits.npy"))
    assert labels.shape == (8,)
    parse((tmp_path / "out" / "train_step.ir").read_text())
    ElementTree.parse(tmp_path / "out" / "train_step.svg")
    assert load(tmp_path / "out" / "train_step.gtf").graph.name == load(tmp_path / "out" / "train_step.gtf").graph.name
