"""How a thread is told to take subnormal numbers for zero, as operands and as results, as it is in TensorFlow.

Sums that shrink from step to step (a mean of gradients that are zero by now) end among subnormal numbers, with which
processors are a hundred times slower; bits of a thread's control register make zeros of them.
Invariant: whoever calls native code finds its control register as it was. Entry point: `control(target)`.
"""
from __future__ import annotations

import string

from graphtf.llvm.target import Target

_SHARED = """
@subnormals = internal global i64 $mask

define void @gtf_keep_subnormals(i32 %keep) nounwind {
entry:
  %flush = icmp eq i32 %keep, 0
  %bits = select i1 %flush, i64 $mask, i64 0
  store atomic i64 %bits, ptr @subnormals monotonic, align 8
  ret void
}

define internal i64 @enter_arithmetic() nounwind {
entry:
  %old = call i64 @control()
  %wanted = load atomic i64, ptr @subnormals monotonic, align 8
  %others = and i64 %old, $others
  %new = or i64 %others, %wanted
  %same = icmp eq i64 %new, %old
  br i1 %same, label %done, label %change
change:
  call void @set_control(i64 %new)
  br label %done
done:
  ret i64 %old
}
"""
_X86 = """
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)

define internal i64 @control() nounwind {
entry:
  %place = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %place)
  %value = load i32, ptr %place
  %wide = zext i32 %value to i64
  ret i64 %wide
}

define internal void @set_control(i64 %control) nounwind {
entry:
  %place = alloca i32
  %value = trunc i64 %control to i32
  store i32 %value, ptr %place
  call void @llvm.x86.sse.ldmxcsr(ptr %place)
  ret void
}
"""
_ARM = """
declare i64 @llvm.aarch64.get.fpcr()
declare void @llvm.aarch64.set.fpcr(i64)

define internal i64 @control() nounwind {
entry:
  %value = call i64 @llvm.aarch64.get.fpcr()
  ret i64 %value
}

define internal void @set_control(i64 %control) nounwind {
entry:
  call void @llvm.aarch64.set.fpcr(i64 %control)
  ret void
}
"""
_ELSEWHERE = """
define internal i64 @control() nounwind {
entry:
  ret i64 0
}

define internal void @set_control(i64 %control) nounwind {
entry:
  ret void
}
"""
_X86_BITS, _ARM_BITS = 0x8040, 1 << 24  # results and operands (FTZ and DAZ); both (FZ)
_BY_PROCESSOR = {"x86_64": (_X86, _X86_BITS), "aarch64": (_ARM, _ARM_BITS), "arm64": (_ARM, _ARM_BITS)}


def control(target: Target) -> str:
    """`i64 enter_arithmetic()`, which sets the calling thread's mode and gives what its register held; `void
    set_control(i64)`; and `void gtf_keep_subnormals(i32)`, which says what that mode is from now on."""
    own, bits = _BY_PROCESSOR.get(target.triple.split("-")[0], (_ELSEWHERE, 0))
    return own + string.Template(_SHARED).substitute(mask=bits, others=~bits)
