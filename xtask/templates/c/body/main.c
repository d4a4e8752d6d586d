/*
 * Adds a line to the body of every response.
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
    (void)stream, (void)count;
    /* The length that the upstream announced is not that of what the client gets. */
    if (!end_of_stream && !proxy_header_remove(PROXY_RESPONSE_HEADERS, BYTES("content-length"))) {
        proxy_say(PROXY_WARN, BYTES("the proxy refused to remove a header"));
    }
    return PROXY_CONTINUE;
}

PROXY_EXPORT(proxy_on_response_body)
proxy_action proxy_on_response_body(uint32_t stream, uint32_t size, uint32_t end_of_stream) {
    const config *config = proxy_config(stream);
    if (end_of_stream && !proxy_body_append(PROXY_RESPONSE_BODY, size, config->append)) {
        proxy_say(PROXY_WARN, BYTES("the proxy refused a change of the body"));
    }
    return PROXY_CONTINUE;
}
/* @stubs@ */
