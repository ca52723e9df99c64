"""The run-time support of generated code, as LLVM IR: the thread pool (`pool_ir`), Ctrl-C in endless loops, calls
from Python.

Invariant: it needs only the C library, POSIX threads and CPython's stable interface, and keeps its whole state in
the module's globals, so that a forked child starts anew with one call of `gtf_pool_reset`.
Entry point: `text(target)`.
"""

from __future__ import annotations

import signal
import string
import sys

from graphtf.llvm.pool_ir import pool
from graphtf.llvm.subnormals import control
from graphtf.llvm.target import Target

# What generated modules may declare; the addresses come from the loaded runtime.
GENERATED_CODE_SYMBOLS = ("gtf_parallel_for", "gtf_poll_interrupt", "gtf_interrupt_flag")

# What the runtime itself takes from the process.
C_SYMBOLS = (
    "pthread_create", "pthread_detach", "pthread_self", "pthread_sigmask", "sigfillset", "sigdelset", "sigaction",
    "pthread_mutex_init", "pthread_mutex_lock", "pthread_mutex_unlock",
    "pthread_cond_init", "pthread_cond_wait", "pthread_cond_broadcast", "pthread_cond_signal",
    "clock_gettime", "sched_yield",
    *(("getpid", "sched_getcpu", "sched_getaffinity", "sched_setaffinity") if sys.platform == "linux" else ()),
)
PYTHON_SYMBOLS = (
    "PyLong_AsVoidPtr", "PyLong_FromLong", "PyErr_Occurred", "PyErr_CheckSignals",
    "PyEval_SaveThread", "PyEval_RestoreThread",
)


def text(target: Target) -> str:
    """The module's LLVM IR for `target`, whose operating system is this one."""
    apple = sys.platform == "darwin"
    values = {
        "sigint": int(signal.SIGINT),
        # struct sigaction: the handler comes first; where the flags lie, and the flag for three arguments.
        "flags_at": 12 if apple else 136,
        "sa_siginfo": 0x40 if apple else 4,
    }
    return pool(target) + string.Template(_INTERRUPT + _CALLS).substitute(values) + control(target)


# A loop of unknown length reads `gtf_interrupt_flag` and, when it is set, calls `gtf_poll_interrupt`. The flag is
# set by a signal handler that stands before Python's while such a program runs on the main thread, and hands every
# signal on to it. Whether to stop is then Python's decision: its own handlers run, and only if one raises does the
# poll answer -1. A handler installed meanwhile is kept, and stood before again.
_INTERRUPT = """
@gtf_interrupt_flag = global i32 0, align 64
@main.thread  = internal global ptr null
@python.state = internal global ptr null
@previous     = internal global [256 x i8] zeroinitializer, align 16

declare ptr @pthread_self()
declare i32 @sigaction(i32, ptr, ptr)
declare i32 @PyErr_CheckSignals()
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

define void @gtf_set_main_thread(ptr %thread) nounwind {
  store ptr %thread, ptr @main.thread
  ret void
}

define internal void @on_signal(i32 %signal, ptr %info, ptr %machine) nounwind {
  store atomic i32 1, ptr @gtf_interrupt_flag monotonic, align 4
  %handler = load ptr, ptr @previous
  call void %handler(i32 %signal, ptr %info, ptr %machine)
  ret void
}

; Stands before the current handler, unless that is the default action, "ignore", or ourselves already.
define internal void @watch() nounwind {
entry:
  %current = alloca [256 x i8], align 16
  %got = call i32 @sigaction(i32 $sigint, ptr null, ptr %current)
  %handler = load ptr, ptr %current
  %number = ptrtoint ptr %handler to i64
  %fixed = icmp ule i64 %number, 1
  %ours = icmp eq ptr %handler, @on_signal
  %leave = or i1 %fixed, %ours
  br i1 %leave, label %done, label %stand
stand:
  call void @llvm.memcpy.p0.p0.i64(ptr @previous, ptr %current, i64 256, i1 false)
  store ptr @on_signal, ptr %current
  %flags.at = getelementptr i8, ptr %current, i64 $flags_at
  %flags = load i32, ptr %flags.at
  %three = or i32 %flags, $sa_siginfo
  store i32 %three, ptr %flags.at
  %set = call i32 @sigaction(i32 $sigint, ptr %current, ptr null)
  br label %done
done:
  ret void
}

; Puts back the handler that was there, if no other was installed meanwhile.
define internal void @unwatch() nounwind {
entry:
  %current = alloca [256 x i8], align 16
  %got = call i32 @sigaction(i32 $sigint, ptr null, ptr %current)
  %handler = load ptr, ptr %current
  %ours = icmp eq ptr %handler, @on_signal
  br i1 %ours, label %restore, label %done
restore:
  %set = call i32 @sigaction(i32 $sigint, ptr @previous, ptr null)
  br label %done
done:
  ret void
}

; 0: go on. -1: stop, a Python exception is set.
define i32 @gtf_poll_interrupt() nounwind {
entry:
  %self = call ptr @pthread_self()
  %main = load ptr, ptr @main.thread
  %here = icmp eq ptr %self, %main
  br i1 %here, label %ask, label %on
ask:
  store atomic i32 0, ptr @gtf_interrupt_flag monotonic, align 4
  %state = load ptr, ptr @python.state
  call void @PyEval_RestoreThread(ptr %state)
  %answer = call i32 @PyErr_CheckSignals()
  call void @watch()
  %state.new = call ptr @PyEval_SaveThread()
  store ptr %state.new, ptr @python.state
  ret i32 %answer
on:
  ret i32 0
}

; Runs %program without the GIL, interruptible when on the main thread. Called with the GIL held.
define internal i32 @run_watched(ptr %program, ptr %args) nounwind {
entry:
  %self = call ptr @pthread_self()
  %main = load ptr, ptr @main.thread
  %here = icmp eq ptr %self, %main
  br i1 %here, label %watched, label %plain
plain:
  %state.plain = call ptr @PyEval_SaveThread()
  %status.plain = call i32 %program(ptr %args)
  call void @PyEval_RestoreThread(ptr %state.plain)
  ret i32 %status.plain
watched:
  %already = load ptr, ptr @python.state
  call void @watch()
  ; A signal that came before we watched set only Python's flag.
  %answer = call i32 @PyErr_CheckSignals()
  %raised = icmp ne i32 %answer, 0
  br i1 %raised, label %leave, label %run
run:
  store atomic i32 0, ptr @gtf_interrupt_flag monotonic, align 4
  %state = call ptr @PyEval_SaveThread()
  store ptr %state, ptr @python.state
  %status = call i32 %program(ptr %args)
  %state.end = load ptr, ptr @python.state
  call void @PyEval_RestoreThread(ptr %state.end)
  store ptr %already, ptr @python.state
  br label %leave
leave:
  %result = phi i32 [ -1, %watched ], [ %status, %run ]
  ; An outer program that a signal handler interrupted still watches.
  %inner = icmp ne ptr %already, null
  br i1 %inner, label %return, label %restore
restore:
  call void @unwatch()
  br label %return
return:
  ret i32 %result
}
"""

# Builtin functions of one integer argument: `self` is the address of `i32 program(ptr args)` as an integer.
_CALLS = """
declare ptr @PyLong_AsVoidPtr(ptr)
declare ptr @PyLong_FromLong(i64)
declare ptr @PyErr_Occurred()

define ptr @gtf_call_held(ptr %self, ptr %argument) nounwind {
entry:
  %program = call ptr @PyLong_AsVoidPtr(ptr %self)
  %args = call ptr @PyLong_AsVoidPtr(ptr %argument)
  %missing = icmp eq ptr %args, null
  br i1 %missing, label %doubt, label %run
doubt:
  %error = call ptr @PyErr_Occurred()
  %bad = icmp ne ptr %error, null
  br i1 %bad, label %fail, label %run
run:
  %control = call i64 @enter_arithmetic()
  %status = call i32 %program(ptr %args)
  call void @set_control(i64 %control)
  %wide = sext i32 %status to i64
  %result = call ptr @PyLong_FromLong(i64 %wide)
  ret ptr %result
fail:
  ret ptr null
}

define ptr @gtf_call_released(ptr %self, ptr %argument) nounwind {
entry:
  %program = call ptr @PyLong_AsVoidPtr(ptr %self)
  %args = call ptr @PyLong_AsVoidPtr(ptr %argument)
  %missing = icmp eq ptr %args, null
  br i1 %missing, label %doubt, label %run
doubt:
  %error = call ptr @PyErr_Occurred()
  %bad = icmp ne ptr %error, null
  br i1 %bad, label %fail, label %run
run:
  %state = call ptr @PyEval_SaveThread()
  %control = call i64 @enter_arithmetic()
  %status = call i32 %program(ptr %args)
  call void @set_control(i64 %control)
  call void @PyEval_RestoreThread(ptr %state)
  %wide = sext i32 %status to i64
  %result = call ptr @PyLong_FromLong(i64 %wide)
  ret ptr %result
fail:
  ret ptr null
}

define ptr @gtf_call_interruptible(ptr %self, ptr %argument) nounwind {
entry:
  %program = call ptr @PyLong_AsVoidPtr(ptr %self)
  %args = call ptr @PyLong_AsVoidPtr(ptr %argument)
  %missing = icmp eq ptr %args, null
  br i1 %missing, label %doubt, label %run
doubt:
  %error = call ptr @PyErr_Occurred()
  %bad = icmp ne ptr %error, null
  br i1 %bad, label %fail, label %run
run:
  %control = call i64 @enter_arithmetic()
  %status = call i32 @run_watched(ptr %program, ptr %args)
  call void @set_control(i64 %control)
  %raised = call ptr @PyErr_Occurred()
  %stopped = icmp ne ptr %raised, null
  br i1 %stopped, label %fail, label %return
return:
  %wide = sext i32 %status to i64
  %result = call ptr @PyLong_FromLong(i64 %wide)
  ret ptr %result
fail:
  ret ptr null
}
"""
