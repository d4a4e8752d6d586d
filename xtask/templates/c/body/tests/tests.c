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
    bytes read = taken ? config.append : json_refusal(&reader);
    if (read.size != strlen(expected) || memcmp(read.at, expected, read.size)) {
        fprintf(stderr, "%s\ngot      %.*s\nexpected %s\n", text, (int)read.size, read.at, expected);
        exit(1);
    }
    proxy_arena_free(&arena);
}

int main(void) {
    expect("", "-- @name@\n");
    expect("{}", "-- @name@\n");
    expect("{\"append\":\"1\"}", "1");
    expect("{\"append\":1}", "append: expected a string, got a number (line 1, column 11)");
    return 0;
}
