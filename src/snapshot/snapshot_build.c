/* snapshot_build.c - rows with default values, and finishing in one step. */
#include "snapshot/snapshot_build.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/own.h"
#include "base/text.h"

/* logExtFileFlags of a new site (ftp-behaviour.md 10). */
enum { LOG_FIELDS_DEFAULT = 1 | 2 | 4 | 8 | 64 | 128 | 256 | 1024 | 2048 | 32768 | 2097152 | 4194304 | 8388608 };

struct snap_text snapshot_build_text(struct snapshot_writer *w, const char *text)
{
    return snapshot_put_text(w, slice_str(text));
}

struct snap_server snapshot_build_server(struct snapshot_writer *w)
{
    return (struct snap_server){
        .log_in_utf8 = 1,
        .central_log_enabled = 1,
        .central_log_fields = LOG_FIELDS_DEFAULT,
        .central_log_directory = snapshot_build_text(w, "%SystemDrive%\\inetpub\\logs\\LogFiles"),
        .central_log_period = LOG_PERIOD_DAILY,
        .central_log_truncate_size = 20971520,
        .central_log_selective = LOG_SUCCESSFUL | LOG_ERROR | LOG_INFRASTRUCTURE,
        .credentials_cache_enabled = 1,
        .credentials_cache_seconds = 900,
        .revocation_recheck_seconds = 300,
        .deny_max_failure = 4,
        .deny_seconds = 30,
        .drain_seconds = 30,
        .worker_user = snapshot_build_text(w, "sallyport-worker"),
        .broker_user = snapshot_build_text(w, "sallyport"),
        .auth_user = snapshot_build_text(w, "sallyport-auth"),
        .logger_user = snapshot_build_text(w, "sallyport-log"),
        .membership_user = snapshot_build_text(w, "sallyport-membership"),
        .loader_user = snapshot_build_text(w, "sallyport-loader"),
        .admin_group = snapshot_build_text(w, "sallyport-admin"),
        .ticket_key_seconds = 12 * 3600,
        .ext_mlst = 1,
        .ext_mfmt = 1,
        .ext_tvfs = 1,
        .ext_epsv = 1,
        .unknown_before_login = 10,
        .unknown_after_login = 50,
        .max_login_failures = 5,
        .requires_windows_credentials = 1,
        .management_installed = 1,
        .rehash_on_login = 1,
        .pam_service = snapshot_build_text(w, "sallyport"),
        .uid_floor = 1000,
        .generation = 1,
        .central_log_path = snapshot_build_text(w, "/var/lib/sallyport/c/inetpub/logs/LogFiles"),
    };
}

struct snap_site snapshot_build_site(struct snapshot_writer *w, const char *name, uint32_t id)
{
    return (struct snap_site){
        .name = snapshot_build_text(w, name),
        .id = id,
        .server_auto_start = 1,
        .allow_utf8 = 1,
        .unauthenticated_timeout = 30,
        .control_channel_timeout = 120,
        .data_channel_timeout = 30,
        .server_listen_backlog = 60,
        .min_bytes_per_second = 240,
        .max_connections = UINT32_MAX,
        .isolation_mode = ISOLATION_NONE,
        .max_command_line = 4096,
        .allow_unlisted_commands = 1,
        .allow_local_detailed_errors = 1,
        .match_address_for_port = 1,
        .match_address_for_pasv = 1,
        .server_cert_store_name = snapshot_build_text(w, "MY"),
        .control_channel_policy = SSL_REQUIRE,
        .data_channel_policy = SSL_REQUIRE,
        .anonymous_user_name = snapshot_build_text(w, "IUSR"),
        .virtual_directory_timeout = 5,
        .log_enabled = 1,
        .log_fields = LOG_FIELDS_DEFAULT,
        .log_directory = snapshot_build_text(w, "%SystemDrive%\\inetpub\\logs\\LogFiles"),
        .log_period = LOG_PERIOD_DAILY,
        .log_truncate_size = 20971520,
        .log_selective = LOG_SUCCESSFUL | LOG_ERROR | LOG_INFRASTRUCTURE,
        .windows_names = 1,
        .require_data_close_notify = 1,
        .sort_limit = 20000,
        .minimum_uid = 1000,
        .cert_substatus = 31,
        .log_path = snapshot_build_text(w, "/var/lib/sallyport/c/inetpub/logs/LogFiles"),
    };
}

int snapshot_seal(struct slice bytes, int *fd_out)
{
    OWNED_FD fd = memfd_create("snapshot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return ERR_SYS;
    if (bytes.len && write(fd, bytes.ptr, bytes.len) != (ssize_t)bytes.len)
        return ERR_SYS;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return ERR_SYS;
    *fd_out = fd_take(&fd);
    return 0;
}

struct snapshot *snapshot_build(const struct snapshot_writer *w, unsigned role)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    OWNED_FD fd = -1;
    struct snapshot *s;
    if (snapshot_writer_finish(w, role, &bytes) || snapshot_seal(text_slice(&bytes), &fd) || snapshot_open(fd, &s))
        return NULL;
    return s;
}
