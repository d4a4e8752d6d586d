/* The words of the reader's refusals. */
#include "json_parts.h"

static void add(json_line *line, bytes text) {
    for (size_t i = 0; i < text.size && line->size < line->most; i++) line->at[line->size++] = text.at[i];
}

static void add_number(json_line *line, size_t number) {
    if (number >= 10) add_number(line, number / 10);
    char digit = (char)('0' + number % 10);
    add(line, (bytes){&digit, 1});
}

static void add_quoted(json_line *line, bytes text) {
    add(line, BYTES("\""));
    for (size_t i = 0; i < text.size && i < MOST_QUOTED; i++) {
        bool plain = text.at[i] >= ' ' && text.at[i] <= '~';
        add(line, plain ? (bytes){text.at + i, 1} : BYTES("?"));
    }
    add(line, text.size > MOST_QUOTED ? BYTES("…\"") : BYTES("\""));
}

bytes json_quoted(char *into, bytes text) {
    json_line line = {into, 0, QUOTED};
    add_quoted(&line, text);
    return (bytes){line.at, line.size};
}

bytes json_refusal(const json *json) { return (bytes){json->refusal.at, json->refusal.size}; }

void json_enter(json *json, bytes field) {
    /* A name that is a field of the filter's is shown as it is; one that a person mistyped may hold anything. */
    bool plain = field.size <= MOST_QUOTED;
    for (size_t i = 0; plain && i < field.size; i++) {
        plain = json_is_alphanumeric(field.at[i]) || field.at[i] == '_' || field.at[i] == '-';
    }
    if (json->path.size) add(&json->path, BYTES("."));
    if (plain) {
        add(&json->path, field);
    } else {
        add_quoted(&json->path, field);
    }
}

void json_enter_index(json *json, size_t index) {
    add(&json->path, BYTES("["));
    add_number(&json->path, index);
    add(&json->path, BYTES("]"));
}

/* Everything up to what was expected. */
static json_line *begin(json *json) {
    json->failed = true;
    add(&json->refusal, json->path.size ? (bytes){json->path.at, json->path.size} : BYTES("configuration"));
    add(&json->refusal, BYTES(": expected "));
    return &json->refusal;
}

/* Everything behind what was expected. */
static void finish(json *json, size_t at, bytes got) {
    json_line *line = &json->refusal;
    size_t number = 1, column = 1;
    for (size_t i = 0; i < at; i++) {
        bool ends = json->text.at[i] == '\n';
        number += ends;
        column = ends ? 1 : column + 1;
    }
    add(line, BYTES(", got "));
    add(line, got);
    add(line, BYTES(" (line "));
    add_number(line, number);
    add(line, BYTES(", column "));
    add_number(line, column);
    add(line, BYTES(")"));
}

void json_fail(json *json, size_t at, bytes expected, bytes got) {
    add(begin(json), expected);
    finish(json, at, got);
}

void json_fail_among(json *json, size_t at, const bytes *words, size_t count, bytes got) {
    json_line *line = begin(json);
    add(line, BYTES("one of "));
    for (size_t i = 0; i < count; i++) {
        if (i) add(line, BYTES(", "));
        add_quoted(line, words[i]);
    }
    finish(json, at, got);
}

void json_fail_too_many(json *json, size_t most) {
    json_line *line = begin(json);
    add(line, BYTES("at most "));
    add_number(line, most);
    add(line, BYTES(" elements"));
    finish(json, json->at, BYTES("more"));
}

/* What stands here, in words. */
static bytes found(const json *json, char *shown) {
    int byte = json_byte(json, json->at);
    switch (byte) {
        case END_OF_TEXT: return BYTES("the end of the text");
        case '{': return BYTES("an object");
        case '[': return BYTES("an array");
        case '"': return BYTES("a string");
        case '-': return BYTES("a number");
    }
    if (byte >= '0' && byte <= '9') return BYTES("a number");
    bytes word = {json->text.at + json->at, 0};
    while (json->at + word.size < json->text.size && json_is_alphanumeric(word.at[word.size])) word.size++;
    if (!word.size) word.size = 1;
    return json_quoted(shown, word);
}

void json_unexpected(json *json, bytes expected) {
    char shown[QUOTED];
    json_fail(json, json->at, expected, found(json, shown));
}

void json_refuse(json *json, bytes field, bytes expected, bytes got) {
    if (json->failed) return;
    json_enter(json, field);
    json_fail(json, json->at, expected, got);
}
