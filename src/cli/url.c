/*
 * url.c - URLs as configuration paths.
 *
 * appcmd takes "http://localhost/app1" wherever a path is asked for.  The site is the one whose binding would answer:
 * protocol and port must be the binding's, the host its host name, its address, or anything when the binding names
 * none.  Bindings are read from the right, for IPv6 addresses hold colons themselves.
 */
#include "cli/site.h"

#include "base/own.h"

struct url {
    struct slice protocol, host, port, path;
};

static const struct {
    const char *scheme, *protocol, *port;
} schemes[] = {
    { "http", "http", "80" },
    { "https", "https", "443" },
    { "ftp", "ftp", "21" },
    { "ftps", "ftp", "990" },
};

/* Length of "scheme" in "scheme://", 0 when it is no URL. */
static size_t scheme_length(struct slice text)
{
    size_t colon = slice_find(text, ':');
    if (colon == SIZE_MAX || !slice_starts(slice_from(text, colon), SLICE_LITERAL("://")))
        return 0;
    return colon;
}

bool site_is_url(struct slice identifier)
{
    return scheme_length(identifier) > 0;
}

static int split(struct slice text, struct url *url_out)
{
    size_t scheme = scheme_length(text), i = 0;
    while (i < sizeof schemes / sizeof schemes[0] && !slice_equal_fold_str(slice_first(text, scheme), schemes[i].scheme))
        i++;
    if (i == sizeof schemes / sizeof schemes[0])
        return ERR_SYNTAX;
    struct slice rest = slice_from(text, scheme + 3);
    size_t slash = slice_find(rest, '/');
    struct slice authority = slice_first(rest, slash == SIZE_MAX ? rest.len : slash);
    size_t bracket = slice_find_last(authority, ']'), colon = slice_find_last(authority, ':');
    bool has_port = colon != SIZE_MAX && (bracket == SIZE_MAX || colon > bracket);
    *url_out = (struct url){
        .protocol = slice_str(schemes[i].protocol),
        .host = has_port ? slice_first(authority, colon) : authority,
        .port = has_port ? slice_from(authority, colon + 1) : slice_str(schemes[i].port),
        .path = slash == SIZE_MAX ? SLICE_LITERAL("") : slice_from(rest, slash),
    };
    return url_out->host.len && url_out->port.len ? 0 : ERR_SYNTAX;
}

/* 2: it names this host, 1: it takes any, 0: it is not meant. */
static int answers(const struct url *url, struct conf_element *binding)
{
    struct slice information = conf_text(binding, "bindingInformation");
    if (!slice_equal_fold(conf_text(binding, "protocol"), url->protocol))
        return 0;
    size_t last = slice_find_last(information, ':');
    struct slice before = slice_first(information, last == SIZE_MAX ? 0 : last);
    size_t middle = slice_find_last(before, ':');
    if (middle == SIZE_MAX || !slice_equal(slice_from(before, middle + 1), url->port))
        return 0;
    struct slice address = slice_first(before, middle), host = slice_from(information, last + 1);
    if (host.len)
        return slice_equal_fold(host, url->host) ? 2 : 0;
    if (slice_equal_fold(address, url->host))
        return 2;
    bool any = slice_is_empty(address) || slice_equal_str(address, "*");
    bool local = slice_equal_fold_str(url->host, "localhost") &&
                 (slice_equal_str(address, "127.0.0.1") || slice_equal_str(address, "[::1]"));
    return any || local;
}

int site_path_of_url(struct cli *c, struct slice text, struct text *path_out)
{
    struct url url;
    struct conf_element *sites = NULL, *found = NULL;
    int best = 0;
    if (split(text, &url) != 0)
        return cli_cannot_find(c, "SITE", text);
    if (conf_section(c->conf, SLICE_LITERAL(SITES_SECTION), SLICE_LITERAL(""), &sites) != 0)
        return cli_cannot_find(c, "SITE", text);
    for (size_t s = 0; s < conf_count(sites); s++) {
        struct conf_element *bindings = conf_child(conf_item(sites, s), "bindings");
        for (size_t b = 0; bindings && b < conf_count(bindings); b++) {
            int rank = answers(&url, conf_item(bindings, b));
            if (rank > best) {
                best = rank;
                found = conf_item(sites, s);
            }
        }
    }
    if (!found)
        return cli_cannot_find(c, "SITE", text);
    while (url.path.len && url.path.ptr[url.path.len - 1] == '/')
        url.path.len--;
    text_add(path_out, conf_text(found, "name"));
    text_add(path_out, url.path);
    return text_error(path_out) ? cli_failed(c, 14, "%s", err_text(path_out->err)) : EXIT_OK;
}
