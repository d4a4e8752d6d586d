/* Strings: the one part of JSON with an inside. */
#include "json_parts.h"

/* The code unit of the \uXXXX at `at`, or -1. */
static int32_t code_unit(const json *json, size_t at) {
    if (json_byte(json, at) != '\\' || json_byte(json, at + 1) != 'u') return -1;
    int32_t unit = 0;
    for (size_t i = at + 2; i < at + 6; i++) {
        int digit = json_byte(json, i);
        if (digit >= '0' && digit <= '9') {
            digit -= '0';
        } else if ((digit >= 'a' && digit <= 'f') || (digit >= 'A' && digit <= 'F')) {
            digit = (digit | 0x20) - 'a' + 10;
        } else {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

/* Reads an escape from its backslash on; where it is none of JSON's, it is -1 and the position stays. */
static int32_t escape(json *json) {
    static const char letters[] = "\"\\/bfnrt", characters[] = "\"\\/\b\f\n\r\t";
    int letter = json_byte(json, json->at + 1);
    for (size_t i = 0; letters[i]; i++) {
        if (letter != letters[i]) continue;
        json->at += 2;
        return characters[i];
    }
    int32_t high = code_unit(json, json->at);
    if (high < 0xd800 || high > 0xdfff) {
        if (high >= 0) json->at += 6;
        return high;
    }
    /* A surrogate stands for a character with its other half only. */
    int32_t low = code_unit(json, json->at + 6);
    if (high > 0xdbff || low < 0xdc00 || low > 0xdfff) return -1;
    json->at += 12;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* Writes a character that is no surrogate in UTF-8, and says in how many bytes. */
static size_t encode(uint32_t character, char *into) {
    if (character < 0x80) {
        into[0] = (char)character;
        return 1;
    }
    size_t size = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        into[i] = (char)(0x80 | (character & 0x3f));
        character >>= 6;
    }
    into[0] = (char)((0xf00u >> size) | character);
    return size;
}

/* Whether these bytes are UTF-8: no overlong form, no surrogate, nothing above U+10FFFF. */
static bool is_utf8(bytes text) {
    for (size_t at = 0; at < text.size;) {
        unsigned char first = (unsigned char)text.at[at++];
        if (first < 0x80) continue;
        size_t more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf8 ? 3 : 0;
        if (!more || text.size - at < more) return false;
        uint32_t character = first & (0x3fu >> more);
        for (size_t i = 0; i < more; i++) {
            unsigned char byte = (unsigned char)text.at[at++];
            if ((byte & 0xc0) != 0x80) return false;
            character = character << 6 | (byte & 0x3f);
        }
        uint32_t least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
        if (character < least || character > 0x10ffff || character >> 11 == 0xd800 >> 11) return false;
    }
    return true;
}

/* How many bytes the string takes up to its closing quote, or to the end of the text. */
static size_t written(const json *json) {
    size_t at = json->at;
    while (at < json->text.size && json->text.at[at] != '"') at += json->text.at[at] == '\\' ? 2 : 1;
    return (at < json->text.size ? at : json->text.size) - json->at;
}

bytes json_string(json *json) {
    const bytes none = {"", 0};
    json_open(json, '"', BYTES("a string"));
    if (json->failed) return none;
    size_t start = json->at;
    /* Resolved, a string is never longer than it is written. */
    char *read = proxy_arena_take(json->arena, written(json));
    size_t size = 0;
    for (;;) {
        int byte = json_byte(json, json->at);
        if (byte == '"') break;
        if (byte == END_OF_TEXT) {
            json_fail(json, json->at, BYTES("the end of the string"), BYTES("the end of the text"));
            return none;
        }
        if (byte == '\\') {
            int32_t character = escape(json);
            if (character < 0) {
                json_fail(json, json->at, BYTES("an escape such as \\u00e9"), BYTES("one that JSON has not"));
                return none;
            }
            size += encode((uint32_t)character, read + size);
        } else if (byte < ' ') {
            json_fail(json, json->at, BYTES("control characters written as \\u0000"), BYTES("a bare one"));
            return none;
        } else {
            read[size++] = (char)byte;
            json->at++;
        }
    }
    json->at++;
    bytes string = {read, size};
    if (!is_utf8(string)) json_fail(json, start, BYTES("UTF-8"), BYTES("bytes that are not"));
    return string;
}
