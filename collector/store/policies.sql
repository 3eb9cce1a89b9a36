-- Who may see and write which rows: all of it stands here. Run after every migration by the owner of the tables; safe to repeat.
--
-- Streams and jobs state their scope by SET LOCAL:  gorod.scope = '*' (the whole city) or 'school,school'   gorod.school = 'school'
-- The portal states who reads: SELECT gorod.enter(account, moment) (reach.sql) leaves what the account reaches in settings, and every
-- table with a canonical entity compares its rows with those; gorod.scope opens to it the state of the synchronisation only.
-- current_setting(…, true) is NULL or '' when nothing was stated, and then nothing is seen. Each stands in a scalar subselect (or a
-- hashed subplan), so that it is evaluated once per statement, not once per row. FORCE is not used: the owner migrates and backs up.

GRANT USAGE ON SCHEMA gorod TO gorod_ingest, gorod_portal, gorod_jobs;

-- Start from nothing, so that a right that is taken out here is gone everywhere.
REVOKE ALL ON ALL TABLES IN SCHEMA gorod FROM PUBLIC, gorod_ingest, gorod_portal, gorod_jobs;

DO $policies$
DECLARE
    name text;
    -- Tables that name a school but are no data of it.
    open_to_ingest CONSTANT text[] := ARRAY['code', 'certificate'];
    not_school_data CONSTANT text[] := ARRAY['account_scope', 'activation', 'visit',  -- see accounts.sql
                                          'feed', 'announcement_read', 'responsible'];  -- see family_tables.py, office.sql
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
        EXECUTE format('CREATE POLICY jobs ON gorod.%I TO gorod_jobs USING (%s OR %s)', name, whole, listed);
        EXECUTE format('GRANT SELECT ON gorod.%I TO gorod_jobs', name);
        EXECUTE format('GRANT SELECT, INSERT ON gorod.%I TO gorod_ingest', name);
        CONTINUE WHEN name = ANY (append_only) OR name LIKE '%\_history';
        EXECUTE format('GRANT UPDATE, DELETE ON gorod.%I TO gorod_ingest', name);
        EXECUTE format('GRANT UPDATE ON gorod.%I TO gorod_jobs', name);
    END LOOP;
END
$policies$;

-- What people read. {whole:kind} = a school whose data of that kind are seen whole; {in:what} = the pair of columns is reached;
-- subqueries see other tables under these same policies, so that a mark is as visible as its work allows. OFFSET 0 keeps them what they
-- are, a look-up by key for each row that was asked for: the planner would else gather all works of the city to compare with.
DO $readers$
DECLARE
    rule record;
    condition text;
    whole CONSTANT text :=
        $$((SELECT current_setting('gorod.whole_\1', true)) = '*' OR school_id = ANY ((SELECT string_to_array(current_setting('gorod.whole_\1', true), ','))::text[]))$$;
    reached CONSTANT text := $$IN (SELECT r.school_id, r.key FROM gorod.reached('\1') r)$$;
    scoped CONSTANT text :=
        $$((SELECT current_setting('gorod.scope', true)) = '*' OR school_id = ANY ((SELECT string_to_array(current_setting('gorod.scope', true), ','))::text[]))$$;
    touched CONSTANT text := $$school_id = ANY ((SELECT string_to_array(current_setting('gorod.touched', true), ','))::text[])$$;
    staff CONSTANT text := $$(SELECT current_setting('gorod.audience', true)) = 'staff'$$;
    local CONSTANT text := $$(SELECT c.local FROM gorod.clock() c WHERE c.school_id = %I.school_id)$$;
    teaches CONSTANT text := $$(SELECT coalesce(current_setting('gorod.reach_taught', true), '') NOT IN ('', '{}'))$$;
BEGIN
    FOR rule IN SELECT * FROM (VALUES
        ('organization', '{whole:structure}'),
        ('academic_year', '{whole:structure}'),
        ('term', '{whole:structure}'),
        ('class', '{whole:structure}'),
        ('subject', '{whole:structure}'),
        ('teaching_group', '{whole:structure}'),
        ('bell_slot', '{whole:structure}'),
        ('timetable_slot', '{whole:structure}'),
        ('assignment_type', '{whole:structure}'),
        ('staff', '{whole:staff} OR (school_id, source_id) {in:staff}'),
        ('teaching_assignment', '{whole:staff} OR (school_id, teaching_group_id) {in:groups}'),
        ('person', '{whole:names} OR (school_id, source_id) {in:persons}'),
        ('pupil', '{whole:people} OR (school_id, source_id) {in:known}'),
        ('enrollment', '{whole:people} OR (school_id, pupil_id) {in:known}'),
        ('group_membership', '{whole:people} OR (school_id, pupil_id) {in:pupils} OR (school_id, teaching_group_id) {in:taught}'),
        ('legal_representative', '{whole:contacts} OR (school_id, source_id) {in:representatives}'),
        ('representation', '{whole:contacts} OR ((school_id, pupil_id) {in:pupils} AND (school_id, representative_id) {in:representatives})'),
        ('movement_order', '{whole:movement}'),
        ('movement_line', '{whole:movement}'),
        ('lesson', '{whole:journal} OR (school_id, teaching_group_id) {in:groups}'),
        -- A family reads what is published. The lesson's own policy says whose works these are.
        ('assignment', $$
            {whole:journal} OR (
                ({staff} OR (
                    deleted IS NOT TRUE AND (published_at IS NULL OR published_at <= {local})))
                AND EXISTS (SELECT FROM gorod.lesson l WHERE l.school_id = assignment.school_id AND l.source_id = assignment.lesson_id
                            OFFSET 0))$$),
        -- A family reads marks of works that it sees; who teaches a group, every mark for its works; who leads a class, all of its pupils'.
        ('mark', $$
            {whole:results} OR ((school_id, pupil_id) {in:pupils} AND ({staff} OR EXISTS (
                SELECT FROM gorod.assignment a WHERE a.school_id = mark.school_id AND a.source_id = mark.assignment_id OFFSET 0)))
            OR ({teaches} AND EXISTS (
                SELECT FROM gorod.assignment a JOIN gorod.lesson l ON l.school_id = a.school_id AND l.source_id = a.lesson_id
                WHERE a.school_id = mark.school_id AND a.source_id = mark.assignment_id
                  AND (l.school_id, l.teaching_group_id) {in:taught} OFFSET 0))$$),
        ('period_result', '{whole:results} OR (school_id, pupil_id) {in:pupils} OR (school_id, teaching_group_id) {in:taught}'),
        ('attendance_event', $$
            {whole:attendance} OR (school_id, pupil_id) {in:pupils} OR ({teaches} AND EXISTS (
                SELECT FROM gorod.lesson l WHERE l.school_id = attendance_event.school_id AND l.source_id = attendance_event.lesson_id
                  AND (l.school_id, l.teaching_group_id) {in:taught} OFFSET 0))$$),
        ('journal_change', $$
            {whole:changes} OR ({teaches} AND EXISTS (
                SELECT FROM gorod.lesson l WHERE l.school_id = journal_change.school_id AND l.source_id = journal_change.lesson_id
                  AND (l.school_id, l.teaching_group_id) {in:taught} OFFSET 0))$$),
        ('mark_history', '{whole:changes}'),
        ('attendance_event_history', '{whole:changes}'),
        ('period_result_history', '{whole:changes}'),
        ('announcement', $$
            {whole:announcements} AND published_at <= {local}
            AND (expires_at IS NULL OR expires_at > {local})
            AND gorod.audience_fits(audience, (SELECT current_setting('gorod.audience', true)),
                                    (SELECT nullif(current_setting('gorod.parallels', true), ''))::int[])$$),
        ('source_visit', '{whole:visits}'),
        ('illness_count', '{whole:illness}'),
        -- The state of the synchronisation; every page says as of when its data are.
        ('school', '{scoped} OR {whole:health} OR {touched}'),
        ('school_state', '{scoped} OR {whole:health} OR {touched}'),
        ('closed_year', '{scoped} OR {whole:health} OR {whole:structure}'),
        ('ledger', '{scoped} OR {whole:health}'),
        ('guard_hour', '{scoped} OR {whole:health}'),
        ('quarantine', '{scoped} OR {whole:health}'),
        ('tombstone', '{scoped} OR {whole:health}'),
        ('digest', '{scoped} OR {whole:health}'),
        ('event', '{scoped} OR {whole:health}'),
        ('release', '{scoped} OR {whole:health}'),
        ('certificate', '{scoped} OR {whole:health}')
    ) AS rules (name, reads) LOOP
        condition := regexp_replace(rule.reads, '\{whole:([a-z]+)\}', whole, 'g');
        condition := regexp_replace(condition, '\{in:([a-z]+)\}', reached, 'g');
        condition := replace(replace(replace(condition, '{scoped}', scoped), '{touched}', touched), '{teaches}', teaches);
        condition := replace(replace(condition, '{staff}', staff), '{local}', format(local, rule.name));
        EXECUTE format('CREATE POLICY readers ON gorod.%I FOR SELECT TO gorod_portal USING (%s)', rule.name, condition);
        EXECUTE format('GRANT SELECT ON gorod.%I TO gorod_portal', rule.name);
    END LOOP;
END
$readers$;

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
