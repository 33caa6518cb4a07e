/* win_error.c - the tables behind win_error.h; sub-status texts from Microsoft's list of FTP status codes (KB 969061). */
#include "policy/win_error.h"

#include <stddef.h>

static const struct {
    uint32_t number;
    int err; /* 0: only said where code means exactly this */
    const char *text;
} win_errors[] = {
#define W(name, number, err, text) { number, err, text },
    WIN_ERRORS(W)
#undef W
};

/* What is wrong with a certificate: HRESULTs, above what an enum holds; chain.h and directory.h decide upon them. */
static const struct {
    uint32_t number;
    const char *text;
} certificate_errors[] = {
    { 0x80090327, "An unknown error occurred while processing the certificate." },
    { 0x80092010, "The certificate is revoked." },
    { 0x80092012, "The revocation function was unable to check revocation for the certificate." },
    { 0x80092013, "The revocation function was unable to check revocation because the revocation server was offline." },
    { 0x80096004, "The signature of the certificate cannot be verified." },
    { 0x80096019, "A certificate's basic constraint extension has not been observed." },
    { 0x800B0101, "A required certificate is not within its validity period when verifying against the current system clock or "
                  "the timestamp in the signed file." },
    { 0x800B0109, "A certificate chain processed, but terminated in a root certificate which is not trusted by the trust "
                  "provider." },
    { 0x800B010A, "A certificate chain could not be built to a trusted root authority." },
    { 0x800B0110, "The certificate is not valid for the requested usage." },
    { 0x800B0111, "The certificate was explicitly marked as untrusted by the user." },
    { 0x800B0112, "A certification chain processed correctly, but one of the CA certificates is not trusted by the policy "
                  "provider." },
};

/* A second ERR_ for the same message. */
static const struct {
    int err;
    uint32_t number;
} more_errors[] = {
    { ERR_QUOTA, WIN_DISK_FULL },          { ERR_TOO_BIG, WIN_DISK_FULL },
    { ERR_NOT_FILE, WIN_ACCESS_DENIED },   { ERR_LOCKED, WIN_SHARING_VIOLATION },
    { ERR_AGAIN, WIN_SHARING_VIOLATION },  { ERR_CONFLICT, WIN_FILE_NOT_FOUND },
    { ERR_SYNTAX, WIN_INVALID_PARAMETER },
    { ERR_STATE, WIN_INVALID_PARAMETER },  { ERR_TRUNCATED, WIN_INVALID_PARAMETER },
    { ERR_TRAILING, WIN_INVALID_PARAMETER },
};

uint32_t win_error_from(int err)
{
    if (err == 0)
        return 0;
    for (size_t i = 0; i < sizeof win_errors / sizeof win_errors[0]; i++)
        if (win_errors[i].err == err)
            return win_errors[i].number;
    for (size_t i = 0; i < sizeof more_errors / sizeof more_errors[0]; i++)
        if (more_errors[i].err == err)
            return more_errors[i].number;
    return WIN_GEN_FAILURE;
}

const char *win_error_text(uint32_t number)
{
    for (size_t i = 0; i < sizeof win_errors / sizeof win_errors[0]; i++)
        if (win_errors[i].number == number)
            return win_errors[i].text;
    for (size_t i = 0; i < sizeof certificate_errors / sizeof certificate_errors[0]; i++)
        if (certificate_errors[i].number == number)
            return certificate_errors[i].text;
    return "";
}

static const char *const substatus_texts[SUBSTATUS_MAX + 1] = {
    [0] = "success",
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

const char *substatus_text(unsigned substatus)
{
    return substatus <= SUBSTATUS_MAX ? substatus_texts[substatus] : "";
}
