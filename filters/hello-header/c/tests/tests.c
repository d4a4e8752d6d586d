/* The unit tests of this port, for this machine: they bring a header map of their own, which the port is linked with. */
#define _POSIX_C_SOURCE 200809L

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config.h"

/* A header map as RFC 9110 has it: a list of pairs, in which names know no case. It refuses the name x-stuck. */
static struct pair {
    char name[16], value[16];
} pairs[8];
static size_t count;

static struct pair pair(const char *name, const char *value) {
    struct pair pair = {0};
    snprintf(pair.name, sizeof pair.name, "%s", name);
    snprintf(pair.value, sizeof pair.value, "%s", value);
    return pair;
}

static bool is(const char *known, bytes name) {
    return strlen(known) == name.size && !strncasecmp(known, name.at, name.size);
}

static bool is_stuck(bytes name) { return is("x-stuck", name); }

bool proxy_header_contains(proxy_map map, bytes name, bool *contains) {
    (void)map;
    *contains = false;
    for (size_t i = 0; i < count; i++) *contains |= is(pairs[i].name, name);
    return !is_stuck(name);
}

bool proxy_header_append(proxy_map map, bytes name, bytes value) {
    (void)map;
    if (is_stuck(name)) return false;
    assert(count < sizeof pairs / sizeof *pairs && name.size < 16 && value.size < 16);
    struct pair *pair = &pairs[count++];
    memset(pair, 0, sizeof *pair);
    memcpy(pair->name, name.at, name.size);
    memcpy(pair->value, value.at, value.size);
    return true;
}

bool proxy_header_remove(proxy_map map, bytes name) {
    (void)map;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is(pairs[i].name, name)) pairs[kept++] = pairs[i];
    }
    count = kept;
    return !is_stuck(name);
}

bool proxy_header_set(proxy_map map, bytes name, bytes value) {
    return proxy_header_remove(map, name) && proxy_header_append(map, name, value);
}

_Noreturn void proxy_panic(bytes why) {
    fprintf(stderr, "%.*s\n", (int)why.size, why.at);
    abort();
}

#define A BYTES("x-a")
#define LENGTH(array) (sizeof(array) / sizeof *(array))

static void expect(const struct pair *after, size_t size) {
    assert(count == size);
    for (size_t i = 0; i < size; i++) {
        assert(!strcmp(pairs[i].name, after[i].name) && !strcmp(pairs[i].value, after[i].value));
    }
}

static void start(const struct pair *before, size_t size) {
    memcpy(pairs, before, size * sizeof *before);
    count = size;
}

static void set_leaves_one(void) {
    struct pair before[] = {pair("x-a", "1"), pair("X-A", "2"), pair("x-b", "")};
    struct pair after[] = {pair("x-b", ""), pair("x-a", "3")};
    start(before, LENGTH(before));
    assert(apply(&(operation){OP_SET, A, BYTES("3")}, 1, PROXY_REQUEST_HEADERS));
    expect(after, LENGTH(after));
}

static void append_adds_one(void) {
    struct pair before[] = {pair("x-a", "1")}, after[] = {pair("x-a", "1"), pair("x-a", "2")};
    start(before, LENGTH(before));
    assert(apply(&(operation){OP_APPEND, A, BYTES("2")}, 1, PROXY_REQUEST_HEADERS));
    expect(after, LENGTH(after));
}

static void set_if_absent_respects_whatever_is_there(void) {
    const operation set = {OP_SET_IF_ABSENT, A, BYTES("2")};
    const char *values[] = {"1", "", "\xff"};
    for (size_t i = 0; i < LENGTH(values); i++) {
        struct pair before = pair("x-a", values[i]);
        start(&before, 1);
        assert(apply(&set, 1, PROXY_REQUEST_HEADERS));
        expect(&before, 1);
    }
    struct pair after = pair("x-a", "2");
    start(&after, 0);
    assert(apply(&set, 1, PROXY_REQUEST_HEADERS));
    expect(&after, 1);
}

static void remove_takes_all(void) {
    struct pair before[] = {pair("x-a", "1"), pair("X-a", "\xff"), pair("x-b", "")};
    start(before, LENGTH(before));
    assert(apply(&(operation){.op = OP_REMOVE, .name = A}, 1, PROXY_REQUEST_HEADERS));
    expect(&before[2], 1);
}

static void one_refusal_does_not_stop_the_others(void) {
    struct pair after = pair("x-a", "1");
    for (op op = OP_SET; op < OPS; op++) {
        const operation operations[] = {{.op = op, .name = BYTES("x-stuck")}, {OP_APPEND, A, BYTES("1")}};
        count = 0;
        assert(!apply(operations, 2, PROXY_REQUEST_HEADERS));
        expect(&after, 1);
    }
}

static void say(char **said, size_t *size, const char *list_name, const list *list) {
    FILE *out = open_memstream(said, size);
    for (size_t i = 0; i < list->count; i++) {
        const operation *operation = &list->operations[i];
        fprintf(out, " %s:%s:", list_name, op_words[operation->op].at);
        for (size_t at = 0; at < operation->name.size; at++) fprintf(out, "%02x", (unsigned char)operation->name.at[at]);
        fprintf(out, ":");
        for (size_t at = 0; at < operation->value.size; at++) fprintf(out, "%02x", (unsigned char)operation->value.at[at]);
    }
    fclose(out);
}

/* One text of configurations.txt: in hexadecimal digits, and what is to be said of it. */
static void reads(const char *digits, size_t size, const char *expected) {
    proxy_arena arena = {0};
    char *text = malloc(size / 2 + 1);
    for (size_t i = 0; i < size / 2; i++) {
        const char digit[] = {digits[2 * i], digits[2 * i + 1], 0};
        text[i] = (char)strtol(digit, NULL, 16);
    }
    config *read = malloc(sizeof *read);
    json reader;
    char *request = NULL, *response = NULL, *said = NULL;
    size_t length;
    FILE *out = open_memstream(&said, &length);
    if (config_read(read, &reader, &arena, (bytes){text, size / 2})) {
        size_t unused;
        say(&request, &unused, "request", &read->request);
        say(&response, &unused, "response", &read->response);
        fprintf(out, "taken%s%s", request, response);
    } else {
        fwrite(json_refusal(&reader).at, 1, json_refusal(&reader).size, out);
    }
    fclose(out);
    if (strcmp(said, expected)) {
        fprintf(stderr, "%.*s\ngot      %s\nexpected %s\n", (int)size / 2, text, said, expected);
        exit(1);
    }
    free(request), free(response), free(said), free(read), free(text);
    proxy_arena_free(&arena);
}

/* Holds this port against the texts that every port reads alike. */
static void reads_what_is_written_down(void) {
    FILE *file = fopen("filters/hello-header/configurations.txt", "r");
    assert(file);
    char *line = NULL;
    size_t room = 0, texts = 0;
    for (ssize_t size; (size = getline(&line, &room, file)) > 0; texts++) {
        line[size - 1] = 0;
        char *tab = strchr(line, '\t');
        assert(tab);
        reads(line, (size_t)(tab - line), tab + 1);
    }
    assert(texts > 200);
    free(line);
    fclose(file);
}

int main(void) {
    set_leaves_one();
    append_adds_one();
    set_if_absent_respects_whatever_is_there();
    remove_takes_all();
    one_refusal_does_not_stop_the_others();
    reads_what_is_written_down();
    return 0;
}
