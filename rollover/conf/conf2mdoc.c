/* SPDX-License-Identifier: BSD-2-Clause */
/* conf2mdoc - prints the options of danemilter.conf(5) for the manual page, from the table. With
 * -d: every option with its default, as a commented file. */
#include "conf/conf.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    enum outcome out = OUT_REFUSED;
    if (argc == 1)
        out = conf_mdoc(stdout, &err);
    else if (argc == 2 && strcmp(argv[1], "-d") == 0)
        out = conf_dump_defaults(stdout, &err);
    else
        (void)err_set(&err, OUT_REFUSED, "usage: conf2mdoc [-d]");
    if (out != OUT_OK)
        (void)fprintf(stderr, "conf2mdoc: %s\n", err.text);
    return out == OUT_OK ? 0 : 1;
}
