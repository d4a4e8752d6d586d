/* Reading the configuration: the value of the header. */
#include "config.h"

/* The most bytes of the header's value. */
enum { MOST_VALUE = 256 };

/* Whether these bytes can stand in a header without ending it (RFC 9110, section 5.5). */
static bool is_value(bytes value) {
    for (size_t i = 0; i < value.size; i++) {
        if (value.at[i] == '\r' || value.at[i] == '\n' || value.at[i] == 0) return false;
    }
    return value.size <= MOST_VALUE;
}

bool config_read(config *config, json *reader, proxy_arena *arena, bytes text) {
    static const bytes names[] = {BYTES("value")};
    config->value = BYTES("hello");
    if (!text.size) return true;
    json_begin(reader, arena, text);
    json_object fields = json_object_begin(reader, names, 1);
    while (json_object_next(reader, &fields)) {
        config->value = json_string_where(reader, BYTES("at most 256 bytes without CR, LF and NUL"), is_value);
    }
    return json_end(reader);
}
