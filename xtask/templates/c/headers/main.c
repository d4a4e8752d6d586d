/*
 * Gives every response the header `x-@name@`.
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

PROXY_EXPORT(proxy_on_response_headers)
proxy_action proxy_on_response_headers(uint32_t stream, uint32_t count, uint32_t end_of_stream) {
    const config *config = proxy_config(stream);
    (void)count, (void)end_of_stream;
    /* A message is let through even where the host refuses: the log says so. */
    if (!proxy_header_set(PROXY_RESPONSE_HEADERS, BYTES("x-@name@"), config->value)) {
        proxy_say(PROXY_WARN, BYTES("the proxy refused a header"));
    }
    return PROXY_CONTINUE;
}
/* @stubs@ */
