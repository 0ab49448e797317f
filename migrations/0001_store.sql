-- The store: one revision, the live heads, the append-only versions.
--
-- The tables of the hot path have no CHECK constraints: Postgres parses those anew with every statement. Every write happens in howdah.commit_batch, which holds the one row of howdah.meta until its transaction ends: so
-- revisions are dense and in commit order by construction. READ COMMITTED is required: each statement behind the lock
-- takes a snapshot of its own, which sees every batch before it.

CREATE TABLE howdah.meta (
    one    boolean PRIMARY KEY DEFAULT true,
    rv     bigint  NOT NULL,
    -- Payload bytes ever appended. The difference of two ticks is the size of the history between them.
    bytes  bigint  NOT NULL DEFAULT 0,
    -- Which Postgres wrote last (system identifier, timeline, database). Another one means a failover or a restore.
    origin text
);
INSERT INTO howdah.meta (rv) VALUES (0);

-- Where each live object stands. The fill factor leaves room for all updates to stay on their page (HOT).
CREATE TABLE howdah.heads (
    key       text   COLLATE "C" PRIMARY KEY,
    rv        bigint NOT NULL,
    create_rv bigint NOT NULL
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.1);

-- The history. op: 1 created, 2 updated, 3 deleted (payload = the last state), 4 skip (the revision jumped from
-- prev_rv to rv after a failover or a restore; no object). payload: canonical JSON without resourceVersion, which
-- belongs at byte "splice".
CREATE TABLE howdah.versions (
    rv      bigint      NOT NULL PRIMARY KEY,
    prev_rv bigint      NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    batch   uuid        NOT NULL,
    splice  integer     NOT NULL,
    op      smallint    NOT NULL,
    key     text        COLLATE "C" NOT NULL,
    payload bytea       NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.5);
CREATE INDEX versions_key ON howdah.versions (key, rv);
CREATE INDEX versions_deleted ON howdah.versions (rv) WHERE op = 3;

-- Payloads are read far more often than written, and lz4 is the codec that reads fast. A server built without it
-- keeps its default.
DO $$
BEGIN
    ALTER TABLE howdah.versions ALTER COLUMN payload SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN
    RAISE NOTICE 'this server has no lz4; payloads use its default compression';
END $$;

-- The servers that write. Raising a server's epoch fences whatever its older connections may still execute. Commits are
-- announced only where there is another server, so one that is gone has its row removed: by itself when it closes, by
-- the others when it was not seen for ten minutes.
-- Epochs come from a sequence, so that a replica which was taken out and comes back never bears an old one.
CREATE SEQUENCE howdah.epochs;
CREATE TABLE howdah.replicas (
    id    uuid        PRIMARY KEY,
    epoch bigint      NOT NULL DEFAULT nextval('howdah.epochs'),
    seen  timestamptz NOT NULL DEFAULT now()
);

-- Turns a time into a revision.
CREATE TABLE howdah.ticks (
    rv    bigint      PRIMARY KEY,
    at    timestamptz NOT NULL,
    bytes bigint      NOT NULL
);

-- How far the past is gone. "floor" is what clients are told: nothing at or above it is missing. Between floor_done
-- and floor, and between history_done and history, deletion is still under way.
CREATE TABLE howdah.compaction (
    one          boolean PRIMARY KEY DEFAULT true CHECK (one),
    floor        bigint  NOT NULL DEFAULT 0,
    floor_done   bigint  NOT NULL DEFAULT 0,
    history      bigint  NOT NULL DEFAULT 0,
    history_done bigint  NOT NULL DEFAULT 0,
    CHECK (floor_done <= floor AND history_done <= history AND history <= floor)
);
INSERT INTO howdah.compaction DEFAULT VALUES;

-- Which Postgres this is; null where the role may not ask.
CREATE FUNCTION howdah.origin() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT system_identifier FROM pg_control_system())
        || '/' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)
        || '/' || (SELECT oid FROM pg_database WHERE datname = current_database());
EXCEPTION WHEN insufficient_privilege OR undefined_function OR feature_not_supported THEN
    RETURN NULL;
END $$;

-- Decides and applies one batch, all of it in one transaction. Arrays run in parallel, one element a write; in_grp
-- numbers the transactions, whose writes stand side by side. op 0 only checks. No key stands twice among the writes.
-- Answers in the same order: where each key stood, its new revision (null where it was not applied or only checks), and
-- for deletes the last state (both arrays null where nothing is deleted).
-- Errors: HW001 the epoch is fenced; HW002 the revision lies behind what the caller knows.
--
-- Several small statements, each over the arrays: one large statement costs twice as much to set up and run.
CREATE FUNCTION howdah.commit_batch(
    in_replica uuid, in_epoch bigint, in_known bigint, in_batch uuid,
    in_grp integer[], in_op smallint[], in_key text[], in_expected bigint[], in_splice integer[], in_payload bytea[],
    OUT heads bigint[], OUT revisions bigint[], OUT last_splices integer[], OUT last_payloads bytea[]
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    base      bigint;
    is_member boolean;
    has_peers boolean;
    lost      integer[];
    deletes   boolean := 3 = ANY (in_op);
    writes    bigint;
    size      bigint;
BEGIN
    SELECT m.rv INTO STRICT base FROM howdah.meta m FOR UPDATE;
    SELECT bool_or(r.id = in_replica AND r.epoch = in_epoch), bool_or(r.id <> in_replica)
    INTO is_member, has_peers FROM howdah.replicas r;
    IF is_member IS NOT TRUE THEN
        RAISE EXCEPTION 'epoch % of replica % is fenced', in_epoch, in_replica USING ERRCODE = 'HW001';
    END IF;
    IF base < in_known THEN
        RAISE EXCEPTION 'the revision is %, behind the known %', base, in_known USING ERRCODE = 'HW002';
    END IF;
    heads := ARRAY(SELECT coalesce((SELECT h.rv FROM howdah.heads h WHERE h.key = k.key), 0)
                   FROM unnest(in_key) AS k(key));
    IF heads = in_expected AND 0 <> ALL (in_op) THEN
        revisions := ARRAY(SELECT generate_series(base + 1, base + cardinality(in_key)));
    ELSE
        lost := ARRAY(SELECT i.grp FROM unnest(in_grp, heads, in_expected) AS i(grp, head, expected)
                      WHERE i.head <> i.expected);
        revisions := ARRAY(
            SELECT CASE WHEN i.ok THEN base + count(*) FILTER (WHERE i.ok) OVER (ORDER BY i.ord) END
            FROM (SELECT u.ord, u.op <> 0 AND u.grp <> ALL (lost) AS ok
                  FROM unnest(in_grp, in_op) WITH ORDINALITY AS u(grp, op, ord)) i
            ORDER BY i.ord);
    END IF;
    IF deletes THEN
        last_payloads := ARRAY(SELECT (SELECT v.payload FROM howdah.versions v WHERE v.rv = i.head AND i.op = 3)
                               FROM unnest(in_op, heads) AS i(op, head));
        last_splices := ARRAY(SELECT (SELECT v.splice FROM howdah.versions v WHERE v.rv = i.head AND i.op = 3)
                              FROM unnest(in_op, heads) AS i(op, head));
    END IF;
    WITH appended AS (
        INSERT INTO howdah.versions AS v (rv, prev_rv, op, key, batch, splice, payload)
        SELECT i.rv, i.head, i.op, i.key, in_batch, coalesce(i.splice, i.last_splice), coalesce(i.payload, i.last_payload)
        FROM unnest(revisions, heads, in_op, in_key, in_splice, in_payload, last_splices, last_payloads)
             AS i(rv, head, op, key, splice, payload, last_splice, last_payload)
        WHERE i.rv IS NOT NULL
        RETURNING octet_length(v.payload) AS size
    )
    SELECT count(*), sum(a.size) INTO writes, size FROM appended a;
    IF writes = 0 THEN
        RETURN;
    END IF;
    IF 2 = ANY (in_op) THEN
        UPDATE howdah.heads h SET rv = i.rv FROM unnest(revisions, in_op, in_key) AS i(rv, op, key)
        WHERE i.op = 2 AND i.rv IS NOT NULL AND h.key = i.key;
    END IF;
    IF 1 = ANY (in_op) THEN
        INSERT INTO howdah.heads (key, rv, create_rv)
        SELECT i.key, i.rv, i.rv FROM unnest(revisions, in_op, in_key) AS i(rv, op, key)
        WHERE i.op = 1 AND i.rv IS NOT NULL;
    END IF;
    IF deletes THEN
        DELETE FROM howdah.heads h USING unnest(revisions, in_op, in_key) AS i(rv, op, key)
        WHERE i.op = 3 AND i.rv IS NOT NULL AND h.key = i.key;
    END IF;
    UPDATE howdah.meta m SET rv = base + writes, bytes = m.bytes + size;
    IF has_peers THEN
        PERFORM pg_notify('howdah_revision', base + writes || ' ' || in_replica);
    END IF;
END $$;

-- Enters a replica, or raises its epoch, and checks that the history it knows still stands. Where it does not, or
-- where another Postgres wrote last (a failover, a restore), the revision jumps by in_ahead past everything known, and
-- a skip row records the jump.
-- Answers the epoch, the newest revision and its batch (null at revision 0), and whether what the caller knows is void.
CREATE FUNCTION howdah.attach(in_replica uuid, in_known bigint, in_known_batch uuid, in_ahead bigint)
RETURNS TABLE (epoch bigint, rv bigint, batch uuid, void boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    now_rv     bigint;
    was_origin text;
    is_origin  text := howdah.origin();
    is_void    boolean := false;
    covered    boolean := false;
    floor_rv   bigint;
    next_rv    bigint;
BEGIN
    SELECT m.rv, m.origin INTO STRICT now_rv, was_origin FROM howdah.meta m FOR UPDATE;
    SELECT c.floor INTO STRICT floor_rv FROM howdah.compaction c;
    IF in_known > 0 THEN
        is_void := now_rv < in_known
            OR (in_known >= floor_rv
                AND NOT EXISTS (SELECT FROM howdah.versions v WHERE v.rv = in_known AND v.batch = in_known_batch));
        -- Somebody else may have recorded the jump already.
        covered := is_void AND now_rv >= in_known
            AND EXISTS (SELECT FROM howdah.versions v WHERE v.op = 4 AND v.rv > in_known AND v.prev_rv < in_known);
    END IF;
    IF (is_void AND NOT covered) OR (was_origin IS DISTINCT FROM is_origin AND was_origin IS NOT NULL AND now_rv > 0) THEN
        next_rv := greatest(now_rv, in_known) + in_ahead;
        INSERT INTO howdah.versions (rv, prev_rv, op, key, batch, splice, payload)
        VALUES (next_rv, now_rv, 4, '', gen_random_uuid(), 0, '');
        UPDATE howdah.meta m SET rv = next_rv;
        PERFORM pg_notify('howdah_revision', next_rv || ' ');
    END IF;
    UPDATE howdah.meta m SET origin = is_origin WHERE m.origin IS DISTINCT FROM is_origin;
    INSERT INTO howdah.replicas AS r (id) VALUES (in_replica)
    ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, seen = now();
    RETURN QUERY
    SELECT r.epoch, m.rv, (SELECT v.batch FROM howdah.versions v WHERE v.rv = m.rv), is_void
    FROM howdah.meta m, howdah.replicas r WHERE r.id = in_replica;
END $$;

-- Only one server compacts at a time; the others find the lock taken and leave it at that.
CREATE FUNCTION howdah.may_compact() RETURNS boolean LANGUAGE sql AS $$
    SELECT pg_try_advisory_xact_lock(7811887305212388197)
$$;

-- Notes down when the present revision was reached, and moves the floors up by age and size. Answers the floor.
CREATE FUNCTION howdah.tick(in_floor interval, in_history interval, in_history_bytes bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    moment      timestamptz := clock_timestamp();
    new_floor   bigint;
    new_history bigint;
BEGIN
    IF NOT howdah.may_compact() THEN
        RETURN (SELECT c.floor FROM howdah.compaction c);
    END IF;
    INSERT INTO howdah.ticks AS t (rv, at, bytes)
    SELECT m.rv, moment, m.bytes FROM howdah.meta m
    WHERE NOT EXISTS (SELECT FROM howdah.ticks t WHERE t.rv = m.rv);
    SELECT coalesce(max(t.rv), 0) INTO new_floor FROM howdah.ticks t WHERE t.at <= moment - in_floor;
    SELECT coalesce(max(t.rv), 0) INTO new_history FROM howdah.ticks t, howdah.meta m
    WHERE t.at <= moment - in_history OR m.bytes - t.bytes > in_history_bytes;
    UPDATE howdah.compaction c SET
        floor = greatest(c.floor, new_floor),
        history = greatest(c.history, least(new_history, greatest(c.floor, new_floor)))
    WHERE new_floor > c.floor OR least(new_history, greatest(c.floor, new_floor)) > c.history;
    DELETE FROM howdah.ticks t USING howdah.compaction c WHERE t.rv < c.history;
    DELETE FROM howdah.replicas r WHERE r.seen < now() - interval '10 minutes';
    RETURN (SELECT c.floor FROM howdah.compaction c);
END $$;

-- Deletes what lies below the floors, at most in_most revisions at a time: each version that another superseded at or
-- below the floor, tombstones and skips below it. What stands exactly at a floor stays, for it proves continuity.
-- Between history and floor only keys below in_without_history go. Answers how many rows went, null when done.
CREATE FUNCTION howdah.sweep(in_without_history text[], in_most bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    c       howdah.compaction;
    is_all  boolean;
    done    bigint;
    target  bigint;
    upto    bigint;
    swept   bigint;
BEGIN
    IF NOT howdah.may_compact() THEN
        RETURN NULL;
    END IF;
    SELECT * INTO STRICT c FROM howdah.compaction;
    IF c.history_done < c.history THEN
        is_all := true;  done := c.history_done; target := c.history;
    ELSIF c.floor_done < c.floor THEN
        is_all := false; done := c.floor_done;   target := c.floor;
    ELSE
        RETURN NULL;
    END IF;
    SELECT coalesce(max(page.rv), target) INTO upto
    FROM (SELECT v.rv FROM howdah.versions v WHERE v.rv > done AND v.rv <= target ORDER BY v.rv LIMIT in_most) page;
    WITH gone AS (
        SELECT w.prev_rv AS rv FROM howdah.versions w WHERE w.rv > done AND w.rv <= upto AND w.prev_rv > 0 AND w.op <> 4
        UNION ALL
        SELECT t.rv FROM howdah.versions t WHERE t.rv >= done AND t.rv < upto AND t.op IN (3, 4)
    )
    DELETE FROM howdah.versions v USING gone g
    WHERE v.rv = g.rv
      AND (is_all OR EXISTS (SELECT FROM unnest(in_without_history) p WHERE starts_with(v.key, p)));
    GET DIAGNOSTICS swept = ROW_COUNT;
    IF is_all THEN
        UPDATE howdah.compaction SET history_done = upto;
    ELSE
        UPDATE howdah.compaction SET floor_done = upto;
    END IF;
    RETURN swept;
END $$;

-- A sign of life, noted once a minute. False where the others took the replica for gone: it has to attach anew.
CREATE FUNCTION howdah.still_here(in_replica uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    UPDATE howdah.replicas r SET seen = now() WHERE r.id = in_replica AND r.seen < now() - interval '1 minute';
    RETURN EXISTS (SELECT FROM howdah.replicas r WHERE r.id = in_replica);
END $$;
