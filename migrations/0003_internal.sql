-- What Howdah keeps for itself (keys above all) is shown to nobody in the views; that it is there, is.

CREATE OR REPLACE FUNCTION howdah.shown(in_key text, in_payload bytea) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN starts_with(in_key, 'howdah/') THEN NULL
                WHEN starts_with(in_key, 'core/secrets/')
                THEN o.object - 'data' - 'stringData' #- '{metadata,annotations}' #- '{metadata,managedFields}'
                ELSE o.object END
    FROM (SELECT convert_from(in_payload, 'UTF8')::jsonb AS object) o
$$;
