/*
 * status.h - what went wrong, as IIS says it: Win32 codes and their messages, sub-status codes and their texts
 * (ftp-behaviour.md 2.2, 2.4).
 */
#pragma once

#include "base/slice.h"

enum win32 {
    WIN32_FILE_NOT_FOUND = 2,
    WIN32_PATH_NOT_FOUND = 3,
    WIN32_ACCESS_DENIED = 5,
    WIN32_NETNAME_DELETED = 64,
    WIN32_INVALID_PARAMETER = 87,
    WIN32_DISK_FULL = 112,
    WIN32_TIMEOUT = 121,
    WIN32_INVALID_NAME = 123,
    WIN32_CONNECTION_ABORTED = 1236,
    WIN32_LOGON_FAILURE = 1326,
};

enum substatus {
    SUB_NONE = 0,
    SUB_FILE_SYSTEM_DENIED = 2,
    SUB_FILE_SYSTEM_ERROR = 3,
    SUB_CONTROL_TIMEOUT = 14,
    SUB_DATA_TIMEOUT = 15,
    SUB_NEW_CONNECTION_TIMEOUT = 16,
    SUB_INVALID_SITE = 17,
    SUB_MAX_CONNECTIONS = 19,
    SUB_ABORTED_BY_ABOR = 20,
    SUB_SITE_STOPPED = 21,
    SUB_DATA_ABORTED_BY_SERVER = 22,
    SUB_DATA_ABORTED_BY_CLIENT = 23,
    SUB_DATA_REQUIRES_SSL = 24,
    SUB_CONTROL_REQUIRES_SSL = 25,
    SUB_CREDENTIALS_REQUIRE_SSL = 26,
    SUB_DATA_DENIES_SSL = 27,
    SUB_NO_CERTIFICATE = 31,
    SUB_SSL_FAILED = 32,
    SUB_NO_HOST = 37,
    SUB_DATA_ADDRESS = 38,
    SUB_FILE_TOO_BIG = 39,
    SUB_LOGIN_ERROR = 41,
    SUB_PROT_FIRST = 43,
    SUB_TOO_SLOW = 50,
    SUB_FILTERED = 51,
    SUB_TERMINATED = 52,
    SUB_CONNECTION_ERROR = 53,
    SUB_CONFIGURATION_CHANGED = 54,
    SUB_128_BIT = 55,
    SUB_MAX = 55,
};

/* The system message, "" when there is none for that code.  Without the blank that IIS makes of its line end. */
const char *win32_text(uint32_t win32);
const char *substatus_text(uint32_t substatus);

/* What an enum err of a file operation is as Win32 code and sub-status: for a broker answer that names none. */
uint32_t win32_of(int err);
