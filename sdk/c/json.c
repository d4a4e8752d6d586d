/* The reader's grammar; the words of its refusals are in refusal.c, and strings in string.c. */
#include "json_parts.h"

void json_begin(json *json, proxy_arena *arena, bytes text) {
    json->arena = arena;
    json->text = text;
    json->at = 0;
    json->failed = false;
    json->path = (json_line){json->path_bytes, 0, sizeof json->path_bytes};
    json->refusal = (json_line){json->refusal_bytes, 0, sizeof json->refusal_bytes};
}

int json_byte(const json *json, size_t at) {
    return at < json->text.size ? (unsigned char)json->text.at[at] : END_OF_TEXT;
}

void json_blank(json *json) {
    for (;; json->at++) {
        int byte = json_byte(json, json->at);
        if (byte != ' ' && byte != '\t' && byte != '\n' && byte != '\r') return;
    }
}

/* The next byte that is not white space, which stays to be read. */
static int peek(json *json) {
    json_blank(json);
    return json_byte(json, json->at);
}

void json_open(json *json, char byte, bytes expected) {
    if (json->failed) return;
    if (peek(json) != byte) {
        json_unexpected(json, expected);
    } else {
        json->at++;
    }
}

/* Whether another element of an array or object follows; steps over the comma before it, or over `close`. */
static bool more(json *json, char close, bool first, bytes expected) {
    if (json->failed) return false;
    int next = peek(json);
    if (next == close) {
        json->at++;
        return false;
    }
    if (first) return true;
    if (next != ',') {
        json_unexpected(json, expected);
        return false;
    }
    json->at++;
    /* A comma promises an element: a bracket after it is left for the element's reader to refuse. */
    json_blank(json);
    return true;
}

bool json_end(json *json) {
    if (!json->failed && peek(json) != END_OF_TEXT) json_unexpected(json, BYTES("the end of the text"));
    return !json->failed;
}

json_object json_object_begin(json *json, const bytes *names, size_t count) {
    json_open(json, '{', BYTES("an object"));
    return (json_object){.names = names, .count = count, .above = json->path.size};
}

bool json_object_next(json *json, json_object *object) {
    if (!json->failed) json->path.size = object->above;
    if (!more(json, '}', !object->begun, BYTES("\",\" or \"}\""))) return false;
    object->begun = true;
    size_t start = json->at;
    if (peek(json) != '"') {
        json_unexpected(json, BYTES("the name of a field"));
        return false;
    }
    bytes name = json_string(json);
    if (json->failed) return false;
    json_enter(json, name);
    object->field = json_index_of(object->names, object->count, name);
    if (object->field == object->count) {
        json_fail_among(json, start, object->names, object->count, BYTES("an unknown field"));
        return false;
    }
    uint32_t bit = (uint32_t)1 << object->field;
    if (object->seen & bit) {
        json_fail(json, start, BYTES("one field of this name"), BYTES("a second"));
        return false;
    }
    object->seen |= bit;
    json_open(json, ':', BYTES("\":\""));
    return !json->failed;
}

json_array json_array_begin(json *json, size_t most) {
    json_open(json, '[', BYTES("an array"));
    return (json_array){.most = most, .above = json->path.size};
}

bool json_array_next(json *json, json_array *array) {
    if (!json->failed) json->path.size = array->above;
    if (!more(json, ']', array->count == 0, BYTES("\",\" or \"]\""))) return false;
    if (array->count == array->most) {
        json_fail_too_many(json, array->most);
        return false;
    }
    json_enter_index(json, array->count++);
    return true;
}

size_t json_word(json *json, const bytes *words, size_t count) {
    json_blank(json);
    size_t start = json->at;
    bytes text = json_string(json);
    size_t index = json_index_of(words, count, text);
    if (!json->failed && index == count) {
        char shown[QUOTED];
        json_fail_among(json, start, words, count, json_quoted(shown, text));
    }
    return index;
}

bytes json_string_where(json *json, bytes expected, bool (*is_valid)(bytes)) {
    json_blank(json);
    size_t start = json->at;
    bytes text = json_string(json);
    if (!json->failed && !is_valid(text)) {
        char shown[QUOTED];
        json_fail(json, start, expected, json_quoted(shown, text));
    }
    return text;
}

size_t json_index_of(const bytes *words, size_t count, bytes text) {
    size_t index = 0;
    for (; index < count; index++) {
        size_t same = 0;
        if (words[index].size != text.size) continue;
        while (same < text.size && words[index].at[same] == text.at[same]) same++;
        if (same == text.size) break;
    }
    return index;
}

bool json_is_alphanumeric(char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}
