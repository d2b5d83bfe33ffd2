/* SPDX-License-Identifier: BSD-2-Clause */
#define _XOPEN_SOURCE 700
#include "acme_try.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "crypto/cert.h"
#include "store/keydir.h"

#define PATH_SIZE 1400

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    abort();
}

static void path_of(const char *dir, const char *folder, const char *name, char out[PATH_SIZE])
{
    int n = snprintf(out, PATH_SIZE, "%s/%s/%s", dir, folder, name);
    need(n > 0 && n < PATH_SIZE, name);
    for (char *at = out + strlen(dir) + strlen(folder) + 2; *at != '\0'; at++) {
        if (*at == '/')
            *at = '%';
    }
}

static void write_file(const char *path, const char *text)
{
    char new[PATH_SIZE + 8];
    (void)snprintf(new, sizeof new, "%s.new", path);
    FILE *file = fopen(new, "w");
    need(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0 && rename(new, path) == 0,
         path);
}

/* -1: there is none. */
static long read_file(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        need(errno == ENOENT, path);
        return -1;
    }
    size_t len = fread(out, 1, size - 1, file);
    bool whole = feof(file) != 0;
    need(fclose(file) == 0 && whole, path);
    out[len] = '\0';
    return (long)len;
}

/* Each call to a port comes by here. */
static void call(struct acme_try *t, const char *what, const char *name)
{
    char path[PATH_SIZE], text[512];
    if (++t->calls != t->crash_at)
        return;
    (void)snprintf(text, sizeof text, "%s %s", what, name);
    path_of(t->dir, ".", "crashed", path);
    write_file(path, text);
    _exit(ACME_TRY_CRASHED);
}

/* ---- clock ----------------------------------------------------------------------------- */

static enum outcome clock_now(void *self, struct port_time *out, struct err *err)
{
    const struct acme_try *t = self;
    struct timespec wall;
    (void)err;
    need(clock_gettime(CLOCK_REALTIME, &wall) == 0, "clock_gettime");
    memset(out, 0, sizeof *out);
    model_time now = (model_time)wall.tv_sec * 1000 + wall.tv_nsec / 1000000 + t->skipped;
    out->wall = now + t->skew;
    out->boot = now - (model_time)1000000000 * 1000;
    return OUT_OK;
}

static void clock_sleep(void *self, model_time ms)
{
    struct acme_try *t = self;
    call(t, "sleep", "");
    t->skipped += ms;
}

static const struct port_clock_ops clock_ops = {.now = clock_now, .sleep = clock_sleep};

/* ---- keys and notes -------------------------------------------------------------------- */

static enum outcome keys_make(void *self, enum port_alg alg, uint8_t spki[MODEL_ID_LEN],
                              struct err *err)
{
    struct acme_try *t = self;
    call(t, "keys.make", "");
    return keydir_ops.make(t->keys, alg, spki, err);
}

static enum outcome keys_have(void *self, const uint8_t spki[MODEL_ID_LEN], struct err *err)
{
    struct acme_try *t = self;
    return keydir_ops.have(t->keys, spki, err);
}

static enum outcome keys_shred(void *self, const uint8_t spki[MODEL_ID_LEN], struct err *err)
{
    struct acme_try *t = self;
    call(t, "keys.shred", "");
    return keydir_ops.shred(t->keys, spki, err);
}

static const struct port_keys_ops keys_ops = {
    .make = keys_make, .have = keys_have, .shred = keys_shred};

static enum outcome notes_get(void *self, const char *name, char *out, size_t size, struct err *err)
{
    struct acme_try *t = self;
    char path[PATH_SIZE];
    need(strlen(name) < PORT_NOTE_NAME_MAX, name);
    path_of(t->dir, "notes", name, path);
    return read_file(path, out, size) < 0 ? err_set(err, OUT_NOT_YET, "no note %s", name) : OUT_OK;
}

static enum outcome notes_put(void *self, const char *name, const char *text, struct err *err)
{
    struct acme_try *t = self;
    char path[PATH_SIZE];
    (void)err;
    call(t, text == NULL ? "notes.forget" : "notes.put", name);
    need(strlen(name) < PORT_NOTE_NAME_MAX && (text == NULL || strlen(text) < PORT_NOTE_MAX), name);
    path_of(t->dir, "notes", name, path);
    if (text != NULL)
        write_file(path, text);
    else
        need(unlink(path) == 0 || errno == ENOENT, path);
    return OUT_OK;
}

static const struct port_notes_ops notes_ops = {.get = notes_get, .put = notes_put};

/* ---- challenges: a file a record, which says how often it was looked at -------------------- */

static void record_path(const char *dir, const char *owner, const char *value, char out[PATH_SIZE])
{
    char name[512];
    int n = snprintf(name, sizeof name, "%s=%s", owner, value);
    need(n > 0 && (size_t)n < sizeof name, owner);
    path_of(dir, "txt", name, out);
}

static enum outcome challenge_put(void *self, const char *owner, const char *value, struct err *err)
{
    struct acme_try *t = self;
    char path[PATH_SIZE], looks[16];
    (void)err;
    call(t, "challenge.put", owner);
    t->puts++;
    record_path(t->dir, owner, value, path);
    if (read_file(path, looks, sizeof looks) < 0)
        write_file(path, "");
    return OUT_OK;
}

static enum outcome challenge_seen(void *self, const char *owner, const char *value,
                                   struct err *err)
{
    struct acme_try *t = self;
    char path[PATH_SIZE], looks[16];
    call(t, "challenge.seen", owner);
    record_path(t->dir, owner, value, path);
    long len = read_file(path, looks, sizeof looks);
    if (len < 0)
        return err_set(err, OUT_NOT_YET, "ns1.example.test. does not show it");
    write_file(path, len == 0 ? "." : "..");
    return len > 0 ? OUT_OK : err_set(err, OUT_NOT_YET, "ns2.example.test. does not show it");
}

static enum outcome challenge_drop(void *self, const char *owner, const char *value,
                                   struct err *err)
{
    struct acme_try *t = self;
    char path[PATH_SIZE];
    (void)err;
    call(t, "challenge.drop", owner);
    record_path(t->dir, owner, value, path);
    need(unlink(path) == 0 || errno == ENOENT, path);
    return OUT_OK;
}

static const struct port_challenge_ops challenge_port = {
    .put = challenge_put, .seen = challenge_seen, .drop = challenge_drop};

bool acme_try_check(void *arg, const char *name, const char *value)
{
    char owner[300], path[PATH_SIZE], looks[16];
    (void)snprintf(owner, sizeof owner, "_acme-challenge.%s.", name);
    record_path(arg, owner, value, path);
    return read_file(path, looks, sizeof looks) == 2;
}

size_t acme_try_records(const struct acme_try *t)
{
    char path[PATH_SIZE];
    size_t n = 0;
    path_of(t->dir, "txt", "", path);
    DIR *dir = opendir(path);
    need(dir != NULL, path);
    for (const struct dirent *each = readdir(dir); each != NULL; each = readdir(dir))
        n += each->d_name[0] != '.';
    need(closedir(dir) == 0, path);
    return n;
}

/* ---- log ------------------------------------------------------------------------------- */

static void log_line(void *self, enum port_level level, const char *text)
{
    struct acme_try *t = self;
    size_t len = strlen(t->log);
    (void)snprintf(t->log + len, sizeof t->log - len, "%d %s\n", (int)level, text);
}

static const struct port_log_ops log_ops = {.line = log_line};

/* ---- the client ------------------------------------------------------------------------ */

static void open_acme(struct acme_try *t)
{
    static const char *const contact[] = {"postmaster@example.test"};
    static char root[PATH_SIZE];
    path_of(t->dir, ".", "root.pem", root);
    t->config = (struct acme_config){.title = "ca",
                                     .directory = t->directory,
                                     .ca_file = root,
                                     .contact = contact,
                                     .n_contact = 1,
                                     .agree = true,
                                     .challenge_wait = 5 * ACME_TRY_MINUTE,
                                     .order_wait = 10 * ACME_TRY_MINUTE,
                                     .poll = 1000,
                                     .orders_per_hour = 10,
                                     .certificates_per_week = 10};
    const struct acme_ports ports = {.clock = &clock_ops,
                                     .clock_self = t,
                                     .keys = &keys_ops,
                                     .keys_self = t,
                                     .loader = keydir_loader(t->keys),
                                     .certs = &cert_ops,
                                     .notes = &notes_ops,
                                     .notes_self = t,
                                     .challenge = &challenge_port,
                                     .challenge_self = t,
                                     .log = &log_ops,
                                     .log_self = t};
    if (acme_open(&t->config, &ports, &t->acme, &t->err) != OUT_OK)
        fail_msg("acme_open: %s", t->err.text);
}

void acme_try_again(struct acme_try *t)
{
    acme_close(&t->acme);
    open_acme(t);
}

void acme_try_directory(struct acme_try *t, const char *directory, const char *root_pem)
{
    char path[PATH_SIZE];
    (void)snprintf(t->directory, sizeof t->directory, "%s", directory);
    path_of(t->dir, ".", "root.pem", path);
    write_file(path, root_pem);
    acme_try_again(t);
}

void acme_try_new_key(struct acme_try *t)
{
    if (keydir_ops.make(t->keys, PORT_ALG_P256, t->spki, &t->err) != OUT_OK)
        fail_msg("a key: %s", t->err.text);
}

static void open_folder(struct acme_try *t)
{
    char path[PATH_SIZE];
    t->names[0] = "mx.example.test";
    t->names[1] = "mail.example.test";
    t->n_names = 2;
    path_of(t->dir, ".", "keys", path);
    if (keydir_open(path, getuid(), &t->keys, &t->err) != OUT_OK)
        fail_msg("keydir: %s", t->err.text);
}

void acme_try_begin(struct acme_try *t, const char *directory, const char *root_pem)
{
    char path[PATH_SIZE];
    memset(t, 0, sizeof *t);
    (void)snprintf(t->dir, sizeof t->dir, "/tmp/danemilter-acme-XXXXXX");
    need(mkdtemp(t->dir) != NULL, t->dir);
    static const char *const folders[] = {"notes", "txt"};
    for (size_t i = 0; i < 2; i++) {
        path_of(t->dir, ".", folders[i], path);
        need(mkdir(path, 0700) == 0, path);
    }
    open_folder(t);
    acme_try_new_key(t);
    acme_try_directory(t, directory, root_pem);
}

static int remove_each(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

void acme_try_end(struct acme_try *t)
{
    acme_close(&t->acme);
    keydir_close(&t->keys);
    need(nftw(t->dir, remove_each, 16, FTW_DEPTH | FTW_PHYS) == 0, t->dir);
}

enum outcome acme_try_issue(struct acme_try *t)
{
    struct port_order order = {
        .certificate = "mx.example.test", .names = t->names, .n_names = t->n_names};
    memcpy(order.spki, t->spki, sizeof order.spki);
    memset(t->pem, 0, sizeof t->pem);
    t->issued = (struct port_issued){.pem = t->pem, .size = sizeof t->pem};
    err_clear(&t->err);
    return acme_ops.issue(t->acme, &order, &t->issued, &t->err);
}

bool acme_try_good(struct acme_try *t)
{
    struct port_cert cert;
    return cert_ops.inspect(NULL, t->pem, t->spki, t->names, t->n_names, &cert, &t->err) ==
               OUT_OK &&
           cert.names_ok;
}

/* ---- children -------------------------------------------------------------------------- */

int acme_try_child(struct acme_try *t, unsigned crash_at, char *what, size_t size)
{
    char path[PATH_SIZE], spki[2 * MODEL_ID_LEN + 1], number[16];
    int status = 0;
    path_of(t->dir, ".", "crashed", path);
    need(unlink(path) == 0 || errno == ENOENT, path);
    need(text_hex(spki, sizeof spki, t->spki, MODEL_ID_LEN), "a key's name");
    (void)snprintf(number, sizeof number, "%u", crash_at);
    pid_t pid = fork();
    need(pid >= 0, "fork");
    if (pid == 0) {
        (void)execl("/proc/self/exe", "test", "--issue", t->dir, t->directory, spki, number,
                    (char *)NULL);
        _exit(126);
    }
    need(waitpid(pid, &status, 0) == pid, "waitpid");
    need(WIFEXITED(status), "the child's end");
    if (read_file(path, what, size) < 0)
        what[0] = '\0';
    return WEXITSTATUS(status);
}

bool acme_try_is_child(int argc, char **argv, int *status)
{
    static struct acme_try t;
    if (argc != 6 || strcmp(argv[1], "--issue") != 0)
        return false;
    (void)snprintf(t.dir, sizeof t.dir, "%s", argv[2]);
    (void)snprintf(t.directory, sizeof t.directory, "%s", argv[3]);
    need(text_unhex(argv[4], t.spki, MODEL_ID_LEN), argv[4]);
    t.crash_at = (unsigned)strtoul(argv[5], NULL, 10);
    open_folder(&t);
    open_acme(&t);
    *status = (int)acme_try_issue(&t);
    if (*status != OUT_OK)
        (void)fprintf(stderr, "child: %s\n%s", t.err.text, t.log);
    acme_close(&t.acme);
    keydir_close(&t.keys);
    return true;
}
