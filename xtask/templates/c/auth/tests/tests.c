/* The unit tests of this port, for this machine. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

_Noreturn void proxy_panic(bytes why) {
    fprintf(stderr, "%.*s\n", (int)why.size, why.at);
    abort();
}

static bytes of(const char *text) { return (bytes){text, strlen(text)}; }

static void only_a_whole_key_is_known(void) {
    const char *others[] = {"", "f", "firs", "first ", "First", "secons", "\xff"};
    proxy_arena arena = {0};
    config config;
    json reader;
    assert(config_read(&config, &reader, &arena, of("{\"keys\":[\"first\",\"second\"]}")));
    assert(config_knows(&config, of("first")) && config_knows(&config, of("second")));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) assert(!config_knows(&config, of(others[i])));
    proxy_arena_free(&arena);
}

static void is_refused(const char *text, const char *expected) {
    proxy_arena arena = {0};
    config config;
    json reader;
    assert(!config_read(&config, &reader, &arena, of(text)));
    bytes said = json_refusal(&reader);
    if (said.size != strlen(expected) || memcmp(said.at, expected, said.size)) {
        fprintf(stderr, "%s\ngot      %.*s\nexpected %s\n", text, (int)said.size, said.at, expected);
        exit(1);
    }
    proxy_arena_free(&arena);
}

int main(void) {
    only_a_whole_key_is_known();
    is_refused("{}", "keys: expected an array, got nothing (line 1, column 3)");
    is_refused("{\"keys\":[]}", "keys: expected at least one key, got none (line 1, column 12)");
    is_refused("{\"keys\":[\"a\",1]}", "keys[1]: expected a string, got a number (line 1, column 14)");
    return 0;
}
