-- What the portal may do with people's accounts. Run after every migration by the owner of the tables; safe to repeat.
--
-- It signs people in, sets up second factors, and counts visits. It makes no account, sets no password, gives no role and widens no scope
-- by itself: the functions below do that, for whoever holds a code that is good, or the password that is in force. They run with the owner's rights, and a caller learns from
-- them no more than the holder of the code may know.

GRANT SELECT ON gorod.account, gorod.account_scope TO gorod_portal;
GRANT UPDATE (factor_secret, factor_step, signed_in_at, seen_at) ON gorod.account TO gorod_portal;
GRANT SELECT, INSERT, UPDATE, DELETE ON gorod.session, gorod.sign_in_backoff, gorod.recovery_code, gorod.account_subject TO gorod_portal;
GRANT INSERT ON gorod.sign_in TO gorod_portal;

-- Codes: a school's office makes those of the schools in its scope; whoever sees all people of a school sees how far their codes came;
-- they are used through gorod.activate only.
ALTER TABLE gorod.activation ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS office ON gorod.activation;
CREATE POLICY office ON gorod.activation TO gorod_portal
    USING (school_id = ANY ((SELECT string_to_array(current_setting('gorod.scope', true), ','))::text[]));
DROP POLICY IF EXISTS readers ON gorod.activation;
CREATE POLICY readers ON gorod.activation FOR SELECT TO gorod_portal
    USING ((SELECT current_setting('gorod.whole_people', true)) = '*'
           OR school_id = ANY ((SELECT string_to_array(current_setting('gorod.whole_people', true), ','))::text[]));
GRANT SELECT (number, school_id, person_id, role, issued_at, issued_by, expires_at, used_at, account_id, revoked_at) ON gorod.activation
    TO gorod_portal;
GRANT INSERT (school_id, person_id, role, code_hash, issued_at, issued_by, expires_at) ON gorod.activation TO gorod_portal;
GRANT UPDATE (revoked_at) ON gorod.activation TO gorod_portal;

-- Visits: read by whoever may see visits (rights.py), or by scope; written by the portal's own counter, which states the whole city.
ALTER TABLE gorod.visit ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS readers ON gorod.visit;
DROP POLICY IF EXISTS counter ON gorod.visit;
DROP POLICY IF EXISTS renewal ON gorod.visit;
CREATE POLICY readers ON gorod.visit FOR SELECT TO gorod_portal, gorod_jobs
    USING ((SELECT current_setting('gorod.scope', true)) = '*'
           OR school_id = ANY ((SELECT string_to_array(current_setting('gorod.scope', true), ','))::text[])
           OR (SELECT current_setting('gorod.whole_visits', true)) = '*'
           OR school_id = ANY ((SELECT string_to_array(current_setting('gorod.whole_visits', true), ','))::text[]));
CREATE POLICY counter ON gorod.visit FOR INSERT TO gorod_portal WITH CHECK ((SELECT current_setting('gorod.scope', true)) = '*');
CREATE POLICY renewal ON gorod.visit FOR UPDATE TO gorod_portal USING ((SELECT current_setting('gorod.scope', true)) = '*');
GRANT SELECT ON gorod.visit TO gorod_portal, gorod_jobs;
GRANT INSERT, UPDATE ON gorod.visit TO gorod_portal;

-- What the holder of a code may know before anything is typed: the school, the own first name, the class's number.
CREATE OR REPLACE FUNCTION gorod.activation_card(code bytea, moment timestamptz)
RETURNS TABLE (school_id text, school_name text, person_id text, role text, first_name bytea, parallel integer, login text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.school_id, s.name, a.person_id, a.role, p.first_name,
           (SELECT max(c.parallel) FROM gorod.pupil u
            JOIN gorod.enrollment e ON e.school_id = u.school_id AND e.pupil_id = u.source_id
            JOIN gorod.class c ON c.school_id = e.school_id AND c.source_id = e.class_id
            WHERE u.school_id = a.school_id AND u.person_id = a.person_id AND a.role = 'pupil'
              AND (e.from_date IS NULL OR e.from_date <= moment::date) AND (e.to_date IS NULL OR e.to_date > moment::date)),
           (SELECT min(k.login) FROM gorod.account_scope o JOIN gorod.account k ON k.id = o.account_id
            WHERE o.school_id = a.school_id AND o.person_id = a.person_id AND k.role = a.role AND k.disabled_at IS NULL)
    FROM gorod.activation a
    JOIN gorod.school s ON s.school_id = a.school_id
    LEFT JOIN gorod.person p ON p.school_id = a.school_id AND p.source_id = a.person_id
    WHERE a.code_hash = code AND a.used_at IS NULL AND a.revoked_at IS NULL AND a.expires_at > moment
$$;

-- Uses a code up: an account of that login is made and tied to the code's person. Where that person has an account already, it keeps its
-- login and gets the password; what it saw of other schools must be proven by their codes again. NULL: the code is not good.
CREATE OR REPLACE FUNCTION gorod.activate(code bytea, new_login text, new_hash text, moment timestamptz)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    slip gorod.activation%ROWTYPE;
    made bigint;
BEGIN
    UPDATE gorod.activation SET used_at = moment
    WHERE code_hash = code AND used_at IS NULL AND revoked_at IS NULL AND expires_at > moment RETURNING * INTO slip;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT k.id INTO made FROM gorod.account_scope o JOIN gorod.account k ON k.id = o.account_id
    WHERE o.school_id = slip.school_id AND o.person_id = slip.person_id AND k.role = slip.role AND k.disabled_at IS NULL
    ORDER BY k.login LIMIT 1 FOR UPDATE OF k;
    IF made IS NULL THEN
        INSERT INTO gorod.account (login, role, password_hash, created_at, password_at)
        VALUES (new_login, slip.role, new_hash, moment, moment) RETURNING id INTO made;
        INSERT INTO gorod.account_scope (account_id, school_id, person_id) VALUES (made, slip.school_id, slip.person_id);
    ELSE
        UPDATE gorod.account SET password_hash = new_hash, password_at = moment,
            factor_secret = CASE WHEN slip.role IN ('pupil', 'parent') THEN NULL ELSE factor_secret END WHERE id = made;
        DELETE FROM gorod.account_scope WHERE account_id = made AND school_id <> slip.school_id;
        DELETE FROM gorod.session WHERE account_id = made;
        IF slip.role IN ('pupil', 'parent') THEN
            DELETE FROM gorod.recovery_code WHERE account_id = made;
        END IF;
        DELETE FROM gorod.account_subject WHERE account_id = made;
    END IF;
    UPDATE gorod.activation SET account_id = made WHERE number = slip.number;
    RETURN made;
END
$$;

-- Uses a code up for an account that is there: one more person whose data it shows. 'role': the code is for another role; NULL: not good.
CREATE OR REPLACE FUNCTION gorod.add_person(code bytea, known bigint, moment timestamptz)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    slip gorod.activation%ROWTYPE;
BEGIN
    SELECT * INTO slip FROM gorod.activation
    WHERE code_hash = code AND used_at IS NULL AND revoked_at IS NULL AND expires_at > moment FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT FROM gorod.account WHERE id = known AND role = slip.role AND role <> 'pupil' AND disabled_at IS NULL) THEN
        RETURN 'role';
    END IF;
    UPDATE gorod.activation SET used_at = moment, account_id = known WHERE number = slip.number;
    INSERT INTO gorod.account_scope (account_id, school_id, person_id) VALUES (known, slip.school_id, slip.person_id)
    ON CONFLICT DO NOTHING;
    RETURN slip.school_id;
END
$$;

-- Another password in the place of the one that was just checked; false where that one is no longer in force.
CREATE OR REPLACE FUNCTION gorod.change_password(known bigint, old_hash text, new_hash text, moment timestamptz)
RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH changed AS (UPDATE gorod.account SET password_hash = new_hash, password_at = moment
                     WHERE id = known AND password_hash = old_hash AND disabled_at IS NULL RETURNING id)
    SELECT EXISTS (SELECT FROM changed)
$$;

REVOKE ALL ON FUNCTION gorod.activation_card(bytea, timestamptz), gorod.activate(bytea, text, text, timestamptz),
    gorod.add_person(bytea, bigint, timestamptz), gorod.change_password(bigint, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gorod.activation_card(bytea, timestamptz), gorod.activate(bytea, text, text, timestamptz),
    gorod.add_person(bytea, bigint, timestamptz), gorod.change_password(bigint, text, text, timestamptz) TO gorod_portal;
