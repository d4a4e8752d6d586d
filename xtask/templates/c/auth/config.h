/* The configuration. */
#ifndef CONFIG_H
#define CONFIG_H

#include "json.h"

enum { MOST_KEYS = 64, MOST_KEY = 256 };

/* What the filter does. */
typedef struct {
    /* The keys of which a request must have one. */
    bytes keys[MOST_KEYS];
    size_t count;
} config;

/*
 * Reads the configuration's JSON. Where it returns false, `reader` has a refusal that
 * names the field, what was expected there and what stood there instead: see config.schema.json.
 */
bool config_read(config *config, json *reader, proxy_arena *arena, bytes text);

/* Whether this is one of the keys. How long the answer takes tells nothing about the keys but their lengths. */
bool config_knows(const config *config, bytes given);

#endif
