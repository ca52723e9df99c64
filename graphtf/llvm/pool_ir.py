"""The thread pool of generated code, as LLVM IR: `gtf_parallel_for`, its workers, and where they run.

Invariant: all state is in the module's globals, which `gtf_pool_reset` makes those of a process without workers.
Entry point: `pool(target)`.
"""

from __future__ import annotations

import signal
import string
import sys
import time

from graphtf.llvm.target import Target

# A worker without work looks for more this long before it blocks: long enough to bridge the Python code between two
# steps of a loop (waking a blocked one costs 20 to 70 microseconds), short enough not to be seen in the processor's
# load. After the first part of that time it offers its processor to others at every look.
SPIN_NANOSECONDS = 500_000
KEEN_NANOSECONDS = 20_000
MOST_SHARES = 64  # of a job's tasks; more threads than that share them

_PAUSE = {
    "x86_64": "call void @llvm.x86.sse2.pause()",
    "aarch64": "call void @llvm.aarch64.hint(i32 1)",
    "arm64": "call void @llvm.aarch64.hint(i32 1)",
}


def pool(target: Target) -> str:
    """The pool's LLVM IR for `target`, whose operating system is this one."""
    values = {
        "spin_ns": SPIN_NANOSECONDS,
        "keen_ns": KEEN_NANOSECONDS,
        "most_shares": MOST_SHARES,
        "clock": time.CLOCK_MONOTONIC,
        "pause": _PAUSE.get(target.triple.split("-")[0], ""),
        "sig_block": int(signal.SIG_BLOCK),
        "sig_setmask": int(signal.SIG_SETMASK),
        "sigsegv": int(signal.SIGSEGV),
        "sigbus": int(signal.SIGBUS),
        "sigfpe": int(signal.SIGFPE),
        "sigill": int(signal.SIGILL),
    }
    placement = _PLACEMENT_LINUX if sys.platform == "linux" else _PLACEMENT_ELSEWHERE
    return string.Template(_POOL + placement).substitute(values)


# One job at a time. `state` holds the job's number (upper half), whether it still takes workers (bit 31) and how
# many are at it. The caller opens it, works too, closes it and waits for the count to fall to zero, so no worker
# touches task or context after the call returns. Whoever finds `busy` taken (a nested call, another thread) works
# alone. Each thread has a share of its own, neighbouring tasks and the same ones in every call of a job, whose data so
# stays in its caches; done with it, a thread takes from the others' shares. `sleepers` is raised before `state` is
# read again, and `state` set before `sleepers` is read: no lost wake.
_POOL = """
%share = type { i64, i64, [6 x i64] }  ; the next task and the end, on a line of their own

@state    = internal global i64 0, align 64
@shares   = internal global [$most_shares x %share] zeroinitializer, align 64
@task     = internal global ptr null, align 64
@context  = internal global ptr null
@parts    = internal global i64 0
@busy     = internal global i32 0, align 64
@sleepers = internal global i32 0
@created  = internal global i32 0
@threads  = internal global i32 1
@caller.processor = internal global i32 -1
@mutex    = internal global [128 x i8] zeroinitializer, align 64
@wake     = internal global [128 x i8] zeroinitializer, align 64

declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(ptr)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @sigfillset(ptr)
declare i32 @sigdelset(ptr, i32)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_broadcast(ptr)
declare i32 @pthread_cond_signal(ptr)
declare i32 @clock_gettime(i32, ptr)
declare i32 @sched_yield()
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.x86.sse2.pause()
declare void @llvm.aarch64.hint(i32)

define void @gtf_parallel_for(ptr %task, ptr %context, i64 %count) nounwind {
entry:
  %threads = load atomic i32, ptr @threads monotonic, align 4
  %many.tasks = icmp sgt i64 %count, 1
  %many.threads = icmp sgt i32 %threads, 1
  %shared = and i1 %many.tasks, %many.threads
  br i1 %shared, label %claim.pool, label %alone
claim.pool:
  %claim = cmpxchg ptr @busy, i32 0, i32 1 acquire monotonic
  %mine = extractvalue { i32, i1 } %claim, 1
  br i1 %mine, label %staff, label %alone
staff:
  %created = load atomic i32, ptr @created monotonic, align 4
  %wanted = sub i32 %threads, 1
  %staffed = icmp sge i32 %created, %wanted
  br i1 %staffed, label %publish, label %hire
hire:
  call void @hire(i32 %wanted)
  br label %publish
publish:
  %processor = call i32 @processor()
  store atomic i32 %processor, ptr @caller.processor monotonic, align 4
  store ptr %task, ptr @task
  store ptr %context, ptr @context
  call void @share_out(i32 %threads, i64 %count)
  %old = load atomic i64, ptr @state monotonic, align 8
  %job = lshr i64 %old, 32
  %job.next = add i64 %job, 1
  %job.placed = shl i64 %job.next, 32
  %open = or i64 %job.placed, 2147483648
  store atomic i64 %open, ptr @state seq_cst, align 8
  %asleep = load atomic i32, ptr @sleepers seq_cst, align 4
  %anyone = icmp sgt i32 %asleep, 0
  br i1 %anyone, label %rouse, label %work
rouse:
  call void @rouse(i64 %count)
  br label %work
work:
  call void @work_off(ptr %task, ptr %context, i64 0)
  %before = atomicrmw and ptr @state, i64 -2147483649 acq_rel
  %left.now = and i64 %before, 2147483647
  %idle.now = icmp eq i64 %left.now, 0
  br i1 %idle.now, label %done, label %wait
wait:
  %turn = phi i32 [ 0, %work ], [ %turn.next, %wait.more ]
  %seen = load atomic i64, ptr @state acquire, align 8
  %left = and i64 %seen, 2147483647
  %idle = icmp eq i64 %left, 0
  br i1 %idle, label %done, label %wait.on
wait.on:
  $pause
  %turn.next = add i32 %turn, 1
  %patient = icmp slt i32 %turn, 256
  br i1 %patient, label %wait.more, label %wait.yield
wait.yield:
  %yielded = call i32 @sched_yield()
  br label %wait.more
wait.more:
  br label %wait
done:
  store atomic i32 0, ptr @busy release, align 4
  ret void
alone:
  %none = icmp sle i64 %count, 0
  br i1 %none, label %return, label %each
each:
  %i = phi i64 [ 0, %alone ], [ %i.next, %each ]
  call void %task(ptr %context, i64 %i)
  %i.next = add i64 %i, 1
  %more = icmp slt i64 %i.next, %count
  br i1 %more, label %each, label %return
return:
  ret void
}

; Cuts the tasks into shares, one for each thread that may come.
define internal void @share_out(i32 %threads, i64 %count) alwaysinline nounwind {
entry:
  %threads.wide = sext i32 %threads to i64
  %staff = call i64 @llvm.smin.i64(i64 %threads.wide, i64 $most_shares)
  %parts = call i64 @llvm.smin.i64(i64 %staff, i64 %count)
  store i64 %parts, ptr @parts
  br label %share
share:
  %k = phi i64 [ 0, %entry ], [ %k.next, %share ]
  %start = phi i64 [ 0, %entry ], [ %end, %share ]
  %k.next = add i64 %k, 1
  %scaled = mul i64 %count, %k.next
  %end = sdiv i64 %scaled, %parts
  %next.at = getelementptr %share, ptr @shares, i64 %k
  %end.at = getelementptr %share, ptr %next.at, i64 0, i32 1
  store atomic i64 %start, ptr %next.at monotonic, align 8
  store i64 %end, ptr %end.at
  %more = icmp slt i64 %k.next, %parts
  br i1 %more, label %share, label %done
done:
  ret void
}

; What is left of the own share, then of the others', the next one first.
define internal void @work_off(ptr %task, ptr %context, i64 %own) nounwind {
entry:
  %parts = load i64, ptr @parts
  br label %share
share:
  %n = phi i64 [ 0, %entry ], [ %n.next, %empty ]
  %sum = add i64 %own, %n
  %k = urem i64 %sum, %parts
  %next.at = getelementptr %share, ptr @shares, i64 %k
  %end.at = getelementptr %share, ptr %next.at, i64 0, i32 1
  %end = load i64, ptr %end.at
  br label %claim
claim:
  %i = atomicrmw add ptr %next.at, i64 1 monotonic
  %mine = icmp slt i64 %i, %end
  br i1 %mine, label %run, label %empty
run:
  call void %task(ptr %context, i64 %i)
  br label %claim
empty:
  %n.next = add i64 %n, 1
  %more = icmp slt i64 %n.next, %parts
  br i1 %more, label %share, label %done
done:
  ret void
}

; Wakes as many sleepers as the job has tasks for beyond the caller and those workers that are awake. The lock is
; taken to let a worker that is about to block do so, and given back first, so that none wakes only to wait for it.
define internal void @rouse(i64 %count) nounwind noinline {
entry:
  %locked = call i32 @pthread_mutex_lock(ptr @mutex)
  %created = load i32, ptr @created
  %asleep = load atomic i32, ptr @sleepers monotonic, align 4
  %unlocked = call i32 @pthread_mutex_unlock(ptr @mutex)
  %awake = sub i32 %created, %asleep
  %awake.wide = sext i32 %awake to i64
  %others = sub i64 %count, 1
  %needed = sub i64 %others, %awake.wide
  %asleep.wide = sext i32 %asleep to i64
  %all = icmp sge i64 %needed, %asleep.wide
  br i1 %all, label %everyone, label %some
everyone:
  %cast = call i32 @pthread_cond_broadcast(ptr @wake)
  ret void
some:
  %n = phi i64 [ %needed, %entry ], [ %n.next, %one ]
  %go = icmp sgt i64 %n, 0
  br i1 %go, label %one, label %done
one:
  %sent = call i32 @pthread_cond_signal(ptr @wake)
  %n.next = sub i64 %n, 1
  br label %some
done:
  ret void
}

; Starts workers up to %wanted. They take no signals but those of their own faults. Where the system has no more
; threads to give, the pool stays as large as it got.
define internal void @hire(i32 %wanted) nounwind noinline {
entry:
  %mask = alloca [128 x i8], align 16
  %mask.old = alloca [128 x i8], align 16
  %thread = alloca ptr
  %filled = call i32 @sigfillset(ptr %mask)
  %d1 = call i32 @sigdelset(ptr %mask, i32 $sigsegv)
  %d2 = call i32 @sigdelset(ptr %mask, i32 $sigbus)
  %d3 = call i32 @sigdelset(ptr %mask, i32 $sigfpe)
  %d4 = call i32 @sigdelset(ptr %mask, i32 $sigill)
  %blocked = call i32 @pthread_sigmask(i32 $sig_block, ptr %mask, ptr %mask.old)
  %locked = call i32 @pthread_mutex_lock(ptr @mutex)
  br label %next
next:
  %created = load i32, ptr @created
  %short = icmp slt i32 %created, %wanted
  br i1 %short, label %start, label %done
start:
  %number = sext i32 %created to i64
  %own = add i64 %number, 1
  %word = inttoptr i64 %own to ptr
  %failed = call i32 @pthread_create(ptr %thread, ptr null, ptr @worker, ptr %word)
  %ok = icmp eq i32 %failed, 0
  br i1 %ok, label %started, label %give.up
started:
  %handle = load ptr, ptr %thread
  %detached = call i32 @pthread_detach(ptr %handle)
  %created.next = add i32 %created, 1
  store atomic i32 %created.next, ptr @created monotonic, align 4
  br label %next
give.up:
  %size = add i32 %created, 1
  store atomic i32 %size, ptr @threads monotonic, align 4
  br label %done
done:
  %unlocked = call i32 @pthread_mutex_unlock(ptr @mutex)
  %restored = call i32 @pthread_sigmask(i32 $sig_setmask, ptr %mask.old, ptr null)
  ret void
}

; Whether there is an open job other than the last one this worker took part in.
define internal i1 @joinable(i64 %state, i64 %last) alwaysinline nounwind {
  %open.bit = and i64 %state, 2147483648
  %open = icmp ne i64 %open.bit, 0
  %job = lshr i64 %state, 32
  %fresh = icmp ne i64 %job, %last
  %both = and i1 %open, %fresh
  ret i1 %both
}

define internal i64 @now() alwaysinline nounwind {
  %time = alloca { i64, i64 }
  %got = call i32 @clock_gettime(i32 $clock, ptr %time)
  %seconds = load i64, ptr %time
  %rest = getelementptr { i64, i64 }, ptr %time, i64 0, i32 1
  %nanoseconds = load i64, ptr %rest
  %scaled = mul i64 %seconds, 1000000000
  %sum = add i64 %scaled, %nanoseconds
  ret i64 %sum
}

; Share 0 is the caller's; a worker is given the number of its own.
define internal ptr @worker(ptr %word) nounwind {
entry:
  %own = ptrtoint ptr %word to i64
  br label %idle
idle:
  %last = phi i64 [ 0, %entry ], [ %job, %leave ], [ %last, %rise ]
  %begin = call i64 @now()
  br label %look
look:
  %turn = phi i32 [ 0, %idle ], [ %turn.next, %rest ], [ 0, %again ]
  %state = load atomic i64, ptr @state monotonic, align 8
  %found = call i1 @joinable(i64 %state, i64 %last)
  br i1 %found, label %join, label %rest
rest:
  $pause
  %turn.next = add i32 %turn, 1
  %often = icmp slt i32 %turn.next, 32
  br i1 %often, label %look, label %check
check:
  %time = call i64 @now()
  %spent = sub i64 %time, %begin
  %young = icmp slt i64 %spent, $spin_ns
  br i1 %young, label %still, label %sleep
still:
  %keen = icmp slt i64 %spent, $keen_ns
  br i1 %keen, label %again, label %offer
offer:
  %offered = call i32 @sched_yield()
  br label %again
again:
  br label %look
join:
  %joined = add i64 %state, 1
  %swap = cmpxchg ptr @state, i64 %state, i64 %joined acquire monotonic
  %in = extractvalue { i64, i1 } %swap, 1
  br i1 %in, label %work, label %rest
work:
  %job = lshr i64 %state, 32
  %task = load ptr, ptr @task
  %context = load ptr, ptr @context
  %before = call i64 @enter_arithmetic()
  call void @work_off(ptr %task, ptr %context, i64 %own)
  br label %leave
leave:
  %left = atomicrmw sub ptr @state, i64 1 release
  br label %idle
sleep:
  call void @keep_clear()
  %locked = call i32 @pthread_mutex_lock(ptr @mutex)
  %threads = load atomic i32, ptr @threads monotonic, align 4
  %created = load i32, ptr @created
  %surplus = icmp sge i32 %created, %threads
  br i1 %surplus, label %quit, label %count.in
count.in:
  %counted = atomicrmw add ptr @sleepers, i32 1 seq_cst
  %state.now = load atomic i64, ptr @state seq_cst, align 8
  %work.now = call i1 @joinable(i64 %state.now, i64 %last)
  br i1 %work.now, label %rise, label %block
block:
  %waited = call i32 @pthread_cond_wait(ptr @wake, ptr @mutex)
  br label %rise
rise:
  %uncounted = atomicrmw sub ptr @sleepers, i32 1 seq_cst
  %unlocked = call i32 @pthread_mutex_unlock(ptr @mutex)
  call void @settle()
  br label %idle
quit:
  %fewer = sub i32 %created, 1
  store atomic i32 %fewer, ptr @created monotonic, align 4
  %unlocked.too = call i32 @pthread_mutex_unlock(ptr @mutex)
  ret ptr null
}

define void @gtf_set_num_threads(i32 %threads) nounwind {
  store atomic i32 %threads, ptr @threads monotonic, align 4
  %locked = call i32 @pthread_mutex_lock(ptr @mutex)
  %cast = call i32 @pthread_cond_broadcast(ptr @wake)
  %unlocked = call i32 @pthread_mutex_unlock(ptr @mutex)
  ret void
}

define i32 @gtf_num_threads() nounwind {
  %threads = load atomic i32, ptr @threads monotonic, align 4
  ret i32 %threads
}

define i32 @gtf_workers_alive() nounwind {
  %created = load atomic i32, ptr @created monotonic, align 4
  ret i32 %created
}

define i32 @gtf_workers_asleep() nounwind {
  %asleep = load atomic i32, ptr @sleepers monotonic, align 4
  ret i32 %asleep
}

; For a fresh process: no workers, no job. The lock may have been held by a thread that a fork left behind.
define void @gtf_pool_reset() nounwind {
  store i64 0, ptr @state
  store i32 0, ptr @busy
  store i32 0, ptr @sleepers
  store i32 0, ptr @created
  %m = call i32 @pthread_mutex_init(ptr @mutex, ptr null)
  %c = call i32 @pthread_cond_init(ptr @wake, ptr null)
  ret void
}
"""

# Linux, on virtual machines above all, wakes a worker on the processor its waker runs on though others idle, and
# leaves both there for milliseconds. So a worker forbids itself the caller's processor before it blocks, and when it
# wakes on it after all moves away at once; awake it may run wherever the main thread may.
_PLACEMENT_LINUX = """
declare i32 @sched_getcpu()
declare i32 @getpid()
declare i32 @sched_getaffinity(i32, i64, ptr)
declare i32 @sched_setaffinity(i32, i64, ptr)

define internal i32 @processor() alwaysinline nounwind {
  %processor = call i32 @sched_getcpu()
  ret i32 %processor
}

define internal void @settle() nounwind noinline {
entry:
  %allowed = alloca [16 x i64], align 16
  %processor = call i32 @processor()
  %caller = load atomic i32, ptr @caller.processor monotonic, align 4
  %crowded = icmp eq i32 %processor, %caller
  br i1 %crowded, label %move, label %free
move:
  call void @keep_clear()
  br label %free
free:
  %main = call i32 @getpid()
  %asked = call i32 @sched_getaffinity(i32 %main, i64 128, ptr %allowed)
  %known = icmp eq i32 %asked, 0
  br i1 %known, label %set, label %done
set:
  %restored = call i32 @sched_setaffinity(i32 0, i64 128, ptr %allowed)
  br label %done
done:
  ret void
}

define internal void @keep_clear() nounwind noinline {
entry:
  %allowed = alloca [16 x i64], align 16
  %main = call i32 @getpid()
  %asked = call i32 @sched_getaffinity(i32 %main, i64 128, ptr %allowed)
  %known = icmp eq i32 %asked, 0
  %caller = load atomic i32, ptr @caller.processor monotonic, align 4
  %valid = icmp ult i32 %caller, 1024
  %able = and i1 %known, %valid
  br i1 %able, label %forbid, label %done
forbid:
  %wide = zext i32 %caller to i64
  %index = lshr i64 %wide, 6
  %bit.at = and i64 %wide, 63
  %bit = shl i64 1, %bit.at
  %keep = xor i64 %bit, -1
  %at = getelementptr i64, ptr %allowed, i64 %index
  %word = load i64, ptr %at
  %rest = and i64 %word, %keep
  store i64 %rest, ptr %at
  ; Where nothing else is allowed the call fails and changes nothing.
  %moved = call i32 @sched_setaffinity(i32 0, i64 128, ptr %allowed)
  br label %done
done:
  ret void
}
"""

_PLACEMENT_ELSEWHERE = """
define internal i32 @processor() alwaysinline nounwind {
  ret i32 -1
}

define internal void @settle() alwaysinline nounwind {
  ret void
}

define internal void @keep_clear() alwaysinline nounwind {
  ret void
}
"""
