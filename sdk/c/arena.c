/* Memory that is given back all at once. */
#include "proxy.h"

struct proxy_block {
    _Alignas(16) struct proxy_block *next;
};

void *proxy_arena_take(proxy_arena *arena, size_t size) {
    struct proxy_block *block = malloc(sizeof *block + size);
    if (!block) proxy_panic(BYTES("out of memory"));
    block->next = arena->blocks;
    arena->blocks = block;
    return block + 1;
}

void proxy_arena_free(proxy_arena *arena) {
    while (arena->blocks) {
        struct proxy_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
}
