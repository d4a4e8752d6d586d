/* What the parts of the reader need of each other. */
#ifndef WEIR_JSON_PARTS_H
#define WEIR_JSON_PARTS_H

#include "json.h"

enum {
    END_OF_TEXT = -1,
    /* The most bytes of what a person typed that a refusal shows. */
    MOST_QUOTED = 40,
    /* What that takes in quotes, cut. */
    QUOTED = MOST_QUOTED + 5,
};

int json_byte(const json *json, size_t at);
void json_blank(json *json);
void json_open(json *json, char byte, bytes expected);
size_t json_index_of(const bytes *words, size_t count, bytes text);

/* The path of the field that is read. */
void json_enter(json *json, bytes field);
void json_enter_index(json *json, size_t index);

/* Refusals: of what stands here, and of what stands at `at`. */
void json_unexpected(json *json, bytes expected);
void json_fail(json *json, size_t at, bytes expected, bytes got);
void json_fail_among(json *json, size_t at, const bytes *words, size_t count, bytes got);
void json_fail_too_many(json *json, size_t most);

/* In double quotes, so that it stays on one line and within reason; `into` has QUOTED bytes. */
bytes json_quoted(char *into, bytes text);

#endif
