#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bundles.h"
#include "directory.h"
#include "harness.h"
#include "power_cut.h"
#include "psk_error.h"
#include "vault_file.h"

static psk_vault vault;

static void open_vault(void)
{
    make_directory();
    CHECK_EQUAL(0, psk_vault_file_open(directory, &vault));
}

static void close_vault(void)
{
    psk_vault_file_close(&vault);
}

static const char *path_of(const char *name)
{
    static char path[128];
    (void) snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void store(int32_t slot, uint8_t key_first)
{
    bundle_recipe recipe = usual_bundle;
    bytes encoded;
    recipe.key_first = key_first;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, psk_vault_import(&vault, slot, encoded.data, encoded.length));
}

/* The first byte of the key in the slot, or the error. */
static int32_t loaded(int32_t slot)
{
    uint8_t record[PSK_VAULT_RECORD_MAX];
    psk_bundle bundle;
    const int32_t result = psk_vault_load(&vault, slot, record, sizeof record, &bundle);
    return result < 0 ? result : bundle.tls13_key.data[0];
}

static size_t read_file(const char *name, uint8_t *data, size_t size)
{
    FILE *file = fopen(path_of(name), "rb");
    CHECK(file != NULL);
    const size_t length = fread(data, 1, size, file);
    (void) fclose(file);
    return length;
}

static void write_file(const char *name, const uint8_t *data, size_t length)
{
    FILE *file = fopen(path_of(name), "wb");
    CHECK(file != NULL);
    CHECK_EQUAL(length, fwrite(data, 1, length, file));
    (void) fclose(file);
}

TEST(vault_slot_is_empty_at_first_and_after_erase)
{
    uint8_t out[PSK_BUNDLE_MAX];
    open_vault();
    CHECK_EQUAL(PSK_CORE_ERR_NO_CREDENTIAL, loaded(0));
    CHECK_EQUAL(PSK_CORE_ERR_NO_CREDENTIAL, psk_vault_describe(&vault, 0, out, sizeof out));
    CHECK_EQUAL(0, psk_vault_erase(&vault, 0));
    store(0, 7);
    CHECK_EQUAL(7, loaded(0));
    CHECK_EQUAL(0, psk_vault_erase(&vault, 0));
    CHECK_EQUAL(PSK_CORE_ERR_NO_CREDENTIAL, loaded(0));
    close_vault();
}

TEST(vault_slots_do_not_touch_each_other)
{
    open_vault();
    store(0, 10);
    store(1, 11);
    store(PSK_VAULT_SLOTS - 1, 12);
    store(1, 21);
    CHECK_EQUAL(0, psk_vault_erase(&vault, 0));
    CHECK_EQUAL(PSK_CORE_ERR_NO_CREDENTIAL, loaded(0));
    CHECK_EQUAL(21, loaded(1));
    CHECK_EQUAL(12, loaded(PSK_VAULT_SLOTS - 1));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, loaded(-1));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, loaded(PSK_VAULT_SLOTS));
    close_vault();
}

TEST(vault_describes_without_keys)
{
    bytes expected;
    uint8_t out[PSK_BUNDLE_MAX];
    bundle_recipe recipe = usual_bundle;
    recipe.without = 1u << 7;
    make_bundle(&recipe, &expected);
    open_vault();
    store(3, 1);
    CHECK_EQUAL(expected.length, psk_vault_describe(&vault, 3, out, sizeof out));
    CHECK(memcmp(out, expected.data, expected.length) == 0);
    CHECK_EQUAL(PSK_CORE_ERR_BUFFER, psk_vault_describe(&vault, 3, out, expected.length - 1));
    close_vault();
}

TEST(vault_keeps_the_old_credential_when_the_new_bundle_is_wrong)
{
    bytes encoded;
    open_vault();
    store(0, 5);
    make_bundle(&usual_bundle, &encoded);
    encoded.length--;
    CHECK(psk_vault_import(&vault, 0, encoded.data, encoded.length) <= PSK_CORE_ERR_BUNDLE);
    CHECK_EQUAL(5, loaded(0));
    close_vault();
}

TEST(vault_file_is_for_the_owner_only)
{
    struct stat about;
    open_vault();
    (void) umask(0);
    store(0, 1);
    CHECK_EQUAL(0, stat(path_of("slot-0.cred"), &about));
    CHECK_EQUAL(0600, about.st_mode & 07777);
    close_vault();
}

TEST(vault_notices_any_changed_byte)
{
    uint8_t whole[4096], changed[4096];
    open_vault();
    store(0, 1);
    const size_t length = read_file("slot-0.cred", whole, sizeof whole);
    for (size_t at = 0; at < length; at++) {
        memcpy(changed, whole, length);
        changed[at] ^= 0x10;
        write_file("slot-0.cred", changed, length);
        CHECK_EQUAL(PSK_CORE_ERR_VAULT_CORRUPT, loaded(0));
    }
    write_file("slot-0.cred", whole, length);
    CHECK_EQUAL(1, loaded(0));
    close_vault();
}

TEST(vault_notices_any_changed_length)
{
    uint8_t whole[4096];
    open_vault();
    store(0, 1);
    const size_t length = read_file("slot-0.cred", whole, sizeof whole);
    for (size_t cut = 0; cut < length; cut++) {
        write_file("slot-0.cred", whole, cut);
        CHECK_EQUAL(PSK_CORE_ERR_VAULT_CORRUPT, loaded(0));
    }
    memset(whole + length, 0, sizeof whole - length);
    write_file("slot-0.cred", whole, length + 1);
    CHECK_EQUAL(PSK_CORE_ERR_VAULT_CORRUPT, loaded(0));
    write_file("slot-0.cred", whole, sizeof whole);
    CHECK_EQUAL(PSK_CORE_ERR_VAULT_CORRUPT, loaded(0));
    close_vault();
}

TEST(vault_does_not_follow_a_link_or_read_a_directory)
{
    open_vault();
    store(0, 1);
    CHECK_EQUAL(0, symlink("slot-0.cred", path_of("slot-1.cred")));
    CHECK_EQUAL(PSK_CORE_ERR_VAULT_IO, loaded(1));
    CHECK_EQUAL(0, mkdir(path_of("slot-2.cred"), 0700));
    CHECK_EQUAL(PSK_CORE_ERR_VAULT_IO, loaded(2));
    CHECK_EQUAL(0, rmdir(path_of("slot-2.cred")));
    close_vault();
}

TEST(vault_that_cannot_be_opened_says_so)
{
    CHECK_EQUAL(PSK_CORE_ERR_VAULT_IO, psk_vault_file_open("/dev/null", &vault));
    CHECK_EQUAL(PSK_CORE_ERR_VAULT_IO, psk_vault_file_open("/nowhere/at/all", &vault));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_vault_file_open(NULL, &vault));
}

/* Runs an operation that ends at its n-th system call, for each n, until it completes; looks at the slot each time. */
static int cut_everywhere(void (*operation)(void), int (*acceptable)(int32_t))
{
    for (int calls = 0;; calls++) {
        CHECK(calls < 100);
        store(0, 1);
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
        CHECK(acceptable(loaded(0)));
        if (WEXITSTATUS(status) == EXIT_SUCCESS) {
            (void) printf("%d moments of a power cut\n", calls);
            return calls;
        }
        CHECK_EQUAL(POWER_CUT, WEXITSTATUS(status));
    }
}

static void store_second(void)
{
    store(0, 2);
}

static void erase_first(void)
{
    CHECK_EQUAL(0, psk_vault_erase(&vault, 0));
}

static int old_or_new(int32_t result)
{
    return result == 1 || result == 2;
}

static int old_or_gone(int32_t result)
{
    return result == 1 || result == PSK_CORE_ERR_NO_CREDENTIAL || result == PSK_CORE_ERR_VAULT_CORRUPT;
}

TEST(vault_write_cut_at_any_call_leaves_the_old_or_the_new)
{
    open_vault();
    CHECK(cut_everywhere(store_second, old_or_new) >= 8);
    store(0, 1);
    store_second();
    CHECK_EQUAL(2, loaded(0));
    close_vault();
}

TEST(vault_erase_cut_at_any_call_leaves_nothing_wrong)
{
    open_vault();
    CHECK(cut_everywhere(erase_first, old_or_gone) >= 5);
    erase_first();
    CHECK_EQUAL(PSK_CORE_ERR_NO_CREDENTIAL, loaded(0));
    close_vault();
}

TEST(vault_ignores_what_a_power_cut_left_half_written)
{
    uint8_t whole[4096];
    open_vault();
    store(0, 2);
    const size_t length = read_file("slot-0.cred", whole, sizeof whole);
    store(0, 1);
    for (size_t cut = 0; cut <= length; cut++) {
        write_file("slot-0.cred.new", whole, cut);
        CHECK_EQUAL(1, loaded(0));
    }
    store(0, 3);
    CHECK_EQUAL(3, loaded(0));
    CHECK(access(path_of("slot-0.cred.new"), F_OK) != 0);
    close_vault();
}

static void *store_often(void *first)
{
    for (int i = 0; i < 25; i++) {
        store(0, (uint8_t) (uintptr_t) first);
        const int32_t now = loaded(0);
        CHECK(now >= 1 && now <= 4);
    }
    return NULL;
}

TEST(vault_written_by_several_threads_stays_whole)
{
    pthread_t threads[4];
    open_vault();
    for (uintptr_t i = 0; i < 4; i++) CHECK_EQUAL(0, pthread_create(&threads[i], NULL, store_often, (void *) (i + 1)));
    for (int i = 0; i < 4; i++) CHECK_EQUAL(0, pthread_join(threads[i], NULL));
    close_vault();
}
