/* The vault gives a saved association out once, whatever happens to the power. */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bundles.h"
#include "directory.h"
#include "harness.h"
#include "power_cut.h"
#include "psk_core.h"
#include "vault_file.h"

static psk_vault vault;

static void import(uint8_t key_first)
{
    bundle_recipe recipe = usual_bundle;
    bytes encoded;
    recipe.key_first = key_first;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, psk_vault_import(&vault, 0, encoded.data, encoded.length));
}

static void open_vault(void)
{
    make_directory();
    CHECK_EQUAL(0, psk_vault_file_open(directory, &vault));
    import(1);
}

static void keep(uint8_t first)
{
    uint8_t record[150 + PSK_VAULT_OVERHEAD];
    memset(record + PSK_VAULT_HEADER, first, 150);
    CHECK_EQUAL(0, psk_vault_keep_association(&vault, 0, record, 150));
}

/* The first byte of what was kept, or the error. */
static int32_t take(void)
{
    uint8_t record[PSK_ASSOCIATION_MAX + PSK_VAULT_OVERHEAD];
    const int32_t result = psk_vault_take_association(&vault, 0, record, sizeof record);
    if (result < 0) return result;
    CHECK_EQUAL(150, result);
    return record[PSK_VAULT_HEADER];
}

static const char *association_file(void)
{
    static char path[128];
    (void) snprintf(path, sizeof path, "%s/slot-0.assoc", directory);
    return path;
}

static size_t read_file(uint8_t *data, size_t size)
{
    FILE *file = fopen(association_file(), "rb");
    if (file == NULL) return 0;
    const size_t length = fread(data, 1, size, file);
    (void) fclose(file);
    return length;
}

static void write_file(const uint8_t *data, size_t length)
{
    FILE *file = fopen(association_file(), "wb");
    CHECK(file != NULL);
    CHECK_EQUAL(length, fwrite(data, 1, length, file));
    (void) fclose(file);
}

TEST(association_is_given_once)
{
    open_vault();
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
    keep(7);
    CHECK_EQUAL(7, take());
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
    keep(8);
    keep(9);
    CHECK_EQUAL(9, take());
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
    psk_vault_file_close(&vault);
}

static psk_vault rival;
static psk_vault_store in_between;

static int32_t erase_after_the_rival(void *context, int32_t place)
{
    uint8_t record[150 + PSK_VAULT_OVERHEAD];
    CHECK_EQUAL(150, psk_vault_take_association(&rival, 0, record, sizeof record));
    CHECK_EQUAL(7, record[PSK_VAULT_HEADER]);
    memset(record + PSK_VAULT_HEADER, 8, 150);
    CHECK_EQUAL(0, psk_vault_keep_association(&rival, 0, record, 150));
    return rival.store->erase(context, place);
}

/* Another process takes it between the reading and the erasing here, goes on with it, and keeps it as it is by then. */
TEST(association_that_was_used_meanwhile_is_not_given)
{
    open_vault();
    keep(7);
    CHECK_EQUAL(0, psk_vault_file_open(directory, &rival));
    in_between = *vault.store;
    in_between.erase = erase_after_the_rival;
    const psk_vault here = vault;
    vault.store = &in_between;
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
    vault = here;
    CHECK_EQUAL(8, take());
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
    psk_vault_file_close(&rival);
    psk_vault_file_close(&vault);
}

TEST(association_goes_with_its_credential)
{
    open_vault();
    keep(7);
    import(2);
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
    keep(7);
    CHECK_EQUAL(0, psk_vault_erase(&vault, 0));
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
    psk_vault_file_close(&vault);
}

TEST(association_that_is_damaged_is_not_given_and_erased_all_the_same)
{
    uint8_t whole[1024], changed[1024];
    open_vault();
    keep(7);
    const size_t length = read_file(whole, sizeof whole);
    CHECK(length > 150);
    for (size_t at = 0; at < length; at += at < 16 ? 1 : 7) {            /* each is an erase that waits for the disk */
        memcpy(changed, whole, length);
        changed[at] ^= 0x10;
        write_file(changed, length);
        CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
        CHECK(access(association_file(), F_OK) != 0);
        write_file(whole, at);
        CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
    }
    CHECK_EQUAL(0, symlink("slot-0.cred", association_file()));
    CHECK_EQUAL(PSK_CORE_ERR_VAULT_IO, take());
    psk_vault_file_close(&vault);
}

TEST(association_that_does_not_fit_the_caller_is_lost_and_not_kept)
{
    uint8_t saved[149 + PSK_VAULT_OVERHEAD];
    open_vault();
    keep(7);
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, psk_vault_take_association(&vault, 0, saved, sizeof saved));
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_vault_keep_association(&vault, 0, saved, 0));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_vault_keep_association(&vault, -1, saved, 1));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_vault_take_association(&vault, PSK_VAULT_SLOTS, saved, sizeof saved));
    psk_vault_file_close(&vault);
}

/* What the child did before its power was cut. */
typedef struct history {
    int given;                  /* the association was in its hands */
    int changed;                /* and the directory not yet safe on the disk */
} history;

/* Takes the association in a process whose power fails at its n-th file call, for each n. Then the next boot: with what the
 * process left, and with what the disk had if nothing of it was committed. */
TEST(association_is_never_given_twice_wherever_the_power_fails)
{
    history *past = mmap(NULL, sizeof *past, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(past != MAP_FAILED);
    open_vault();
    int calls = 0, status = POWER_CUT << 8;
    for (; WEXITSTATUS(status) != EXIT_SUCCESS; calls++) {
        uint8_t before[1024];
        CHECK(calls < 100);
        keep(7);
        const size_t length = read_file(before, sizeof before);
        memset(past, 0, sizeof *past);
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            directory_changed = &past->changed;
            calls_until_cut = calls;
            past->given = take() == 7;
            _exit(EXIT_SUCCESS);
        }
        CHECK_EQUAL(child, waitpid(child, &status, 0));
        CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == EXIT_SUCCESS || WEXITSTATUS(status) == POWER_CUT));
        CHECK_EQUAL(WEXITSTATUS(status) == EXIT_SUCCESS, past->given);
        CHECK(!past->given || !past->changed);                          /* the erase was committed before it was given */
        const int32_t next = take();
        CHECK(next == PSK_CORE_ERR_NO_ASSOCIATION || (next == 7 && !past->given));
        CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
        if (past->given) continue;
        write_file(before, length);                                     /* nothing of the first attempt reached the disk */
        CHECK_EQUAL(7, take());
        CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
    }
    (void) printf("taking an association: %d moments of a power cut\n", calls);
    CHECK(calls >= 7);
    psk_vault_file_close(&vault);
}

TEST(association_kept_while_the_power_fails_is_whole_or_not_there)
{
    open_vault();
    int calls = 0, status = POWER_CUT << 8;
    for (; WEXITSTATUS(status) != EXIT_SUCCESS; calls++) {
        CHECK(calls < 100);
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            calls_until_cut = calls;
            keep(8);
            _exit(EXIT_SUCCESS);
        }
        CHECK_EQUAL(child, waitpid(child, &status, 0));
        const int32_t next = take();
        CHECK(next == 8 || (next == PSK_CORE_ERR_NO_ASSOCIATION && WEXITSTATUS(status) == POWER_CUT));
        CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
    }
    (void) printf("keeping an association: %d moments of a power cut\n", calls);
    CHECK(calls >= 8);
    psk_vault_file_close(&vault);
}

TEST(association_does_not_outlive_its_credential_when_the_power_fails)
{
    uint8_t record[PSK_VAULT_RECORD_MAX];
    open_vault();
    int calls = 0, status = POWER_CUT << 8;
    for (; WEXITSTATUS(status) != EXIT_SUCCESS; calls++) {
        psk_bundle now;
        CHECK(calls < 100);
        import(1);
        keep(7);
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            calls_until_cut = calls;
            import(2);
            _exit(EXIT_SUCCESS);
        }
        CHECK_EQUAL(child, waitpid(child, &status, 0));
        CHECK_EQUAL(0, psk_vault_load(&vault, 0, record, sizeof record, &now));
        const int32_t next = take();
        CHECK(next == PSK_CORE_ERR_NO_ASSOCIATION || (next == 7 && now.tls13_key.data[0] == 1));
    }
    (void) printf("an import over an association: %d moments of a power cut\n", calls);
    CHECK(calls >= 14);
    psk_vault_file_close(&vault);
}

static void *take_one(void *given)
{
    if (take() == 7) (void) __atomic_add_fetch((int *) given, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

TEST(association_that_many_take_at_once_is_given_to_one)
{
    open_vault();
    for (int round = 0; round < 20; round++) {
        pthread_t threads[4];
        int given = 0;
        keep(7);
        for (int i = 0; i < 4; i++) CHECK_EQUAL(0, pthread_create(&threads[i], NULL, take_one, &given));
        for (int i = 0; i < 4; i++) CHECK_EQUAL(0, pthread_join(threads[i], NULL));
        CHECK_EQUAL(1, given);
    }
    psk_vault_file_close(&vault);
}
