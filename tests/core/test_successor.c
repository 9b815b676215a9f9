/* A credential and its successor: which one has its turn, and that power lost at any step leaves one that works. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bundles.h"
#include "directory.h"
#include "harness.h"
#include "power_cut.h"
#include "psk_error.h"
#include "vault_file.h"

#define OLD_KEY 1
#define NEW_KEY 2
#define OTHER_KEY 3

static psk_vault vault;
static psk_vault_turn turn;             /* of the last look() */

static void open_vault(void)
{
    make_directory();
    CHECK_EQUAL(0, psk_vault_file_open(directory, &vault));
}

static void encode(uint8_t key_first, bytes *out)
{
    bundle_recipe recipe = usual_bundle;
    recipe.key_first = key_first;
    make_bundle(&recipe, out);
}

static void import(uint8_t key_first)
{
    bytes encoded;
    encode(key_first, &encoded);
    CHECK_EQUAL(0, psk_vault_import(&vault, 0, encoded.data, encoded.length));
}

/* The first byte of the key whose turn it is, or the error. */
static int32_t look(void)
{
    uint8_t record[PSK_VAULT_RECORD_MAX];
    psk_bundle bundle;
    const int32_t result = psk_vault_choose(&vault, 0, record, &bundle, &turn);
    return result < 0 ? result : bundle.tls13_key.data[0];
}

static void keep(uint8_t key_first)
{
    uint8_t record[PSK_VAULT_RECORD_MAX];
    bytes encoded;
    encode(key_first, &encoded);
    memcpy(record + PSK_VAULT_SUCCESSOR_BEGIN, encoded.data, encoded.length);
    CHECK(look() > 0);
    CHECK_EQUAL(0, psk_vault_keep_successor(&vault, 0, turn.predecessor, record, encoded.length));
}

/* A handshake with the credential whose turn it is. */
static void shake(int accepted)
{
    uint8_t scratch[PSK_VAULT_RECORD_MAX];
    CHECK(look() > 0);
    CHECK_EQUAL(0, psk_vault_settle(&vault, 0, &turn, accepted, scratch));
    CHECK_EQUAL(PSK_VAULT_ONLY, turn.which);
}

static void start(void)
{
    import(OLD_KEY);
    keep(NEW_KEY);
}

TEST(successor_takes_the_slot_at_its_first_success)
{
    open_vault();
    start();
    CHECK_EQUAL(NEW_KEY, look());
    CHECK_EQUAL(PSK_VAULT_NEW, turn.which);
    shake(1);
    CHECK_EQUAL(NEW_KEY, look());
    CHECK_EQUAL(PSK_VAULT_ONLY, turn.which);
    CHECK_EQUAL(0, vault.store->erase(vault.context, PSK_VAULT_SUCCESSORS));          /* gone already */
    psk_vault_file_close(&vault);
}

TEST(successor_that_is_refused_makes_room_for_the_old_credential)
{
    open_vault();
    start();
    for (int refusal = 0; refusal < PSK_VAULT_REFUSALS; refusal++) {
        CHECK_EQUAL(NEW_KEY, look());
        shake(0);
    }
    CHECK_EQUAL(OLD_KEY, look());
    CHECK_EQUAL(PSK_VAULT_OLD, turn.which);
    shake(1);
    CHECK_EQUAL(OLD_KEY, look());
    CHECK_EQUAL(PSK_VAULT_ONLY, turn.which);
    psk_vault_file_close(&vault);
}

/* Whoever forges refusals delays the device and costs it no key. */
TEST(successor_is_not_lost_by_refusals_alone)
{
    open_vault();
    start();
    for (int round = 0; round < 5; round++) {
        for (int refusal = 0; refusal < PSK_VAULT_REFUSALS; refusal++) {
            CHECK_EQUAL(NEW_KEY, look());
            shake(0);
        }
        CHECK_EQUAL(OLD_KEY, look());
        shake(0);
    }
    CHECK_EQUAL(NEW_KEY, look());
    shake(0);
    CHECK_EQUAL(NEW_KEY, look());
    shake(1);
    CHECK_EQUAL(NEW_KEY, look());
    CHECK_EQUAL(PSK_VAULT_ONLY, turn.which);
    psk_vault_file_close(&vault);
}

TEST(successor_of_another_credential_counts_for_nothing)
{
    uint8_t scratch[PSK_VAULT_RECORD_MAX];
    open_vault();
    start();
    CHECK_EQUAL(NEW_KEY, look());
    const psk_vault_turn before = turn;
    import(OTHER_KEY);
    CHECK_EQUAL(OTHER_KEY, look());
    CHECK_EQUAL(PSK_VAULT_ONLY, turn.which);
    keep(NEW_KEY);

    /* The session that was opened before ends well only now. */
    turn = before;
    CHECK_EQUAL(0, psk_vault_settle(&vault, 0, &turn, 1, scratch));
    CHECK_EQUAL(NEW_KEY, look());
    CHECK_EQUAL(PSK_VAULT_NEW, turn.which);
    psk_vault_file_close(&vault);
}

TEST(successor_is_settled_once)
{
    uint8_t scratch[PSK_VAULT_RECORD_MAX];
    open_vault();
    start();
    CHECK_EQUAL(NEW_KEY, look());
    psk_vault_turn first = turn, second = turn, third = turn;
    CHECK_EQUAL(0, psk_vault_settle(&vault, 0, &first, 1, scratch));
    CHECK_EQUAL(0, psk_vault_settle(&vault, 0, &second, 0, scratch));
    CHECK_EQUAL(0, psk_vault_settle(&vault, 0, &third, 1, scratch));
    CHECK_EQUAL(NEW_KEY, look());
    CHECK_EQUAL(PSK_VAULT_ONLY, turn.which);
    psk_vault_file_close(&vault);
}

TEST(successor_goes_with_its_slot_and_a_newer_one_takes_its_place)
{
    open_vault();
    start();
    keep(OTHER_KEY);
    CHECK_EQUAL(OTHER_KEY, look());
    CHECK_EQUAL(0, psk_vault_erase(&vault, 0));
    CHECK_EQUAL(PSK_CORE_ERR_NO_CREDENTIAL, look());
    import(OLD_KEY);
    CHECK_EQUAL(OLD_KEY, look());
    CHECK_EQUAL(PSK_VAULT_ONLY, turn.which);
    psk_vault_file_close(&vault);
}

TEST(successor_that_is_damaged_is_none)
{
    char path[128];
    open_vault();
    start();
    (void) snprintf(path, sizeof path, "%s/slot-0.next", directory);
    for (long at = 0; at < 120; at += 7) {
        FILE *file = fopen(path, "r+b");
        CHECK(file != NULL && fseek(file, at, SEEK_SET) == 0);
        const int was = fgetc(file);
        CHECK(fseek(file, at, SEEK_SET) == 0 && fputc(was ^ 0x10, file) != EOF && fclose(file) == 0);
        CHECK_EQUAL(OLD_KEY, look());
        CHECK_EQUAL(PSK_VAULT_ONLY, turn.which);
        file = fopen(path, "r+b");
        CHECK(file != NULL && fseek(file, at, SEEK_SET) == 0 && fputc(was, file) != EOF && fclose(file) == 0);
        CHECK_EQUAL(NEW_KEY, look());
    }
    psk_vault_file_close(&vault);
}

TEST(successor_ends_the_association_of_the_credential_before)
{
    uint8_t record[343 + PSK_VAULT_OVERHEAD] = { 0 }, saved[640];
    open_vault();
    import(OLD_KEY);
    CHECK_EQUAL(0, psk_vault_keep_association(&vault, 0, record, 343));
    keep(NEW_KEY);
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, psk_vault_take_association(&vault, 0, saved, sizeof saved));
    psk_vault_file_close(&vault);
}

/* Runs an operation that ends at its n-th system call, for each n, until it completes; each time one of the two keys is whose turn
 * it is, and the device's next two handshakes, good ones, leave the slot with a single credential. */
static void cut_everywhere(void (*prepare)(void), void (*operation)(void), int32_t before, int32_t after, int least)
{
    for (int calls = 0;; calls++) {
        CHECK(calls < 200);
        (void) psk_vault_erase(&vault, 0);
        prepare();
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            calls_until_cut = calls;
            operation();
            _exit(EXIT_SUCCESS);
        }
        int status;
        CHECK_EQUAL(child, waitpid(child, &status, 0));
        CHECK(WIFEXITED(status));
        const int32_t found = look();
        CHECK(found == before || found == after);
        shake(1);
        CHECK(look() == found);
        CHECK_EQUAL(PSK_VAULT_ONLY, turn.which);
        if (WEXITSTATUS(status) == EXIT_SUCCESS) {
            CHECK_EQUAL(after, found);
            (void) printf("%d moments of a power cut\n", calls);
            CHECK(calls >= least);
            return;
        }
        CHECK_EQUAL(POWER_CUT, WEXITSTATUS(status));
    }
}

static void import_old(void)
{
    import(OLD_KEY);
}

static void import_other(void)
{
    import(OTHER_KEY);
}

static void keep_new(void)
{
    keep(NEW_KEY);
}

static void refuse_twice(void)
{
    start();
    shake(0);
    shake(0);
}

static void refuse_thrice(void)
{
    refuse_twice();
    shake(0);
}

static void accept_now(void)
{
    shake(1);
}

static void refuse_now(void)
{
    shake(0);
}

TEST(successor_kept_with_a_cut_at_any_call)
{
    open_vault();
    cut_everywhere(import_old, keep_new, OLD_KEY, NEW_KEY, 8);
    psk_vault_file_close(&vault);
}

TEST(successor_replaced_with_a_cut_at_any_call)
{
    open_vault();
    cut_everywhere(start, keep_new, NEW_KEY, NEW_KEY, 8);
    psk_vault_file_close(&vault);
}

TEST(successor_accepted_with_a_cut_at_any_call)
{
    open_vault();
    cut_everywhere(start, accept_now, NEW_KEY, NEW_KEY, 14);
    psk_vault_file_close(&vault);
}

TEST(successor_refused_with_a_cut_at_any_call)
{
    open_vault();
    cut_everywhere(start, refuse_now, NEW_KEY, NEW_KEY, 8);
    cut_everywhere(refuse_twice, refuse_now, NEW_KEY, OLD_KEY, 8);
    psk_vault_file_close(&vault);
}

TEST(successor_given_up_or_tried_again_with_a_cut_at_any_call)
{
    open_vault();
    cut_everywhere(refuse_thrice, accept_now, OLD_KEY, OLD_KEY, 6);
    cut_everywhere(refuse_thrice, refuse_now, OLD_KEY, NEW_KEY, 8);
    psk_vault_file_close(&vault);
}

TEST(successor_overtaken_by_an_import_with_a_cut_at_any_call)
{
    open_vault();
    cut_everywhere(start, import_other, NEW_KEY, OTHER_KEY, 14);
    cut_everywhere(refuse_thrice, import_other, OLD_KEY, OTHER_KEY, 14);
    psk_vault_file_close(&vault);
}
