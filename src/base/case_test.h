/*
 * case_test.h - running a table of cases under cmocka.
 *
 * A test file holds a `cases` table whose first member is `label`, a function that checks one row, and
 * CASE_LABEL(row) before its assertions, so that a failure names the row.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define CASE_LABEL(row) print_message("    case: %s\n", (row)->label)
