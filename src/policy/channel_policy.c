/* channel_policy.c - see channel_policy.h. */
#include "policy/channel_policy.h"

#include "policy/win_error.h"

#define ORIGIN(member) snapshot_origin_of(s, site->origins, offsetof(struct snap_site, member))

static const char *const control_names[] = { "SslAllow", "SslRequire", "SslRequireCredentialsOnly" };
static const char *const data_names[] = { "SslAllow", "SslRequire", "SslDeny" };
static const char *const certificate_names[] = { "CertIgnore", "CertAllow", "CertRequire" };

static void tell_control(const struct snap_site *site, const struct snapshot *s, bool is_secure, struct reason *why)
{
    if (why)
        reason_set(why, ORIGIN(control_channel_policy), "the control channel is %s, and controlChannelPolicy is %s",
                   is_secure ? "encrypted" : "in the clear", control_names[site->control_channel_policy]);
}

unsigned channel_policy_credentials(const struct snap_site *site, const struct snapshot *s, bool is_secure, struct reason *why)
{
    tell_control(site, s, is_secure, why);
    if (is_secure || site->control_channel_policy == SSL_ALLOW)
        return 0;
    return site->control_channel_policy == SSL_REQUIRE ? SUB_SSL_REQUIRED_CONTROL : SUB_SSL_REQUIRED_CREDENTIALS;
}

unsigned channel_policy_command(const struct snap_site *site, const struct snapshot *s, bool is_secure, struct reason *why)
{
    tell_control(site, s, is_secure, why);
    return is_secure || site->control_channel_policy != SSL_REQUIRE ? 0 : SUB_SSL_REQUIRED_CONTROL;
}

unsigned channel_policy_data(const struct snap_site *site, const struct snapshot *s, bool is_private, struct reason *why)
{
    if (why)
        reason_set(why, ORIGIN(data_channel_policy), "the data channel is %s, and dataChannelPolicy is %s",
                   is_private ? "protected (PROT P)" : "in the clear (PROT C)", data_names[site->data_channel_policy]);
    if (site->data_channel_policy == SSL_REQUIRE && !is_private)
        return SUB_SSL_REQUIRED_DATA;
    return site->data_channel_policy == SSL_DATA_DENY && is_private ? SUB_SSL_DENIED_DATA : 0;
}

unsigned channel_policy_certificate(const struct snap_site *site, const struct snapshot *s, bool has_certificate,
                                    struct reason *why)
{
    if (why)
        reason_set(why, ORIGIN(client_cert_policy), "%s client certificate was shown, and clientCertificatePolicy is %s",
                   has_certificate ? "a" : "no", certificate_names[site->client_cert_policy]);
    return site->client_cert_policy == CERT_REQUIRE && !has_certificate ? SUB_CERTIFICATE_REQUIRED : 0;
}
