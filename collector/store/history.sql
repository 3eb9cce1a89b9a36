-- Keeps what a row was before, for every table <name> that has a <name>_history. Run after every migration; safe to repeat.
--
-- The triggers see a whole statement's changed rows at once in its transition tables: plain inserts cost nothing, and no path of
-- writing can forget the history. A row that is only sealed anew or marked as archived is no new state.

DO $history$
DECLARE
    name text;
    columns text;
    old_columns text;
BEGIN
    FOR name IN
        SELECT left(table_name, -length('_history')) FROM information_schema.tables
        WHERE table_schema = 'gorod' AND table_name LIKE '%\_history'
    LOOP
        SELECT string_agg(quote_ident(column_name), ', '), string_agg('o.' || quote_ident(column_name), ', ')
        INTO columns, old_columns
        FROM information_schema.columns WHERE table_schema = 'gorod' AND table_name = name;

        EXECUTE format($sql$
            CREATE OR REPLACE FUNCTION gorod.%1$I() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $body$
            BEGIN
                IF TG_OP = 'UPDATE' THEN
                    INSERT INTO gorod.%2$I (replaced_at, replaced_seq, gone, %3$s)
                    SELECT now(), n.applied_seq, false, %4$s
                    FROM old_rows o JOIN new_rows n USING (school_id, source_id) WHERE o.row_hash <> n.row_hash;
                ELSE
                    INSERT INTO gorod.%2$I (replaced_at, gone, %3$s) SELECT now(), true, %4$s FROM old_rows o;
                END IF;
                RETURN NULL;
            END
            $body$ $sql$, 'keep_' || name, name || '_history', columns, old_columns);
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER keep_updated AFTER UPDATE ON gorod.%I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows '
            'FOR EACH STATEMENT EXECUTE FUNCTION gorod.%I()', name, 'keep_' || name);
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER keep_deleted AFTER DELETE ON gorod.%I REFERENCING OLD TABLE AS old_rows '
            'FOR EACH STATEMENT EXECUTE FUNCTION gorod.%I()', name, 'keep_' || name);
    END LOOP;
END
$history$;
