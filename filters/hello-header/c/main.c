/*
 * Sets, appends and removes request and response headers.
 *
 * This file only translates between the proxy's callbacks and config.c and operations.c, which decide.
 */
#include "config.h"

void *filter_configure(proxy_arena *arena, bytes text) {
    config *read = proxy_arena_take(arena, sizeof *read);
    json reader;
    if (config_read(read, &reader, arena, text)) return read;
    proxy_say(PROXY_ERROR, json_refusal(&reader));
    return NULL;
}

/* A message is let through even where the host refuses an operation: the log says so. */
static proxy_action carry_out(const list *list, proxy_map map) {
    if (!apply(list->operations, list->count, map)) {
        proxy_say(PROXY_WARN, BYTES("the proxy refused an operation on a header"));
    }
    return PROXY_CONTINUE;
}

PROXY_EXPORT(proxy_on_request_headers)
proxy_action proxy_on_request_headers(uint32_t stream, uint32_t count, uint32_t end_of_stream) {
    const config *config = proxy_config(stream);
    (void)count, (void)end_of_stream;
    return carry_out(&config->request, PROXY_REQUEST_HEADERS);
}

PROXY_EXPORT(proxy_on_response_headers)
proxy_action proxy_on_response_headers(uint32_t stream, uint32_t count, uint32_t end_of_stream) {
    const config *config = proxy_config(stream);
    (void)count, (void)end_of_stream;
    return carry_out(&config->response, PROXY_RESPONSE_HEADERS);
}
