//! The names of the WDK that driver sources use: each is in a header or in docs/compat.md with a reason, and what is in
//! a header is kept from what the program has.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::toolchain::{Language, compiler, root, scratch, succeed};

/// What two public driver projects or more use around lookaside lists, and the family's own names.
#[rustfmt::skip]
const USED: &str = "
    _Acquires_exclusive_lock_ _Acquires_lock_ _Acquires_shared_lock_ Add2Ptr ALIGN_UP_BY __analysis_assert
    __analysis_assume _Analysis_assume_ _Analysis_assume_lock_not_held_ ARRAYSIZE ASSERT ASSERT3P ASSERT3U _At_ BOOL
    BYTE C_ASSERT __cdecl _Check_return_ CONST CTL_CODE DbgPrint DbgPrintEx DBG DBG_HW_ACCESS DBG_INIT DBG_PNP DBG_POWER DBG_READ DBG_WRITE
    __declspec DECLSPEC_ALIGN DECLSPEC_CACHEALIGN DECLSPEC_NOINLINE DECLSPEC_SELECTANY __drv_aliasesMem
    __drv_allocatesMem __drv_freesMem __drv_functionClass __drv_reportError __drv_sameIRQL DWORD EX_SPIN_LOCK
    ExAcquireFastMutex ExAllocatePool3 ExAllocatePoolQuotaZero ExAllocatePoolWithQuotaTag __except ExFreePool2
    ExInitializeDriverRuntime ExInitializeFastMutex ExInterlockedInsertHeadList ExInterlockedInsertTailList
    ExInterlockedPopEntryList ExInterlockedPushEntryList ExInterlockedRemoveHeadList ExQueryPoolBlockSize
    ExReleaseFastMutex EXTERN_C __fallthrough FAST_FAIL_CORRUPT_LIST_ENTRY FAST_MUTEX FIELD_SIZE __finally __forceinline _Frees_ptr_ _Frees_ptr_opt_
    _Guarded_by_ GUID HANDLE __in _In_count_ __in_opt _In_range_ _In_reads_ _In_reads_bytes_opt_ _In_z_
    _Inout_updates_bytes_ INT INT64 __int64 InterlockedAdd InterlockedAnd InterlockedCompareExchange
    InterlockedCompareExchange64 InterlockedCompareExchangeNoFence InterlockedCompareExchangePointer
    InterlockedDecrement InterlockedDecrementRelease InterlockedExchange InterlockedExchange64 InterlockedExchange8
    InterlockedExchangePointer InterlockedIncrement InterlockedIncrement64 InterlockedOr InterlockedPushListSList
    _IRQL_raises_ _IRQL_requires_ _IRQL_requires_min_ _IRQL_restores_ _IRQL_saves_ KeAcquireInStackQueuedSpinLock
    KeAcquireSpinLock KeAcquireSpinLockAtDpcLevel KeAcquireSpinLockRaiseToDpc KeGetCurrentIrql
    KeGetCurrentProcessorNumber KeInitializeSpinLock KeLowerIrql KeMemoryBarrier KeRaiseIrql KeRaiseIrqlToDpcLevel
    KdPrint KdPrintEx KeReleaseInStackQueuedSpinLock KeReleaseSpinLock KeReleaseSpinLockFromDpcLevel KLOCK_QUEUE_HANDLE LARGE_INTEGER
    leave LOOKASIDE_ALIGN max MAXLONG MAXULONG MAXUSHORT MEMORY_ALLOCATION_ALIGNMENT MmAllocatePagesForMdlEx
    MmBuildMdlForNonPagedPool MmCached MmCanFileBeTruncated MmDoesFileHaveUserWritableReferences MmFlushForDelete
    MmFlushForWrite MmFlushImageSection MmFreePagesFromMdl MmGetMdlByteCount MmGetMdlPfnArray MmGetMdlVirtualAddress
    MmGetPhysicalMemoryRanges MmGetSystemAddressForMdlSafe MmGetSystemRoutineAddress MmInitializeMdl MmMapIoSpace
    MmMapLockedPagesSpecifyCache MmNonCached MmProbeAndLockPages MmProtectMdlSystemAddress MmUnlockPages MmUnmapIoSpace
    MmUnmapLockedPages NT_ASSERT NT_ERROR NT_VERIFY NTSYSAPI OBJECT_ATTRIBUTES __out _Out_range_ _Out_writes_
    _Out_writes_bytes_ _Out_writes_bytes_all_ _Out_writes_bytes_opt_ _Out_writes_bytes_to_ _Out_writes_bytes_to_opt_
    _Out_writes_to_ _Outptr_opt_result_maybenull_ _Outptr_result_bytebuffer_ _Outptr_result_bytebuffer_maybenull_
    _Outptr_result_maybenull_ _Outptr_result_nullonfailure_ PAGE_ALIGN PAGE_SHIFT PAGE_SIZE PCSTR PCWSTR PGUID PHANDLE
    PLARGE_INTEGER PLONG64 PLONGLONG POBJECT_ATTRIBUTES POOL_EXTENDED_PARAMETER POOL_TAG _Post_invalid_ _Post_maybenull_
    _Post_notnull_ _Post_null_ _Post_ptr_invalid_ _Post_satisfies_ _Post_writable_byte_size_ _Pre_maybenull_
    _Pre_notnull_ _Pre_satisfies_ PSTR PtrOffset PUINT PUINT32 PUINT64 PUINT8 PUNICODE_STRING PWCHAR PWSTR
    _Releases_exclusive_lock_ _Releases_lock_ _Releases_shared_lock_ _Requires_exclusive_lock_held_ _Requires_lock_held_
    _Requires_lock_not_held_ _Ret_maybenull_ _Ret_notnull_ RTL_AVL_TABLE RTL_BITMAP RTL_CONSTANT_STRING
    RTL_CONTAINS_FIELD RTL_GENERIC_COMPARE_RESULTS RTL_NUMBER_OF RTL_OSVERSIONINFOEXW RTL_OSVERSIONINFOW RTL_PTR_ADD
    RTL_QUERY_REGISTRY_DIRECT RTL_QUERY_REGISTRY_NOEXPAND RTL_QUERY_REGISTRY_REQUIRED RTL_QUERY_REGISTRY_TABLE
    RTL_QUERY_REGISTRY_TYPECHECK RTL_QUERY_REGISTRY_TYPECHECK_SHIFT RTL_REGISTRY_ABSOLUTE RtlCompareMemory
    RtlEqualMemory RtlFailFast RtlFirstEntrySList RtlInitializeSListHead RtlInterlockedFlushSList
    RtlInterlockedPopEntrySList RtlInterlockedPushEntrySList RtlInterlockedPushListSList RtlInterlockedPushListSListEx
    RtlQueryDepthSList RtlSecureZeroMemory STATUS_ACCESS_DENIED STATUS_ACCESS_VIOLATION STATUS_BUFFER_OVERFLOW
    STATUS_BUFFER_TOO_SMALL STATUS_CALLBACK_BYPASS STATUS_CANCELLED STATUS_CANNOT_DELETE STATUS_CANT_WAIT
    STATUS_DEVICE_DATA_ERROR STATUS_DEVICE_DOES_NOT_EXIST STATUS_DEVICE_NOT_READY STATUS_DEVICE_REMOVED
    STATUS_DIRECTORY_NOT_EMPTY STATUS_DISK_FULL STATUS_DRIVER_INTERNAL_ERROR STATUS_DUPLICATE_OBJECTID
    STATUS_END_OF_FILE STATUS_FILE_CLOSED STATUS_FILE_DELETED STATUS_FILE_IS_A_DIRECTORY STATUS_FILE_LOCK_CONFLICT
    STATUS_FLT_DO_NOT_ATTACH STATUS_INFO_LENGTH_MISMATCH STATUS_INTERNAL_ERROR STATUS_INVALID_BUFFER_SIZE
    STATUS_INVALID_CID STATUS_INVALID_DEVICE_REQUEST STATUS_INVALID_DEVICE_STATE STATUS_INVALID_EA_NAME
    STATUS_INVALID_INFO_CLASS STATUS_INVALID_LEVEL STATUS_INVALID_PARAMETER_3 STATUS_INVALID_PARAMETER_MIX
    STATUS_INVALID_USER_BUFFER STATUS_IO_TIMEOUT STATUS_MEDIA_WRITE_PROTECTED STATUS_MEMORY_NOT_ALLOCATED
    STATUS_MORE_PROCESSING_REQUIRED STATUS_NO_EAS_ON_FILE STATUS_NO_MEDIA_IN_DEVICE STATUS_NO_MORE_EAS
    STATUS_NO_MORE_ENTRIES STATUS_NO_MORE_FILES STATUS_NO_SUCH_DEVICE STATUS_NO_SUCH_FILE STATUS_NOINTERFACE
    STATUS_NOT_A_DIRECTORY STATUS_NOT_A_REPARSE_POINT STATUS_NOT_FOUND STATUS_NOT_IMPLEMENTED STATUS_NOT_LOCKED
    STATUS_OBJECT_NAME_COLLISION STATUS_OBJECT_NAME_EXISTS STATUS_OBJECT_NAME_INVALID STATUS_OBJECT_NAME_NOT_FOUND
    STATUS_OBJECT_PATH_NOT_FOUND STATUS_OBJECTID_NOT_FOUND STATUS_OPLOCK_BREAK_IN_PROGRESS STATUS_PRIVILEGE_NOT_HELD
    STATUS_REPARSE STATUS_RETRY STATUS_SHARING_VIOLATION STATUS_SOME_NOT_MAPPED STATUS_TIMEOUT STATUS_TOO_LATE
    STATUS_UNEXPECTED_IO_ERROR STATUS_UNRECOGNIZED_VOLUME STATUS_USER_MAPPED_FILE STATUS_VERIFY_REQUIRED
    STATUS_VOLUME_DISMOUNTED STATUS_WAIT_0 STATUS_WAIT_1 STATUS_WRONG_VOLUME __stdcall _Success_ __try try UINT UINT16
    UINT32 UINT64 UINT8 UINT_PTR UNALIGNED UNICODE_STRING WCHAR WDFCMRESLIST _When_
";

/// What only C has: in C++ these are names of its library.
const OF_C_ALONE: [&str; 2] = ["min", "max"];

fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).expect("the page is there")
}

/// The headers of the WDK's names, each with what it contains.
fn headers() -> Vec<(String, String)> {
    let folder = fs::read_dir(root().join("include")).expect("the headers are there");
    let names = folder.map(|entry| entry.expect("the folder is read").file_name().into_string().expect("plain names"));
    let mut headers: Vec<(String, String)> = names
        .filter(|name| name.starts_with("lookaside_wdm"))
        .map(|name| {
            let text = fs::read_to_string(root().join("include").join(&name)).expect("a header is read");
            (name, text)
        })
        .collect();
    headers.sort();
    assert!(headers.len() > 10, "{headers:?}");
    headers
}

/// The names between backquotes in a cell of a row.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2).flat_map(|names| names.split(' '))
}

/// The table of docs/porting.md: of each row the kind, and its names.
fn provided(page: &str) -> Vec<(&str, Vec<&str>)> {
    let (_, table) = page.split_once("\n## What is there\n").expect("the page has a table");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    rows.map(|(kind, cell)| (kind, names(cell).collect::<Vec<_>>())).filter(|(_, names)| !names.is_empty()).collect()
}

/// The macros that a header defines for sources, with whether the line before asks if the program has it.
fn macros(text: &str) -> Vec<(&str, bool)> {
    let mut asked: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("#ifndef ") {
            asked.push(name);
        }
        let Some(rest) = line.strip_prefix("#define ") else { continue };
        let name = rest.split([' ', '(']).next().unwrap_or(rest);
        if !name.to_lowercase().starts_with("lookaside_wdm") {
            found.push((name, asked.iter().rev().take(2).any(|asked| *asked == name)));
        }
    }
    found
}

#[test]
fn each_macro_has_a_guard_of_its_own() {
    let mut count = 0;
    for (header, text) in headers() {
        for (name, guarded) in macros(&text) {
            assert!(guarded, "{header}: {name}");
            count += 1;
        }
    }
    assert!(count > 600, "{count} macros");
}

/// The sources of drivers often have their own annotations, some of them only.
#[test]
fn a_program_keeps_the_macros_that_it_has() {
    let folder = scratch("wdm-own");
    let source = folder.join("own.c");
    let text = "\
        #define _In_ __attribute__((unused))\n#define _Function_class_(name)\n#define _IRQL_requires_max_(irql)\n\
        #define FORCEINLINE static inline\n#define ASSERT(condition) own(condition)\n\
        #define RtlZeroMemory(address, bytes) own_zero(address, bytes)\n#define PAGE_SIZE 65536\n\
        #define STATUS_NOT_FOUND 77\n#define POOL_FLAG_PAGED 0x100ULL\n#define FIELD_OFFSET(type, field) 78\n\
        #include \"lookaside_wdm_extras.h\"\n\
        static int own(int condition) { return condition; }\n\
        static int own_zero(void *address, int bytes) { return address == NULL ? bytes : 0; }\n\
        FORCEINLINE int zero(_In_ int not_used) { return RtlZeroMemory(NULL, 79); }\n\
        _Must_inspect_result_ int main(_In_ int count, _Inout_updates_opt_(count) char **arguments)\n\
        { return ASSERT(PAGE_SIZE + STATUS_NOT_FOUND + FIELD_OFFSET(int, x) + zero(1) == 65770) + (arguments == NULL); }\n";
    fs::write(&source, text).expect("a source is written");
    for language in [Language::C, Language::Cpp] {
        succeed(language.compiler().arg("-fsyntax-only").arg(&source));
    }
}

/// Headers of the C and C++ libraries that come behind ours do not meet a macro of ours where they have a name.
#[test]
fn the_standard_headers_may_come_later() {
    let folder = scratch("wdm-standard");
    let source = folder.join("standard.c");
    let c =
        ["assert", "complex", "errno", "fenv", "inttypes", "limits", "locale", "math", "pthread", "sched", "search"]
            .into_iter()
            .chain([
                "setjmp",
                "signal",
                "stdatomic",
                "stdio",
                "stdlib",
                "string",
                "sys/mman",
                "sys/socket",
                "time",
                "unistd",
            ]);
    let cpp = [
        "algorithm",
        "atomic",
        "bitset",
        "chrono",
        "codecvt",
        "condition_variable",
        "deque",
        "filesystem",
        "forward_list",
    ]
    .into_iter()
    .chain([
        "functional",
        "future",
        "iomanip",
        "iostream",
        "limits",
        "list",
        "map",
        "memory_resource",
        "mutex",
        "numeric",
    ])
    .chain([
        "random",
        "ranges",
        "regex",
        "set",
        "shared_mutex",
        "sstream",
        "string_view",
        "thread",
        "tuple",
        "valarray",
    ]);
    for (language, standard, headers) in [
        (Language::C, "-std=gnu11", c.map(|name| format!("#include <{name}.h>\n")).collect::<String>()),
        (Language::Cpp, "-std=c++20", cpp.map(|name| format!("#include <{name}>\n")).collect::<String>()),
    ] {
        let text = format!("#include \"lookaside_wdm_extras.h\"\n{headers}");
        fs::write(&source, text).expect("a source is written");
        succeed(language.compiler().args([standard, "-fsyntax-only"]).arg(&source));
    }
}

/// Those of the first version of the annotations are the C++ library's own names: a program asks for them.
#[test]
fn old_annotations_are_there_for_cpp_that_asks() {
    let folder = scratch("wdm-old");
    let source = folder.join("old.cpp");
    let text = "#include <algorithm>\n#define LOOKASIDE_WDM_SAL_1\n#include \"lookaside_wdm.h\"\n\
                int length(__in_bcount(size) const char *text, __in int size) { return text[size]; }\n";
    fs::write(&source, text).expect("a source is written");
    succeed(Language::Cpp.compiler().arg("-fsyntax-only").arg(&source));
}

/// A driver's source stays as it is where a folder has a file of the name that it includes, as docs/porting.md says, and
/// its wide literals are right where wchar_t has 16 bits.
#[test]
fn a_source_stays_as_it_is() {
    let folder = scratch("wdm-source");
    let source = folder.join("module.c");
    fs::write(folder.join("ntddk.h"), "#include \"lookaside_wdm_extras.h\"\n").expect("a header is written");
    let text = "\
        #include <ntddk.h>\n\
        typedef struct _ITEM { LIST_ENTRY Link; UNICODE_STRING Name; } ITEM, *PITEM;\n\
        static NPAGED_LOOKASIDE_LIST Items; static LIST_ENTRY Head; static KSPIN_LOCK Lock;\n\
        static UNICODE_STRING Default = RTL_CONSTANT_STRING(L\"\\\\Device\\\\Item\");\n\
        _IRQL_requires_max_(DISPATCH_LEVEL)\n\
        NTSTATUS AddItem(_In_opt_ PUNICODE_STRING Name)\n{\n\
            PITEM item = (PITEM)ExAllocateFromNPagedLookasideList(&Items);\n\
            if (item == NULL) return STATUS_INSUFFICIENT_RESOURCES;\n\
            item->Name = ARGUMENT_PRESENT(Name) ? *Name : Default;\n\
            ExInterlockedInsertTailList(&Head, &item->Link, &Lock);\n\
            return STATUS_SUCCESS;\n}\n\
        VOID Start(VOID)\n{\n\
            PAGED_CODE();\n    InitializeListHead(&Head);\n    KeInitializeSpinLock(&Lock);\n\
            ExInitializeNPagedLookasideList(&Items, NULL, NULL, POOL_NX_ALLOCATION, sizeof(ITEM), 'metI', 0);\n}\n";
    fs::write(&source, text).expect("a source is written");
    for (variable, default, arguments) in [("CC", "cc", ["-xc", "-std=gnu11"]), ("CXX", "c++", ["-xc++", "-std=c++17"])]
    {
        let mut command = Command::new(compiler(variable, default));
        command.args(arguments).args(["-Wall", "-Wextra", "-Werror", "-Wno-multichar", "-fshort-wchar", "-DDBG=1"]);
        command.arg("-I").arg(&folder).arg("-I").arg(root().join("include"));
        succeed(command.arg("-fsyntax-only").arg(&source));
    }
}

/// Every name of the table of docs/porting.md is what it says.
#[test]
fn what_the_table_of_names_has_is_there() {
    let folder = scratch("wdm-names");
    let page = page("porting.md");
    let mut program = String::from("#include \"lookaside_wdm_extras.h\"\n");
    let mut uses = String::new();
    for (kind, names) in provided(&page) {
        for name in names {
            match kind.split(':').next().unwrap_or(kind) {
                "types" => program.push_str(&format!("extern {name} *object_of_{name};\n")),
                "calls" => uses.push_str(&format!("    calls[count++] = (void (*)(void)){name};\n")),
                "numbers" => uses.push_str(&format!("    sum += (unsigned long long){name};\n")),
                "macros" if OF_C_ALONE.contains(&name) => {
                    program
                        .push_str(&format!("#if !defined(__cplusplus) && !defined({name})\n#error {name}\n#endif\n"));
                }
                "macros" => program.push_str(&format!("#ifndef {name}\n#error {name}\n#endif\n")),
                _ => panic!("{kind}: no such kind"),
            }
        }
    }
    // Every annotation, status and code, by its header.
    for (_, text) in headers().into_iter().filter(|(name, _)| is_by_header(name)) {
        for (name, _) in macros(&text) {
            if name.starts_with("STATUS_") || name.starts_with("FAST_FAIL_") {
                uses.push_str(&format!("    sum += (unsigned long long){name};\n"));
            } else {
                program.push_str(&format!("#ifndef {name}\n#error {name}\n#endif\n"));
            }
        }
    }
    program.push_str(&format!(
        "void (*calls[1000])(void);\nunsigned long long use(void);\nunsigned long long use(void)\n{{\n    unsigned long long sum \
         = 0;\n    unsigned count = 0;\n{uses}    return sum + count;\n}}\n"
    ));
    let source = folder.join("names.c");
    fs::write(&source, program).expect("a source is written");
    for (variable, default, arguments) in [("CC", "cc", ["-xc", "-std=c11"]), ("CXX", "c++", ["-xc++", "-std=c++17"])] {
        let mut command = Command::new(compiler(variable, default));
        command.args(arguments).arg("-DLOOKASIDE_WDM_SAL_1").args(["-Wall", "-Werror", "-Wno-cast-function-type"]);
        succeed(command.args(["-fsyntax-only", "-I"]).arg(root().join("include")).arg(&source));
    }
}

/// Headers whose names are too many for a page.
fn is_by_header(name: &str) -> bool {
    name.starts_with("lookaside_wdm_sal") || name == "lookaside_wdm_status.h"
}

/// Every name that drivers use is in a header, or in docs/compat.md with the reason why it is not; never in both.
#[test]
fn every_name_that_drivers_use_is_there_or_excluded() {
    let (porting, compat) = (page("porting.md"), page("compat.md"));
    let headers = headers();
    let mut there: BTreeSet<&str> = provided(&porting).into_iter().flat_map(|(_, names)| names).collect();
    let by_header = headers.iter().filter(|(name, _)| is_by_header(name));
    there.extend(by_header.flat_map(|(_, text)| macros(text)).map(|(name, _)| name));
    let (_, rest) = compat.split_once("\n## What is not there\n").expect("docs/compat.md says what is not there");
    let (excluded, _) = rest.split_once("\n## ").expect("a section follows");
    let excluded: Vec<&str> = excluded
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
        .flat_map(|(cell, _)| names(cell))
        .collect();
    let is_excluded = |name: &str| {
        excluded.iter().any(|known| known.strip_suffix("...").map_or(*known == name, |start| name.starts_with(start)))
    };
    for name in USED.split_whitespace() {
        assert!(there.contains(name) != is_excluded(name), "{name}: there {}", there.contains(name));
    }
}
