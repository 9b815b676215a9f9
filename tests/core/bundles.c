#include "bundles.h"

#include <string.h>

#include "harness.h"

const bundle_recipe usual_bundle = {
    .device_id = "sensor-1", .server_id = "plant", .tls_address = "127.0.0.1:8883", .external_identity = "sensor-1~1",
    .key_first = 1, .record_size = 1024
};

static void put(bytes *out, const void *data, size_t length)
{
    CHECK(length <= sizeof out->data - out->length);
    memcpy(out->data + out->length, data, length);
    out->length += length;
}

void put_head(bytes *out, int major, uint64_t value)
{
    uint8_t head[9];
    size_t length = value < 24 ? 0 : value < 256 ? 1 : value < 65536 ? 2 : value < (uint64_t) 1 << 32 ? 4 : 8;
    const int info = length == 0 ? (int) value : length == 1 ? 24 : length == 2 ? 25 : length == 4 ? 26 : 27;
    head[0] = (uint8_t) (major << 5 | info);
    for (size_t i = 0; i < length; i++) head[1 + i] = (uint8_t) (value >> 8 * (length - 1 - i));
    put(out, head, 1 + length);
}

void put_bytes(bytes *out, const void *data, size_t length)
{
    put_head(out, 2, length);
    put(out, data, length);
}

void put_text(bytes *out, const char *text)
{
    put_head(out, 3, strlen(text));
    put(out, text, strlen(text));
}

static void put_short_vector(bytes *out, int length_bytes, const void *data, size_t length)
{
    const uint8_t prefix[2] = { (uint8_t) (length >> 8), (uint8_t) length };
    put(out, prefix + 2 - length_bytes, (size_t) length_bytes);
    put(out, data, length);
}

void recipe_identity(const bundle_recipe *recipe, bytes *out)
{
    static const uint8_t target[] = { 3, 4, 0, 1 };
    bytes context = { .length = 0 };
    out->length = 0;
    if (recipe->plain_identity) {
        put(out, recipe->external_identity, strlen(recipe->external_identity));
        return;
    }
    put_short_vector(&context, 1, recipe->device_id, strlen(recipe->device_id));
    put_short_vector(&context, 1, recipe->server_id, strlen(recipe->server_id));
    put_short_vector(out, 2, recipe->external_identity, strlen(recipe->external_identity));
    put_short_vector(out, 2, context.data, context.length);
    put(out, target, sizeof target);
}

void recipe_key(const bundle_recipe *recipe, uint8_t key[32])
{
    for (int i = 0; i < 32; i++) key[i] = (uint8_t) (recipe->key_first + i);
}

void make_bundle(const bundle_recipe *recipe, bytes *out)
{
    uint8_t key[32];
    bytes identity;
    bytes fields = { .length = 0 };
    uint64_t count = 0;
    recipe_key(recipe, key);
    recipe_identity(recipe, &identity);
    for (unsigned field = 1; field <= 12; field++) {
        if ((recipe->without >> field & 1u) != 0 || field == 5 || (!recipe->with_tls12 && (field == 8 || field == 9))) continue;
        count++;
        put_head(&fields, 0, field);
        switch (field) {
        case 1: put_head(&fields, 0, 1); break;
        case 2: put_text(&fields, recipe->device_id); break;
        case 3: put_text(&fields, recipe->server_id); break;
        case 4: put_text(&fields, recipe->tls_address); break;
        case 6: put_bytes(&fields, identity.data, identity.length); break;
        case 8: put_bytes(&fields, recipe->external_identity, strlen(recipe->external_identity)); break;
        case 7:
        case 9: put_bytes(&fields, key, sizeof key); break;
        case 10: put_head(&fields, 0, recipe->record_size); break;
        case 11: put_head(&fields, 7, 20); break;
        default: put_head(&fields, 0, recipe->epoch == 0 ? 1 : recipe->epoch); break;
        }
    }
    out->length = 0;
    put_head(out, 5, count);
    put(out, fields.data, fields.length);
}
