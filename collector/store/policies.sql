-- Who may see and write which rows: all of it stands here. Run after every migration by the owner of the tables; safe to repeat.
--
-- A transaction states its scope by SET LOCAL:  gorod.scope = '*' (the whole city) or 'school,school'   gorod.school = 'school'
-- current_setting(…, true) is NULL or '' when nothing was stated, and then nothing is seen. Each stands in a scalar subselect, so that
-- it is evaluated once per statement, not once per row. FORCE is not used: the owner migrates and backs up.

GRANT USAGE ON SCHEMA gorod TO gorod_ingest, gorod_portal, gorod_jobs;

-- Start from nothing, so that a right that is taken out here is gone everywhere.
REVOKE ALL ON ALL TABLES IN SCHEMA gorod FROM PUBLIC, gorod_ingest, gorod_portal, gorod_jobs;

DO $policies$
DECLARE
    name text;
    -- Tables that name a school but are no data of it.
    open_to_ingest CONSTANT text[] := ARRAY['code', 'certificate'];
    not_school_data CONSTANT text[] := ARRAY['account_scope'];
    -- What happened stays: nobody but the owner rewrites it.
    append_only CONSTANT text[] := ARRAY['event', 'tombstone', 'ledger', 'digest'];
    written CONSTANT text := $$school_id = (SELECT current_setting('gorod.school', true))$$;
    whole CONSTANT text := $$(SELECT current_setting('gorod.scope', true)) = '*'$$;
    listed CONSTANT text := $$school_id = ANY ((SELECT string_to_array(current_setting('gorod.scope', true), ','))::text[])$$;
BEGIN
    FOR name IN
        SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE c.table_schema = 'gorod' AND c.column_name = 'school_id' AND t.table_type = 'BASE TABLE'
          AND c.table_name <> ALL (not_school_data)
    LOOP
        EXECUTE format('ALTER TABLE gorod.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('DROP POLICY IF EXISTS ingest ON gorod.%I', name);
        EXECUTE format('DROP POLICY IF EXISTS readers ON gorod.%I', name);
        EXECUTE format('DROP POLICY IF EXISTS jobs ON gorod.%I', name);
        EXECUTE format('CREATE POLICY ingest ON gorod.%I TO gorod_ingest USING (%s) WITH CHECK (%s)',
                       name, CASE WHEN name = ANY (open_to_ingest) THEN 'true' ELSE written END,
                       CASE WHEN name = ANY (open_to_ingest) THEN 'true' ELSE written END);
        EXECUTE format('CREATE POLICY readers ON gorod.%I FOR SELECT TO gorod_portal USING (%s OR %s)', name, whole, listed);
        EXECUTE format('CREATE POLICY jobs ON gorod.%I TO gorod_jobs USING (%s OR %s)', name, whole, listed);
        EXECUTE format('GRANT SELECT ON gorod.%I TO gorod_portal, gorod_jobs', name);
        EXECUTE format('GRANT SELECT, INSERT ON gorod.%I TO gorod_ingest', name);
        CONTINUE WHEN name = ANY (append_only) OR name LIKE '%\_history';
        EXECUTE format('GRANT UPDATE, DELETE ON gorod.%I TO gorod_ingest', name);
        EXECUTE format('GRANT UPDATE ON gorod.%I TO gorod_jobs', name);
    END LOOP;
END
$policies$;

GRANT SELECT ON gorod.profile TO gorod_ingest, gorod_portal, gorod_jobs;
GRANT INSERT ON gorod.event TO gorod_jobs;
GRANT DELETE ON gorod.ledger, gorod.digest, gorod.event, gorod.guard_hour TO gorod_jobs;

-- Codes open a school's door, releases and the list of schools are the department's word: not for the portal, not for a stream.
REVOKE ALL ON gorod.code FROM gorod_portal, gorod_jobs;
REVOKE INSERT, DELETE ON gorod.school FROM gorod_ingest;
REVOKE INSERT, UPDATE, DELETE ON gorod.release FROM gorod_ingest, gorod_jobs;

DO $temporary$
BEGIN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO gorod_ingest', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO gorod_ingest, gorod_portal, gorod_jobs', current_database());
END
$temporary$;
