/* The vault in NVS: credentials and saved associations, and what a power cut at any write of the flash leaves of them. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bundles.h"
#include "harness.h"
#include "nvs.h"
#include "psk_error.h"
#include "vault.h"
#include "vault_nvs.h"

#define CAPACITY 20000
#define ASSOCIATION_LENGTH 300u

static psk_vault vault;
static uint8_t record[PSK_VAULT_RECORD_MAX];

static void open_vault(void)
{
    if (vault.context != NULL) psk_vault_nvs_close(&vault);
    CHECK_EQUAL(0, psk_vault_nvs_open(&vault));
}

static int32_t store(int32_t slot, uint8_t first)
{
    bundle_recipe recipe = usual_bundle;
    bytes bundle = { .length = 0 };
    recipe.key_first = first;
    make_bundle(&recipe, &bundle);
    return psk_vault_import(&vault, slot, bundle.data, bundle.length);
}

/* The first byte of the slot's key, or an error. */
static int32_t loaded(int32_t slot)
{
    psk_bundle bundle;
    const int32_t result = psk_vault_load(&vault, slot, record, sizeof record, &bundle);
    return result < 0 ? result : bundle.tls13_key.data[0];
}

static int32_t keep(uint8_t fill)
{
    memset(record, fill, sizeof record);
    return psk_vault_keep_association(&vault, 0, record, ASSOCIATION_LENGTH);
}

static int32_t take(void)
{
    static uint8_t out[PSK_VAULT_RECORD_MAX];
    const int32_t length = psk_vault_take_association(&vault, 0, out, sizeof out);
    if (length < 0) return length;
    CHECK_EQUAL(ASSOCIATION_LENGTH, length);
    const uint8_t *content = out + PSK_VAULT_HEADER;
    for (int32_t i = 1; i < length; i++) CHECK_EQUAL(content[0], content[i]);
    return content[0];
}

/* Does it in a process of its own that dies at the given write; 0 once it came through. */
static int dies_at(int write, void (*work)(void))
{
    int status;
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        open_vault();
        nvs_writes_until_cut = write;
        work();
        _exit(EXIT_SUCCESS);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == EXIT_SUCCESS || WEXITSTATUS(status) == NVS_CUT);
    open_vault();
    return WEXITSTATUS(status) == NVS_CUT;
}

static void replace_credential(void) { CHECK_EQUAL(0, store(0, 2)); }
static void erase_credential(void) { CHECK_EQUAL(0, psk_vault_erase(&vault, 0)); }
static void keep_second(void) { CHECK_EQUAL(0, keep(2)); }
static void take_it(void) { CHECK_EQUAL(1, take()); }

TEST(nvs_vault_keeps_what_it_was_given)
{
    nvs_flash_share(CAPACITY);
    open_vault();
    CHECK_EQUAL(PSK_CORE_ERR_NO_CREDENTIAL, loaded(0));
    CHECK_EQUAL(0, store(0, 1));
    CHECK_EQUAL(0, store(15, 9));
    open_vault();
    CHECK_EQUAL(1, loaded(0));
    CHECK_EQUAL(9, loaded(15));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, loaded(16));
    CHECK_EQUAL(0, psk_vault_erase(&vault, 0));
    CHECK_EQUAL(0, psk_vault_erase(&vault, 0));
    CHECK_EQUAL(PSK_CORE_ERR_NO_CREDENTIAL, loaded(0));
    CHECK_EQUAL(9, loaded(15));
}

TEST(nvs_vault_gives_an_association_once)
{
    nvs_flash_share(CAPACITY);
    open_vault();
    CHECK_EQUAL(0, store(0, 1));
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
    CHECK_EQUAL(0, keep(1));
    CHECK_EQUAL(1, take());
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
}

TEST(nvs_vault_that_is_full_worn_or_damaged_says_so_and_loses_nothing)
{
    nvs_flash_share(300);
    open_vault();
    CHECK_EQUAL(0, store(0, 1));
    CHECK_EQUAL(PSK_CORE_ERR_VAULT_FULL, store(1, 2));
    CHECK_EQUAL(PSK_CORE_ERR_VAULT_FULL, store(0, 3));
    CHECK_EQUAL(1, loaded(0));

    nvs_broken = ESP_ERR_NVS_REMOVE_FAILED;
    CHECK_EQUAL(PSK_CORE_ERR_VAULT_IO, store(0, 4));
    CHECK_EQUAL(PSK_CORE_ERR_VAULT_IO, loaded(0));
    CHECK_EQUAL(PSK_CORE_ERR_VAULT_IO, psk_vault_erase(&vault, 0));
    nvs_broken = ESP_ERR_NO_MEM;
    CHECK_EQUAL(PSK_CORE_ERR_MEMORY, loaded(0));
    psk_vault shut;
    CHECK_EQUAL(PSK_CORE_ERR_MEMORY, psk_vault_nvs_open(&shut));
    psk_vault_nvs_close(&shut);
    nvs_broken = 0;
    CHECK_EQUAL(1, loaded(0));

    nvs_flash_damage("cred0", 40);
    CHECK_EQUAL(PSK_CORE_ERR_VAULT_CORRUPT, loaded(0));
}

static void check_credential(int cut)
{
    const int32_t found = loaded(0);
    CHECK(found == 2 || (cut && found == 1));
    CHECK_EQUAL(0, store(0, 3));
    CHECK_EQUAL(3, loaded(0));
}

static void check_erased(int cut)
{
    const int32_t found = loaded(0);
    CHECK(found == PSK_CORE_ERR_NO_CREDENTIAL || (cut && found == 1));
    /* An association never outlives its credential. */
    if (found < 0) CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
}

static void check_taken(int cut)
{
    const int32_t found = take();
    CHECK(found == PSK_CORE_ERR_NO_ASSOCIATION || (cut && found == 1));
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, take());
    CHECK_EQUAL(1, loaded(0));
}

static void check_kept(int cut)
{
    const int32_t found = take();
    CHECK(found == 2 || (cut && found == PSK_CORE_ERR_NO_ASSOCIATION));
}

/* Cuts the power at each write of the work in turn, on a flash with credential 1 and, if so, association 1. How many writes it has. */
static int cut_everywhere(int has_association, void (*work)(void), void (*check)(int cut))
{
    for (int write = 1;; write++) {
        nvs_flash_share(CAPACITY);
        open_vault();
        CHECK_EQUAL(0, store(0, 1));
        if (has_association) CHECK_EQUAL(0, keep(1));
        const int cut = dies_at(write, work);
        check(cut);
        if (!cut) return write - 1;
    }
}

TEST(nvs_write_cut_anywhere_leaves_the_old_credential_or_the_new)
{
    CHECK(cut_everywhere(0, replace_credential, check_credential) > 5);
}

TEST(nvs_erase_cut_anywhere_leaves_the_credential_or_nothing)
{
    CHECK_EQUAL(4, cut_everywhere(1, erase_credential, check_erased));
}

TEST(nvs_association_is_never_given_twice_wherever_the_power_fails)
{
    CHECK_EQUAL(2, cut_everywhere(1, take_it, check_taken));
}

TEST(nvs_association_kept_while_the_power_fails_is_whole_or_not_there)
{
    CHECK(cut_everywhere(0, keep_second, check_kept) > 5);
}
