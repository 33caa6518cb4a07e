/* ftp_root.c - see ftp_root.h. */
#include "policy/ftp_root.h"

#include "policy/vpath.h"

/* "\\files\ftp\" and "//files/ftp" are one text. */
static int add_normal(struct text *out, struct slice path)
{
    for (size_t i = 0; i < path.len; i++)
        text_add_char(out, path.ptr[i] == '\\' ? '/' : path.ptr[i]);
    while (out->len > 1 && out->ptr[out->len - 1] == '/')
        out->len--;
    return text_error(out);
}

/* A path that begins with one "/" is ours and has case; everything else is Windows's. */
static bool is_linux(struct slice path)
{
    return path.len && path.ptr[0] == '/' && !(path.len > 1 && path.ptr[1] == '/');
}

static bool is_below(struct slice path, struct slice root)
{
    struct slice head = slice_first(path, root.len);
    bool same = is_linux(root) ? slice_equal(head, root) : slice_equal_fold(head, root);
    return root.len && path.len >= root.len && same &&
           (path.len == root.len || root.ptr[root.len - 1] == '/' || path.ptr[root.len] == '/');
}

/* The components of `path`, doubled separators left out. */
static int add_components(struct text *below, struct slice path)
{
    while (path.ptr && path.len) {
        struct slice name = slice_cut(&path, '/');
        if (!name.len)
            continue;
        int err = vpath_name_ok(name, true);
        if (err)
            return err;
        if (below->len)
            text_add_char(below, '/');
        text_add(below, name);
    }
    return text_error(below);
}

int ftp_root_find(const struct snapshot *s, struct slice root, struct slice dir, struct slice *linux_root_out, struct text *below)
{
    OWNED_TEXT_BUFFER wanted = { 0 };
    OWNED_TEXT_BUFFER inside = { 0 };
    const struct snap_ad_root *found = NULL;
    if (!root.len || !dir.len)
        return ERR_PATH;
    int err = add_normal(&wanted, root);
    if (!err)
        err = add_normal(&inside, dir);
    if (err)
        return err;
    for (size_t row = 0; row < snapshot_count(s, SNAP_TABLE_ad_root); row++) {
        const struct snap_ad_root *r = snapshot_ad_root(s, row);
        if (is_below(text_slice(&wanted), snapshot_text(s, r->path)) && (!found || r->path.len > found->path.len))
            found = r;
    }
    if (!found)
        return ERR_PATH;
    text_reset(below);
    err = add_components(below, slice_from(text_slice(&wanted), found->path.len));
    size_t length = below->len;
    if (!err)
        err = add_components(below, text_slice(&inside));
    if (!err && below->len == length)
        return ERR_PATH; /* "\" as the directory: everybody's */
    if (!err)
        *linux_root_out = snapshot_text(s, found->linux_path);
    return err;
}

bool ftp_root_is_configured(const struct snapshot *s, struct slice linux_root)
{
    for (size_t row = 0; row < snapshot_count(s, SNAP_TABLE_ad_root); row++)
        if (slice_equal(snapshot_text(s, snapshot_ad_root(s, row)->linux_path), linux_root))
            return true;
    return false;
}
