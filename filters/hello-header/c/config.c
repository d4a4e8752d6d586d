/* Reading the configuration. */
#include "config.h"

const bytes op_words[OPS] = {BYTES("set"), BYTES("append"), BYTES("set-if-absent"), BYTES("remove")};

/*
 * Headers that say how a message is framed and what becomes of its connection (RFC 9110, section 7.6.1): the proxy
 * writes them, and a message in which they say something else can be taken for another one.
 */
static const bytes proxys_own[] = {
    BYTES("connection"), BYTES("content-length"),    BYTES("keep-alive"), BYTES("proxy-connection"),
    BYTES("te"),         BYTES("transfer-encoding"), BYTES("upgrade"),
};

static bool contains(bytes text, char wanted) {
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == wanted) return true;
    }
    return false;
}

/* Whether this is a token (RFC 9110, section 5.6.2), which a pseudo-header such as `:path` is not. */
static bool is_name(bytes name) {
    for (size_t i = 0; i < name.size; i++) {
        if (!json_is_alphanumeric(name.at[i]) && !contains(BYTES("!#$%&'*+-.^_`|~"), name.at[i])) return false;
    }
    return name.size >= 1 && name.size <= MOST_NAME;
}

static bool is_same_token(bytes known, bytes name) {
    if (known.size != name.size) return false;
    for (size_t i = 0; i < name.size; i++) {
        /* In a token this bit makes a letter small and makes a letter of nothing else. */
        if (known.at[i] != (name.at[i] | 0x20)) return false;
    }
    return true;
}

static bool is_proxys_own(bytes name) {
    for (size_t i = 0; i < sizeof proxys_own / sizeof *proxys_own; i++) {
        if (is_same_token(proxys_own[i], name)) return true;
    }
    return false;
}

/* Whether these bytes can stand in a header without ending it (RFC 9110, section 5.5). */
static bool is_value(bytes value) {
    return value.size <= MOST_VALUE && !contains(value, '\r') && !contains(value, '\n') && !contains(value, 0);
}

static operation read_operation(json *reader) {
    static const bytes names[] = {BYTES("op"), BYTES("name"), BYTES("value")};
    operation read = {.op = OPS};
    bool has_value = false;
    json_object fields = json_object_begin(reader, names, 3);
    while (json_object_next(reader, &fields)) {
        switch (fields.field) {
            case 0: read.op = (op)json_word(reader, op_words, OPS); break;
            case 1:
                read.name = json_string_where(
                    reader, BYTES("a header name: 1 to 256 letters, digits or !#$%&'*+-.^_`|~"), is_name);
                break;
            case 2:
                read.value = json_string_where(reader, BYTES("at most 8192 bytes without CR, LF and NUL"), is_value);
                has_value = true;
                break;
        }
    }
    if (read.op == OPS) {
        json_refuse(reader, names[0], BYTES("a string"), BYTES("nothing"));
    } else if (!read.name.size) {
        json_refuse(reader, names[1], BYTES("a string"), BYTES("nothing"));
    } else if (is_proxys_own(read.name)) {
        json_refuse(
            reader, names[1], BYTES("no header of framing or connection, which are the proxy's own"), read.name);
    } else if (read.op == OP_REMOVE && has_value) {
        json_refuse(reader, names[2], BYTES("nothing, because \"remove\" takes no value"), BYTES("a string"));
    } else if (read.op != OP_REMOVE && !has_value) {
        json_refuse(reader, names[2], BYTES("a string"), BYTES("nothing"));
    }
    return read;
}

static void read_list(json *reader, list *list) {
    json_array elements = json_array_begin(reader, MOST_OPERATIONS);
    while (json_array_next(reader, &elements)) list->operations[list->count++] = read_operation(reader);
}

bool config_read(config *config, json *reader, proxy_arena *arena, bytes text) {
    static const bytes names[] = {BYTES("request"), BYTES("response")};
    config->request.count = config->response.count = 0;
    if (!text.size) {
        config->response.operations[0] = (operation){OP_SET, BYTES("hello"), BYTES("world")};
        config->response.count = 1;
        return true;
    }
    json_begin(reader, arena, text);
    json_object fields = json_object_begin(reader, names, 2);
    while (json_object_next(reader, &fields)) {
        read_list(reader, fields.field == 0 ? &config->request : &config->response);
    }
    return json_end(reader);
}
