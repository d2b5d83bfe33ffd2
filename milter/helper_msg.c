/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/helper_msg.h"

#include "crypto/key.h"

#include <stdlib.h>
#include <string.h>

void helper_msg_put_parts(struct msg *w, const struct port_part *parts, size_t n)
{
    msg_put_u32(w, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        msg_put_u32(w, (uint32_t)parts[i].alg);
        msg_put_bytes(w, parts[i].spki, sizeof parts[i].spki);
        msg_put_text(w, parts[i].key_pem);
        msg_put_text(w, parts[i].chain_pem);
    }
}

enum outcome helper_msg_take_parts(struct msg *w, struct port_part parts[PORT_PARTS_MAX], size_t *n,
                                   struct err *err)
{
    uint32_t count = msg_take_u32(w);
    *n = 0;
    if (count > PORT_PARTS_MAX)
        return err_set(err, OUT_BROKEN, "more than %d parts of a chain file", PORT_PARTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct port_part *p = &parts[(*n)++];
        p->alg = (enum port_alg)msg_take_u32(w);
        msg_take_bytes(w, p->spki, sizeof p->spki);
        p->key_pem = msg_take_text_dup(w, KEY_PEM_MAX);
        p->chain_pem = msg_take_text_dup(w, PORT_PEM_MAX);
    }
    if (!w->bad)
        return OUT_OK;
    helper_msg_free_parts(parts, *n);
    *n = 0;
    return err_set(err, OUT_BROKEN,
                   "a chain file that does not fit between the two halves of "
                   "danemilter");
}

void helper_msg_free_parts(struct port_part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (parts[i].key_pem != NULL)
            key_wipe(parts[i].key_pem, strlen(parts[i].key_pem));
        free(parts[i].key_pem);
        free(parts[i].chain_pem);
        parts[i].key_pem = NULL;
        parts[i].chain_pem = NULL;
    }
}
