/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/schema.h"

#include <inttypes.h>

#include "base/text.h"

#define BIT " INTEGER NOT NULL"
#define INT " INTEGER NOT NULL"
#define OF_CERTIFICATE                                                                             \
    "  certificate TEXT NOT NULL REFERENCES certificate (name) ON DELETE CASCADE,\n"
#define COMBO "  usage INTEGER NOT NULL, selector INTEGER NOT NULL, matching INTEGER NOT NULL,\n"

/* Comments inside statements are kept by SQLite: ".schema" shows them to the operator. The
 * statements are several literals because a compiler need not take one of more than 4095 octets. */
static const char schema_1a[] =
    "CREATE TABLE meta (\n"
    "  id TEXT NOT NULL, -- of this database, made once\n"
    "  seq INTEGER NOT NULL -- grows with every save\n"
    ") STRICT;\n"
    "CREATE TABLE certificate (\n"
    "  -- times: wall in ms since 1970; all others (steady) in ms on a clock that only runs\n"
    "  -- forward; masks are sets of rec numbers, bit by bit\n"
    "  name TEXT NOT NULL PRIMARY KEY, -- the title in danemilter.conf\n"
    "  restored INTEGER NOT NULL DEFAULT 0, -- put back from a backup, not saved since\n"
    "  steady" INT ", boot" INT ", wall" INT ", boot_id TEXT NOT NULL,\n"
    "  epoch" INT ", next_serial" INT ",\n"
    "  frozen" INT ", -- set of causes: model.h, enum model_cause\n"
    "  postfix_up" BIT ", adopted" BIT ", roll_now" BIT ",\n"
    "  compromised_at" INT ", last_attest" INT ", retry_switch_at" INT "\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE rec ( -- TLSA records, ours and others'\n" OF_CERTIFICATE "  rec" INT ", used" BIT
    ", ours" BIT ",\n" COMBO "  id TEXT NOT NULL, -- SHA-256 of rdata\n"
    "  rdata BLOB, -- as on the wire: usage, selector, matching type, data\n"
    "  PRIMARY KEY (certificate, rec)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE key ( -- key generations; the keys are files in keys/, named by spki\n" //
    OF_CERTIFICATE "  key" INT ", used" BIT ", alg" INT ",\n"
    "  adopted" BIT ", on_disk" BIT ", compromised" BIT ", refused" BIT ", retired" BIT ",\n"
    "  shredded" BIT ", serial" INT ", made" INT ",\n"
    "  recs" INT ", -- what the owners must show before this key is served\n"
    "  spki TEXT NOT NULL, retry_at" INT ",\n"
    "  PRIMARY KEY (certificate, key)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE chain ( -- certificates with their chains\n" //
    OF_CERTIFICATE "  chain" INT ", used" BIT ", key" INT ",\n"
    "  durable" BIT ", names_ok" BIT ", held" BIT ", rejected" BIT ",\n"
    "  not_before" INT ", not_after" INT ", -- wall\n"
    "  matches" INT ", -- mask of rec\n"
    "  obtained" INT ", installed" INT ", attested" INT ", committed" INT ",\n"
    "  left" INT ", drained" INT ", wrong_at" INT ", switch_boot" INT ",\n"
    "  bundle TEXT, -- PEM, leaf first\n"
    "  PRIMARY KEY (certificate, chain)\n"
    ") STRICT, WITHOUT ROWID;\n";

static const char schema_1b[] =
    "CREATE TABLE alg ( -- key algorithms; chains by number, -1: none\n" //
    OF_CERTIFICATE "  alg" INT ", used" BIT ", wanted" BIT ",\n"
    "  type" INT ", -- 1 P-256, 2 P-384, 3 RSA-2048, 4 RSA-3072, 5 RSA-4096\n"
    "  current" INT ", previous" INT ", pending" INT ", pending_drop" BIT ", roll" BIT
    ", rolling" BIT ",\n"
    "  retry_at" INT ",\n"
    "  PRIMARY KEY (certificate, alg)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE owner ( -- TLSA owner names\n" //
    OF_CERTIFICATE "  owner" INT ", name TEXT NOT NULL, used" BIT ",\n"
    "  denied" BIT ", based" BIT ", crowded" BIT ",\n"
    "  want" INT ", \"drop\"" INT ", ever" INT ", shown" INT ", late" INT ", whole" INT ",\n"
    "  changed_at" INT ", retry_at" INT ",\n"
    "  ttl_max" INT ", ttl_max_at" INT ", ttl_next" INT ", cname_ttl" INT ", -- TTLs in seconds\n"
    "  watch_since" INT ", watch_epoch" INT ", first_want" INT ", empty_before" BIT ",\n"
    "  round_begin" INT ", round_end" INT ", seen_lost" INT ",\n"
    "  PRIMARY KEY (certificate, owner)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE readd ( -- how often a record of ours vanished and was put back\n" //
    OF_CERTIFICATE "  owner" INT ", rec" INT ", times" INT ",\n"
    "  PRIMARY KEY (certificate, owner, rec)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE seen ( -- combinations that caches may hold\n" //
    OF_CERTIFICATE "  owner" INT ", slot" INT ", used" BIT ", ignored" INT ",\n" COMBO
    "  last_seen" INT ",\n"
    "  PRIMARY KEY (certificate, owner, slot)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE address ( -- of the authoritative servers\n" //
    OF_CERTIFICATE "  owner" INT ", address" INT ", server TEXT NOT NULL, used" BIT ", skip" BIT
    ",\n"
    "  ip TEXT NOT NULL, in_set" BIT ", ns_ttl" INT ", asked_until" INT ", first_seen" INT ",\n"
    "  last_try" INT ", last_answer" INT ", answer_epoch" INT ",\n"
    "  last_kind" INT ", -- 0 RRset, 1 none there, 2 contradiction, 3 silent, 4 no route\n"
    "  ttl" INT ", sig_until" INT ", -- wall\n"
    "  said TEXT NOT NULL, -- its last trouble\n"
    "  PRIMARY KEY (certificate, owner, address)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE sight ( -- what an address shows of a record\n" //
    OF_CERTIFICATE "  owner" INT ", address" INT ", rec" INT ",\n"
    "  state" INT ", -- 0 unknown, 1 present, 2 absent\n"
    "  since" INT ",\n"
    "  PRIMARY KEY (certificate, owner, address, rec)\n"
    ") STRICT, WITHOUT ROWID;\n";

static const char schema_1c[] =
    "CREATE TABLE history (\n"
    "  number INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "  wall" INT ", certificate TEXT NOT NULL, what TEXT NOT NULL, text TEXT NOT NULL\n"
    ") STRICT;\n"
    "CREATE INDEX history_of ON history (certificate, number);\n"
    "CREATE VIEW v_history AS\n"
    "  SELECT number, strftime('%Y-%m-%dT%H:%M:%fZ', wall / 1000.0, 'unixepoch') AS at,\n"
    "         certificate, what, text FROM history;\n"
    "CREATE VIEW v_chain AS\n"
    "  SELECT c.certificate, c.chain, c.key, a.type AS alg_type,\n"
    "         CASE c.chain WHEN a.current THEN 'current' WHEN a.previous THEN 'previous'\n"
    "           WHEN a.pending THEN 'pending' ELSE '' END AS role,\n"
    "         datetime(c.not_before / 1000, 'unixepoch') AS not_before,\n"
    "         datetime(c.not_after / 1000, 'unixepoch') AS not_after, k.spki\n"
    "  FROM chain c JOIN key k USING (certificate, key)\n"
    "  JOIN alg a ON a.certificate = c.certificate AND a.alg = k.alg WHERE c.used;\n"
    "CREATE VIEW v_sight AS\n"
    "  SELECT s.certificate, o.name AS owner, d.server, d.ip, r.usage, r.selector, r.matching,\n"
    "         r.id, CASE s.state WHEN 1 THEN 'present' WHEN 2 THEN 'absent' ELSE 'unknown' END\n"
    "           AS state, (d.last_answer - s.since) / 1000 AS good_seconds\n"
    "  FROM sight s JOIN owner o USING (certificate, owner)\n"
    "  JOIN address d ON d.certificate = s.certificate AND d.owner = s.owner\n"
    "    AND d.address = s.address\n"
    "  JOIN rec r ON r.certificate = s.certificate AND r.rec = s.rec;\n"
    "INSERT INTO meta (id, seq) VALUES (lower(hex(randomblob(16))), 0);\n";

static const char *const schema_1[] = {schema_1a, schema_1b, schema_1c, NULL};

static const char schema_2a[] = "CREATE TABLE note (\n"
                                "  name TEXT NOT NULL PRIMARY KEY, -- WHO/...\n"
                                "  text TEXT NOT NULL -- what an adapter wants to find again\n"
                                ") STRICT;\n";

static const char schema_2b[] =
    "ALTER TABLE key ADD COLUMN wait_until" INT " DEFAULT 0;\n"
    "ALTER TABLE key ADD COLUMN ordering" INT " DEFAULT 0; -- wall; 0: no order is under way\n"
    "ALTER TABLE alg ADD COLUMN renew" BIT " DEFAULT 0;\n"
    "ALTER TABLE alg ADD COLUMN \"rollback\"" BIT " DEFAULT 0;\n"
    "ALTER TABLE owner ADD COLUMN cname" INT " DEFAULT 0; -- a digest; 0: not told, 1: none\n"
    "ALTER TABLE owner ADD COLUMN cname_moved" INT " DEFAULT 0;\n";

static const char *const schema_2[] = {schema_2a, schema_2b, NULL};

const char *const *const schema_steps[] = {schema_1, schema_2};
const int schema_version = (int)(sizeof schema_steps / sizeof schema_steps[0]);

static enum outcome schema_read(const struct db *db, int64_t *id, int64_t *version, int64_t *tables,
                                struct err *err)
{
    enum outcome out = db_number(db, "PRAGMA application_id", id, err);
    if (out == OUT_OK)
        out = db_number(db, "PRAGMA user_version", version, err);
    if (out == OUT_OK)
        out = db_number(db, "SELECT count(*) FROM sqlite_schema", tables, err);
    return out;
}

static enum outcome schema_judge(const struct db *db, int version, int64_t *found, struct err *err)
{
    int64_t id = 0;
    int64_t tables = 0;
    enum outcome out = schema_read(db, &id, found, &tables, err);
    if (out != OUT_OK)
        return out;
    bool empty = id == 0 && *found == 0 && tables == 0;
    if (!empty && id != SCHEMA_APPLICATION_ID)
        return err_set(err, OUT_REFUSED,
                       "%s is an SQLite database, but not one of danemilter: move it away, or name "
                       "another state_dir",
                       db->path);
    if (*found > version)
        return err_set(err, OUT_REFUSED,
                       "%s was written by a newer danemilter (schema %" PRId64
                       ", this one knows up "
                       "to %d): install that version again, or restore the backup from before",
                       db->path, *found, version);
    return OUT_OK;
}

enum outcome schema_check(const struct db *db, int version, struct err *err)
{
    int64_t found = 0;
    enum outcome out = schema_judge(db, version, &found, err);
    if (out == OUT_OK && found < version)
        return err_set(err, OUT_REFUSED,
                       "%s has schema %" PRId64 ", this danemilter needs %d: start the daemon of "
                       "this version first, it brings the database up to date",
                       db->path, found, version);
    return out;
}

static enum outcome schema_run(const struct db *db, const char *const *const *steps, int64_t from,
                               int n, struct err *err)
{
    char sql[96];
    enum outcome out = OUT_OK;
    for (int64_t i = from; i < n; i++) {
        for (const char *const *part = steps[i]; *part != NULL && out == OUT_OK; part++)
            out = db_exec(db, *part, err);
    }
    (void)text_format(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                      SCHEMA_APPLICATION_ID, n);
    return out == OUT_OK ? db_exec(db, sql, err) : out;
}

enum outcome schema_update(const struct db *db, const char *const *const *steps, int n,
                           struct err *err)
{
    int64_t found = 0;
    enum outcome out = schema_judge(db, n, &found, err);
    if (out != OUT_OK || found == n)
        return out;
    out = db_exec(db, "BEGIN IMMEDIATE", err);
    if (out != OUT_OK)
        return out;
    out = schema_run(db, steps, found, n, err);
    if (out == OUT_OK)
        out = db_exec(db, "COMMIT", err);
    if (out != OUT_OK) {
        err_prepend(err, "bringing the database from schema %" PRId64 " to %d", found, n);
        if (sqlite3_get_autocommit(db->sql) == 0)
            (void)db_exec(db, "ROLLBACK", NULL); /* the first error is the one to tell */
    }
    return out;
}
