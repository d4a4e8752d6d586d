/* Reading the configuration: which keys let a request pass. */
#include "config.h"

static bool is_key(bytes key) { return key.size >= 1 && key.size <= MOST_KEY; }

bool config_read(config *config, json *reader, proxy_arena *arena, bytes text) {
    static const bytes names[] = {BYTES("keys")};
    bool given = false;
    config->count = 0;
    json_begin(reader, arena, text);
    json_object fields = json_object_begin(reader, names, 1);
    while (json_object_next(reader, &fields)) {
        given = true;
        json_array elements = json_array_begin(reader, MOST_KEYS);
        while (json_array_next(reader, &elements)) {
            config->keys[config->count++] = json_string_where(reader, BYTES("a key of 1 to 256 bytes"), is_key);
        }
    }
    if (!given) {
        json_refuse(reader, names[0], BYTES("an array"), BYTES("nothing"));
    } else if (!config->count) {
        json_refuse(reader, names[0], BYTES("at least one key"), BYTES("none"));
    }
    return json_end(reader);
}

static bool is_same(bytes key, bytes given) {
    unsigned char differs = 0;
    if (key.size != given.size) return false;
    for (size_t i = 0; i < key.size; i++) differs |= (unsigned char)(key.at[i] ^ given.at[i]);
    return differs == 0;
}

bool config_knows(const config *config, bytes given) {
    bool known = false;
    for (size_t i = 0; i < config->count; i++) {
        if (is_same(config->keys[i], given)) known = true;
    }
    return known;
}
