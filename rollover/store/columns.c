/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/columns.h"

/* The kind follows from the member's type; a type that is not listed does not compile. */
#define KIND(type, member)                                                                         \
    _Generic(((const type *)0)->member, bool                                                       \
             : COLUMN_BOOL, uint8_t                                                                \
             : COLUMN_U8, int8_t                                                                   \
             : COLUMN_I8, uint32_t                                                                 \
             : COLUMN_U32, int64_t                                                                 \
             : COLUMN_I64, uint64_t                                                                \
             : COLUMN_U64)
#define SIZE(type, member) sizeof(((const type *)0)->member)
#define AT(path) offsetof(struct port_state, path)
#define NOTHING(member)

/* For each struct: its type, the path of its first element, and the steps between elements. */
#define ROW(type, path, s0, s1, s2, member, kind, lo, hi)                                          \
    {#member, kind, SIZE(type, member), AT(path) + offsetof(type, member), {s0, s1, s2}, lo, hi},
#define PART(type, path, s0, s1, s2, member, part)                                                 \
    {#part,                                                                                        \
     COLUMN_U8,                                                                                    \
     1,                                                                                            \
     AT(path) + offsetof(type, member) + offsetof(struct model_combo, part),                       \
     {s0, s1, s2},                                                                                 \
     LO,                                                                                           \
     HI},
#define COMBO(type, path, s0, s1, s2, member)                                                      \
    PART(type, path, s0, s1, s2, member, usage)                                                    \
    PART(type, path, s0, s1, s2, member, selector)                                                 \
    PART(type, path, s0, s1, s2, member, matching)

#define OWNER_STEP sizeof(struct model_owner)
#define ADDR_STEP sizeof(struct model_addr)

/* NUM, HEX, ADR and CMB of each struct; the preprocessor cannot make these by itself. */
#define F_NUM(m, lo, hi)                                                                           \
    ROW(struct model_facts, facts, 0, 0, 0, m, KIND(struct model_facts, m), lo, hi)

#define REC_STEP sizeof(struct model_rec)
#define R_NUM(m, lo, hi)                                                                           \
    ROW(struct model_rec, facts.recs[0], REC_STEP, 0, 0, m, KIND(struct model_rec, m), lo, hi)
#define R_HEX(m) ROW(struct model_rec, facts.recs[0], REC_STEP, 0, 0, m, COLUMN_HEX, 0, 0)
#define R_CMB(m) COMBO(struct model_rec, facts.recs[0], REC_STEP, 0, 0, m)

#define KEY_STEP sizeof(struct model_key)
#define K_NUM(m, lo, hi)                                                                           \
    ROW(struct model_key, facts.keys[0], KEY_STEP, 0, 0, m, KIND(struct model_key, m), lo, hi)
#define K_HEX(m) ROW(struct model_key, facts.keys[0], KEY_STEP, 0, 0, m, COLUMN_HEX, 0, 0)

#define CHAIN_STEP sizeof(struct model_chain)
#define C_NUM(m, lo, hi)                                                                           \
    ROW(struct model_chain, facts.chains[0], CHAIN_STEP, 0, 0, m, KIND(struct model_chain, m), lo, \
        hi)

#define ALG_STEP sizeof(struct model_alg)
#define A_NUM(m, lo, hi)                                                                           \
    ROW(struct model_alg, facts.algs[0], ALG_STEP, 0, 0, m, KIND(struct model_alg, m), lo, hi)

#define O_NUM(m, lo, hi)                                                                           \
    ROW(struct model_owner, facts.owners[0], OWNER_STEP, 0, 0, m, KIND(struct model_owner, m), lo, \
        hi)

#define SEEN_STEP sizeof(struct model_seen)
#define S_NUM(m, lo, hi)                                                                           \
    ROW(struct model_seen, facts.owners[0].seen[0], OWNER_STEP, SEEN_STEP, 0, m,                   \
        KIND(struct model_seen, m), lo, hi)
#define S_CMB(m) COMBO(struct model_seen, facts.owners[0].seen[0], OWNER_STEP, SEEN_STEP, 0, m)

#define D_NUM(m, lo, hi)                                                                           \
    ROW(struct model_addr, facts.owners[0].addrs[0], OWNER_STEP, ADDR_STEP, 0, m,                  \
        KIND(struct model_addr, m), lo, hi)
#define D_ADR(m)                                                                                   \
    ROW(struct model_addr, facts.owners[0].addrs[0], OWNER_STEP, ADDR_STEP, 0, m, COLUMN_IP, 0, 0)

#define SIGHT_STEP sizeof(struct model_sight)
#define G_NUM(m, lo, hi)                                                                           \
    ROW(struct model_sight, facts.owners[0].addrs[0].sights[0], OWNER_STEP, ADDR_STEP, SIGHT_STEP, \
        m, KIND(struct model_sight, m), lo, hi)

static const struct column certificate_columns[] = {
    {"steady", COLUMN_I64, 8, AT(steady), {0, 0, 0}, LO, HI},
    {"boot", COLUMN_I64, 8, AT(boot), {0, 0, 0}, LO, HI},
    {"wall", COLUMN_I64, 8, AT(wall), {0, 0, 0}, LO, HI},
    {"boot_id", COLUMN_HEX, 16, AT(boot_id), {0, 0, 0}, 0, 0},
    COLUMNS_FACTS(F_NUM, NOTHING, NOTHING, NOTHING, NOTHING)};

static const struct column rec_columns[] = {
    COLUMNS_REC(R_NUM, R_HEX, NOTHING, R_CMB, NOTHING) //
    {"rdata", COLUMN_RDATA, 0, AT(recs[0]), {sizeof(struct port_tlsa *), 0, 0}, 0, 0}};

static const struct column key_columns[] = {COLUMNS_KEY(K_NUM, K_HEX, NOTHING, NOTHING, NOTHING)};

static const struct column chain_columns[] = {
    COLUMNS_CHAIN(C_NUM, NOTHING, NOTHING, NOTHING, NOTHING) //
    {"switch_boot", COLUMN_I64, 8, AT(switch_boot[0]), {sizeof(model_time), 0, 0}, LO, HI},
    {"bundle", COLUMN_PEM, 0, AT(bundles[0]), {sizeof(char *), 0, 0}, 0, 0}};

static const struct column alg_columns[] = {COLUMNS_ALG(A_NUM, NOTHING, NOTHING, NOTHING, NOTHING)};

static const struct column owner_columns[] = {
    {"name", COLUMN_TEXT, PORT_NAME_MAX, AT(owners[0]), {PORT_NAME_MAX, 0, 0}, 0, 0},
    COLUMNS_OWNER(O_NUM, NOTHING, NOTHING, NOTHING, NOTHING)};

static const struct column readd_columns[] = {
    {"times", COLUMN_U8, 1, AT(facts.owners[0].readds[0]), {OWNER_STEP, 1, 0}, LO, HI}};

static const struct column seen_columns[] = {COLUMNS_SEEN(S_NUM, NOTHING, NOTHING, S_CMB, NOTHING)};

static const struct column address_columns[] = {
    {"server",
     COLUMN_TEXT,
     PORT_NAME_MAX,
     AT(servers[0][0]),
     {MODEL_MAX_ADDRS * PORT_NAME_MAX, PORT_NAME_MAX, 0},
     0,
     0},
    COLUMNS_ADDR(D_NUM, NOTHING, D_ADR, NOTHING, NOTHING) //
    {"said",
     COLUMN_TEXT,
     PORT_WHY_MAX,
     AT(said[0][0]),
     {MODEL_MAX_ADDRS * PORT_WHY_MAX, PORT_WHY_MAX, 0},
     0,
     0}};

static const struct column sight_columns[] = {
    COLUMNS_SIGHT(G_NUM, NOTHING, NOTHING, NOTHING, NOTHING)};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TABLE(name, levels, index0, index1, index2, n0, n1, n2)                                    \
    {                                                                                              \
#name, levels,                                                                             \
            {index0, index1, index2 }, {n0, n1, n2 }, name##_columns, COUNT(name##_columns)        \
    }

const struct columns_table columns_tables[] = {
    TABLE(certificate, 0, NULL, NULL, NULL, 1, 1, 1),
    TABLE(rec, 1, "rec", NULL, NULL, MODEL_MAX_RECS, 1, 1),
    TABLE(key, 1, "key", NULL, NULL, MODEL_MAX_KEYS, 1, 1),
    TABLE(chain, 1, "chain", NULL, NULL, MODEL_MAX_CHAINS, 1, 1),
    TABLE(alg, 1, "alg", NULL, NULL, MODEL_MAX_ALGS, 1, 1),
    TABLE(owner, 1, "owner", NULL, NULL, MODEL_MAX_OWNERS, 1, 1),
    TABLE(readd, 2, "owner", "rec", NULL, MODEL_MAX_OWNERS, MODEL_MAX_RECS, 1),
    TABLE(seen, 2, "owner", "slot", NULL, MODEL_MAX_OWNERS, MODEL_MAX_COMBOS, 1),
    TABLE(address, 2, "owner", "address", NULL, MODEL_MAX_OWNERS, MODEL_MAX_ADDRS, 1),
    TABLE(sight, 3, "owner", "address", "rec", MODEL_MAX_OWNERS, MODEL_MAX_ADDRS, MODEL_MAX_RECS),
};

const size_t columns_n_tables = COUNT(columns_tables);
