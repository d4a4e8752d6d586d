/* What may be done to headers. */
#ifndef HELLO_HEADER_OPERATIONS_H
#define HELLO_HEADER_OPERATIONS_H

#include "proxy.h"

/* What to do to the headers of a name. */
typedef enum {
    /* Leave exactly one, with the value. */
    OP_SET,
    /* Add one with the value beside those that are there. */
    OP_APPEND,
    /* Add one with the value unless there is one already, whatever it holds. */
    OP_SET_IF_ABSENT,
    /* Take all of them away. */
    OP_REMOVE,
    OPS,
} op;

/* One thing to do to the headers of one name. */
typedef struct {
    op op;
    /* A token (RFC 9110, section 5.6.2), as the configuration spells it. */
    bytes name;
    /* Of no size where the operation takes none. */
    bytes value;
} operation;

/*
 * Carries out the operations in their order; each sees what those before it did. False where the host refused one or
 * more of them: all the others were carried out.
 */
bool apply(const operation *operations, size_t count, proxy_map map);

#endif
