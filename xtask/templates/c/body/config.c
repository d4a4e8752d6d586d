/* Reading the configuration: what is added. */
#include "config.h"

/* The most bytes that may be added. */
enum { MOST = 8192 };

static bool is_short(bytes text) { return text.size <= MOST; }

bool config_read(config *config, json *reader, proxy_arena *arena, bytes text) {
    static const bytes names[] = {BYTES("append")};
    config->append = BYTES("-- @name@\n");
    if (!text.size) return true;
    json_begin(reader, arena, text);
    json_object fields = json_object_begin(reader, names, 1);
    while (json_object_next(reader, &fields)) {
        config->append = json_string_where(reader, BYTES("at most 8192 bytes"), is_short);
    }
    return json_end(reader);
}
