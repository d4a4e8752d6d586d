/*
 * A reader for configurations in JSON (RFC 8259) whose errors name the field.
 *
 * A filter says what it expects and gets it, or a refusal such as
 * `request[0].op: expected one of "set", "remove", got "sett" (line 3, column 12)`. Nothing is read that was not asked
 * for, and a field that is unknown or stands twice is refused. Every language of this workspace reads configurations
 * like this, and says the same words.
 *
 * The first refusal stops the reader: from then on everything reads as nothing, and `json_end` returns false.
 */
#ifndef WEIR_JSON_H
#define WEIR_JSON_H

#include "proxy.h"

/* Bytes that are appended up to a bound, and no further. */
typedef struct {
    char *at;
    size_t size;
    size_t most;
} json_line;

/* A position in a JSON text, and the path of the field that stands there. */
typedef struct {
    proxy_arena *arena;
    bytes text;
    size_t at;
    bool failed;
    json_line path;
    json_line refusal;
    char path_bytes[256];
    char refusal_bytes[1024];
} json;

/* An object that is being read. */
typedef struct {
    const bytes *names;
    size_t count;
    size_t above;
    uint32_t seen;
    bool begun;
    /* The index of the field whose value must be read. */
    size_t field;
} json_object;

/* An array that is being read. */
typedef struct {
    size_t most;
    size_t above;
    /* How many elements have begun. */
    size_t count;
} json_array;

/* Starts at the beginning of `text`. What is read lives in `arena`. */
void json_begin(json *json, proxy_arena *arena, bytes text);
/* Makes sure that nothing but white space is left; false where that or anything before was refused. */
bool json_end(json *json);
/* Why the text was refused: one line. */
bytes json_refusal(const json *json);

/* Starts to read an object whose fields may have these names, at most 32. */
json_object json_object_begin(json *json, const bytes *names, size_t count);
/* Whether another field follows, whose value must then be read. */
bool json_object_next(json *json, json_object *object);

/* Starts to read an array of at most this many elements. */
json_array json_array_begin(json *json, size_t most);
/* Whether another element follows, which must then be read. */
bool json_array_next(json *json, json_array *array);

/* Reads a string, with its escapes resolved, as UTF-8. */
bytes json_string(json *json);
/* Reads a string that must be one of these words, and says which by its index. */
size_t json_word(json *json, const bytes *words, size_t count);
/* Reads a string that `is_valid` accepts; `expected` says which those are. */
bytes json_string_where(json *json, bytes expected, bool (*is_valid)(bytes));

/* What a filter says of a field of the object that it has just read: what was expected, and what it got. */
void json_refuse(json *json, bytes field, bytes expected, bytes got);

/* Whether this is a letter or a digit of ASCII. */
bool json_is_alphanumeric(char byte);

#endif
