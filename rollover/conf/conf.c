/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/conf.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "conf/check.h"
#include "conf/value.h"

/* A configuration and who holds it. */
struct conf_box {
    struct conf conf; /* first: its address is the box's */
    atomic_uint refs;
};

static struct conf_box *conf_box(const struct conf *conf)
{
    return (struct conf_box *)(uintptr_t)conf; /* constant for all but us */
}

static void conf_destroy(struct conf *conf)
{
    for (size_t i = 0; i < conf->n_acme; i++) {
        value_free_section(TABLE_ACME, &conf->acme[i]);
        free(conf->acme[i].name);
    }
    free(conf->acme);
    for (size_t i = 0; i < conf->n_dns; i++) {
        text_wipe(conf->dns[i].api_key, sizeof conf->dns[i].api_key);
        text_wipe(&conf->dns[i].tsig, sizeof conf->dns[i].tsig);
        value_free_section(TABLE_DNS, &conf->dns[i]);
        free(conf->dns[i].name);
    }
    for (size_t i = 0; i < conf->n_certificates; i++) {
        struct conf_certificate *cert = &conf->certificates[i];
        value_free_section(TABLE_TLSA, &cert->tlsa);
        value_free_section(TABLE_RENEW, &cert->renew);
        value_free_section(TABLE_DEPLOY, &cert->deploy);
        value_free_section(TABLE_CERTIFICATE, cert);
        free(cert->name);
    }
    value_free_section(TABLE_POLICY, &conf->policy);
    value_free_section(TABLE_TOP, conf);
    free(conf->dns);
    free(conf->certificates);
    free(conf->path);
    free(conf_box(conf));
}

const struct conf *conf_ref(const struct conf *conf)
{
    (void)atomic_fetch_add_explicit(&conf_box(conf)->refs, 1, memory_order_relaxed);
    return conf;
}

void conf_unref(const struct conf **conf)
{
    struct conf_box *box = conf_box(*conf);
    *conf = NULL;
    if (box != NULL && atomic_fetch_sub_explicit(&box->refs, 1, memory_order_acq_rel) == 1)
        conf_destroy(&box->conf);
}

/* A section that may be there once, into the struct at its place in the parent's. */
static void conf_read_part(struct check *c, const struct tree *parent, enum table_section kind,
                           void *to, const char *whose)
{
    const struct table_part *part = &table_parts[kind];
    size_t n = tree_count(parent, kind);
    const struct tree *section = n == 0 ? NULL : tree_section(parent, kind, 0);
    if (n > 1)
        check_say(c, tree_line(tree_section(parent, kind, 1)),
                  "a second section %s, the first is on line %d: make them one", part->name,
                  tree_line(section));
    if (n == 0 && part->required)
        check_say(c, tree_line(parent), "%s has no section %s: add it (%s)", whose, part->name,
                  part->brief);
    value_read_section(c, section, kind, (char *)to + part->offset);
}

/* All sections of a titled kind into an array; `*n` counts what must be freed. */
static void *conf_read_array(struct check *c, enum table_section kind, size_t *n)
{
    const struct table_part *part = &table_parts[kind];
    size_t count = tree_count(c->tree, kind);
    *n = 0;
    if (count == 0 && !part->required)
        return NULL;
    if (count == 0) {
        check_say(c, 0, "there is no section %s: add %s \"NAME\" { ... } (%s)", part->name,
                  part->name, part->brief);
        return NULL;
    }
    if (count > CONF_CERTIFICATES_MAX) {
        check_say(c, 0, "%zu sections %s: at most %d are possible", count, part->name,
                  CONF_CERTIFICATES_MAX);
        return NULL;
    }
    char *array = calloc(count, part->size);
    if (array == NULL) {
        c->no_memory = true;
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        value_read_section(c, tree_section(c->tree, kind, i), kind, array + i * part->size);
    *n = count;
    return array;
}

static void conf_read(struct check *c, struct conf *conf)
{
    value_read_section(c, c->tree, TABLE_TOP, conf);
    conf_read_part(c, c->tree, TABLE_POLICY, conf, "the file");
    conf->acme = conf_read_array(c, TABLE_ACME, &conf->n_acme);
    for (size_t i = 0; i < conf->n_acme; i++) {
        conf->acme[i].name = strdup(tree_title(tree_section(c->tree, TABLE_ACME, i)));
        c->no_memory = c->no_memory || conf->acme[i].name == NULL;
    }
    conf->dns = conf_read_array(c, TABLE_DNS, &conf->n_dns);
    for (size_t i = 0; i < conf->n_dns; i++) {
        conf->dns[i].name = strdup(tree_title(tree_section(c->tree, TABLE_DNS, i)));
        c->no_memory = c->no_memory || conf->dns[i].name == NULL;
    }
    conf->certificates = conf_read_array(c, TABLE_CERTIFICATE, &conf->n_certificates);
    for (size_t i = 0; i < conf->n_certificates; i++) {
        struct conf_certificate *cert = &conf->certificates[i];
        const struct tree *section = tree_section(c->tree, TABLE_CERTIFICATE, i);
        char whose[128];
        (void)text_format(whose, sizeof whose, "certificate \"%.80s\"", tree_title(section));
        cert->name = strdup(tree_title(section));
        c->no_memory = c->no_memory || cert->name == NULL;
        conf_read_part(c, section, TABLE_TLSA, cert, whose);
        conf_read_part(c, section, TABLE_RENEW, cert, whose);
        conf_read_part(c, section, TABLE_DEPLOY, cert, whose);
    }
}

static enum outcome conf_build(struct check *c, struct conf_box *box, struct err *err)
{
    struct conf *conf = &box->conf;
    conf->path = strdup(c->source->path);
    c->no_memory = conf->path == NULL;
    conf_read(c, conf);
    if (!c->no_memory)
        check_conf(c, conf);
    enum outcome out = check_end(c, err);
    if (c->no_memory)
        return err_set(err, OUT_BROKEN, "no memory for the configuration %s", c->source->path);
    return out;
}

enum outcome conf_load(const struct conf_source *source, const struct conf **out, struct err *err)
{
    struct file_rule rule = {FILE_ANY_READER, source->user};
    struct check c = {.source = source};
    struct conf_box *box = NULL;
    struct tree *tree = NULL;
    char *text = NULL;
    size_t len = 0;
    *out = NULL;
    enum outcome res = file_read(source->path, rule, CONF_FILE_MAX, &text, &len, err);
    if (res != OUT_OK)
        return res == OUT_NOT_YET ? OUT_BROKEN : res;
    res = tree_parse(source->path, text, len, &tree, err);
    free(text);
    if (res != OUT_OK) {
        if (source->say != NULL)
            source->say(source->self, err->text);
        return res;
    }
    c.tree = tree;
    box = calloc(1, sizeof *box);
    if (box == NULL) {
        res = err_set(err, OUT_BROKEN, "no memory for the configuration %s", source->path);
    } else {
        atomic_init(&box->refs, 1);
        res = conf_build(&c, box, err);
    }
    tree_free(&tree);
    if (res == OUT_OK)
        *out = &box->conf;
    else if (box != NULL)
        conf_destroy(&box->conf);
    return res;
}
