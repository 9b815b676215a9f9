/* Builds credential bundles, right ones and wrong ones. */
#ifndef BUNDLES_H
#define BUNDLES_H

#include <stddef.h>
#include <stdint.h>

typedef struct bytes {
    uint8_t data[4096];
    size_t length;
} bytes;

typedef struct bundle_recipe {
    const char *device_id;
    const char *server_id;
    const char *tls_address;
    const char *external_identity;      /* wrapped into an ImportedIdentity unless plain_identity */
    int plain_identity;
    uint8_t key_first;                  /* first byte of the key; the others count on from it */
    uint32_t record_size;
    uint32_t without;                   /* bit k: leave field k out */
    int with_tls12;
    uint32_t epoch;                     /* 0 stands for 1 */
} bundle_recipe;

extern const bundle_recipe usual_bundle;

void put_head(bytes *out, int major, uint64_t value);
void put_bytes(bytes *out, const void *data, size_t length);
void put_text(bytes *out, const char *text);
/* The wire identity that the recipe leads to. */
void recipe_identity(const bundle_recipe *recipe, bytes *out);
void recipe_key(const bundle_recipe *recipe, uint8_t key[32]);
void make_bundle(const bundle_recipe *recipe, bytes *out);

#endif
