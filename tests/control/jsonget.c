/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jsonget [MEMBER | INDEX]... - reads one JSON value from standard input and prints what is there
 *
 * For tests of what programs print with --json: status 1 when it is no JSON (with the reason), when
 * more follows it, or when there is no such member.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    json_error_t why;
    json_t *root = json_loadf(stdin, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    const json_t *at = root;
    if (root == NULL) {
        (void)fprintf(stderr, "jsonget: line %d: %s\n", why.line, why.text);
        return EXIT_FAILURE;
    }
    for (int i = 1; i < argc && at != NULL; i++)
        at = json_is_array(at) ? json_array_get(at, (size_t)strtoul(argv[i], NULL, 10))
                               : json_object_get(at, argv[i]);
    if (at == NULL)
        (void)fprintf(stderr, "jsonget: it is not there\n");
    else if (json_is_string(at))
        (void)puts(json_string_value(at));
    else if (json_dumpf(at, stdout, JSON_ENCODE_ANY | JSON_COMPACT) != 0 || putchar('\n') == EOF)
        at = NULL;
    json_decref(root);
    return at != NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
