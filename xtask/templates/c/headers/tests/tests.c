/* The unit tests of this port, for this machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

_Noreturn void proxy_panic(bytes why) {
    fprintf(stderr, "%.*s\n", (int)why.size, why.at);
    abort();
}

/* Expects what is read of a configuration, or why it is refused. */
static void expect(const char *text, const char *expected) {
    proxy_arena arena = {0};
    config config;
    json reader;
    bool taken = config_read(&config, &reader, &arena, (bytes){text, strlen(text)});
    bytes read = taken ? config.value : json_refusal(&reader);
    if (read.size != strlen(expected) || memcmp(read.at, expected, read.size)) {
        fprintf(stderr, "%s\ngot      %.*s\nexpected %s\n", text, (int)read.size, read.at, expected);
        exit(1);
    }
    proxy_arena_free(&arena);
}

int main(void) {
    expect("", "hello");
    expect("{}", "hello");
    expect("{\"value\":\"1\"}", "1");
    expect("{\"value\":1}", "value: expected a string, got a number (line 1, column 10)");
    return 0;
}
