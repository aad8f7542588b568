/* lookaside_wdm_print.h - the WDK's DbgPrint and its like, for lookaside_wdm_extras.h, which includes it.
 *
 * A call writes to standard error, in one piece, up to 512 bytes; the rest is cut, as in Windows. Any thread may call.
 * Formats are the WDK's: %ld has 32 bits, %I64d, %lld and %Iu 64; %wZ prints a UNICODE_STRING, %Z an ANSI_STRING, %ws
 * and %S characters of 16 bits, as UTF-8; %p prints 16 digits. A conversion that is not known is printed as it is
 * written. Components and levels are accepted, and select nothing.
 *
 * A program with a macro DbgPrint, such as `#define DbgPrint printf`, keeps it. KdPrint and KdPrintEx print where DBG
 * is defined as other than 0, and compile to nothing elsewhere. */
#ifndef LOOKASIDE_WDM_PRINT_H
#define LOOKASIDE_WDM_PRINT_H

#include <stdarg.h>

#include "lookaside_wdm.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef DPFLTR_IHVDRIVER_ID
#define DPFLTR_IHVDRIVER_ID 77
#endif
#ifndef DPFLTR_ERROR_LEVEL
#define DPFLTR_ERROR_LEVEL 0
#endif
#ifndef DPFLTR_WARNING_LEVEL
#define DPFLTR_WARNING_LEVEL 1
#endif
#ifndef DPFLTR_TRACE_LEVEL
#define DPFLTR_TRACE_LEVEL 2
#endif
#ifndef DPFLTR_INFO_LEVEL
#define DPFLTR_INFO_LEVEL 3
#endif
#ifndef DPFLTR_MASK
#define DPFLTR_MASK 0x80000000
#endif

/* What one call prints, and what is left of its arguments. */
struct lookaside_wdm_print {
    va_list arguments;
    SIZE_T length;
    char text[512];
};

/* A conversion, taken apart. */
struct lookaside_wdm_conversion {
    char spec[48]; /* '%', flags and width. */
    SIZE_T length;
    int precision;    /* Below 0 if there is none. */
    const char *size; /* What the C library calls the size of an integer. */
    int wide;         /* Characters of 16 bits, or a UNICODE_STRING. */
};

static inline void lookaside_wdm_put(struct lookaside_wdm_print *print, const char *bytes, SIZE_T count)
{
    const SIZE_T room = sizeof print->text - print->length;
    count = count < room ? count : room;
    memcpy(print->text + print->length, bytes, count);
    print->length += count;
}

/* Behind a call of snprintf, which returns how long it would have been. */
static inline void lookaside_wdm_put_made(struct lookaside_wdm_print *print, const char *made, int length)
{
    const SIZE_T room = sizeof print->text - 1;
    const SIZE_T count = length < 0 ? 0 : LOOKASIDE_CAST(SIZE_T, length);
    lookaside_wdm_put(print, made, count < room ? count : room);
}

/* Puts characters of 16 bits as UTF-8 into a text of 512 bytes, with a zero behind. Half a pair becomes U+FFFD. */
__attribute__((unused)) static void lookaside_wdm_utf8(char *text, const WCHAR *characters, SIZE_T count)
{
    SIZE_T at, length = 0;
    for (at = 0; at < count && length + 4 < 512; at++) {
        uint32_t c = LOOKASIDE_CAST(uint32_t, characters[at]);
        const uint32_t next = at + 1 < count ? LOOKASIDE_CAST(uint32_t, characters[at + 1]) : 0;
        int shift = c < 0x80 ? 0 : c < 0x800 ? 6 : 12;
        if (c >= 0xD800 && c < 0xDC00 && next >= 0xDC00 && next < 0xE000) {
            c = 0x10000 + ((c - 0xD800) << 10) + (next - 0xDC00);
            shift = 18;
            at++;
        } else if (c >= 0xD800 && c < 0xE000) {
            c = 0xFFFD;
        }
        text[length++] = LOOKASIDE_CAST(char, shift == 0    ? c
                                              : shift == 6  ? 0xC0 | c >> 6
                                              : shift == 12 ? 0xE0 | c >> 12
                                                            : 0xF0 | c >> 18);
        for (shift -= 6; shift >= 0; shift -= 6) {
            text[length++] = LOOKASIDE_CAST(char, 0x80 | (c >> shift & 0x3F));
        }
    }
    text[length] = '\0';
}

/* Prints a text, of the one kind of characters or the other; NULL as Windows does. `limit` is in characters. */
__attribute__((unused)) static void lookaside_wdm_put_text(struct lookaside_wdm_print *print,
                                                           const struct lookaside_wdm_conversion *conversion,
                                                           const VOID *characters, SIZE_T limit)
{
    char text[512], made[512], spec[64];
    SIZE_T count = 0;
    if (conversion->precision >= 0 && LOOKASIDE_CAST(SIZE_T, conversion->precision) < limit) {
        limit = LOOKASIDE_CAST(SIZE_T, conversion->precision);
    }
    limit = limit < sizeof text ? limit : sizeof text - 1;
    if (characters == NULL) {
        memcpy(text, "(null)", sizeof "(null)");
    } else if (conversion->wide) {
        const WCHAR *wide = LOOKASIDE_CAST(const WCHAR *, characters);
        while (count < limit && wide[count] != 0) {
            count++;
        }
        lookaside_wdm_utf8(text, wide, count);
    } else {
        const char *narrow = LOOKASIDE_CAST(const char *, characters);
        while (count < limit && narrow[count] != '\0') {
            count++;
        }
        memcpy(text, narrow, count);
        text[count] = '\0';
    }
    snprintf(spec, sizeof spec, "%ss", conversion->spec);
    lookaside_wdm_put_made(print, made, snprintf(made, sizeof made, spec, text));
}

__attribute__((unused)) static void lookaside_wdm_put_number(struct lookaside_wdm_print *print,
                                                             const struct lookaside_wdm_conversion *conversion,
                                                             char type)
{
    char made[512], precision[16] = "", spec[96];
    int length;
    if (conversion->precision >= 0) {
        snprintf(precision, sizeof precision, ".%d", conversion->precision);
    }
    snprintf(spec, sizeof spec, "%s%s%s%c", conversion->spec, precision, conversion->size, type);
    if (strchr("eEfgGaA", type) != NULL) {
        length = snprintf(made, sizeof made, spec, va_arg(print->arguments, double));
    } else if (*conversion->size == 'l') {
        length = snprintf(made, sizeof made, spec, va_arg(print->arguments, long long));
    } else {
        length = snprintf(made, sizeof made, spec, va_arg(print->arguments, int));
    }
    lookaside_wdm_put_made(print, made, length);
}

/* Reads a number, or takes it from the arguments; returns what is behind it. */
__attribute__((unused)) static const char *lookaside_wdm_parse_number(struct lookaside_wdm_print *print, int *number,
                                                                      const char *format)
{
    *number = 0;
    if (*format == '*') {
        *number = va_arg(print->arguments, int);
        return format + 1;
    }
    for (; *format >= '0' && *format <= '9'; format++) {
        *number = *number < 100000 ? *number * 10 + (*format - '0') : *number;
    }
    return format;
}

/* Takes flags, width, precision and size apart; returns where the type is. */
__attribute__((unused)) static const char *lookaside_wdm_parse(struct lookaside_wdm_print *print,
                                                               struct lookaside_wdm_conversion *conversion,
                                                               const char *format)
{
    int width;
    memset(conversion, 0, sizeof *conversion);
    conversion->precision = -1;
    conversion->size = "";
    conversion->spec[conversion->length++] = '%';
    for (; *format != '\0' && strchr("-+ #0", *format) != NULL; format++) {
        if (conversion->length < 16) {
            conversion->spec[conversion->length++] = *format;
        }
    }
    format = lookaside_wdm_parse_number(print, &width, format);
    if (width != 0) {
        snprintf(conversion->spec + conversion->length, 16, "%d", width);
    }
    if (*format == '.') {
        format = lookaside_wdm_parse_number(print, &conversion->precision, format + 1);
    }
    if (strncmp(format, "I64", 3) == 0 || strncmp(format, "I32", 3) == 0) {
        conversion->size = format[1] == '6' ? "ll" : "";
        return format + 3;
    }
    for (; *format != '\0' && strchr("hlwIztj", *format) != NULL; format++) {
        if (*format == 'h') {
            conversion->size = *conversion->size == 'h' ? "hh" : "h";
        } else if ((*format == 'l' && conversion->wide) || strchr("Iztj", *format) != NULL) {
            conversion->size = "ll";
        } else {
            conversion->wide = TRUE;
        }
    }
    return format;
}

/* Prints a conversion, which begins behind its sign; returns where it ends. */
__attribute__((unused)) static const char *lookaside_wdm_convert(struct lookaside_wdm_print *print, const char *format)
{
    struct lookaside_wdm_conversion conversion;
    const char *type = lookaside_wdm_parse(print, &conversion, format);
    if (*type == '%') {
        lookaside_wdm_put(print, "%", 1);
    } else if (*type == 's' || *type == 'S') {
        conversion.wide |= *type == 'S' && *conversion.size != 'h';
        lookaside_wdm_put_text(print, &conversion, va_arg(print->arguments, const VOID *), SIZE_MAX);
    } else if (*type == 'Z') {
        /* Both kinds of strings are the same but for their characters. */
        const UNICODE_STRING *string = va_arg(print->arguments, const UNICODE_STRING *);
        const VOID *characters = string == NULL ? NULL : string->Buffer;
        const SIZE_T bytes = string == NULL ? 0 : string->Length;
        lookaside_wdm_put_text(print, &conversion, characters, conversion.wide ? bytes / sizeof(WCHAR) : bytes);
    } else if ((*type == 'C' && *conversion.size != 'h') || (*type == 'c' && conversion.wide)) {
        const WCHAR character = LOOKASIDE_CAST(WCHAR, va_arg(print->arguments, int));
        conversion.wide = TRUE;
        lookaside_wdm_put_text(print, &conversion, &character, 1);
    } else if (*type == 'c' || *type == 'C') {
        conversion.size = "";
        lookaside_wdm_put_number(print, &conversion, 'c');
    } else if (*type == 'p') {
        char made[32];
        const uintptr_t address = LOOKASIDE_ADDRESS(va_arg(print->arguments, VOID *));
        const int length = snprintf(made, sizeof made, "%016lX", LOOKASIDE_CAST(unsigned long, address));
        lookaside_wdm_put_made(print, made, length);
    } else if (*type != '\0' && strchr("diuxXoeEfgGaA", *type) != NULL) {
        lookaside_wdm_put_number(print, &conversion, *type);
    } else {
        lookaside_wdm_put(print, format - 1, LOOKASIDE_CAST(SIZE_T, type - format) + (*type == '\0' ? 1 : 2));
    }
    return *type == '\0' ? type : type + 1;
}

#ifndef vDbgPrintEx
__attribute__((unused)) static ULONG vDbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, va_list arglist)
{
    struct lookaside_wdm_print print;
    (void)ComponentId, (void)Level;
    print.length = 0;
    va_copy(print.arguments, arglist);
    while (*Format != '\0') {
        const SIZE_T plain = strcspn(Format, "%");
        lookaside_wdm_put(&print, Format, plain);
        Format += plain;
        if (*Format == '%') {
            Format = lookaside_wdm_convert(&print, Format + 1);
        }
    }
    va_end(print.arguments);
    fwrite(print.text, 1, print.length, stderr);
    return LOOKASIDE_CAST(ULONG, STATUS_SUCCESS);
}
#endif
#ifndef DbgPrintEx
__attribute__((unused)) static ULONG DbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, ...)
{
    va_list arguments;
    ULONG status;
    va_start(arguments, Format);
    status = vDbgPrintEx(ComponentId, Level, Format, arguments);
    va_end(arguments);
    return status;
}
#endif
#ifndef DbgPrint
__attribute__((unused)) static ULONG DbgPrint(PCSTR Format, ...)
{
    va_list arguments;
    ULONG status;
    va_start(arguments, Format);
    status = vDbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL, Format, arguments);
    va_end(arguments);
    return status;
}
#endif

#if defined(DBG) && DBG
#ifndef KdPrint
#define KdPrint(in_parentheses) DbgPrint in_parentheses
#endif
#ifndef KdPrintEx
#define KdPrintEx(in_parentheses) DbgPrintEx in_parentheses
#endif
#else
#ifndef KdPrint
#define KdPrint(in_parentheses) ((void)0)
#endif
#ifndef KdPrintEx
#define KdPrintEx(in_parentheses) ((void)0)
#endif
#endif

#ifdef __cplusplus
}
#endif

#endif /* LOOKASIDE_WDM_PRINT_H */
