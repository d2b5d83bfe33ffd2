/* SPDX-License-Identifier: BSD-2-Clause */
#define _XOPEN_SOURCE 700
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void scratch_need(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

void scratch_begin(struct scratch *scratch)
{
    memset(scratch, 0, sizeof *scratch);
    (void)snprintf(scratch->dir, sizeof scratch->dir, "/tmp/danemilter-test-XXXXXX");
    scratch_need(mkdtemp(scratch->dir) != NULL, "mkdtemp");
}

static int scratch_remove(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

void scratch_end(struct scratch *scratch)
{
    scratch_need(nftw(scratch->dir, scratch_remove, 16, FTW_DEPTH | FTW_PHYS) == 0, scratch->dir);
}

const char *scratch_path(struct scratch *scratch, const char *name)
{
    int n = snprintf(scratch->path, sizeof scratch->path, "%s/%s", scratch->dir, name);
    scratch_need(n > 0 && (size_t)n < sizeof scratch->path, name);
    return scratch->path;
}

void scratch_write(struct scratch *scratch, const char *name, const char *text, mode_t mode)
{
    const char *path = scratch_path(scratch, name);
    size_t len = strlen(text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    scratch_need(fd >= 0, path);
    scratch_need(write(fd, text, len) == (ssize_t)len, path);
    scratch_need(fchmod(fd, mode) == 0, path);
    scratch_need(close(fd) == 0, path);
}

char *scratch_read(struct scratch *scratch, const char *name)
{
    struct stat info;
    const char *path = scratch_path(scratch, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return NULL;
    scratch_need(fd >= 0 && fstat(fd, &info) == 0, path);
    char *text = calloc(1, (size_t)info.st_size + 1);
    scratch_need(text != NULL && read(fd, text, (size_t)info.st_size) == info.st_size, path);
    scratch_need(close(fd) == 0, path);
    return text;
}

void scratch_mkdir(struct scratch *scratch, const char *name, mode_t mode)
{
    const char *path = scratch_path(scratch, name);
    scratch_need(mkdir(path, 0700) == 0 && chmod(path, mode) == 0, path);
}

bool scratch_exists(struct scratch *scratch, const char *name)
{
    struct stat info;
    return lstat(scratch_path(scratch, name), &info) == 0;
}

size_t scratch_open_files(void)
{
    size_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    scratch_need(dir != NULL, "/proc/self/fd");
    while (readdir(dir) != NULL)
        n++;
    scratch_need(closedir(dir) == 0, "/proc/self/fd");
    return n;
}
