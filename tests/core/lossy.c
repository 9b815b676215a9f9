#include "lossy.h"

#include <string.h>

#include "harness.h"

#define ANSWER_TIME 4000u

uint32_t lossy_random(lossy *way, uint32_t below)
{
    way->random = way->random * 1664525u + 1013904223u;
    return (way->random >> 8) % below;
}

static void put(lossy *way, int to_server, const uint8_t *data, size_t length)
{
    flying *place = NULL;
    for (size_t i = 0; i < LOSSY_FLYING && place == NULL; i++) {
        if (way->flying[i].length == 0) place = &way->flying[i];
    }
    if (place == NULL) return;                                  /* a full queue loses as well */
    CHECK(length <= sizeof place->data);
    place->at = way->now + 1 + (way->delay == 0 ? 0 : lossy_random(way, way->delay));
    place->to_server = to_server != 0;
    place->length = (uint16_t) length;
    memcpy(place->data, data, length);
}

void lossy_send(lossy *way, int to_server, const uint8_t *data, size_t length)
{
    if (way->watch != NULL) way->watch(way, to_server, data, length);
    if (to_server) way->to_server++;
    else way->to_device++;
    if (to_server && way->first_type == 0) way->first_type = data[0];
    if (lossy_random(way, 100) >= way->loss) put(way, to_server, data, length);
    if (lossy_random(way, 100) < way->duplicates) put(way, to_server, data, length);
}

static void collect(lossy *way)
{
    uint8_t data[2048];
    int32_t length;
    while (way->core != NULL && (length = psk_core_drain(way->core, data, sizeof data)) != 0) {
        CHECK(length > 0);
        lossy_send(way, 1, data, (size_t) length);
    }
    while ((length = (int32_t) dtls_server_drain(way->server, data, sizeof data)) > 0) lossy_send(way, 0, data, (size_t) length);
}

static void tick(lossy *way, uint32_t now)
{
    way->now = now;
    if (way->core != NULL) (void) psk_core_tick(way->core, now);
    dtls_server_tick(way->server, now);
}

int lossy_next(lossy *way)
{
    flying *next = NULL;
    collect(way);
    for (size_t i = 0; i < LOSSY_FLYING; i++) {
        flying *at = &way->flying[i];
        if (at->length > 0 && (next == NULL || at->at < next->at)) next = at;
    }
    uint32_t wait = next == NULL ? UINT32_MAX : next->at > way->now ? next->at - way->now : 0;
    const int32_t device = way->core == NULL ? -1 : psk_core_deadline(way->core), server = dtls_server_deadline(way->server);
    const uint32_t arrival = wait;
    if (device >= 0 && (uint32_t) device < wait) wait = (uint32_t) device;
    if (server >= 0 && (uint32_t) server < wait) wait = (uint32_t) server;
    if (wait == UINT32_MAX) return 0;
    tick(way, way->now + wait);
    if (next != NULL && arrival == wait) {
        if (next->to_server) dtls_server_receive(way->server, next->data, next->length);
        else if (way->core != NULL) (void) psk_core_feed(way->core, next->data, next->length);
        next->length = 0;
    }
    collect(way);
    return 1;
}

int32_t lossy_handshake(lossy *way)
{
    tick(way, way->now);
    for (unsigned events = 0;; events++) {
        const int32_t result = psk_core_step(way->core);
        collect(way);
        if (result <= 0) return result;
        if (result == PSK_CORE_WANTS_DRAIN) continue;
        CHECK(events < 5000);
        CHECK(lossy_next(way));
    }
}

static int is_answer(const char *text, const uint8_t *answer, size_t length)
{
    if (length != strlen(text)) return 0;
    for (size_t i = 0; i < length; i++) {
        if (answer[i] != (uint8_t) text[length - 1 - i]) return 0;
    }
    return 1;
}

int32_t lossy_ask(lossy *way, const char *text, unsigned tries)
{
    uint8_t answer[2048];
    for (; tries > 0; tries--) {
        const int32_t taken = psk_core_write(way->core, (const uint8_t *) text, strlen(text));
        if (taken < 0) return taken;
        CHECK_EQUAL(strlen(text), taken);
        const uint32_t until = way->now + ANSWER_TIME;
        while (way->now < until) {
            const int32_t got = psk_core_read(way->core, answer, sizeof answer);
            if (got < 0) return got;
            if (got > 0 && is_answer(text, answer, (size_t) got)) return 0;
            if (got == 0 && !lossy_next(way)) tick(way, until);
        }
    }
    return PSK_CORE_ERR_TIMEOUT;
}
