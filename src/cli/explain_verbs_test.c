/* explain_verbs_test.c - the verbs that explain asks the broker for, against the table of FTP commands. */
#include "cli/explain.h"

#include "base/case_test.h"
#include "broker/judge.h"
#include "ftp/command.h"

/* What a command needs, by the worker's table and by the broker's. */
static void test_every_command_with_a_right(void **state)
{
    (void)state;
    static const unsigned needs[] = { [RIGHT_NONE] = NEEDS_NOTHING, [RIGHT_READ] = NEEDS_READ, [RIGHT_WRITE] = NEEDS_WRITE,
                                      [RIGHT_EITHER] = NEEDS_ANY };
    const struct command *row;
    for (size_t i = 0; (row = command_row(i)); i++) {
        unsigned verb = explain_broker_verb(row->handler);
        print_message("    case: %s\n", row->verb);
        assert_int_equal(verb != 0, row->right != RIGHT_NONE);
        assert_int_equal(judge_verb(verb).needs, needs[row->right]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_command_with_a_right) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
