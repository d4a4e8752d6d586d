/*
 * The proxy-wasm ABI 0.2.1 as a filter in C sees it: the host's functions, and what stands between them and the filter.
 *
 * Source: the specification of proxy-wasm, and proxy-wasm-cpp-host, which is what Envoy runs.
 *
 * A filter defines `filter_configure`, and exports the callbacks that it acts in, by their names in the ABI:
 *
 *     PROXY_EXPORT(proxy_on_response_headers)
 *     proxy_action proxy_on_response_headers(uint32_t stream, uint32_t count, uint32_t end_of_stream) {
 *         const struct config *config = proxy_config(stream);
 *         …
 *     }
 */
#ifndef WEIR_PROXY_H
#define WEIR_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the module calls of the host, and what the host calls of the module. On another machine, in a test, it is nothing. */
#ifdef __wasm__
#define PROXY_IMPORT(function) __attribute__((import_module("env"), import_name(#function)))
#define PROXY_EXPORT(function) __attribute__((export_name(#function)))
#else
#define PROXY_IMPORT(function)
#define PROXY_EXPORT(function)
#endif

/* Some bytes, which need not be text. Those of no size may be anywhere. */
typedef struct {
    const char *at;
    size_t size;
} bytes;

/* The bytes of a string literal, without the NUL at its end. */
#define BYTES(literal) ((bytes){(literal), sizeof(literal) - 1})

/* What the host says to a call. */
typedef enum { PROXY_OK = 0, PROXY_NOT_FOUND = 1, PROXY_BAD_ARGUMENT = 2 } proxy_status;

/* What becomes of a message after a callback. */
typedef enum { PROXY_CONTINUE = 0, PROXY_PAUSE = 1 } proxy_action;

/* How much a line of the log matters. */
typedef enum { PROXY_TRACE, PROXY_DEBUG, PROXY_INFO, PROXY_WARN, PROXY_ERROR, PROXY_CRITICAL } proxy_level;

/* The headers of the message whose callback is running. */
typedef enum { PROXY_REQUEST_HEADERS = 0, PROXY_RESPONSE_HEADERS = 2 } proxy_map;

/* What else the host holds: the part of a body whose callback is running, and the plugin's configuration. */
typedef enum { PROXY_REQUEST_BODY = 0, PROXY_RESPONSE_BODY = 1, PROXY_PLUGIN_CONFIGURATION = 7 } proxy_buffer;

/* The host's functions. */
PROXY_IMPORT(proxy_log) proxy_status proxy_log(proxy_level level, const char *text, size_t size);
PROXY_IMPORT(proxy_get_buffer_bytes)
proxy_status proxy_get_buffer_bytes(proxy_buffer, size_t start, size_t size, char **got, size_t *got_size);
PROXY_IMPORT(proxy_set_buffer_bytes)
proxy_status proxy_set_buffer_bytes(proxy_buffer, size_t start, size_t size, const char *text, size_t text_size);
PROXY_IMPORT(proxy_get_header_map_value)
proxy_status proxy_get_header_map_value(proxy_map, const char *name, size_t, char **value, size_t *size);
PROXY_IMPORT(proxy_add_header_map_value)
proxy_status proxy_add_header_map_value(proxy_map, const char *name, size_t, const char *value, size_t);
PROXY_IMPORT(proxy_replace_header_map_value)
proxy_status proxy_replace_header_map_value(proxy_map, const char *name, size_t, const char *value, size_t);
PROXY_IMPORT(proxy_remove_header_map_value)
proxy_status proxy_remove_header_map_value(proxy_map, const char *name, size_t);
PROXY_IMPORT(proxy_send_local_response)
proxy_status proxy_send_local_response(uint32_t status, const char *details, size_t, const char *body, size_t,
                                       const char *headers, size_t, int32_t grpc_status);

/* Memory that lasts until `free`; the host hands over what it allocates with `malloc`. NULL where there is none left. */
void *malloc(size_t size);
void free(void *block);

/* Memory that is given back all at once. Where the host has none left, the module traps. */
typedef struct {
    struct proxy_block *blocks;
} proxy_arena;

void *proxy_arena_take(proxy_arena *arena, size_t size);
void proxy_arena_free(proxy_arena *arena);

/* Writes one line to the proxy's log. A host that takes no line is not worth a trap. */
void proxy_say(proxy_level level, bytes text);

/* Says why in the log, and traps. */
_Noreturn void proxy_panic(bytes why);

/*
 * Headers. Names know no case; values are bytes. Where one of these returns false, the host refused it, and the map is
 * as it was.
 */

/* Whether there is at least one header of this name, whatever its value. */
bool proxy_header_contains(proxy_map map, bytes name, bool *contains);
/* The value of the first header of this name, for the caller to `free`; NULL where there is none. */
bool proxy_header_get(proxy_map map, bytes name, char **value, size_t *size);
/* Leaves exactly one header of this name, with this value. */
bool proxy_header_set(proxy_map map, bytes name, bytes value);
/* Adds a header beside those that have this name already. */
bool proxy_header_append(proxy_map map, bytes name, bytes value);
/* Removes every header of this name; there need not be one. */
bool proxy_header_remove(proxy_map map, bytes name);

/* Adds bytes behind the `size` that are in a body's buffer. */
bool proxy_body_append(proxy_buffer buffer, size_t size, bytes more);

/* Answers the request at once, in place of an upstream; the callback then returns PROXY_PAUSE. */
bool proxy_reply(uint32_t status, bytes details, bytes body);

/*
 * The filter's own. Reads the bytes of a configuration, none at all where there is none, and returns what it makes of
 * them, which lives in `arena` and is not NULL. Where they are refused it says why in the log, and returns NULL.
 */
void *filter_configure(proxy_arena *arena, bytes text);

/* What `filter_configure` made of the configuration that was in force when the stream began. */
const void *proxy_config(uint32_t stream);

#endif
