-- What a head may do at the own school: set the roles of its workers, name who answers for what. Run after every migration by the owner of
-- the tables; safe to repeat.
--
-- The portal reads; it writes neither table by itself. These functions look up anew who asks, refuse what is not a head's to give, and
-- leave a row in the record of what people did, all in one transaction.

ALTER TABLE gorod.responsible ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS readers ON gorod.responsible;
CREATE POLICY readers ON gorod.responsible FOR SELECT TO gorod_portal, gorod_jobs
    USING (school_id = ANY ((SELECT string_to_array(current_setting('gorod.whole_staff', true), ','))::text[])
           OR (SELECT current_setting('gorod.whole_staff', true)) = '*'
           OR (SELECT current_setting('gorod.scope', true)) = '*');
GRANT SELECT ON gorod.responsible TO gorod_portal, gorod_jobs;

CREATE OR REPLACE FUNCTION gorod.is_head(actor bigint, at_school text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM gorod.account a JOIN gorod.account_scope s ON s.account_id = a.id
                   WHERE a.id = actor AND a.role = 'head' AND a.disabled_at IS NULL AND s.school_id = at_school)
$$;

-- The role before, or NULL: refused. A head gives no head's role, takes none away, and touches nobody who works at another school too.
CREATE OR REPLACE FUNCTION gorod.give_role(actor bigint, worker bigint, at_school text, new_role text, moment timestamptz)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    given CONSTANT text[] := ARRAY['teacher', 'class_teacher', 'deputy', 'secretary', 'sysadmin'];
    before text;
BEGIN
    SELECT a.role INTO before FROM gorod.account a WHERE a.id = worker AND a.disabled_at IS NULL FOR UPDATE;
    IF before IS NULL OR before <> ALL (given) OR new_role <> ALL (given) OR NOT gorod.is_head(actor, at_school)
       OR NOT EXISTS (SELECT FROM gorod.account_scope s WHERE s.account_id = worker AND s.school_id = at_school)
       OR EXISTS (SELECT FROM gorod.account_scope s WHERE s.account_id = worker AND s.school_id <> at_school) THEN
        RETURN NULL;
    END IF;
    IF before <> new_role THEN
        UPDATE gorod.account SET role = new_role WHERE id = worker;
        INSERT INTO gorod.audit (at, kind, actor, subject, school, details)
        VALUES (moment, 'role_changed', actor, 'account:' || worker, at_school, format('{"from":"%s","to":"%s"}', before, new_role));
    END IF;
    RETURN before;
END
$$;

-- Whether it was done. Whoever had the duty until now has it no more; what was ordered before stays to be read.
CREATE OR REPLACE FUNCTION gorod.name_responsible(
    actor bigint, new_uid text, at_school text, new_duty text, person text, deputy text, sealed_phone bytea,
    order_no text, ordered date, since date, until date, moment timestamptz)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT gorod.is_head(actor, at_school)
       OR NOT EXISTS (SELECT FROM gorod.staff f WHERE f.school_id = at_school AND f.person_id = person)
       OR (deputy IS NOT NULL AND NOT EXISTS (SELECT FROM gorod.staff f WHERE f.school_id = at_school AND f.person_id = deputy)) THEN
        RETURN false;
    END IF;
    UPDATE gorod.responsible r SET ended_at = moment WHERE r.school_id = at_school AND r.duty = new_duty AND r.ended_at IS NULL;
    INSERT INTO gorod.responsible (uid, school_id, duty, person_id, deputy_id, phone, order_number, order_date, from_date, to_date,
                                   named_at, named_by)
    VALUES (new_uid, at_school, new_duty, person, deputy, sealed_phone, order_no, ordered, since, until, moment, actor);
    INSERT INTO gorod.audit (at, kind, actor, subject, school, details)
    VALUES (moment, 'responsible_named', actor, 'person:' || at_school || '/' || person, at_school, format('{"duty":"%s"}', new_duty));
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION gorod.is_head(bigint, text), gorod.give_role(bigint, bigint, text, text, timestamptz),
    gorod.name_responsible(bigint, text, text, text, text, text, bytea, text, date, date, date, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gorod.give_role(bigint, bigint, text, text, timestamptz),
    gorod.name_responsible(bigint, text, text, text, text, text, bytea, text, date, date, date, timestamptz) TO gorod_portal;
