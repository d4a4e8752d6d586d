/*
 * The memory of a module: blocks whose sizes are powers of two, from lists of those that were given back, or from where
 * the memory ends.
 */
#include "proxy.h"

enum { PAGE = 64 << 10, LEAST = 5, LISTS = 31 };

/* What stands before every block; the alignment is as much as any value in WebAssembly asks for. */
struct header {
    /* The binary logarithm of the block's size, its header among it. */
    _Alignas(16) size_t list;
    struct header *next;
};

/* The blocks that were given back, by the binary logarithm of their size. */
static struct header *lists[LISTS];
/* Where the part of the memory begins that was never handed out, and where it ends. */
static size_t top, end;

PROXY_EXPORT(malloc) void *malloc(size_t size) {
    if (size > (size_t)1 << 29) return NULL;
    size_t list = LEAST;
    while ((size_t)1 << list < size + sizeof(struct header)) list++;
    struct header *block = lists[list];
    if (block) {
        lists[list] = block->next;
        return block + 1;
    }
    size_t whole = (size_t)1 << list;
    if (whole > end - top) {
        size_t pages = (whole + PAGE - 1) / PAGE;
        size_t grown = __builtin_wasm_memory_grow(0, pages);
        if (grown == (size_t)-1) return NULL;
        /* Where somebody else grew the memory meanwhile, what was left over stays unused. */
        if (grown * PAGE != end) top = grown * PAGE;
        end = (grown + pages) * PAGE;
    }
    block = (struct header *)top;
    top += whole;
    block->list = list;
    return block + 1;
}

void free(void *given) {
    if (!given) return;
    struct header *block = (struct header *)given - 1;
    block->next = lists[block->list];
    lists[block->list] = block;
}
