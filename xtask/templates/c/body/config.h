/* The configuration. */
#ifndef CONFIG_H
#define CONFIG_H

#include "json.h"

/* What the filter does. */
typedef struct {
    /* What is added behind the body. */
    bytes append;
} config;

/*
 * Reads the configuration's JSON; no bytes at all mean the default. Where it returns false, `reader` has a refusal that
 * names the field, what was expected there and what stood there instead: see config.schema.json.
 */
bool config_read(config *config, json *reader, proxy_arena *arena, bytes text);

#endif
