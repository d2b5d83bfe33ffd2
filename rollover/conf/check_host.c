/* SPDX-License-Identifier: BSD-2-Clause */
/* What the configuration names on this host: files that are to be read, and a group. */
#include "conf/check.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/* A plain file with something in it, which the daemon's user may read: public files, so that they
 * have to be open to all, or belong to who reads them. */
static void check_file(const struct check_at *at, const char *option, const char *path,
                       const char *hint)
{
    struct stat st;
    int line = check_at(at, option, 0);
    if (path[0] == '\0')
        return;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        int why = errno;
        char text[64] = "";
        if (why == ENOENT)
            check_say(at->check, line, "%s: %s does not exist: %s", option, path, hint);
        else if (strerror_r(why, text, sizeof text) == 0)
            check_say(at->check, line,
                      "%s: cannot read %s: %s: let the daemon's user read it, as by "
                      "chmod a+r",
                      option, path, text);
        return;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        check_say(at->check, line, "%s: %s is not a file: %s", option, path, hint);
    else if (st.st_size == 0)
        check_say(at->check, line, "%s: %s is empty: %s", option, path, hint);
    (void)close(fd);
}

/* 0 and no entry: there is none. */
static void check_group(const struct check_at *at, const char *name)
{
    char buf[16384];
    struct group group;
    struct group *found = NULL;
    if (name[0] == '\0')
        return;
    int why = getgrnam_r(name, &group, buf, sizeof buf, &found);
    if (found == NULL && (why == 0 || why == ENOENT || why == ESRCH))
        check_say(at->check, check_at(at, "control_group", 0),
                  "control_group: there is no group \"%s\": make it with addgroup --system %s, or "
                  "name another",
                  name, name);
}

void check_host(struct check *c, const struct conf *conf)
{
    static const char cas[] = "name a file of certificates in PEM, or drop the line for the "
                              "system's";
    struct check_at top = {c, c->tree, 1, TABLE_TOP};
    check_file(&top, "trust_anchor", conf->trust_anchor,
               "install the package dns-root-data, or name the file with the root's DS records");
    check_file(&top, "root_hints", conf->root_hints,
               "name a file of root servers as named.root, or drop the line");
    check_group(&top, conf->control_group);
    for (size_t i = 0; i < conf->n_acme; i++) {
        struct check_at at = {c, tree_section(c->tree, TABLE_ACME, i), conf->acme[i].head.line,
                              TABLE_ACME};
        check_file(&at, "ca_file", conf->acme[i].ca_file, cas);
    }
    for (size_t i = 0; i < conf->n_dns; i++) {
        struct check_at at = {c, tree_section(c->tree, TABLE_DNS, i), conf->dns[i].head.line,
                              TABLE_DNS};
        if (conf->dns[i].provider == CONF_POWERDNS)
            check_file(&at, "ca_file", conf->dns[i].ca_file, cas);
    }
}
