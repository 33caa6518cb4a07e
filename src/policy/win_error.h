/*
 * win_error.h - the Win32 errors and sub-status texts that IIS shows to clients and writes to its log.
 *
 * The texts are the messages of Windows (ftp-behaviour 2.2); who puts one into a reply adds the blank that the
 * service makes of the message's line end.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

/*    name                   number  err               text */
#define WIN_ERRORS(W)                                                                                              \
    W(WIN_FILE_NOT_FOUND,       2,    ERR_NOT_FOUND,   "The system cannot find the file specified.")               \
    W(WIN_PATH_NOT_FOUND,       3,    ERR_PATH,        "The system cannot find the path specified.")               \
    W(WIN_TOO_MANY_OPEN_FILES,  4,    ERR_LIMIT,       "The system cannot open the file.")                         \
    W(WIN_ACCESS_DENIED,        5,    ERR_DENIED,      "Access is denied.")                                        \
    W(WIN_NOT_ENOUGH_MEMORY,    8,    ERR_NOMEM,       "Not enough memory resources are available to process this command.") \
    W(WIN_NOT_SAME_DEVICE,      17,   0,               "The system cannot move the file to a different disk drive.") \
    W(WIN_GEN_FAILURE,          31,   ERR_SYS,         "A device attached to the system is not functioning.")      \
    W(WIN_SHARING_VIOLATION,    32,   ERR_BUSY,        "The process cannot access the file because it is being used by another process.") \
    W(WIN_HANDLE_EOF,           38,   0,               "Reached the end of the file.")                             \
    W(WIN_NOT_SUPPORTED,        50,   ERR_UNSUPPORTED, "The request is not supported.")                            \
    W(WIN_NETNAME_DELETED,      64,   ERR_CLOSED,      "The specified network name is no longer available.")       \
    W(WIN_FILE_EXISTS,          80,   0,               "The file exists.")                                         \
    W(WIN_INVALID_PARAMETER,    87,   ERR_RANGE,       "The parameter is incorrect.")                              \
    W(WIN_DISK_FULL,            112,  ERR_NO_SPACE,    "There is not enough space on the disk.")                   \
    W(WIN_SEM_TIMEOUT,          121,  ERR_TIMEOUT,     "The semaphore timeout period has expired.")                \
    W(WIN_INVALID_NAME,         123,  ERR_NAME,        "The filename, directory name, or volume label syntax is incorrect.") \
    W(WIN_DIR_NOT_EMPTY,        145,  ERR_NOT_EMPTY,   "The directory is not empty.")                              \
    W(WIN_ALREADY_EXISTS,       183,  ERR_EXISTS,      "Cannot create a file when that file already exists.")      \
    W(WIN_FILENAME_TOO_LONG,    206,  ERR_TOO_LONG,    "The filename or extension is too long.")                   \
    W(WIN_FILE_TOO_LARGE,       223,  0,               "The file size exceeds the limit allowed and cannot be saved.") \
    W(WIN_DIRECTORY,            267,  ERR_NOT_DIR,     "The directory name is invalid.")                           \
    W(WIN_IO_DEVICE,            1117, ERR_IO,          "The request could not be performed because of an I/O device error.") \
    W(WIN_CONNECTION_ABORTED,   1236, 0,               "The network connection was aborted by the local system.")  \
    W(WIN_NO_LOGON_SERVERS,     1311, 0,               "There are currently no logon servers available to service the logon request.") \
    W(WIN_NO_SUCH_USER,         1317, 0,               "The specified account does not exist.")                    \
    W(WIN_LOGON_FAILURE,        1326, 0,               "The user name or password is incorrect.")                  \
    W(WIN_ACCOUNT_RESTRICTION,  1327, 0,               "Account restrictions are preventing this user from signing in.") \
    W(WIN_INVALID_LOGON_HOURS,  1328, 0,               "Your account has time restrictions that keep you from signing in right now.") \
    W(WIN_INVALID_WORKSTATION,  1329, 0,               "This user isn't allowed to sign in to this computer.")     \
    W(WIN_PASSWORD_EXPIRED,     1330, 0,               "The password for this account has expired.")               \
    W(WIN_ACCOUNT_DISABLED,     1331, 0,               "This user can't sign in because this account is currently disabled.") \
    W(WIN_NONE_MAPPED,          1332, 0,               "No mapping between account names and security IDs was done.") \
    W(WIN_TIMEOUT,              1460, 0,               "This operation returned because the timeout period expired.") \
    W(WIN_ACCOUNT_EXPIRED,      1793, 0,               "The user's account has expired.")                          \
    W(WIN_MUST_CHANGE_PASSWORD, 1907, 0,               "The user's password must be changed before signing in.")   \
    W(WIN_ACCOUNT_LOCKED_OUT,   1909, 0,               "The referenced account is currently locked out and may not be logged on to.") \
    W(WIN_CONNECTION_REFUSED,   10061, 0,              "No connection could be made because the target machine actively refused it.")

enum win_error {
#define W(name, number, err, text) name = number,
    WIN_ERRORS(W)
#undef W
};

/* The number for an ERR_ value, 0 for 0; WIN_GEN_FAILURE when nothing closer fits. */
uint32_t win_error_from(int err);
/* The message without line end; "" for 0 and for numbers that are not in the table. */
const char *win_error_text(uint32_t number);

enum { SUBSTATUS_MAX = 55 };
/* The sub-statuses that code decides upon, by what they mean (ftp-behaviour 2.4 has them all). */
enum substatus {
    SUB_NONE = 0,
    SUB_AUTHORIZATION = 1,
    SUB_FILE_DENIED = 2,
    SUB_FILE_ERROR = 3,
    SUB_IP_RESTRICTION = 4,
    SUB_VIRTUAL_ROOT = 5,
    SUB_FILTER_SEGMENT = 8,
    SUB_FILTER_SEQUENCE = 9,
    SUB_FILTER_HIGH_BIT = 10,
    SUB_FILTER_EXTENSION = 11,
    SUB_FILTER_LENGTH = 12,
    SUB_NOT_A_FILE = 13,
    SUB_CONTROL_TIMEOUT = 14,
    SUB_DATA_TIMEOUT = 15,
    SUB_NEW_CONNECTION_TIMEOUT = 16,
    SUB_SITE_CONFIGURATION = 17,
    SUB_CONFIGURATION = 18,
    SUB_CONNECTION_LIMIT = 19,
    SUB_DATA_ABOR = 20,
    SUB_SITE_STOPPED = 21,
    SUB_DATA_SERVER_ABORT = 22,
    SUB_DATA_CLIENT_ABORT = 23,
    SUB_SSL_REQUIRED_DATA = 24,
    SUB_SSL_REQUIRED_CONTROL = 25,
    SUB_SSL_REQUIRED_CREDENTIALS = 26,
    SUB_SSL_DENIED_DATA = 27,
    SUB_SSL_NOT_CONFIGURED = 31,
    SUB_SSL_FAILED = 32,
    SUB_HOME_LOOKUP = 33,
    SUB_CUSTOM_AUTHENTICATION = 34,
    SUB_USER_FAILED = 35,
    SUB_ALL_METHODS_DISABLED = 36,
    SUB_HOST_UNKNOWN = 37,
    SUB_DATA_ADDRESS = 38,
    SUB_SIZE_LIMIT = 39,
    SUB_ISOLATION_NEEDS_BASIC = 40,
    SUB_AUTHENTICATION_ERROR = 41,
    SUB_ANONYMOUS_DENIED = 42,
    SUB_PROT_NEEDED = 43,
    SUB_CERTIFICATE_MISSING = 44,
    SUB_CERTIFICATE_REQUIRED = 47,
    SUB_CERTIFICATE_INVALID = 48,
    SUB_CERTIFICATE_DIFFERS = 49,
    SUB_MIN_BANDWIDTH = 50,
    SUB_COMMAND_FILTERING = 51,
    SUB_TERMINATED = 52,
    SUB_CONNECTION_ERROR = 53,
    SUB_CONFIGURATION_CHANGED = 54,
    SUB_SSL_128 = 55,
};

/* The detail text of a sub-status, "" above SUBSTATUS_MAX. */
const char *substatus_text(unsigned substatus);
