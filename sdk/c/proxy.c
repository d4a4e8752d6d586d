/* What stands between the host and a filter: contexts, configurations, and the calls of the host with their sizes. */
#include "proxy.h"

/* A configuration, and how many hold it: its plugin, and each of the streams that began under it. */
struct held {
    proxy_arena arena;
    size_t holders;
    const void *config;
};

/* A plugin, which holds what it was configured with last, or a stream, which holds what it began under. */
struct context {
    uint32_t id;
    struct held *held;
    /* The next one in the same chain. */
    struct context *next;
};

/* Chains of contexts by the last bits of their ids, which the host counts up. */
static struct context *contexts[1024];

/* The place that holds the context, or NULL where there is none. Several plugins may live in one VM. */
static struct context **place(uint32_t id) {
    struct context **link = &contexts[id % (sizeof contexts / sizeof *contexts)];
    while (*link && (*link)->id != id) link = &(*link)->next;
    return link;
}

static void *taken(size_t size) {
    void *block = malloc(size);
    if (!block) proxy_panic(BYTES("out of memory"));
    return block;
}

static void release(struct held *held) {
    if (!held || --held->holders > 0) return;
    proxy_arena_free(&held->arena);
    free(held);
}

PROXY_EXPORT(proxy_abi_version_0_2_1) void proxy_abi_version_0_2_1(void) {}

PROXY_EXPORT(proxy_on_vm_start) uint32_t proxy_on_vm_start(uint32_t id, size_t size) {
    (void)id, (void)size;
    return true;
}

PROXY_EXPORT(proxy_on_context_create) void proxy_on_context_create(uint32_t id, uint32_t parent) {
    struct context **link = place(id);
    struct context *context = taken(sizeof *context);
    *context = (struct context){.id = id};
    if (parent) {
        context->held = (*place(parent))->held;
        context->held->holders++;
    }
    *link = context;
}

PROXY_EXPORT(proxy_on_configure) uint32_t proxy_on_configure(uint32_t id, size_t size) {
    char *text = NULL;
    size_t got = 0;
    if (size && proxy_get_buffer_bytes(PROXY_PLUGIN_CONFIGURATION, 0, size, &text, &got)) got = 0;
    struct held *held = taken(sizeof *held);
    *held = (struct held){.holders = 1};
    held->config = filter_configure(&held->arena, (bytes){text, got});
    free(text);
    if (!held->config) {
        release(held);
        return false;
    }
    struct context *plugin = *place(id);
    release(plugin->held);
    plugin->held = held;
    return true;
}

PROXY_EXPORT(proxy_on_delete) void proxy_on_delete(uint32_t id) {
    struct context **link = place(id);
    struct context *context = *link;
    if (!context) return;
    *link = context->next;
    release(context->held);
    free(context);
}

const void *proxy_config(uint32_t stream) { return (*place(stream))->held->config; }

void proxy_say(proxy_level level, bytes text) { proxy_log(level, text.at, text.size); }

_Noreturn void proxy_panic(bytes why) {
    proxy_say(PROXY_CRITICAL, why);
    __builtin_trap();
}

bool proxy_header_get(proxy_map map, bytes name, char **value, size_t *size) {
    *value = NULL;
    *size = 0;
    proxy_status status = proxy_get_header_map_value(map, name.at, name.size, value, size);
    if (status == PROXY_OK && !*value) *value = taken(1);
    return status == PROXY_OK || status == PROXY_NOT_FOUND;
}

bool proxy_header_contains(proxy_map map, bytes name, bool *contains) {
    char *value;
    size_t size;
    bool done = proxy_header_get(map, name, &value, &size);
    *contains = value != NULL;
    free(value);
    return done;
}

bool proxy_header_set(proxy_map map, bytes name, bytes value) {
    return proxy_replace_header_map_value(map, name.at, name.size, value.at, value.size) == PROXY_OK;
}

bool proxy_header_append(proxy_map map, bytes name, bytes value) {
    return proxy_add_header_map_value(map, name.at, name.size, value.at, value.size) == PROXY_OK;
}

bool proxy_header_remove(proxy_map map, bytes name) {
    return proxy_remove_header_map_value(map, name.at, name.size) == PROXY_OK;
}

bool proxy_body_append(proxy_buffer buffer, size_t size, bytes more) {
    return proxy_set_buffer_bytes(buffer, size, 0, more.at, more.size) == PROXY_OK;
}

bool proxy_reply(uint32_t status, bytes details, bytes body) {
    return proxy_send_local_response(status, details.at, details.size, body.at, body.size, "", 0, -1) == PROXY_OK;
}
