/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/conf_try.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"

static char top[256];    /* the folder of this run's files */
static char said[32768]; /* all problems, one a line, the folder's name replaced by % */
static struct text all;
static bool with_host;

const char *conf_try_said(void)
{
    return said;
}

const char *conf_try_path(const char *name)
{
    static char path[512];
    assert_true(text_format(path, sizeof path, "%s/%s", top, name));
    return path;
}

void conf_try_lay(const char *name, const char *content, mode_t mode)
{
    int fd = open(conf_try_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

/* Text with the folder's name as %, and the other way round. */
static void shorten(const char *in, struct text *out)
{
    for (const char *p = in; *p != '\0';) {
        bool here = strncmp(p, top, strlen(top)) == 0;
        text_add(out, "%c", here ? '%' : *p);
        p += here ? strlen(top) : 1;
    }
}

static void lengthen(const char *in, struct text *out)
{
    for (const char *p = in; *p != '\0'; p++) {
        if (*p == '%')
            text_add(out, "%s", top);
        else
            text_add(out, "%c", *p);
    }
    assert_false(out->cut);
}

static void say(void *self, const char *problem)
{
    assert_ptr_equal(self, &all);
    shorten(problem, &all);
    text_add(&all, "\n");
}

static void note(void *self, const char *text)
{
    assert_ptr_equal(self, &all);
    text_add(&all, "note: ");
    say(self, text);
}

void conf_try_with_host(bool with)
{
    with_host = with;
}

enum outcome conf_try_take(const char *content, const struct conf **conf, struct err *err)
{
    static char full[32768];
    char path[512];
    struct text text;
    text_init(&text, full, sizeof full);
    lengthen(content, &text);
    conf_try_lay("c", full, 0644);
    text_init(&all, said, sizeof said);
    assert_true(text_format(path, sizeof path, "%s", conf_try_path("c")));
    struct conf_source source = {.path = path,
                                 .user = FILE_NO_OWNER,
                                 .without_host = !with_host,
                                 .say = say,
                                 .note = note,
                                 .self = &all};
    enum outcome out = conf_load(&source, conf, err);
    assert_true((out == OUT_OK) == (*conf != NULL));
    return out;
}

enum outcome conf_try_load(const char *content, struct err *err)
{
    const struct conf *conf = NULL;
    enum outcome out = conf_try_take(content, &conf, err);
    conf_unref(&conf);
    return out;
}

void conf_try_rows(const struct conf_try_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err err = ERR_INIT;
        enum outcome out = conf_try_load(rows[i].in, &err);
        assert_string_equal(conf_try_said(), rows[i].said);
        assert_int_equal(out, rows[i].said[0] == '\0' || strncmp(rows[i].said, "note: ", 6) == 0
                                  ? OUT_OK
                                  : OUT_REFUSED);
    }
}

int conf_try_begin(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    if (!text_format(top, sizeof top, "%s/test_conf.XXXXXX", tmp == NULL ? "/tmp" : tmp))
        return -1;
    if (mkdtemp(top) == NULL)
        return -1;
    conf_try_lay("good", "key \"k\" { algorithm hmac-sha256; secret \"MDEyMzQ1Njc4OTAx\"; };\n",
                 0600);
    return 0;
}

int conf_try_end(void **state)
{
    (void)state;
    static const char *const names[] = {"c",      "w",   "k",     "good", "open",  "link",
                                        "secret", "two", "short", "api",  "empty", "control"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlink(conf_try_path(names[i]));
    return rmdir(top);
}
