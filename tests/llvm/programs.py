"""Small modules of LLVM IR that the tests of the native engine compile and run."""

# args: [pointer to the numbers, how many]. Adds one to each; answers their count.
INCREMENT = """
define i32 @program(ptr %args) nounwind {
entry:
  %data = load ptr, ptr %args
  %count.at = getelementptr i64, ptr %args, i64 1
  %count = load i64, ptr %count.at
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %i.next, %body ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %body, label %done
body:
  %at = getelementptr i64, ptr %data, i64 %i
  %old = load i64, ptr %at
  %new = add i64 %old, 1
  store i64 %new, ptr %at
  %i.next = add i64 %i, 1
  br label %loop
done:
  %answer = trunc i64 %count to i32
  ret i32 %answer
}
"""

# Every kind of reference a program makes: constants, writable and read-only data, pointers in data, functions of the
# module, of another one, and of the C library.
REFERENCES = """
@table = constant [4 x i32] [i32 10, i32 20, i32 30, i32 40]
@pointers = global [2 x ptr] [ptr @twice, ptr getelementptr (i8, ptr @table, i64 8)]
@counter = global i64 5
@zeros = internal global [1000 x i64] zeroinitializer
declare i64 @elsewhere(i64)
declare ptr @memset(ptr, i32, i64)

define i64 @twice(i64 %x) noinline {
  %y = shl i64 %x, 1
  ret i64 %y
}

define i32 @program(ptr %args) {
  %f = load ptr, ptr @pointers
  %g.at = getelementptr ptr, ptr @pointers, i64 1
  %g = load ptr, ptr %g.at
  %thirty = load i32, ptr %g
  %thirty.wide = sext i32 %thirty to i64
  %sixty = call i64 %f(i64 %thirty.wide)
  %n = load i64, ptr @counter
  %n.next = add i64 %n, 1
  store i64 %n.next, ptr @counter
  %e = call i64 @elsewhere(i64 %n)
  %set = call ptr @memset(ptr @zeros, i32 1, i64 8)
  %ones = load i64, ptr @zeros
  %one = and i64 %ones, 255
  %s1 = add i64 %sixty, %e
  %s2 = add i64 %s1, %one
  %s = trunc i64 %s2 to i32
  ret i32 %s
}
"""

ELSEWHERE = """
@counter = external global i64
define i64 @elsewhere(i64 %x) {
  %seen = load i64, ptr @counter
  %r = mul i64 %seen, 1000
  ret i64 %r
}
"""

# args: [task, context, count]. Tasks: `mark` adds 1 to context[i]; `slow` works for context[-1] rounds first;
# `nested` runs an inner loop of 10 marks on its own row.
PARALLEL = """
declare void @gtf_parallel_for(ptr, ptr, i64)

define i32 @program(ptr %args) {
  %task = load ptr, ptr %args
  %context.at = getelementptr i64, ptr %args, i64 1
  %context = load ptr, ptr %context.at
  %count.at = getelementptr i64, ptr %args, i64 2
  %count = load i64, ptr %count.at
  call void @gtf_parallel_for(ptr %task, ptr %context, i64 %count)
  ret i32 0
}

define void @mark(ptr %context, i64 %i) {
  %at = getelementptr i64, ptr %context, i64 %i
  %old = load i64, ptr %at
  %new = add i64 %old, 1
  store i64 %new, ptr %at
  ret void
}

define void @slow(ptr %context, i64 %i) {
entry:
  %rounds.at = getelementptr i64, ptr %context, i64 -1
  %rounds = load i64, ptr %rounds.at
  br label %loop
loop:
  %n = phi i64 [ 0, %entry ], [ %n.next, %loop ]
  %n.next = add i64 %n, 1
  %x = load volatile i64, ptr %rounds.at
  %more = icmp slt i64 %n.next, %rounds
  br i1 %more, label %loop, label %done
done:
  call void @mark(ptr %context, i64 %i)
  ret void
}

define void @nested(ptr %context, i64 %i) {
  %offset = mul i64 %i, 10
  %row = getelementptr i64, ptr %context, i64 %offset
  call void @gtf_parallel_for(ptr @mark, ptr %row, i64 10)
  ret void
}
"""

# Counts in args[0] until stopped; answers 3. With args[1] != 0 it ends by itself after that many turns.
ENDLESS = """
@gtf_interrupt_flag = external global i32
declare i32 @gtf_poll_interrupt()

define i32 @program(ptr %args) {
entry:
  %limit.at = getelementptr i64, ptr %args, i64 1
  br label %loop
loop:
  %n = phi i64 [ 0, %entry ], [ %n.next, %on ]
  %n.next = add i64 %n, 1
  store volatile i64 %n.next, ptr %args
  %limit = load volatile i64, ptr %limit.at
  %full = icmp eq i64 %n.next, %limit
  br i1 %full, label %done, label %look
look:
  %flag = load atomic i32, ptr @gtf_interrupt_flag monotonic, align 4
  %set = icmp ne i32 %flag, 0
  br i1 %set, label %poll, label %on
poll:
  %stop = call i32 @gtf_poll_interrupt()
  %stopped = icmp ne i32 %stop, 0
  br i1 %stopped, label %quit, label %on
on:
  br label %loop
quit:
  ret i32 3
done:
  ret i32 0
}
"""


def large(functions: int, operations: int = 60) -> str:
    """A module of several functions with vector loops, about as heavy to compile as generated kernels."""
    return "\n".join([_FMA, *(_kernel(f"kernel{i}", operations) for i in range(functions))])


_FMA = "declare <8 x float> @llvm.fma.v8f32(<8 x float>, <8 x float>, <8 x float>)\n"


def _kernel(name: str, operations: int) -> str:
    chain = "\n".join(
        f"  %v{i + 1} = call <8 x float> @llvm.fma.v8f32(<8 x float> %v{i}, <8 x float> %x,"
        f" <8 x float> splat (float {i}.5))"
        for i in range(operations)
    )
    return f"""
define void @{name}(ptr %data, i64 %count) {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %i.next, %loop ]
  %at = getelementptr float, ptr %data, i64 %i
  %x = load <8 x float>, ptr %at, align 4
  %v0 = fadd <8 x float> %x, %x
{chain}
  store <8 x float> %v{operations}, ptr %at, align 4
  %i.next = add i64 %i, 8
  %more = icmp slt i64 %i.next, %count
  br i1 %more, label %loop, label %done
done:
  ret void
}}
"""
