/* The configuration: which operations on request headers, which on response headers. */
#ifndef HELLO_HEADER_CONFIG_H
#define HELLO_HEADER_CONFIG_H

#include "json.h"
#include "operations.h"

enum {
    /* The most operations that each of the two lists may hold: every one is a call to the host in every request. */
    MOST_OPERATIONS = 64,
    /* The most bytes of a header's name. */
    MOST_NAME = 256,
    /* The most bytes of a header's value. Envoy refuses messages with more than 60 KiB of headers by default. */
    MOST_VALUE = 8192,
};

typedef struct {
    operation operations[MOST_OPERATIONS];
    size_t count;
} list;

/* What to do to the headers of every request and of its response. */
typedef struct {
    /* Carried out in order on the request before it goes upstream. */
    list request;
    /* Carried out in order on the response before it goes downstream. */
    list response;
} config;

/* What a configuration calls the operations, in the order of `op`. */
extern const bytes op_words[OPS];

/*
 * Reads the configuration's JSON; no bytes at all mean the response header `hello: world`. Where it returns false,
 * `reader` has a refusal that names the field, what was expected there and what stood there instead: see
 * config.schema.json.
 */
bool config_read(config *config, json *reader, proxy_arena *arena, bytes text);

#endif
