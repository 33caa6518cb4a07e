/*
 * snapshot.h - the compiled configuration: what the loader writes and every other program maps read-only.
 *
 * A snapshot is one sealed memfd: a header, tables of fixed-size rows, and a pool of text.  The lists below declare
 * every table and column once; the struct, the writer (src/loader reads the effective attribute that the third and
 * fourth columns name), the validator and the list of settings that are enforced expand from them.  A setting of the
 * schema that stands in no list is "not enforced yet" and reported as such.
 *
 * Rows of one owner stand together: a `range` column says which rows of another table belong to a row.
 * snapshot_open() checks every offset, length, range, enum limit once; accessors trust afterwards.
 * Which role gets which table: TABLE list, column `roles`; a role's memfd has 0 rows of what it may not see.
 *
 * Where it stands: the attribute "@" is the place of the row's own element in the configuration, packed by
 * snap_source; `origins` tell the same for single settings of a row.  Refusals name it (policy/reason.h).
 *
 * Column kinds: b bool, u uint32, n int64/uint64, e enum value, f flags value, t timeSpan or int seconds (int64),
 * s text, r range of rows in the table that the third column names, o one row there, p 1 + a row there or 0 for none.
 * Enum values are IIS's numbers (config-schema.tsv).
 */
#pragma once

#include "base/diag.h"
#include "base/slice.h"
#include "wire/channel.h"

struct snap_text {
    uint32_t at, len; /* in the pool; NUL behind it */
};
struct snap_range {
    uint32_t first, count;
};

/* ---- site: relative to system.applicationHost/sites/site; "ftpServer/..." is the element path ---- */
/*   kind name                        element path                                    attribute */
#define SNAP_SITE_SETTINGS(C)                                                                                        \
    C(s, name,                        "",                                             "name")                        \
    C(u, id,                          "",                                             "id")                          \
    C(b, server_auto_start,           "ftpServer",                                    "serverAutoStart")             \
    C(b, allow_utf8,                  "ftpServer",                                    "allowUTF8")                   \
    C(t, unauthenticated_timeout,     "ftpServer/connections",                        "unauthenticatedTimeout")      \
    C(t, control_channel_timeout,     "ftpServer/connections",                        "controlChannelTimeout")       \
    C(t, data_channel_timeout,        "ftpServer/connections",                        "dataChannelTimeout")          \
    C(b, disable_socket_pooling,      "ftpServer/connections",                        "disableSocketPooling")        \
    C(t, server_listen_backlog,       "ftpServer/connections",                        "serverListenBacklog")         \
    C(t, min_bytes_per_second,        "ftpServer/connections",                        "minBytesPerSecond")           \
    C(u, max_connections,             "ftpServer/connections",                        "maxConnections")              \
    C(b, reset_on_max_connections,    "ftpServer/connections",                        "resetOnMaxConnections")       \
    C(s, exit_message,                "ftpServer/messages",                           "exitMessage")                 \
    C(s, greeting_message,            "ftpServer/messages",                           "greetingMessage")             \
    C(s, banner_message,              "ftpServer/messages",                           "bannerMessage")               \
    C(s, max_clients_message,         "ftpServer/messages",                           "maxClientsMessage")           \
    C(b, suppress_default_banner,     "ftpServer/messages",                           "suppressDefaultBanner")       \
    C(u, max_command_line,            "ftpServer/security/commandFiltering",          "maxCommandLine")              \
    C(b, allow_unlisted_commands,     "ftpServer/security/commandFiltering",          "allowUnlisted")               \
    C(b, allow_local_detailed_errors, "ftpServer/messages",                           "allowLocalDetailedErrors")    \
    C(b, expand_variables,            "ftpServer/messages",                           "expandVariables")             \
    C(e, isolation_mode,              "ftpServer/userIsolation",                      "mode")                        \
    C(t, ad_cache_seconds,            "ftpServer/userIsolation/activeDirectory",      "adCacheRefresh")              \
    C(b, match_address_for_port,      "ftpServer/security/dataChannelSecurity",       "matchClientAddressForPort")   \
    C(b, match_address_for_pasv,      "ftpServer/security/dataChannelSecurity",       "matchClientAddressForPasv")   \
    C(s, server_cert_hash,            "ftpServer/security/ssl",                       "serverCertHash")              \
    C(s, server_cert_store_name,      "ftpServer/security/ssl",                       "serverCertStoreName")         \
    C(b, ssl128,                      "ftpServer/security/ssl",                       "ssl128")                      \
    C(e, control_channel_policy,      "ftpServer/security/ssl",                       "controlChannelPolicy")        \
    C(e, data_channel_policy,         "ftpServer/security/ssl",                       "dataChannelPolicy")           \
    C(b, anonymous_enabled,           "ftpServer/security/authentication/anonymousAuthentication", "enabled")        \
    C(s, anonymous_user_name,         "ftpServer/security/authentication/anonymousAuthentication", "userName")       \
    C(s, anonymous_logon_domain,      "ftpServer/security/authentication/anonymousAuthentication", "defaultLogonDomain") \
    C(e, anonymous_logon_method,      "ftpServer/security/authentication/anonymousAuthentication", "logonMethod") \
    C(b, basic_enabled,               "ftpServer/security/authentication/basicAuthentication", "enabled")            \
    C(s, basic_default_logon_domain,  "ftpServer/security/authentication/basicAuthentication", "defaultLogonDomain") \
    C(e, basic_logon_method,          "ftpServer/security/authentication/basicAuthentication", "logonMethod")        \
    C(b, use_ad_mapping,              "ftpServer/security/sslClientCertificates",     "useActiveDirectoryMapping")   \
    C(b, client_cert_enabled,         "ftpServer/security/authentication/clientCertAuthentication", "enabled")       \
    C(e, client_cert_policy,          "ftpServer/security/sslClientCertificates",     "clientCertificatePolicy")     \
    C(f, client_cert_flags,           "ftpServer/security/sslClientCertificates",     "validationFlags")             \
    C(t, client_cert_freshness,       "ftpServer/security/sslClientCertificates",     "revocationFreshnessTime")     \
    C(t, client_cert_retrieval,       "ftpServer/security/sslClientCertificates",     "revocationUrlRetrievalTimeout") \
    C(s, external_ip4_address,        "ftpServer/firewallSupport",                    "externalIp4Address")          \
    C(b, keep_partial_uploads,        "ftpServer/fileHandling",                       "keepPartialUploads")          \
    C(b, allow_replace_on_rename,     "ftpServer/fileHandling",                       "allowReplaceOnRename")        \
    C(b, allow_read_uploads,          "ftpServer/fileHandling",                       "allowReadUploadsInProgress")  \
    C(f, show_flags,                  "ftpServer/directoryBrowse",                    "showFlags")                   \
    C(t, virtual_directory_timeout,   "ftpServer/directoryBrowse",                    "virtualDirectoryTimeout")     \
    C(b, log_enabled,                 "ftpServer/logFile",                            "enabled")                     \
    C(f, log_fields,                  "ftpServer/logFile",                            "logExtFileFlags")             \
    C(s, log_directory,               "ftpServer/logFile",                            "directory")                   \
    C(e, log_period,                  "ftpServer/logFile",                            "period")                      \
    C(n, log_truncate_size,           "ftpServer/logFile",                            "truncateSize")                \
    C(b, log_local_time_rollover,     "ftpServer/logFile",                            "localTimeRollover")           \
    C(f, log_selective,               "ftpServer/logFile",                            "selectiveLogging")

/* Computed by the loader.  `failure` is not "" when the site cannot start (the text says why; sub-status in
 * failure_substatus); `log_path` is the log directory resolved to a Linux path; `cert` is 1 + the row of the server
 * certificate, 0 none: then `cert_substatus` says why (31 not configured, 44 not found or unusable, 45 no key, 46 the
 * hash has an invalid length). */
#define SNAP_SITE_COMPUTED(C)                 \
    C(r, bindings,           "binding", "")   \
    C(r, origins,            "origin", "")    \
    C(r, directories,        "directory", "") \
    C(r, scopes,             "scope", "")     \
    C(r, providers,          "provider", "")  \
    C(r, filters,            "filter", "")    \
    C(r, cert_maps,          "cert_map", "")  \
    C(r, commands,           "command", "")   \
    C(r, address_scopes,     "address_scope", "") \
    C(r, externals,          "external", "")  \
    C(p, cert,               "cert", "")      \
    C(p, home_login,         "home_login", "") /* auth: who reads msIIS-FTPRoot; 0: the directory's own account */ \
    C(u, cert_substatus,     "", "")          \
    C(f, provider_gaps,      "", "")          \
    C(b, anonymous_account,  "", "") /* userName is an account of the system, not IUSR */ \
    C(b, admits_domain,      "", "") /* accounts of the directory may log in */ \
    C(s, failure,            "", "")          \
    C(u, failure_substatus,  "", "")          \
    C(s, log_path,           "", "")

/* Sallyport's own settings per site: sallyport.config, sallyport/sites/site[@name] <- sallyport/siteDefaults. */
#define SNAP_SITE_SALLYPORT(C)                                                                       \
    C(b, case_insensitive_names,       "", "caseInsensitiveNames")        /* false */                \
    C(b, windows_names,                "", "windowsNames")                /* true: refuse W01-W06 */ \
    C(b, durable_uploads,              "", "durableUploads")              /* false: fdatasync */     \
    C(b, require_data_resumption,      "", "requireDataChannelResumption")/* false */                \
    C(b, require_data_close_notify,    "", "requireDataChannelCloseNotify")/* true, threats D12 */   \
    C(u, sort_limit,                   "", "listingSortLimit")            /* 20000 entries */ \
    C(e, cert_login_reply,             "", "certLoginReply")              /* 331: as IIS shows it */ \
    C(b, require_user_match,           "", "requireUserMatch")            /* false */         \
    C(b, cert_and_password,            "", "certificateAndPassword")      /* false */         \
    C(b, allow_self_signed,            "", "allowSelfSignedCertificates") /* false */         \
    C(b, revocation_soft_fail,         "", "revocationSoftFail")          /* false */         \
    C(b, send_trusted_issuers,         "", "sendTrustedIssuers")          /* false */         \
    C(u, cert_security_level,          "", "certSecurityLevel")           /* 2, OpenSSL's scale */ \
    C(b, log_certificates,             "", "logClientCertificates")       /* false */         \
    C(u, connections_per_user,         "", "maxConnectionsPerUser")       /* 0 none */            \
    C(u, low_data_port,                "", "lowDataChannelPort")          /* both 0: the server's */ \
    C(u, high_data_port,               "", "highDataChannelPort")                                 \
    C(n, down_site,                    "", "maxDownloadBandwidth")        /* bytes a second, 0 none */ \
    C(n, up_site,                      "", "maxUploadBandwidth")                                  \
    C(n, down_user,                    "", "maxDownloadBandwidthPerUser")                         \
    C(n, up_user,                      "", "maxUploadBandwidthPerUser")                           \
    C(n, down_session,                 "", "maxDownloadBandwidthPerSession")                      \
    C(n, up_session,                   "", "maxUploadBandwidthPerSession") \
    C(e, file_access_identity,         "", "fileAccessIdentity")          /* service */       \
    C(u, minimum_uid,                  "", "minimumUid")                  /* 1000, of the identities that it gives */ \
    C(b, strict_iis,                   "", "strictIis")                   /* false */

#define SNAP_BINDING_COLUMNS(C)               \
    C(s, address,   "", "") /* "" any */      \
    C(u, port,      "", "")                   \
    C(s, host,      "", "")                   \
    C(b, implicit_tls, "", "")                \
    C(o, site,      "site", "")

/* Virtual directories and applications as one list per site, longest path first.  `path` canonical ("/" the root),
 * `linux_path` resolved through the variables, drive and share maps; `failure` "" when usable. */
#define SNAP_DIRECTORY_COLUMNS(C)             \
    C(s, path,          "", "")               \
    C(u, source, "", "@")                    \
    C(s, physical_path, "", "") /* as configured */ \
    C(s, linux_path,    "", "")               \
    C(s, user_name,     "", "")               \
    C(s, failure,       "", "")

/* Every configuration path below (or at) the site that holds its own authorization section, longest first; the rules
 * are the effective list for that path, inherited items included, in order.  A path without a scope uses the longest
 * scope that is a prefix by whole components; there is always one for "/". */
#define SNAP_SCOPE_COLUMNS(C)                 \
    C(s, path,  "", "")                       \
    C(r, rules, "rule", "")

#define SNAP_RULE_COLUMNS(C)                                                          \
    C(b, deny,        "", "")                                                         \
    C(s, users,       "", "users")                                                    \
    C(s, roles,       "", "roles")                                                    \
    C(f, permissions, "", "permissions")                                              \
    C(u, source,      "", "@")

/* ipSecurity, by configuration path as the authorization scopes.  A rule matches where client & mask equals ip; the
 * words are in the order of the address, IPv4 uses the first. */
#define SNAP_ADDRESS_SCOPE_COLUMNS(C)         \
    C(s, path,           "", "")              \
    C(r, origins,        "origin", "")        \
    C(b, allow_unlisted, "", "allowUnlisted") \
    C(r, addresses,      "address", "")
#define SNAP_ADDRESS_COLUMNS(C)               \
    C(u, family, "", "") /* 4, 6 */           \
    C(u, source,  "", "@")                    \
    C(u, ip0,    "", "")                      \
    C(u, ip1,    "", "")                      \
    C(u, ip2,    "", "")                      \
    C(u, ip3,    "", "")                      \
    C(u, mask0,  "", "")                      \
    C(u, mask1,  "", "")                      \
    C(u, mask2,  "", "")                      \
    C(u, mask3,  "", "")                      \
    C(s, name,   "", "") /* family 0: a rule by domain name */ \
    C(b, allowed, "", "allowed")

/* What clients in a network are told to connect to for data: an IPv4 address, or EXTERNAL_DIALLED. */
#define EXTERNAL_DIALLED "dialled"
#define SNAP_EXTERNAL_COLUMNS(C)              \
    C(p, network, "address", "")              \
    C(s, address, "", "address")

/* commandFiltering: the site's own verbs. */
#define SNAP_COMMAND_COLUMNS(C)               \
    C(s, command, "", "command")              \
    C(u, source,  "", "@")                    \
    C(b, allowed, "", "allowed")

/* requestFiltering, by configuration path as the authorization scopes: longest first, always one for "/", the items
 * of a row are the effective lists of that path. */
#define SNAP_FILTER_COLUMNS(C)                                                            \
    C(s, path,                      "",               "")                                 \
    C(r, origins,                   "origin",         "")                                 \
    C(b, allow_high_bit,            "",               "allowHighBitCharacters")           \
    C(b, allow_unlisted_extensions, "fileExtensions", "allowUnlisted")                    \
    C(u, max_url,                   "requestLimits",  "maxUrl")                           \
    C(n, max_content_length,        "requestLimits",  "maxAllowedContentLength") /* 0 none */ \
    C(r, extensions,                "extension",      "")                                 \
    C(r, segments,                  "segment",        "")                                 \
    C(r, sequences,                 "sequence",       "")
#define SNAP_EXTENSION_COLUMNS(C)             \
    C(s, extension, "", "fileExtension")      \
    C(u, source, "", "@")                    \
    C(b, allowed,   "", "allowed")
#define SNAP_SEGMENT_COLUMNS(C)               \
    C(s, segment,   "", "segment")            \
    C(u, source,    "", "@")
#define SNAP_SEQUENCE_COLUMNS(C)              \
    C(s, sequence,  "", "sequence")           \
    C(u, source,    "", "@")

/* The site's customAuthentication providers, enabled ones, in order; `kind` from providerDefinitions. */
enum snap_provider_kind { SNAP_PROVIDER_UNKNOWN = 0, SNAP_PROVIDER_IIS_MANAGER = 1, SNAP_PROVIDER_ASPNET = 2 };
#define SNAP_PROVIDER_COLUMNS(C)              \
    C(s, name, "", "")                        \
    C(e, kind, "", "")                        \
    C(u, source, "", "@")

/* IIS Manager users and their permissions (administration.config).  Auth only. */
#define SNAP_USER_COLUMNS(C)                  \
    C(s, name,     "", "name")                \
    C(s, password, "", "password")            \
    C(b, enabled,  "", "enabled")              \
    C(u, source,   "", "@")
/* Every role that an authorization rule names, once. */
#define SNAP_ROLE_COLUMNS(C) C(s, name, "", "")
#define SNAP_PERMISSION_COLUMNS(C)            \
    C(s, path,     "", "")                    \
    C(s, name,     "", "name")                \
    C(b, is_role,  "", "isRole")              \
    C(u, source,   "", "@")

/* Server certificates in use.  Worker only (the key is in it). */
#define SNAP_CERT_COLUMNS(C)                  \
    C(s, thumbprint, "", "") /* upper-case hex SHA-1 */ \
    C(s, store,      "", "")                  \
    C(s, chain_pem,  "", "") /* leaf first */ \
    C(s, key_pem,    "", "")

/* Certificates that decide about clients' certificates: the files of the stores Root, CA, NTAuth and Disallowed, PEM or
 * DER as they are.  Auth only. */
enum snap_trust_store { SNAP_TRUST_ROOT = 0, SNAP_TRUST_CA = 1, SNAP_TRUST_NTAUTH = 2, SNAP_TRUST_DISALLOWED = 3 };
#define SNAP_TRUST_COLUMNS(C)                 \
    C(e, store, "", "")                       \
    C(s, file,  "", "")                       \
    C(s, bytes, "", "")

/* iisClientCertificateMappingAuthentication of a site, enabled entries only: one-to-one first, then many-to-one in order.
 * `certificate` is base64 DER of a one-to-one mapping, "" for a many-to-one mapping, which has rules.  Auth only. */
#define SNAP_CERT_MAP_COLUMNS(C)              \
    C(s, certificate, "", "certificate")      \
    C(s, user_name,   "", "userName")         \
    C(b, deny,        "", "")                 \
    C(r, rules,       "cert_rule", "")
#define SNAP_CERT_RULE_COLUMNS(C)             \
    C(b, of_issuer,      "", "")              \
    C(s, sub_field,      "", "certificateSubField") \
    C(s, criteria,       "", "matchCriteria") \
    C(b, case_sensitive, "", "compareCaseSensitive")

/* Files of the configuration, by the numbers that sources quote. */
#define SNAP_SOURCE_FILE_COLUMNS(C) C(s, name, "", "")

/* Where one setting of a row is written: `column` is its offset in the row's struct.  Settings without are defaults. */
#define SNAP_ORIGIN_COLUMNS(C)                \
    C(u, column, "", "")                      \
    C(u, source, "", "")

/* One row: the server level. */
#define SNAP_SERVER_SETTINGS(C)                                                                                  \
    C(u, low_data_port,            "system.ftpServer/firewallSupport",       "lowDataChannelPort")               \
    C(u, high_data_port,           "system.ftpServer/firewallSupport",       "highDataChannelPort")              \
    C(e, central_log_mode,         "system.ftpServer/log",                   "centralLogFileMode")               \
    C(b, log_in_utf8,              "system.ftpServer/log",                   "logInUTF8")                        \
    C(b, central_log_enabled,      "system.ftpServer/log/centralLogFile",    "enabled")                          \
    C(f, central_log_fields,       "system.ftpServer/log/centralLogFile",    "logExtFileFlags")                  \
    C(s, central_log_directory,    "system.ftpServer/log/centralLogFile",    "directory")                        \
    C(e, central_log_period,       "system.ftpServer/log/centralLogFile",    "period")                           \
    C(n, central_log_truncate_size, "system.ftpServer/log/centralLogFile",   "truncateSize")                     \
    C(b, central_log_local_time,   "system.ftpServer/log/centralLogFile",    "localTimeRollover")                \
    C(f, central_log_selective,    "system.ftpServer/log/centralLogFile",    "selectiveLogging")                 \
    C(b, credentials_cache_enabled, "system.ftpServer/caching/credentialsCache", "enabled")                      \
    C(u, credentials_cache_seconds, "system.ftpServer/caching/credentialsCache", "flushInterval")                \
    C(b, deny_by_failure,          "system.ftpServer/security/authentication/denyByFailure", "enabled")          \
    C(u, deny_max_failure,         "system.ftpServer/security/authentication/denyByFailure", "maxFailure")       \
    C(t, deny_seconds,             "system.ftpServer/security/authentication/denyByFailure", "entryExpiration")  \
    C(b, deny_log_only,            "system.ftpServer/security/authentication/denyByFailure", "loggingOnlyMode")  \
    C(b, use_domain_as_host,       "system.ftpServer/serverRuntime/hostNameSupport", "useDomainNameAsHostName")

/* sallyport.config, server level: element path is the section. */
#define SNAP_SERVER_SALLYPORT(C)                                                                                 \
    C(u, worker_count,             "sallyport/service",        "workerCount")             /* 0: one per core */  \
    C(t, drain_seconds,            "sallyport/service",        "drainTimeout")            /* 00:00:30 */         \
    C(s, worker_user,              "sallyport/service",        "workerUser")              /* sallyport-worker */ \
    C(s, broker_user,              "sallyport/service",        "fileUser")                /* sallyport: the service account */ \
    C(s, auth_user,                "sallyport/service",        "authUser")                /* sallyport-auth */   \
    C(s, logger_user,              "sallyport/service",        "logUser")                 /* sallyport-log */    \
    C(s, membership_user,          "sallyport/service",        "membershipUser")          /* sallyport-membership */ \
    C(s, loader_user,              "sallyport/service",        "loaderUser")              /* sallyport-loader */ \
    C(s, admin_group,              "sallyport/service",        "adminGroup")              /* sallyport-admin */  \
    C(e, tls_min,                  "sallyport/tls",            "minProtocol")             /* Tls12=0, Tls13=1 */ \
    C(b, tls_strict_alpn,          "sallyport/tls",            "strictAlpn")              /* false */            \
    C(t, ticket_key_seconds,       "sallyport/tls",            "ticketKeyLifetime")       /* 12:00:00 */         \
    C(b, ext_mlst,                 "sallyport/commands",       "mlst")                    /* true: MLST MLSD */  \
    C(b, ext_mfmt,                 "sallyport/commands",       "mfmt")                    /* true */             \
    C(b, ext_tvfs,                 "sallyport/commands",       "tvfs")                    /* true */             \
    C(b, ext_epsv,                 "sallyport/commands",       "epsvAll")                 /* true: EPSV ALL; EPRT EPSV in FEAT */ \
    C(u, unknown_before_login,     "sallyport/safety",         "maxUnknownCommandsBeforeLogin") /* 10, threats P06 */ \
    C(u, unknown_after_login,      "sallyport/safety",         "maxUnknownCommandsAfterLogin")  /* 50 */         \
    C(u, max_login_failures,       "sallyport/safety",         "maxLoginFailuresPerConnection") /* 5, threats A03 */ \
    C(u, account_failures,         "sallyport/safety",         "maxLoginFailuresPerAccount")    /* 0 none, threats A04 */ \
    C(u, handshakes_per_address,   "sallyport/safety",         "maxHandshakesPerSecondPerAddress") /* 0 none, threats T03 */ \
    C(t, penalty_crash,            "sallyport/safety",         "penaltyForCrash")               /* 00:01:30, threats P33 */ \
    C(t, penalty_failed_login,     "sallyport/safety",         "penaltyForFailedLogin")         /* 0 */          \
    C(t, penalty_no_login,         "sallyport/safety",         "penaltyForNoLogin")             /* 0 */          \
    C(t, penalty_threshold,        "sallyport/safety",         "penaltyThreshold")              /* 00:00:15 */   \
    C(t, penalty_most,             "sallyport/safety",         "penaltyMaximum")                /* 00:10:00 */   \
    C(u, connections_per_address,  "sallyport/safety",         "maxConnectionsPerAddress")      /* 0 none, threats P32 */ \
    C(u, early_drop_start,         "sallyport/safety",         "earlyDropStart")                /* 0 never, threats P32 */ \
    C(u, early_drop_full,          "sallyport/safety",         "earlyDropFull")                 /* 0: all */        \
    C(b, stop_without_log,         "sallyport/safety",         "stopWithoutLog")                /* false, threats H06 */ \
    C(b, echo_before_login,        "sallyport/safety",         "echoInputBeforeLogin")    /* false, threats P07 */ \
    C(b, requires_windows_credentials, "sallyport/managementService", "requiresWindowsCredentials") /* true, 4.1 (1) */ \
    C(b, management_installed,     "sallyport/managementService", "installed")            /* true */             \
    C(e, password_format,          "sallyport/iisManagerUsers", "passwordFormat")         /* Yescrypt=0, Sha256=1 */ \
    C(b, rehash_on_login,          "sallyport/iisManagerUsers", "rehashOnLogin")          /* true */             \
    C(s, revocation_hosts,         "sallyport/revocation",     "allowedHosts")            /* "": every host, threats C10 */ \
    C(b, revocation_private,       "sallyport/revocation",     "allowPrivateAddresses")   /* true */             \
    C(b, revocation_public,        "sallyport/revocation",     "allowPublicAddresses")    /* true */             \
    C(u, revocation_redirects,     "sallyport/revocation",     "maximumRedirects")        /* 0 */                \
    C(u, revocation_disk_megabytes, "sallyport/revocation",    "diskCache")               /* 64 */               \
    C(t, revocation_recheck_seconds, "sallyport/revocation",   "recheckInterval")         /* 00:05:00 */         \
    C(s, pam_service,              "sallyport/systemAccounts", "pamService")              /* sallyport */        \
    C(s, pam_interactive,          "sallyport/systemAccounts", "interactiveService")      /* "": pamService */   \
    C(s, pam_batch,                "sallyport/systemAccounts", "batchService")                                   \
    C(s, pam_network,              "sallyport/systemAccounts", "networkService")                                 \
    C(u, uid_floor,                "sallyport/systemAccounts", "uidFloor")                /* 1000 */
#define SNAP_SERVER_COMPUTED(C)               \
    C(n, generation,       "", "")            \
    C(r, externals,        "external", "") \
    C(s, trusted_issuers,  "", "") /* subjects of stores Root and CA, DER, at most 16 KiB; "": no site sends them */ \
    C(r, never_denied,     "address", "") /* single addresses that denyByFailure does not count */ \
    C(s, central_log_path, "", "")            \
    C(s, history_path,     "", "") /* where copies of the files are kept; "" none */ \
    C(u, history_most,     "", "")            \
    C(n, history_seconds,  "", "") /* between two copies, at least */ \
    C(b, needs_membership, "", "") /* some startable site has AspNetAuth on, and web.config says how */ \
    C(b, needs_names,      "", "") /* some ipSecurity has rules by domain name */ \
    C(b, needs_pam,        "", "") /* accounts of the system are asked for somewhere, and we are privileged */

/* sallyport/directory: one row, none when no directory is configured.  Auth only (the bind password is in it). */
#define SNAP_AD_SETTINGS(C)                                                                                      \
    C(s, servers,          "sallyport/directory", "servers")                              /* blank-separated */  \
    C(s, base,             "sallyport/directory", "base")                                                        \
    C(s, domain,           "sallyport/directory", "domain")                                                      \
    C(s, dns_domain,       "sallyport/directory", "dnsDomain")                                                   \
    C(s, bind_name,        "sallyport/directory", "bindName")                                                    \
    C(s, bind_password,    "sallyport/directory", "bindPassword")                                                \
    C(t, connect_seconds,  "sallyport/directory", "connectTimeout")                       /* 00:00:03 */         \
    C(t, search_seconds,   "sallyport/directory", "searchTimeout")                        /* 00:00:05 */         \
    C(t, retry_seconds,    "sallyport/directory", "retryInterval")                        /* 00:00:30 */         \
    C(t, recheck_seconds,  "sallyport/directory", "recheckInterval")                      /* 00:05:00 */         \
    C(e, strength,         "sallyport/directory", "mappingStrength")                      /* full */             \
    C(b, require_ntauth,   "sallyport/directory", "requireNTAuth")                        /* true */             \
    C(e, ntauth_depth,     "sallyport/directory", "ntAuthDepth")                          /* issuer */           \
    C(u, methods,          "sallyport/directory", "certificateMappingMethods")            /* 0: all */           \
    C(e, ntauth_store,     "sallyport/directory", "ntAuthStore")                          /* both */             \
    C(e, implicit_upn,     "sallyport/directory", "implicitUpn")                          /* none */             \
    C(t, cache_seconds,    "sallyport/directory", "adCacheRefresh")                       /* 00:01:00 */         \
    C(u, backdating_minutes, "sallyport/directory", "certificateBackdatingCompensation")  /* 0 */                \
    C(b, allow_issuer_mapping, "sallyport/directory", "allowIssuerMapping")               /* false */            \
    C(b, match_published,  "sallyport/directory", "matchPublishedCertificate")            /* false */            \
    C(b, check_workstations, "sallyport/directory", "checkWorkstations")                  /* false */            \
    C(b, protect_lockout,  "sallyport/directory", "protectFromLockout")                   /* true */

/* sallyport/directory/ftpRoots: `path` as written but with "/" for "\\", `linux_path` resolved.  Broker only, which decides. */
#define SNAP_AD_ROOT_COLUMNS(C)               \
    C(s, path,       "", "")                  \
    C(s, linux_path, "", "")

/* userIsolation/activeDirectory of a site that names an account of its own.  Auth only. */
#define SNAP_HOME_LOGIN_COLUMNS(C)                                             \
    C(s, name,     "ftpServer/userIsolation/activeDirectory", "adUserName")    \
    C(s, password, "ftpServer/userIsolation/activeDirectory", "adPassword")

/* sallyport/identities.  Auth only. */
#define SNAP_ACCOUNT_MAP_COLUMNS(C)           \
    C(s, user,   "", "user")                  \
    C(u, uid,    "", "uid")                   \
    C(u, gid,    "", "gid")                   \
    C(s, groups, "", "groups") /* numbers separated by commas */

/* Virtual directories with a fixed account: `path` as in the directory's row.  Auth only, which checks the password and
 * tells the brokers whose files those are. */
#define SNAP_FIXED_ACCOUNT_COLUMNS(C)         \
    C(u, site,      "", "")                   \
    C(s, path,      "", "")                   \
    C(s, user_name, "", "")                   \
    C(s, password,  "", "")                   \
    C(e, logon_method, "", "")

/* Settings that the loader itself obeys; they reach nobody else.  Beside them the collections of sallyport/paths
 * (drives, shares, variables) and sallyport/tls/implicitPorts. */
#define SNAP_LOADER_SETTINGS(C)                                                                                  \
    C(b, allow_unenforced,         "sallyport/safety",         "allowUnenforcedSettings") /* false */

/* The membership of ASP.NET, from web.config: one row, none when no site uses it.  Membership only (the database password
 * is in it).  Connections are ODBC connection strings; roles_connection "": roles are off. */
#define SNAP_MEMBERSHIP_COLUMNS(C)            \
    C(s, users_connection,  "", "")           \
    C(s, users_application, "", "")           \
    C(s, roles_connection,  "", "")           \
    C(s, roles_application, "", "")           \
    C(s, hash_algorithm,    "", "")           \
    C(u, max_failures,      "", "")           \
    C(u, window_minutes,    "", "")           \
    C(u, command_seconds,   "", "")

/*    table      row struct         columns                                                             roles */
#define SNAP_SITE_COLUMNS(C) SNAP_SITE_SETTINGS(C) SNAP_SITE_SALLYPORT(C) SNAP_SITE_COMPUTED(C)
#define SNAP_SERVER_COLUMNS(C) SNAP_SERVER_SETTINGS(C) SNAP_SERVER_SALLYPORT(C) SNAP_SERVER_COMPUTED(C)
#define SNAP_ALL (ROLE_SUPERVISOR | ROLE_WORKER | ROLE_BROKER | ROLE_AUTH | ROLE_LOGGER)
#define SNAP_TABLES(T)                                                                            \
    T(server,     SNAP_SERVER_COLUMNS,     SNAP_ALL | ROLE_MEMBERSHIP)                            \
    T(source_file, SNAP_SOURCE_FILE_COLUMNS, ROLE_SUPERVISOR | ROLE_WORKER | ROLE_BROKER | ROLE_AUTH) \
    T(origin,     SNAP_ORIGIN_COLUMNS,     ROLE_WORKER | ROLE_BROKER | ROLE_AUTH)                 \
    T(site,       SNAP_SITE_COLUMNS,       SNAP_ALL)                                              \
    T(binding,    SNAP_BINDING_COLUMNS,    ROLE_SUPERVISOR | ROLE_WORKER | ROLE_AUTH)             \
    T(directory,  SNAP_DIRECTORY_COLUMNS,  ROLE_SUPERVISOR | ROLE_BROKER) /* supervisor: which are missing */ \
    T(scope,      SNAP_SCOPE_COLUMNS,      ROLE_BROKER | ROLE_AUTH) /* auth: for rehearsals */    \
    T(rule,       SNAP_RULE_COLUMNS,       ROLE_BROKER | ROLE_AUTH) /* auth: the role names */    \
    T(address_scope, SNAP_ADDRESS_SCOPE_COLUMNS, ROLE_WORKER | ROLE_BROKER)                       \
    T(address,    SNAP_ADDRESS_COLUMNS,    ROLE_WORKER | ROLE_BROKER | ROLE_AUTH)                 \
    T(external,   SNAP_EXTERNAL_COLUMNS,   ROLE_WORKER)                                           \
    T(command,    SNAP_COMMAND_COLUMNS,    ROLE_WORKER)                                           \
    T(filter,     SNAP_FILTER_COLUMNS,     ROLE_BROKER)                                           \
    T(extension,  SNAP_EXTENSION_COLUMNS,  ROLE_BROKER)                                           \
    T(segment,    SNAP_SEGMENT_COLUMNS,    ROLE_BROKER)                                           \
    T(sequence,   SNAP_SEQUENCE_COLUMNS,   ROLE_BROKER)                                           \
    T(role,       SNAP_ROLE_COLUMNS,       ROLE_AUTH)                                             \
    T(provider,   SNAP_PROVIDER_COLUMNS,   ROLE_AUTH)                                             \
    T(user,       SNAP_USER_COLUMNS,       ROLE_AUTH)                                             \
    T(permission, SNAP_PERMISSION_COLUMNS, ROLE_AUTH)                                             \
    T(cert,       SNAP_CERT_COLUMNS,       ROLE_WORKER)                                           \
    T(ad,         SNAP_AD_SETTINGS,        ROLE_AUTH)                                             \
    T(membership, SNAP_MEMBERSHIP_COLUMNS, ROLE_MEMBERSHIP)                                       \
    T(ad_root,    SNAP_AD_ROOT_COLUMNS,    ROLE_BROKER)                                           \
    T(home_login, SNAP_HOME_LOGIN_COLUMNS, ROLE_AUTH)                                             \
    T(account_map, SNAP_ACCOUNT_MAP_COLUMNS, ROLE_AUTH)                                           \
    T(fixed_account, SNAP_FIXED_ACCOUNT_COLUMNS, ROLE_AUTH)                                       \
    T(trust,      SNAP_TRUST_COLUMNS,      ROLE_AUTH)                                             \
    T(cert_map,   SNAP_CERT_MAP_COLUMNS,   ROLE_AUTH)                                             \
    T(cert_rule,  SNAP_CERT_RULE_COLUMNS,  ROLE_AUTH)

#define SNAP_TYPE_b uint32_t
#define SNAP_TYPE_u uint32_t
#define SNAP_TYPE_e uint32_t
#define SNAP_TYPE_f uint32_t
#define SNAP_TYPE_n int64_t
#define SNAP_TYPE_t int64_t
#define SNAP_TYPE_s struct snap_text
#define SNAP_TYPE_r struct snap_range
#define SNAP_TYPE_o uint32_t
#define SNAP_TYPE_p uint32_t
#define SNAP_MEMBER(kind, name, path, attribute) SNAP_TYPE_##kind name;
#define SNAP_STRUCT(table, COLUMNS, roles) \
    struct snap_##table {                  \
        COLUMNS(SNAP_MEMBER)               \
    };
SNAP_TABLES(SNAP_STRUCT)

/* A column as data.  SNAP_COLUMN expands where `row` is the row's struct type:
 *     typedef struct snap_site row;
 *     static const struct snap_column columns[] = { SNAP_SITE_SETTINGS(SNAP_COLUMN) }; */
enum snap_kind {
    SNAP_KIND_b = 'b', SNAP_KIND_u = 'u', SNAP_KIND_n = 'n', SNAP_KIND_e = 'e', SNAP_KIND_f = 'f',
    SNAP_KIND_t = 't', SNAP_KIND_s = 's', SNAP_KIND_r = 'r', SNAP_KIND_o = 'o', SNAP_KIND_p = 'p',
};
struct snap_column {
    enum snap_kind kind;
    const char *name, *path, *attribute;
    size_t offset; /* in the row */
};
#define SNAP_COLUMN(kind, name, path, attribute) { SNAP_KIND_##kind, #name, path, attribute, offsetof(row, name) },

enum snap_table {
#define T(table, COLUMNS, roles) SNAP_TABLE_##table,
    SNAP_TABLES(T)
#undef T
    SNAP_TABLE_COUNT
};

/* The values of IIS enums and flags that code compares (config-schema.tsv). */
enum { SSL_ALLOW = 0, SSL_REQUIRE = 1, SSL_REQUIRE_CREDENTIALS_ONLY = 2, SSL_DATA_DENY = 2 };
enum { ISOLATION_START_IN_USERS_DIRECTORY = 0, ISOLATION_ROOT_ONLY = 1, ISOLATION_ACTIVE_DIRECTORY = 2, ISOLATION_ALL = 3,
       ISOLATION_NONE = 4, ISOLATION_CUSTOM = 5 };
enum { FILES_OF_SERVICE = 0, FILES_OF_RFC2307 = 1, FILES_OF_NSS = 2, FILES_OF_MAP = 3 };
enum { LOGON_INTERACTIVE = 0, LOGON_BATCH = 1, LOGON_NETWORK = 2, LOGON_CLEAR_TEXT = 3 };
/* What a site leaves to providers that cannot be run: refused with sub-status 34. */
enum { PROVIDER_GAP_AUTHORIZATION = 1, PROVIDER_GAP_FEATURES = 2 };
enum { CERT_IGNORE = 0, CERT_ALLOW = 1, CERT_REQUIRE = 2 };
enum { CERT_LOGIN_331 = 0, CERT_LOGIN_232 = 1 };
enum { PERMISSION_READ = 1, PERMISSION_WRITE = 2 };
enum { SHOW_LONG_DATE = 2, SHOW_STYLE_UNIX = 4, SHOW_AVAILABLE_BYTES = 16, SHOW_VIRTUAL_DIRECTORIES = 32, SHOW_GMT = 64 };
enum { LOG_PERIOD_MAX_SIZE = 0, LOG_PERIOD_DAILY = 1, LOG_PERIOD_WEEKLY = 2, LOG_PERIOD_MONTHLY = 3, LOG_PERIOD_HOURLY = 4 };
enum { LOG_SUCCESSFUL = 1, LOG_ERROR = 2, LOG_INFRASTRUCTURE = 4 };
enum { TLS_MIN_12 = 0, TLS_MIN_13 = 1 };
enum { PASSWORD_FORMAT_YESCRYPT = 0, PASSWORD_FORMAT_SHA256 = 1 };

struct text;
struct snapshot; /* a mapping; reference counted so that sessions may keep the one they began with */

/* Map and check a snapshot memfd (the descriptor stays the caller's).  Refuses one that is not sealed against
 * writing, growing and shrinking (ERR_DENIED), and anything out of bounds (ERR_SYNTAX, ERR_TRUNCATED, ERR_RANGE).
 * There is always exactly one server row. */
MUST_USE int snapshot_open(int fd, struct snapshot **snapshot_out);
/* The same over bytes that outlive the snapshot (tests, fuzzing); 8-byte aligned. */
MUST_USE int snapshot_view(const void *bytes, size_t len, struct snapshot **snapshot_out);
struct snapshot *snapshot_ref(struct snapshot *s); /* any thread */
void snapshot_unref(struct snapshot *s); /* NULL is fine */

struct slice snapshot_text(const struct snapshot *s, struct snap_text t); /* NUL-terminated behind; lives as long as s */
size_t snapshot_count(const struct snapshot *s, enum snap_table table);
#define SNAP_ACCESSOR(table, COLUMNS, roles)                                                        \
    /* Row `row` of the table, NULL beyond its end. */                                              \
    const struct snap_##table *snapshot_##table(const struct snapshot *s, size_t row);
SNAP_TABLES(SNAP_ACCESSOR)
/* The site with that id attribute, NULL if none.  Constant time. */
const struct snap_site *snapshot_site_by_id(const struct snapshot *s, uint32_t id);
uint64_t snapshot_generation(const struct snapshot *s);

/* Tables in the order of a key, so that what a login or a connection looks for costs the same among ten sites and among
 * ten thousand.  Names of accounts are ordered as fold_compare does, other texts without regard to
 * ASCII case, rows of one key by their number.
 *    order            table       number  first    second */
#define SNAP_ORDERS(O)                                                                              \
    O(user_name,       user)       /*  -       name     -                           */              \
    O(permission_name, permission) /*  -       name     path                        */              \
    O(binding_host,    binding)    /*  port    host     address                     */              \
    O(binding_address, binding)    /*  port    address  "" without host, else "x"   */
enum snap_order {
#define O(order, table) SNAP_ORDER_##order,
    SNAP_ORDERS(O)
#undef O
    SNAP_ORDER_COUNT
};
struct snap_key {
    uint32_t number;
    struct slice first, second;
};
/* The first place in the order whose key is not below `key`; the number of places when there is none. */
size_t snapshot_find(const struct snapshot *s, enum snap_order order, struct snap_key key);
/* The row of the table at a place; false beyond the end. */
bool snapshot_at_place(const struct snapshot *s, enum snap_order order, size_t place, size_t *row_out);

/* A place in the configuration as one number, 0 for none: 1 + the row of source_file, and the line as far as it fits. */
enum { SNAP_SOURCE_LINE_BITS = 24, SNAP_SOURCE_LINE_MAX = (1 << SNAP_SOURCE_LINE_BITS) - 1 };
static inline uint32_t snap_source(uint32_t file_row, unsigned line)
{
    return (file_row + 1) << SNAP_SOURCE_LINE_BITS | (line < SNAP_SOURCE_LINE_MAX ? line : SNAP_SOURCE_LINE_MAX);
}
/* Append "applicationHost.config:231"; nothing for 0 and for numbers that name no file. */
void snapshot_source_print(const struct snapshot *s, uint32_t source, struct text *out);
/* Where the setting at `column` (offsetof in the row) is written; 0: it is a default. */
uint32_t snapshot_origin_of(const struct snapshot *s, struct snap_range origins, size_t column);

/* ---- writing, for the loader and for tests of the readers ---- */
struct snapshot_writer; /* owned by the caller until snapshot_writer_free */
struct snapshot_writer *snapshot_writer_new(void); /* NULL: out of memory */
void snapshot_writer_free(struct snapshot_writer *w);
/* Put text into the pool; equal texts share bytes.  Errors are sticky and come out of snapshot_writer_finish. */
struct snap_text snapshot_put_text(struct snapshot_writer *w, struct slice s);
/* Append a row of `size` bytes, which must be that of the table's struct; returns its row number. */
uint32_t snapshot_append_row(struct snapshot_writer *w, enum snap_table table, const void *row, size_t size);
/* The same for a table that is named where it is put; another table's row does not compile. */
#define snapshot_put_row(w, table, ...) table##_put(w, __VA_ARGS__)
#define SNAP_PUT(table, COLUMNS, roles)                                                                                \
    static inline uint32_t SNAP_TABLE_##table##_put(struct snapshot_writer *w, const struct snap_##table *row)         \
    {                                                                                                                  \
        return snapshot_append_row(w, SNAP_TABLE_##table, row, sizeof *row);                                           \
    }
SNAP_TABLES(SNAP_PUT)
/* The bytes of the snapshot as `role` may see it (ROLE_* or 0 for everything).  Text that only hidden tables use is
 * not in it; columns that refer to hidden tables become 0.  Replaces the content of `out`.  ERR_STATE unless there is
 * exactly one server row; ERR_EXISTS when two sites have the same id. */
MUST_USE int snapshot_writer_finish(const struct snapshot_writer *w, unsigned role, struct text *out);
