/*
 * Lets a request pass whose `x-api-key` is among the configured ones.
 *
 * This file only translates between the proxy's callbacks and config.c, which decides.
 */
#include "config.h"

void *filter_configure(proxy_arena *arena, bytes text) {
    config *read = proxy_arena_take(arena, sizeof *read);
    json reader;
    if (config_read(read, &reader, arena, text)) return read;
    proxy_say(PROXY_ERROR, json_refusal(&reader));
    return NULL;
}

/* Where a request carries its key. */
#define HEADER BYTES("x-api-key")

/* Where the host refuses to take the key away, the request is refused as well: the key must not go on. */
static bool passes(const config *config) {
    char *given;
    size_t size;
    bool known = proxy_header_get(PROXY_REQUEST_HEADERS, HEADER, &given, &size) && given &&
                 config_knows(config, (bytes){given, size});
    free(given);
    return known && proxy_header_remove(PROXY_REQUEST_HEADERS, HEADER);
}

PROXY_EXPORT(proxy_on_request_headers)
proxy_action proxy_on_request_headers(uint32_t stream, uint32_t count, uint32_t end_of_stream) {
    (void)count, (void)end_of_stream;
    if (passes(proxy_config(stream))) return PROXY_CONTINUE;
    if (!proxy_reply(401, BYTES(""), BYTES("unauthorized\n"))) {
        proxy_say(PROXY_ERROR, BYTES("the proxy refused an answer; the request waits until it times out"));
    }
    return PROXY_PAUSE;
}
/* @stubs@ */
