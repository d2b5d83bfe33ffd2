/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/marker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define MARKER_LINE (MARKER_ID_LEN + 1 + 19 + 1) /* id, space, 19 digits, newline */

/* Judged by base/file first; then opened for writing in the same folder, which is ours. */
static enum outcome marker_take(const char *run_dir, const char *name, struct marker *m,
                                struct err *err)
{
    struct file_folder folder;
    struct file_rule rule = {FILE_ANY_READER, FILE_NO_OWNER};
    int seen = -1;
    enum outcome out = file_folder_open(run_dir, rule, &folder, err);
    if (out != OUT_OK)
        return out == OUT_NOT_YET ? OUT_BROKEN : out;
    rule.mode = FILE_PRIVATE;
    out = file_open_at(&folder, name, rule, &seen, err);
    if (out == OUT_OK)
        (void)close(seen); /* only looked at */
    if (out == OUT_OK || out == OUT_NOT_YET) {
        (void)text_format(m->path, sizeof m->path, "%s/%s", folder.path, name);
        m->fd = openat(folder.fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        out = m->fd >= 0 ? OUT_OK : err_errno(err, "cannot open %s", m->path);
    }
    file_folder_close(&folder);
    return out;
}

static bool marker_is_ahead(const char *line, size_t len, const char *id, int64_t seq)
{
    char number[20];
    int64_t found = 0;
    if (len == 0)
        return false; /* just made */
    if (len != MARKER_LINE || memcmp(line, id, MARKER_ID_LEN) != 0)
        return true;
    memcpy(number, line + MARKER_ID_LEN + 1, sizeof number - 1);
    number[sizeof number - 1] = '\0';
    return text_number(number, 0, INT64_MAX, &found, NULL) != OUT_OK || found > seq;
}

enum outcome marker_open(const char *run_dir, const char *name, const char *id, int64_t seq,
                         struct marker *m, bool *ahead, struct err *err)
{
    char line[MARKER_LINE + 1];
    m->fd = -1;
    enum outcome out = marker_take(run_dir, name, m, err);
    if (out != OUT_OK)
        return out;
    ssize_t n = pread(m->fd, line, sizeof line, 0);
    if (n < 0) {
        out = err_errno(err, "cannot read %s", m->path);
        marker_close(m);
        return out;
    }
    *ahead = marker_is_ahead(line, (size_t)n, id, seq);
    return OUT_OK;
}

enum outcome marker_write(const struct marker *m, const char *id, int64_t seq, struct err *err)
{
    char line[MARKER_LINE + 1];
    if (!text_format(line, sizeof line, "%.*s %019" PRId64 "\n", MARKER_ID_LEN, id, seq))
        return err_set(err, OUT_BROKEN, "%s: seq %" PRId64 " does not fit", m->path, seq);
    ssize_t n = pwrite(m->fd, line, MARKER_LINE, 0);
    if (n == MARKER_LINE && ftruncate(m->fd, MARKER_LINE) == 0)
        return OUT_OK;
    if (n >= 0 && n != MARKER_LINE)
        errno = ENOSPC;
    return err_errno(err, "cannot write %s", m->path);
}

void marker_close(struct marker *m)
{
    if (m->fd >= 0)
        (void)close(m->fd); /* nothing is buffered */
    m->fd = -1;
}
