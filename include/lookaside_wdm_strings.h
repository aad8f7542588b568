/* lookaside_wdm_strings.h - the WDK's counted strings, for lookaside_wdm_extras.h, which includes it.
 *
 * Characters have 16 bits. Literals are u"...", or L"..." in a program that is compiled with -fshort-wchar. Where case
 * does not matter, that holds for the letters of ASCII and Latin-1 alone. */
#ifndef LOOKASIDE_WDM_STRINGS_H
#define LOOKASIDE_WDM_STRINGS_H

#include "lookaside_wdm.h"

#ifndef UNICODE_NULL
#define UNICODE_NULL LOOKASIDE_CAST(WCHAR, 0)
#endif
#ifndef UNICODE_STRING_MAX_BYTES
#define UNICODE_STRING_MAX_BYTES LOOKASIDE_CAST(USHORT, 65534)
#endif

/* What a string of either kind is initialised with. The literal must not be written to. */
#ifdef __cplusplus
extern "C++" {
template <class Character> static inline constexpr Character *lookaside_wdm_literal(const Character *literal)
{
    return const_cast<Character *>(literal);
}
}
#else
#define lookaside_wdm_literal(literal) (literal)
#endif
#ifndef RTL_CONSTANT_STRING
#define RTL_CONSTANT_STRING(literal)                                                               \
    {                                                                                              \
        sizeof(literal) - sizeof((literal)[0]), sizeof(literal), lookaside_wdm_literal(literal)    \
    }
#endif
#ifndef DECLARE_CONST_UNICODE_STRING
#define DECLARE_CONST_UNICODE_STRING(name, literal) const UNICODE_STRING name = RTL_CONSTANT_STRING(literal)
#endif
#ifndef DECLARE_UNICODE_STRING_SIZE
#define DECLARE_UNICODE_STRING_SIZE(name, characters)                                              \
    WCHAR name##_buffer[characters];                                                               \
    UNICODE_STRING name = {0, (characters) * sizeof(WCHAR), name##_buffer}
#endif

#ifdef __cplusplus
extern "C" {
#endif

static inline VOID RtlInitEmptyUnicodeString(PUNICODE_STRING String, PWCHAR Buffer, USHORT BufferSize)
{
    String->Length = 0;
    String->MaximumLength = BufferSize;
    String->Buffer = Buffer;
}

/* A string over a text that ends with zero, which stays where it is. What has no room in the string's length is cut. */
static inline VOID RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    SIZE_T bytes = 0;
    while (SourceString != NULL && bytes < UNICODE_STRING_MAX_BYTES - sizeof(WCHAR) &&
           SourceString[bytes / sizeof(WCHAR)] != 0) {
        bytes += sizeof(WCHAR);
    }
    DestinationString->Length = LOOKASIDE_CAST(USHORT, bytes);
    DestinationString->MaximumLength = LOOKASIDE_CAST(USHORT, SourceString == NULL ? 0 : bytes + sizeof(WCHAR));
    DestinationString->Buffer = LOOKASIDE_WDM_CAST(PWCH, LOOKASIDE_WDM_CAST(ULONG_PTR, SourceString));
}

/* Copies as much as there is room for. */
static inline VOID RtlCopyUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString)
{
    USHORT bytes = SourceString == NULL ? 0 : SourceString->Length;
    if (bytes > DestinationString->MaximumLength) {
        bytes = DestinationString->MaximumLength;
    }
    if (bytes != 0) {
        memmove(DestinationString->Buffer, SourceString->Buffer, bytes);
    }
    DestinationString->Length = bytes;
    if (bytes + sizeof(WCHAR) <= DestinationString->MaximumLength) {
        DestinationString->Buffer[bytes / sizeof(WCHAR)] = 0;
    }
}

/* Appends all, or nothing: STATUS_BUFFER_TOO_SMALL. */
static inline NTSTATUS RtlAppendUnicodeStringToString(PUNICODE_STRING Destination, PCUNICODE_STRING Source)
{
    const SIZE_T bytes = LOOKASIDE_CAST(SIZE_T, Destination->Length) + Source->Length;
    if (bytes > Destination->MaximumLength) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    if (Source->Length != 0) {
        memmove(LOOKASIDE_WDM_POINTER(char, Destination->Buffer) + Destination->Length, Source->Buffer, Source->Length);
    }
    Destination->Length = LOOKASIDE_CAST(USHORT, bytes);
    if (bytes + sizeof(WCHAR) <= Destination->MaximumLength) {
        Destination->Buffer[bytes / sizeof(WCHAR)] = 0;
    }
    return STATUS_SUCCESS;
}

static inline NTSTATUS RtlAppendUnicodeToString(PUNICODE_STRING Destination, PCWSTR Source)
{
    UNICODE_STRING source;
    RtlInitUnicodeString(&source, Source);
    return RtlAppendUnicodeStringToString(Destination, &source);
}

static inline WCHAR RtlUpcaseUnicodeChar(WCHAR SourceCharacter)
{
    const unsigned c = LOOKASIDE_CAST(unsigned, SourceCharacter);
    const int lower = (c >= 'a' && c <= 'z') || (c >= 0xE0 && c <= 0xFE && c != 0xF7);
    return LOOKASIDE_CAST(WCHAR, lower ? c - 0x20 : c == 0xFF ? 0x178u : c);
}

/* The difference of the first characters that differ, or of the lengths. */
static inline LONG RtlCompareUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    const USHORT shorter = String1->Length < String2->Length ? String1->Length : String2->Length;
    USHORT at;
    for (at = 0; at < shorter / sizeof(WCHAR); at++) {
        WCHAR one = String1->Buffer[at], two = String2->Buffer[at];
        if (CaseInSensitive) {
            one = RtlUpcaseUnicodeChar(one);
            two = RtlUpcaseUnicodeChar(two);
        }
        if (one != two) {
            return LOOKASIDE_CAST(LONG, one) - LOOKASIDE_CAST(LONG, two);
        }
    }
    return LOOKASIDE_CAST(LONG, String1->Length) - LOOKASIDE_CAST(LONG, String2->Length);
}

static inline BOOLEAN RtlEqualUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    return LOOKASIDE_CAST(BOOLEAN, String1->Length == String2->Length &&
                                       RtlCompareUnicodeString(String1, String2, CaseInSensitive) == 0);
}

/* Returns whether the second string begins with the first. */
static inline BOOLEAN RtlPrefixUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    UNICODE_STRING beginning = *String2;
    if (String2->Length < String1->Length) {
        return FALSE;
    }
    beginning.Length = String1->Length;
    return RtlEqualUnicodeString(String1, &beginning, CaseInSensitive);
}

#ifdef __cplusplus
}
#endif

#endif /* LOOKASIDE_WDM_STRINGS_H */
