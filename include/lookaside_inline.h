/* lookaside_inline.h - the two calls that programs make most often, compiled into the program.
 *
 * lookaside_list_allocate_inline and lookaside_list_free_inline return, check and count as lookaside_list_allocate and
 * lookaside_list_free do. Where a processor list has the block, or room for it, no function is called.
 *
 * They do so for lists whose lookaside_parameters have inline_abi set to LOOKASIDE_INLINE_ABI, as LOOKASIDE_PARAMETERS
 * sets it where this header is included. The library refuses to initialise those when it is of another version than
 * this header, so such a program has to be compiled again. Lists that were initialised without it, here, in another
 * language or in a unit without this header, may be used as well: their calls are those of the library.
 *
 * The sections need 64-bit Linux on x86-64 or AArch64, and GCC 10 or Clang, with either assembler syntax. Elsewhere both
 * calls are the library's; LOOKASIDE_INLINED says which. C99 or C++11 is enough. The linker has to keep the section
 * __rseq_cs, as it does by itself, with --gc-sections too. lookaside_wdm.h uses these calls if LOOKASIDE_INLINE is
 * defined before it is included.
 *
 * A shared library with these calls may be unloaded: compiled as code of one (-fPIC, not -fPIE), a section removes its
 * mark from the thread at its end, by one instruction more. Define LOOKASIDE_INLINE_STAYS before the header is included
 * to save that in code that is never unloaded: of a library that is linked with -z nodelete, or of a program.
 */
#ifndef LOOKASIDE_INLINE_H
#define LOOKASIDE_INLINE_H

#include "lookaside.h"

/* What LOOKASIDE_PARAMETERS gives inline_abi. */
#undef LOOKASIDE_PARAMETERS_INLINE_ABI
#define LOOKASIDE_PARAMETERS_INLINE_ABI LOOKASIDE_INLINE_ABI

#if (defined(__x86_64__) || defined(__AARCH64EL__)) && defined(__LP64__) && defined(__linux__) &&                        \
    (defined(__clang__) || __GNUC__ >= 10)
#define LOOKASIDE_INLINED 1
#else
#define LOOKASIDE_INLINED 0
#endif

#if LOOKASIDE_INLINED

/* The words of a list, which the library writes. */
typedef int32_t __attribute__((__may_alias__)) lookaside_inline_i32;
typedef uint32_t __attribute__((__may_alias__)) lookaside_inline_u32;
typedef uint64_t __attribute__((__may_alias__)) lookaside_inline_u64;
#define LOOKASIDE_INLINE_WORD(list, type, offset)                                                                      \
    (*LOOKASIDE_CAST(const type *, LOOKASIDE_CAST(const void *, LOOKASIDE_INLINE_BYTES(list) + (offset))))
#define LOOKASIDE_INLINE_BYTES(list) LOOKASIDE_CAST(const char *, LOOKASIDE_CAST(const void *, list))

/* What shows the kernel where a section is: it lets a thread that it interrupts between 78 and 79 go on at 75, as if
 * there had been nothing to do. The question marks keep all of a section in the COMDAT group, if any, of the function
 * around it. */
#define LOOKASIDE_INLINE_DESCRIPTOR                                                                                    \
    ".pushsection __rseq_cs, \"aw?\"\n\t"                                                                              \
    ".balign 32\n"                                                                                                     \
    "77:\t.long 0, 0\n\t"                                                                                              \
    ".quad 78f, 79f - 78f, 75f\n\t"                                                                                    \
    ".popsection\n\t"

/* Before 75: what is out of line, and ends in the signature that the kernel wants before the address where an
 * interrupted section goes on. The section is no function's, nor that where compilers gather cold code: the code around
 * may be there itself, and would run from 79 into this. */
#define LOOKASIDE_INLINE_OUT_OF_LINE ".pushsection .text.unlikely.lookaside.inline, \"ax?\"\n\t"

/* At 79 the kernel must not look for the descriptor when it has been unloaded: so LEAVE removes the mark. */
#if defined(__PIC__) && !defined(__PIE__) && !defined(LOOKASIDE_INLINE_STAYS)
#define LOOKASIDE_INLINE_REMOVES(instruction) instruction "\n\t"
#else
#define LOOKASIDE_INLINE_REMOVES(instruction) ""
#endif

#define LOOKASIDE_INLINE_OPERANDS(list, area)                                                                          \
    [area] "r"(area),                                                                                                  \
        [processors] "m"(LOOKASIDE_INLINE_WORD(list, lookaside_inline_u32, LOOKASIDE_INLINE_PROCESSORS)),              \
        [base] "m"(LOOKASIDE_INLINE_WORD(list, lookaside_inline_u64, LOOKASIDE_INLINE_BASE)),                          \
        [shift] "i"(LOOKASIDE_INLINE_SHIFT), [header] "i"(LOOKASIDE_INLINE_HEADER),                                    \
        [slots] "i"(LOOKASIDE_INLINE_SLOTS), [signature] "i"(LOOKASIDE_INLINE_SIGNED)

/* Where tests let time pass between a section's last look and its commit. */
#ifndef LOOKASIDE_INLINE_PAUSE
#define LOOKASIDE_INLINE_PAUSE ""
#endif

#define LOOKASIDE_INLINE_LIKELY(condition) __builtin_expect(!!(condition), 1)

/* The distance to the thread's rseq area; 0 if the sections may not be tried, as in a list that is all zeroes. There has
 * to be such an object. */
static inline __attribute__((__always_inline__)) int64_t lookaside_inline_area_in(const lookaside_list *list)
{
    return LOOKASIDE_INLINE_WORD(list, lookaside_inline_i32, LOOKASIDE_INLINE_AREA);
}

/* The same; 0 as well if there can be none at this address. */
static inline __attribute__((__always_inline__)) int64_t lookaside_inline_area(const lookaside_list *list)
{
    if (LOOKASIDE_INLINE_LIKELY(list != NULL) && LOOKASIDE_INLINE_LIKELY((LOOKASIDE_ADDRESS(list) & 15) == 0)) {
        return lookaside_inline_area_in(list);
    }
    return 0;
}

/* The two sections, for each processor:
 *
 *       area->rseq_cs = &descriptor
 *   78: processor = area->cpu_id
 *       if (processor >= list->processors) goto 79, with nothing done
 *       part = list->base + (processor << SHIFT)
 *
 *   pop: header = part->header; length = header & 0xFFFF; if (length == 0) goto 79, with nothing done;
 *        block = part->slots[length - 1]; part->header = header + ONE_HIT; the last commits.
 *  push: header = part->header; length = header & 0xFFFF; if (length >= part->depth) goto 79, with nothing done;
 *        part->slots[length] = block; part->header = header + 1; the last commits.
 *
 *   79: remove the mark, if need be
 *
 * A pop returns the block or null, a push whether there was room. */
#if defined(__x86_64__)

#define LOOKASIDE_INLINE_SIGNED LOOKASIDE_INLINE_SIGNATURE
#define LOOKASIDE_INLINE_LEAVE                                                                                         \
    LOOKASIDE_INLINE_REMOVES("{movq $0, %%fs:8(%[area])|mov qword ptr fs:[%[area] + 8], 0}")

/* The part's address is then in %rax. Of an instruction in braces the second form is for programs that are compiled with
 * -masm=intel. */
#define LOOKASIDE_INLINE_BEGIN                                                                                         \
    LOOKASIDE_INLINE_DESCRIPTOR                                                                                        \
    "{leaq 77b(%%rip), %%rax|lea rax, 77b[rip]}\n\t"                                                                   \
    "{movq %%rax, %%fs:8(%[area])|mov qword ptr fs:[%[area] + 8], rax}\n"                                              \
    "78:\t{movl %%fs:4(%[area]), %%eax|mov eax, dword ptr fs:[%[area] + 4]}\n\t"                                       \
    "{cmpl %[processors], %%eax|cmp eax, %[processors]}\n\t"                                                           \
    "jae 71f\n\t"                                                                                                      \
    "{shlq %[shift], %%rax|shl rax, %[shift]}\n\t"                                                                     \
    "{addq %[base], %%rax|add rax, %[base]}\n\t"

/* Out of line: an undefined instruction for disassemblers, which ends in the signature; and what is done when there is
 * nothing to do. */
#define LOOKASIDE_INLINE_END(then)                                                                                     \
    LOOKASIDE_INLINE_OUT_OF_LINE                                                                                       \
    ".byte 0x0f, 0xb9, 0x3d\n\t"                                                                                       \
    ".long %c[signature]\n"                                                                                            \
    "75:\n71:\t" then "\n\t"                                                                                           \
    ".popsection"

static inline __attribute__((__always_inline__)) void *lookaside_inline_pop(const lookaside_list *list, int64_t area)
{
    void *block;
    __asm__ __volatile__(
        LOOKASIDE_INLINE_BEGIN
        "{movq %c[header](%%rax), %%rcx|mov rcx, qword ptr [rax + %c[header]]}\n\t"
        "{movzwl %%cx, %k[block]|movzx %k[block], cx}\n\t"
        "test{l} %k[block], %k[block]\n\t"
        "jz 71f\n\t"
        "{movq %c[slots]-8(%%rax,%[block],8), %[block]|"
        "mov %[block], qword ptr [rax + %[block]*8 + %c[slots] - 8]}\n\t"
        "{addq %[one_hit], %%rcx|add rcx, %[one_hit]}\n\t"
        LOOKASIDE_INLINE_PAUSE
        "{movq %%rcx, %c[header](%%rax)|mov qword ptr [rax + %c[header]], rcx}\n"
        "79:\n\t"
        LOOKASIDE_INLINE_LEAVE
        LOOKASIDE_INLINE_END("xor{l} %k[block], %k[block]\n\tjmp 79b")
        : [block] "=&r"(block)
        : LOOKASIDE_INLINE_OPERANDS(list, area), [one_hit] "i"(LOOKASIDE_INLINE_ONE_HIT)
        : "rax", "rcx", "cc", "memory");
    return block;
}

static inline __attribute__((__always_inline__)) int
lookaside_inline_push(const lookaside_list *list, int64_t area, void *block)
{
    __asm__ goto(
        LOOKASIDE_INLINE_BEGIN
        "{movq %c[header](%%rax), %%rdx|mov rdx, qword ptr [rax + %c[header]]}\n\t"
        "{movzwl %%dx, %%ecx|movzx ecx, dx}\n\t"
        LOOKASIDE_INLINE_PAUSE
        "{cmpq %c[depth](%%rax), %%rcx|cmp rcx, qword ptr [rax + %c[depth]]}\n\t"
        "jae 71f\n\t"
        "{movq %[block], %c[slots](%%rax,%%rcx,8)|mov qword ptr [rax + rcx*8 + %c[slots]], %[block]}\n\t"
        "{incq %%rdx|inc rdx}\n\t"
        LOOKASIDE_INLINE_PAUSE
        "{movq %%rdx, %c[header](%%rax)|mov qword ptr [rax + %c[header]], rdx}\n"
        "79:\n\t"
        LOOKASIDE_INLINE_LEAVE
        LOOKASIDE_INLINE_END(LOOKASIDE_INLINE_LEAVE "jmp %l[full]")
        :
        : LOOKASIDE_INLINE_OPERANDS(list, area), [depth] "i"(LOOKASIDE_INLINE_DEPTH), [block] "r"(block)
        : "rax", "rcx", "rdx", "cc", "memory"
        : full);
    return 1;
full:
    return 0;
}

#else /* AArch64 */

/* A conditional branch reaches no more than 1 MiB, so none leaves its section's instructions: with nothing to do they go
 * to 79. Linkers may put a veneer into the branch back there, which changes x16 and x17. */
#define LOOKASIDE_INLINE_SIGNED LOOKASIDE_INLINE_SIGNATURE_AARCH64
#define LOOKASIDE_INLINE_LEAVE LOOKASIDE_INLINE_REMOVES("str xzr, [x13, #8]")

/* The part's address is then in x17, the area's in x13. */
#define LOOKASIDE_INLINE_BEGIN                                                                                         \
    LOOKASIDE_INLINE_DESCRIPTOR                                                                                        \
    "mrs x13, tpidr_el0\n\t"                                                                                           \
    "adrp x16, 77b\n\t"                                                                                                \
    "add x16, x16, :lo12:77b\n\t"                                                                                      \
    "add x13, x13, %[area]\n\t"                                                                                        \
    "str x16, [x13, #8]\n"                                                                                             \
    "78:\tldr w17, [x13, #4]\n\t"                                                                                      \
    "ldr w16, %[processors]\n\t"                                                                                       \
    "cmp w17, w16\n\t"                                                                                                 \
    "b.hs 79f\n\t"                                                                                                     \
    "ldr x16, %[base]\n\t"                                                                                             \
    "add x17, x16, x17, lsl %[shift]\n\t"

/* The signature is an undefined instruction as well. */
#define LOOKASIDE_INLINE_END(then)                                                                                     \
    LOOKASIDE_INLINE_OUT_OF_LINE                                                                                       \
    ".inst %c[signature]\n"                                                                                            \
    "75:\t" then "\n\tb 79b\n\t"                                                                                       \
    ".popsection"

static inline __attribute__((__always_inline__)) void *lookaside_inline_pop(const lookaside_list *list, int64_t area)
{
    void *block;
    __asm__ __volatile__(
        "mov %x[block], xzr\n\t"
        LOOKASIDE_INLINE_BEGIN
        "ldr x15, [x17, %c[header]]\n\t"
        "ands %x[block], x15, #0xffff\n\t"
        "b.eq 79f\n\t"
        "add %x[block], x17, %x[block], lsl #3\n\t"
        "ldr %x[block], [%x[block], %c[slots]-8]\n\t"
        "mov w16, %c[one_hit]\n\t"
        "add x15, x15, x16\n\t"
        LOOKASIDE_INLINE_PAUSE
        "str x15, [x17, %c[header]]\n"
        "79:\n\t"
        LOOKASIDE_INLINE_LEAVE
        LOOKASIDE_INLINE_END("mov %x[block], xzr")
        : [block] "=&r"(block)
        : LOOKASIDE_INLINE_OPERANDS(list, area), [one_hit] "i"(LOOKASIDE_INLINE_ONE_HIT)
        : "x13", "x15", "x16", "x17", "cc", "memory");
    return block;
}

/* At 79 the flags are those of the last comparison, which found "lower" at the commit alone. */
#ifdef __GCC_ASM_FLAG_OUTPUTS__
#define LOOKASIDE_INLINE_LOWER ""
#define LOOKASIDE_INLINE_FLAG "=@cclo"
#else
#define LOOKASIDE_INLINE_LOWER "cset %w[lower], lo\n\t"
#define LOOKASIDE_INLINE_FLAG "=r"
#endif

static inline __attribute__((__always_inline__)) int
lookaside_inline_push(const lookaside_list *list, int64_t area, void *block)
{
    int lower;
    __asm__ __volatile__(
        LOOKASIDE_INLINE_BEGIN
        "ldr x15, [x17, %c[header]]\n\t"
        LOOKASIDE_INLINE_PAUSE
        "ldr x16, [x17, %c[depth]]\n\t"
        "and x14, x15, #0xffff\n\t"
        "cmp x14, x16\n\t"
        "b.hs 79f\n\t"
        "add x14, x17, x14, lsl #3\n\t"
        "str %x[block], [x14, %c[slots]]\n\t"
        "add x15, x15, #1\n\t"
        LOOKASIDE_INLINE_PAUSE
        "str x15, [x17, %c[header]]\n"
        "79:\n\t"
        LOOKASIDE_INLINE_LEAVE
        LOOKASIDE_INLINE_LOWER
        LOOKASIDE_INLINE_END("cmp xzr, xzr")
        : [lower] LOOKASIDE_INLINE_FLAG(lower)
        : LOOKASIDE_INLINE_OPERANDS(list, area), [depth] "i"(LOOKASIDE_INLINE_DEPTH), [block] "r"(block)
        : "x13", "x14", "x15", "x16", "x17", "memory");
    return lower;
}

#endif

/* Both calls as far as they need no function, with what lookaside_inline_area returned: the block, or null; and whether
 * the block is back. */
static inline __attribute__((__always_inline__)) void *lookaside_inline_take(const lookaside_list *list, int64_t area)
{
    return LOOKASIDE_INLINE_LIKELY(area != 0) ? lookaside_inline_pop(list, area) : NULL;
}

static inline __attribute__((__always_inline__)) int
lookaside_inline_give(const lookaside_list *list, int64_t area, void *block)
{
    return LOOKASIDE_INLINE_LIKELY(area != 0) && LOOKASIDE_INLINE_LIKELY(block != NULL) &&
           LOOKASIDE_INLINE_LIKELY(
               (LOOKASIDE_ADDRESS(block) &
                LOOKASIDE_INLINE_WORD(list, lookaside_inline_u32, LOOKASIDE_INLINE_ALIGNMENT_MASK)) == 0) &&
           LOOKASIDE_INLINE_LIKELY(lookaside_inline_push(list, area, block));
}

#endif /* LOOKASIDE_INLINED */

/**
 * Takes a block from the list: `lookaside_list_allocate`, inlined.
 *
 * Parameters, returns, memory and threads: as `lookaside_list_allocate`.
 *
 * WDK: `ExAllocateFromLookasideListEx`, `ExAllocateFromPagedLookasideList`, `ExAllocateFromNPagedLookasideList`.
 */
#if LOOKASIDE_INLINED
static inline __attribute__((__always_inline__)) void *lookaside_list_allocate_inline(lookaside_list *list)
{
    void *const block = lookaside_inline_take(list, lookaside_inline_area(list));
    if (LOOKASIDE_INLINE_LIKELY(block != NULL)) {
        return block;
    }
    return lookaside_list_allocate(list);
}
#else
static inline void *lookaside_list_allocate_inline(lookaside_list *list)
{
    return lookaside_list_allocate(list);
}
#endif

/**
 * Gives a block back to the list: `lookaside_list_free`, inlined.
 *
 * Parameters, returns, memory and threads: as `lookaside_list_free`.
 *
 * WDK: `ExFreeToLookasideListEx`, `ExFreeToPagedLookasideList`, `ExFreeToNPagedLookasideList`.
 */
#if LOOKASIDE_INLINED
static inline __attribute__((__always_inline__)) void lookaside_list_free_inline(lookaside_list *list, void *block)
{
    if (LOOKASIDE_INLINE_LIKELY(lookaside_inline_give(list, lookaside_inline_area(list), block))) {
        return;
    }
    lookaside_list_free(list, block);
}
#else
static inline void lookaside_list_free_inline(lookaside_list *list, void *block)
{
    lookaside_list_free(list, block);
}
#endif

#endif /* LOOKASIDE_INLINE_H */
