-- What people ask in SQL: the objects as they stand, and every change that is still kept. Read-only, for nobody but the
-- owner until granted (GRANT USAGE ON SCHEMA k8s, GRANT SELECT ON k8s.objects, k8s.history), and without Secrets' data.

REVOKE ALL ON SCHEMA k8s FROM PUBLIC;

-- The object in a payload, with what must not be seen taken out: a Secret's data, and the copy of them that kubectl
-- keeps in an annotation or a field manager could.
CREATE FUNCTION howdah.shown(in_key text, in_payload bytea) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN starts_with(in_key, 'core/secrets/')
                THEN o.object - 'data' - 'stringData' #- '{metadata,annotations}' #- '{metadata,managedFields}'
                ELSE o.object END
    FROM (SELECT convert_from(in_payload, 'UTF8')::jsonb AS object) o
$$;

-- A key's parts: group (empty for the core group), resource, namespace (null where there is none), name.
CREATE FUNCTION howdah.key_part(in_key text, in_part text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE in_part
        WHEN 'group'     THEN CASE parts[1] WHEN 'core' THEN '' ELSE parts[1] END
        WHEN 'resource'  THEN parts[2]
        WHEN 'namespace' THEN CASE WHEN cardinality(parts) = 4 THEN parts[3] END
        WHEN 'name'      THEN parts[cardinality(parts)]
    END
    FROM (SELECT string_to_array(in_key, '/') AS parts) p
$$;

CREATE VIEW k8s.objects AS
SELECT howdah.key_part(h.key, 'group') AS api_group, howdah.key_part(h.key, 'resource') AS resource,
       howdah.key_part(h.key, 'namespace') AS namespace, howdah.key_part(h.key, 'name') AS name,
       h.rv AS revision, v.at AS changed_at, howdah.shown(h.key, v.payload) AS object
FROM howdah.heads h JOIN howdah.versions v ON v.rv = h.rv;

CREATE VIEW k8s.history AS
SELECT howdah.key_part(v.key, 'group') AS api_group, howdah.key_part(v.key, 'resource') AS resource,
       howdah.key_part(v.key, 'namespace') AS namespace, howdah.key_part(v.key, 'name') AS name,
       v.rv AS revision, nullif(v.prev_rv, 0) AS previous_revision, v.at AS changed_at,
       CASE v.op WHEN 1 THEN 'created' WHEN 2 THEN 'updated' WHEN 3 THEN 'deleted' END AS change,
       howdah.shown(v.key, v.payload) AS object
FROM howdah.versions v WHERE v.op <> 4;
