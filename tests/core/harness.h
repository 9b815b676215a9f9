/* The smallest test harness that does the job: TEST(name) { CHECK(...); } registers itself; see harness.c for main. */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
} test;

void test_register(test *entry);

#define TEST(name)                                                                              \
    static void name(void);                                                                     \
    __attribute__((constructor)) static void register_##name(void)                              \
    {                                                                                           \
        static test entry = { #name, name, NULL };                                              \
        test_register(&entry);                                                                  \
    }                                                                                           \
    static void name(void)

#define CHECK(condition)                                                                        \
    do {                                                                                        \
        if (!(condition)) {                                                                     \
            (void) fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);              \
            exit(EXIT_FAILURE);                                                                 \
        }                                                                                       \
    } while (0)

#define CHECK_EQUAL(expected, actual)                                                           \
    do {                                                                                        \
        const long long check_expected = (long long) (expected), check_actual = (long long) (actual); \
        if (check_expected != check_actual) {                                                   \
            (void) fprintf(stderr, "%s:%d: %s is %lld, not %lld (%s)\n", __FILE__, __LINE__, #actual, check_actual, \
                           check_expected, #expected);                                          \
            exit(EXIT_FAILURE);                                                                 \
        }                                                                                       \
    } while (0)

#endif
