/* Doing what may be done to headers. */
#include "operations.h"

static bool apply_one(const operation *operation, proxy_map map) {
    bool contains;
    switch (operation->op) {
        case OP_SET: return proxy_header_set(map, operation->name, operation->value);
        case OP_APPEND: return proxy_header_append(map, operation->name, operation->value);
        case OP_REMOVE: return proxy_header_remove(map, operation->name);
        default:
            if (!proxy_header_contains(map, operation->name, &contains)) return false;
            return contains || proxy_header_append(map, operation->name, operation->value);
    }
}

bool apply(const operation *operations, size_t count, proxy_map map) {
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        if (!apply_one(&operations[i], map)) all = false;
    }
    return all;
}
