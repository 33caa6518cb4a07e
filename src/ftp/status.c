/* status.c - tables of Win32 messages and sub-status texts. */
#include "ftp/status.h"

static const struct {
    uint32_t code;
    const char *text;
} win32_texts[] = {
    { 2, "The system cannot find the file specified." },
    { 3, "The system cannot find the path specified." },
    { 5, "Access is denied." },
    { 32, "The process cannot access the file because it is being used by another process." },
    { 64, "The specified network name is no longer available." },
    { 80, "The file exists." },
    { 87, "The parameter is incorrect." },
    { 112, "There is not enough space on the disk." },
    { 121, "The semaphore timeout period has expired." },
    { 123, "The filename, directory name, or volume label syntax is incorrect." },
    { 145, "The directory is not empty." },
    { 183, "Cannot create a file when that file already exists." },
    { 206, "The filename or extension is too long." },
    { 223, "The file size exceeds the limit allowed and cannot be saved." },
    { 267, "The directory name is invalid." },
    { 1117, "The request could not be performed because of an I/O device error." },
    { 1236, "The network connection was aborted by the local system." },
    { 1326, "The user name or password is incorrect." },
};

static const char *const substatus_texts[SUB_MAX + 1] = {
    [1] = "Authorization rules denied the access.",
    [2] = "File system denied the access.",
    [3] = "File system returned an error.",
    [4] = "IP restriction rules denied the access.",
    [5] = "Write access for the root of the virtual directory is forbidden.",
    [6] = "Short file name check has failed.",
    [7] = "Short file names are forbidden.",
    [8] = "Hidden segment was detected in the path based on request filtering rules.",
    [9] = "Denied Url sequence detected in the path based on request filtering rules.",
    [10] = "High bit characters detected in the path based on request filtering rules.",
    [11] = "File extension was denied based on request filtering rules.",
    [12] = "Path is too long based on request filtering rules.",
    [13] = "Attempt was made to open object that is not a file or directory.",
    [14] = "Control channel timed out.",
    [15] = "Data channel timed out.",
    [16] = "Control channel timed out based on new connection timeout.",
    [17] = "Invalid site configuration.",
    [18] = "Invalid configuration.",
    [19] = "Maximum connection limit was reached.",
    [20] = "Data channel was closed by ABOR command from client.",
    [21] = "Site is being stopped.",
    [22] = "Data channel was aborted by server due to an error.",
    [23] = "Data channel was aborted by client.",
    [24] = "SSL policy requires SSL for data channel.",
    [25] = "SSL policy requires SSL for control channel.",
    [26] = "SSL policy requires SSL for credentials.",
    [27] = "SSL policy denies SSL for data channel.",
    [28] = "SSL policy denies SSL for data channel.",
    [29] = "SSL policy denies SSL for credentials.",
    [30] = "SSL policy denies SSL for commands.",
    [31] = "SSL certificate was not configured.",
    [32] = "SSL initialization failed.",
    [33] = "Home directory lookup failed.",
    [34] = "Custom authentication call failed.",
    [35] = "User failed to authenticate.",
    [36] = "All authentication methods are disabled.",
    [37] = "Hostname didn't match any configured ftp site.",
    [38] = "Client IP on the control channel didn't match the client IP on the data channel.",
    [39] = "Maximum file size was exceeded.",
    [40] = "ActiveDirectory Isolation must be combined with basic authentication.",
    [41] = "An error occurred during the authentication process.",
    [42] = "Anonymous authentication is not allowed.",
    [43] = "Protection negotiation failed. PROT command with recognized parameter must precede this command.",
    [44] = "SSL certificate was not found.",
    [45] = "Private key was not found for the specified SSL certificate.",
    [46] = "SSL certificate hash has invalid length.",
    [47] = "SSL policy requires client certificate.",
    [48] = "User provided invalid client certificate.",
    [49] = "SSL policy requires matching client certificate for control and data channel.",
    [50] = "Data channel timed out due to not meeting the minimum bandwidth requirement.",
    [51] = "Command filtering rules denied the access.",
    [52] = "Session disconnected by administrator.",
    [53] = "Connection error.",
    [54] = "Session closed because of configuration change.",
    [55] = "128-bit encryption is required for SSL connections.",
};

const char *win32_text(uint32_t win32)
{
    for (size_t i = 0; i < sizeof win32_texts / sizeof win32_texts[0]; i++)
        if (win32_texts[i].code == win32)
            return win32_texts[i].text;
    return "";
}

const char *substatus_text(uint32_t substatus)
{
    return substatus <= SUB_MAX && substatus_texts[substatus] ? substatus_texts[substatus] : "";
}

static const struct {
    int err;
    uint32_t win32;
} error_codes[] = {
    { ERR_NOT_FOUND, 2 }, { ERR_PATH, 3 },      { ERR_DENIED, 5 },     { ERR_BUSY, 32 },     { ERR_CLOSED, 64 },
    { ERR_SYNTAX, 87 },   { ERR_RANGE, 87 },    { ERR_NO_SPACE, 112 }, { ERR_QUOTA, 112 },   { ERR_TIMEOUT, 121 },
    { ERR_NAME, 123 },    { ERR_NOT_EMPTY, 145 }, { ERR_EXISTS, 183 }, { ERR_TOO_LONG, 206 }, { ERR_TOO_BIG, 223 },
    { ERR_NOT_DIR, 267 }, { ERR_IO, 1117 },     { ERR_NOT_FILE, 5 },
};

uint32_t win32_of(int err)
{
    if (!err)
        return 0;
    for (size_t i = 0; i < sizeof error_codes / sizeof error_codes[0]; i++)
        if (error_codes[i].err == err)
            return error_codes[i].win32;
    return WIN32_CONNECTION_ABORTED;
}
