"""The thread pool runs every task once, whoever calls it and however."""
import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from graphtf.llvm import call, link, threads
from graphtf.llvm.engine import engine
from graphtf.llvm.link import Loaded

from . import programs

PATIENCE = 20.0


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return engine().compile(programs.PARALLEL)


@pytest.fixture(autouse=True)
def pool_size() -> Iterator[None]:
    before = threads.num_threads()
    threads.set_num_threads(4)
    yield
    threads.set_num_threads(before)


def run(loaded: Loaded, task: str, context: np.ndarray, count: int, gil: call.Gil = call.Gil.HELD) -> None:
    args = np.array([loaded.address(task), context.ctypes.data, count], np.int64)
    assert call.make_caller(loaded, gil=gil)(args.ctypes.data) == 0


def wait_until(condition: object) -> None:
    assert callable(condition)
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "the pool did not get there"
        time.sleep(0.001)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 17, 1000, 100_000])
def test_every_task_runs_once(loaded: Loaded, count: int) -> None:
    marks = np.zeros(count + 1, np.int64)
    run(loaded, "mark", marks, count)
    assert (marks[:count] == 1).all()
    assert marks[count] == 0


def test_a_negative_count_runs_nothing(loaded: Loaded) -> None:
    marks = np.zeros(1, np.int64)
    run(loaded, "mark", marks, -5)
    assert marks[0] == 0


def test_many_jobs_in_a_row(loaded: Loaded) -> None:
    marks = np.zeros(13, np.int64)
    for turn in range(3000):
        if turn % 500 == 0:
            wait_until(lambda: threads.runtime().read("gtf_workers_asleep") == threads.runtime().read(
                "gtf_workers_alive"))
        run(loaded, "mark", marks, 13)
    assert (marks == 3000).all()


def test_workers_take_part_of_long_jobs(loaded: Loaded) -> None:
    marks = np.zeros(9, np.int64)
    marks[0] = 2_000_000
    run(loaded, "slow", marks[1:], 8)
    assert (marks[1:] == 1).all()
    assert threads.runtime().read("gtf_workers_alive") == 3


def test_nested_loops_run_inline(loaded: Loaded) -> None:
    marks = np.zeros(50 * 10, np.int64)
    for _ in range(100):
        run(loaded, "nested", marks, 50)
    assert (marks == 100).all()


def test_python_threads_may_call_at_once(loaded: Loaded) -> None:
    rows = np.zeros((8, 101), np.int64)
    rows[:, 0] = 50

    def work(row: np.ndarray) -> None:
        for _ in range(200):
            run(loaded, "slow", row[1:], 100, call.Gil.RELEASED)

    workers = [threading.Thread(target=work, args=(row,)) for row in rows]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE)
    assert not any(worker.is_alive() for worker in workers)
    assert (rows[:, 1:] == 200).all()


def test_the_pool_grows_and_shrinks(loaded: Loaded) -> None:
    marks = np.zeros(64, np.int64)
    for size in (1, 6, 2, 4, 1, 3):
        threads.set_num_threads(size)
        assert threads.num_threads() == size
        marks[:] = 0
        run(loaded, "mark", marks, 64)
        assert (marks == 1).all()
        wait_until(lambda size=size: threads.runtime().read("gtf_workers_alive") == size - 1)


@pytest.mark.parametrize("size", [0, -1, 5000, 1.0, True, "2"])
def test_a_pool_size_that_is_none_is_refused(size: object) -> None:
    with pytest.raises(ValueError, match="set_num_threads: argument 'count' is"):
        threads.set_num_threads(size)  # type: ignore[arg-type]


def test_idle_workers_use_no_processor_time(loaded: Loaded) -> None:
    run(loaded, "mark", np.zeros(64, np.int64), 64)
    wait_until(lambda: threads.runtime().read("gtf_workers_asleep") == 3)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1


def test_workers_return_to_every_processor_when_awake(loaded: Loaded) -> None:
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system has no affinity masks")
    marks = np.zeros(9, np.int64)
    for rounds in (200_000, 200_000):
        marks[0] = rounds
        run(loaded, "slow", marks[1:], 8)
        allowed = os.sched_getaffinity(0)
        masks = [os.sched_getaffinity(int(task)) for task in os.listdir("/proc/self/task")]
        assert all(mask and mask <= allowed for mask in masks)


def test_a_forked_child_has_a_pool_of_its_own(loaded: Loaded) -> None:
    marks = np.zeros(100, np.int64)
    run(loaded, "mark", marks, 100)
    for _ in range(5):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                fresh = threads.runtime().read("gtf_workers_alive") == 0
                for _ in range(50):
                    run(loaded, "mark", marks, 100)
                code = 0 if fresh and (marks == 51).all() and threads.runtime().read("gtf_workers_alive") == 3 else 2
            finally:
                os._exit(code)
        assert wait_for(child) == 0
    run(loaded, "mark", marks, 100)
    assert (marks == 2).all()


def test_a_fork_while_another_thread_uses_the_pool(loaded: Loaded) -> None:
    stop = threading.Event()
    busy = np.zeros(9, np.int64)
    busy[0] = 5000

    def occupy() -> None:
        while not stop.is_set():
            run(loaded, "slow", busy[1:], 8, call.Gil.RELEASED)

    other = threading.Thread(target=occupy)
    other.start()
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    marks = np.zeros(100, np.int64)
                    run(loaded, "mark", marks, 100)
                    code = 0 if (marks == 1).all() else 2
                finally:
                    os._exit(code)
            assert wait_for(child) == 0
    finally:
        stop.set()
        other.join(PATIENCE)


def wait_for(child: int) -> int:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, 9)
    os.waitpid(child, 0)
    raise AssertionError("the forked child hangs")


EXIT = """
import sys, threading
import numpy as np
sys.path.insert(0, {tests!r})
from llvm import programs
from graphtf.llvm import call, threads
from graphtf.llvm.engine import engine
threads.set_num_threads(4)
loaded = engine().compile(programs.PARALLEL)
marks = np.zeros(100, np.int64)
args = np.array([loaded.address("mark"), marks.ctypes.data, 100], np.int64)
call.make_caller(loaded)(args.ctypes.data)
{end}
"""


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise SystemExit(3)", "import time; time.sleep(0.02)",
                                 "threading.Thread(target=lambda: call.make_caller(loaded)(args.ctypes.data)).start()"])
def test_the_process_ends_quietly(end: str) -> None:
    code = EXIT.format(tests=str(Path(__file__).parents[1]), end=end)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3 if "3)" in end else 0, "", "")


def test_workers_block_signals(loaded: Loaded) -> None:
    status = Path("/proc/self/task")
    if not status.exists():
        pytest.skip("this system does not show its threads")
    run(loaded, "mark", np.zeros(64, np.int64), 64)
    blocked = [line for task in status.iterdir() for line in (task / "status").read_text().splitlines()
               if line.startswith("SigBlk")]
    interrupt = 1 << 1
    assert sum(bool(int(line.split()[1], 16) & interrupt) for line in blocked) >= 3


def test_the_runtime_is_small_and_exports_what_it_promises() -> None:
    found = threads.runtime().externals()
    assert set(found) == {"gtf_parallel_for", "gtf_poll_interrupt", "gtf_interrupt_flag"}
    assert ctypes.c_int32.from_address(found["gtf_interrupt_flag"]).value == 0
    with pytest.raises(link.LinkError):
        threads.runtime().address("hire")
