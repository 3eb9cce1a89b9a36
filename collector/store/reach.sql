-- Who reads, and how far that reaches: gorod.enter() looks it up once per transaction and leaves it in settings of the transaction, which
-- the policies (policies.sql) compare rows with. How far each role may reach is said by gorod.rights() (rights.py), and only there.
--
--     gorod.whole_<kind of data>  '*' or 'school,school': schools whose data of that kind are seen whole
--     gorod.touched               'school,school': schools of which the reader sees anything
--     gorod.reach_pupils          pupils whose data are seen whole: oneself, the own children, the pupils of the led classes
--     gorod.reach_known           these, and the members of taught groups: their names and rolls
--     gorod.reach_groups          groups whose lessons and works are seen      gorod.reach_taught  groups whose marks of all members are
--     gorod.reach_persons, _staff, _representatives                            what the words say
--     gorod.clocks                the school's local time, for publication     gorod.audience      'pupil' | 'parent' | 'staff'
--     gorod.parallels             of the own pupils, for announcements
--
-- A reached row is 'school/key' in an array; a school's id holds no '/'. Intervals of dates are [from, to), in the school's own days.
-- The function belongs to the owner of the tables: it sees what the reader does not, and tells nothing but the role.
-- Run after every migration; safe to repeat.

CREATE OR REPLACE FUNCTION gorod.pair(school_id text, key text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT school_id || '/' || key $$;

CREATE OR REPLACE FUNCTION gorod.reached(what text) RETURNS TABLE (school_id text, key text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 50 AS $$
    SELECT left(pair, strpos(pair, '/') - 1) COLLATE "C", substr(pair, strpos(pair, '/') + 1) COLLATE "C"
    FROM unnest(nullif(current_setting('gorod.reach_' || what, true), '')::text[]) AS pair
$$;

CREATE OR REPLACE FUNCTION gorod.clock() RETURNS TABLE (school_id text, local timestamp)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 2 AS $$
    SELECT left(pair, strpos(pair, '/') - 1) COLLATE "C", substr(pair, strpos(pair, '/') + 1)::timestamp
    FROM unnest(nullif(current_setting('gorod.clocks', true), '')::text[]) AS pair
$$;

CREATE OR REPLACE FUNCTION gorod.local_time(school text) RETURNS timestamp
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT c.local FROM gorod.clock() c WHERE c.school_id = school $$;

-- Is an announcement for this audience meant for the reader? Schools write the audience in their own words; what names neither families
-- nor pupils is not for them. Numbers beside «класс» are parallels: «Ученики 5–9 классов». No rule of the server's locale is used:
-- a database with locale C knows no Cyrillic letters.
CREATE OR REPLACE FUNCTION gorod.audience_fits(words text, reader text, parallels int[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    said CONSTANT text := translate(coalesce(words, ''), 'АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ', 'абвгдеёжзийклмнопрстуфхцчшщъыьэюя');
    everybody CONSTANT boolean := said ~ '(^|[^а-яё])все' OR said ~ '^\s*$';
    parents CONSTANT boolean := said ~ '(родител|законн|семь)';
    pupils CONSTANT boolean :=
        said ~ '(учени|учащ|обучающ|школьник|(^|[^а-яё])дет)' OR (said ~ 'класс(?!н)' AND NOT parents);
    workers CONSTANT boolean := said ~ '(учител|педагог|сотрудник|персонал|администрац|работник|руководител|директор|завуч)';
    part text[];
    numbered boolean := false;
BEGIN
    IF reader NOT IN ('parent', 'pupil') THEN
        RETURN reader = 'staff';
    ELSIF NOT (pupils OR (parents AND reader = 'parent') OR (everybody AND NOT (workers OR parents))) THEN
        RETURN false;
    ELSIF said !~ 'класс(?!н)' THEN
        RETURN true;
    END IF;
    FOR part IN SELECT regexp_matches(said, '([0-9]{1,2})(?:\s*[-–—]\s*([0-9]{1,2}))?', 'g') LOOP
        numbered := true;
        IF EXISTS (SELECT FROM unnest(parallels) AS p WHERE p BETWEEN part[1]::int AND coalesce(part[2], part[1])::int) THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN NOT numbered;
END
$$;

-- Pupils of a family's account: 'school/pupil'. A representation that is blocked anywhere blocks the child, whatever else is said.
CREATE OR REPLACE FUNCTION gorod.own_pupils(account_id bigint, who text, moment timestamptz) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH own AS (
        SELECT s.school_id, a.person_id, (moment AT TIME ZONE s.zone)::date AS today
        FROM gorod.account_scope a JOIN gorod.school s USING (school_id) WHERE a.account_id = own_pupils.account_id AND a.person_id <> ''
    ), found AS (
        SELECT p.school_id, p.source_id AS pupil_id FROM own JOIN gorod.pupil p USING (school_id, person_id) WHERE who = 'pupil'
        UNION ALL
        SELECT r.school_id, r.pupil_id
        FROM own
        JOIN gorod.legal_representative l USING (school_id, person_id)
        JOIN gorod.representation r ON r.school_id = l.school_id AND r.representative_id = l.source_id
        WHERE who = 'parent' AND (r.to_date IS NULL OR r.to_date > own.today)
        GROUP BY r.school_id, r.pupil_id
        HAVING bool_or(r.may_view IS TRUE AND (r.from_date IS NULL OR r.from_date <= own.today)) AND NOT bool_or(r.blocked IS TRUE)
    )
    SELECT coalesce(array_agg(DISTINCT gorod.pair(school_id, pupil_id)), '{}') FROM found WHERE pupil_id IS NOT NULL
$$;

-- The account's rows among the staff who are in office now.
CREATE OR REPLACE FUNCTION gorod.own_staff(account_id bigint, moment timestamptz)
RETURNS TABLE (school_id text, staff_id text, today date)
LANGUAGE sql STABLE ROWS 2 SET search_path = pg_catalog, pg_temp AS $$
    SELECT f.school_id, f.source_id, own.today
    FROM (SELECT s.school_id, a.person_id, (moment AT TIME ZONE s.zone)::date AS today
          FROM gorod.account_scope a JOIN gorod.school s USING (school_id)
          WHERE a.account_id = own_staff.account_id AND a.person_id <> '') own
    JOIN gorod.staff f USING (school_id, person_id)
    WHERE (f.from_date IS NULL OR f.from_date <= own.today) AND (f.to_date IS NULL OR f.to_date > own.today)
$$;

-- Groups that the account teaches now: assigned to, or stepped in for within a week without an assignment that says otherwise.
CREATE OR REPLACE FUNCTION gorod.taught_groups(account_id bigint, moment timestamptz) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH own AS MATERIALIZED (SELECT * FROM gorod.own_staff(taught_groups.account_id, moment)), found AS (
        SELECT t.school_id, t.teaching_group_id
        FROM own JOIN gorod.teaching_assignment t USING (school_id, staff_id)
        WHERE (t.from_date IS NULL OR t.from_date <= own.today) AND (t.to_date IS NULL OR t.to_date > own.today)
        UNION
        SELECT l.school_id, l.teaching_group_id
        FROM own JOIN gorod.lesson l ON l.school_id = own.school_id AND l.staff_id = own.staff_id
            AND l.date BETWEEN own.today - 7 AND own.today + 7
        WHERE NOT EXISTS (
            SELECT FROM gorod.teaching_assignment t
            WHERE t.school_id = own.school_id AND t.staff_id = own.staff_id AND t.teaching_group_id = l.teaching_group_id)
    )
    SELECT coalesce(array_agg(gorod.pair(f.school_id, f.teaching_group_id)), '{}')
    FROM found f
    JOIN gorod.teaching_group g ON g.school_id = f.school_id AND g.source_id = f.teaching_group_id
    LEFT JOIN gorod.academic_year y ON y.school_id = g.school_id AND y.source_id = g.year_id
    WHERE y.closed IS NOT TRUE
$$;

-- Pupils on the roll of the classes that the account leads now.
CREATE OR REPLACE FUNCTION gorod.led_pupils(account_id bigint, moment timestamptz) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT gorod.pair(e.school_id, e.pupil_id)), '{}')
    FROM gorod.own_staff(led_pupils.account_id, moment) own
    JOIN gorod.class c ON c.school_id = own.school_id AND c.class_teacher_id = own.staff_id
    LEFT JOIN gorod.academic_year y ON y.school_id = c.school_id AND y.source_id = c.year_id
    JOIN gorod.enrollment e ON e.school_id = c.school_id AND e.class_id = c.source_id
    WHERE y.closed IS NOT TRUE AND (e.to_date IS NULL OR e.to_date > own.today) AND e.pupil_id IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION gorod.split(pairs text[]) RETURNS TABLE (school_id text, key text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 50 AS $$
    SELECT left(pair, strpos(pair, '/') - 1) COLLATE "C", substr(pair, strpos(pair, '/') + 1) COLLATE "C" FROM unnest(pairs) AS pair
$$;

-- It follows keys from row to row, and nothing in it is a reason to read a table of the city's: the planner, which cannot know how few
-- schools and groups a person has, is left no other way.
CREATE OR REPLACE FUNCTION gorod.enter(account_id bigint, moment timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    who text;
    far jsonb;
    one record;
    schools text[] := '{}';
    pupils text[] := '{}';
    taught text[] := '{}';
    groups text[] := '{}';
    known text[] := '{}';
    persons text[] := '{}';
    staff text[] := '{}';
    representatives text[] := '{}';
    clocks text[] := '{}';
    parallels int[] := '{}';
BEGIN
    SELECT a.role INTO who FROM gorod.account a WHERE a.id = enter.account_id AND a.disabled_at IS NULL;
    SELECT jsonb_object_agg(r.section, r.extent) INTO far FROM gorod.rights() r WHERE r.role = who;
    IF far IS NULL THEN
        who := NULL;
        SELECT jsonb_object_agg(r.section, '-') INTO far FROM gorod.rights() r WHERE r.role = 'pupil';
    END IF;
    SELECT coalesce(array_agg(DISTINCT s.school_id), '{}') INTO schools
    FROM gorod.account_scope a JOIN gorod.school s USING (school_id) WHERE who IS NOT NULL AND a.account_id = enter.account_id;

    IF far ->> 'people' = 'own' THEN
        pupils := gorod.own_pupils(enter.account_id, who, moment);
        SELECT coalesce(array_agg(DISTINCT s.school_id), '{}') INTO schools FROM gorod.split(pupils) s;
    ELSIF far ->> 'people' IN ('group', 'class') THEN
        taught := gorod.taught_groups(enter.account_id, moment);
        IF far ->> 'people' = 'class' THEN
            pupils := gorod.led_pupils(enter.account_id, moment);
        END IF;
    END IF;

    IF far ->> 'people' IN ('own', 'group', 'class') THEN
        SELECT coalesce(array_agg(DISTINCT one_pair), '{}') INTO groups FROM (
            SELECT unnest(taught) AS one_pair
            UNION ALL SELECT gorod.pair(m.school_id, m.teaching_group_id)
            FROM gorod.split(pupils) p JOIN gorod.group_membership m ON m.school_id = p.school_id AND m.pupil_id = p.key
            WHERE m.teaching_group_id IS NOT NULL) reached;
        SELECT coalesce(array_agg(DISTINCT one_pair), '{}') INTO known FROM (
            SELECT unnest(pupils) AS one_pair
            UNION ALL SELECT gorod.pair(m.school_id, m.pupil_id)
            FROM gorod.split(taught) g JOIN gorod.group_membership m ON m.school_id = g.school_id AND m.teaching_group_id = g.key
            WHERE m.pupil_id IS NOT NULL) reached;
        -- Whom a family knows at the school: the teachers of the own groups, and who leads the own class.
        IF far ->> 'staff' = 'own' THEN
            SELECT coalesce(array_agg(DISTINCT one_pair), '{}') INTO staff FROM (
                SELECT gorod.pair(t.school_id, t.staff_id) AS one_pair
                FROM gorod.split(groups) g JOIN gorod.teaching_assignment t ON t.school_id = g.school_id AND t.teaching_group_id = g.key
                UNION ALL SELECT gorod.pair(c.school_id, c.class_teacher_id)
                FROM gorod.split(pupils) p JOIN gorod.enrollment e ON e.school_id = p.school_id AND e.pupil_id = p.key
                JOIN gorod.class c ON c.school_id = e.school_id AND c.source_id = e.class_id) reached WHERE one_pair IS NOT NULL;
        ELSE
            SELECT coalesce(array_agg(gorod.pair(f.school_id, f.source_id)), '{}') INTO staff
            FROM gorod.staff f WHERE f.school_id = ANY (schools);
        END IF;
        IF far ->> 'contacts' = 'own' THEN
            SELECT coalesce(array_agg(gorod.pair(l.school_id, l.source_id)), '{}') INTO representatives
            FROM gorod.account_scope a JOIN gorod.legal_representative l USING (school_id, person_id) WHERE a.account_id = enter.account_id;
        ELSIF far ->> 'contacts' = 'class' THEN
            SELECT coalesce(array_agg(DISTINCT gorod.pair(r.school_id, r.representative_id)), '{}') INTO representatives
            FROM gorod.split(pupils) p JOIN gorod.representation r ON r.school_id = p.school_id AND r.pupil_id = p.key
            WHERE r.representative_id IS NOT NULL;
        END IF;
        SELECT coalesce(array_agg(DISTINCT one_pair), '{}') INTO persons FROM (
            SELECT gorod.pair(a.school_id, a.person_id) AS one_pair
            FROM gorod.account_scope a WHERE a.account_id = enter.account_id AND a.person_id <> ''
            UNION ALL SELECT gorod.pair(p.school_id, p.person_id)
            FROM gorod.split(known) k JOIN gorod.pupil p ON p.school_id = k.school_id AND p.source_id = k.key
            UNION ALL SELECT gorod.pair(f.school_id, f.person_id)
            FROM gorod.split(staff) k JOIN gorod.staff f ON f.school_id = k.school_id AND f.source_id = k.key
            UNION ALL SELECT gorod.pair(l.school_id, l.person_id)
            FROM gorod.split(representatives) k
            JOIN gorod.legal_representative l ON l.school_id = k.school_id AND l.source_id = k.key) reached WHERE one_pair IS NOT NULL;
        SELECT coalesce(array_agg(DISTINCT c.parallel), '{}') INTO parallels
        FROM gorod.split(pupils) p
        JOIN gorod.school s ON s.school_id = p.school_id
        JOIN gorod.enrollment e ON e.school_id = p.school_id AND e.pupil_id = p.key
            AND (e.to_date IS NULL OR e.to_date > (moment AT TIME ZONE s.zone)::date)
        JOIN gorod.class c ON c.school_id = e.school_id AND c.source_id = e.class_id WHERE c.parallel IS NOT NULL;
    END IF;
    SELECT coalesce(array_agg(gorod.pair(s.school_id, (moment AT TIME ZONE s.zone)::text)), '{}') INTO clocks
    FROM gorod.school s WHERE s.school_id = ANY (schools);

    FOR one IN SELECT f.key, f.value FROM jsonb_each_text(far) f LOOP
        PERFORM set_config('gorod.whole_' || one.key, CASE one.value
            WHEN 'city' THEN '*' WHEN 'school' THEN array_to_string(schools, ',') ELSE '' END, true);
    END LOOP;
    PERFORM set_config('gorod.touched', array_to_string(schools, ','), true),
            set_config('gorod.reach_pupils', pupils::text, true),
            set_config('gorod.reach_known', known::text, true),
            set_config('gorod.reach_taught', taught::text, true),
            set_config('gorod.reach_groups', groups::text, true),
            set_config('gorod.reach_persons', persons::text, true),
            set_config('gorod.reach_staff', staff::text, true),
            set_config('gorod.reach_representatives', representatives::text, true),
            set_config('gorod.clocks', clocks::text, true),
            set_config('gorod.parallels', parallels::text, true),
            set_config('gorod.audience', CASE WHEN who IN ('pupil', 'parent') THEN who WHEN who IS NOT NULL THEN 'staff' ELSE '' END, true);
    RETURN who;
END
$$;

-- The mean of a group, for families: nobody else's marks may be guessed, so that there is none below five pupils with marks, and none of
-- a group that the reader does not see. Whoever calls it learns sums only.
CREATE OR REPLACE FUNCTION gorod.group_means(school text, groups text[], first date, last date)
RETURNS TABLE (teaching_group_id text, pupils bigint, marks bigint, total numeric, weighted numeric, weights numeric)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.teaching_group_id, count(DISTINCT m.pupil_id), count(*), sum(m.value),
           sum(m.value * coalesce(m.weight, a.weight, 1)), sum(coalesce(m.weight, a.weight, 1))
    FROM gorod.lesson l
    JOIN gorod.assignment a ON a.school_id = l.school_id AND a.lesson_id = l.source_id AND a.deleted IS NOT TRUE
        AND (a.published_at IS NULL OR a.published_at <= gorod.local_time(school))
    JOIN gorod.mark m ON m.school_id = a.school_id AND m.assignment_id = a.source_id
    WHERE l.school_id = school AND l.date BETWEEN first AND last AND l.teaching_group_id = ANY (groups)
      AND (school = ANY (string_to_array(current_setting('gorod.whole_results', true), ','))
           OR (l.school_id, l.teaching_group_id) IN (SELECT r.school_id, r.key FROM gorod.reached('groups') r))
      AND m.value_kind = 'numeric' AND m.value IS NOT NULL AND coalesce(m.weight, a.weight, 1) <> 0
    GROUP BY l.teaching_group_id
    HAVING count(DISTINCT m.pupil_id) >= 5
$$;

-- How many numeric marks stand in groups whose journals the reader sees: counted here in one go, where the policies would look at each.
CREATE OR REPLACE FUNCTION gorod.mark_counts(school text, groups text[], first date, last date)
RETURNS TABLE (teaching_group_id text, marks bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.teaching_group_id, count(*)
    FROM gorod.lesson l
    JOIN gorod.assignment a ON a.school_id = l.school_id AND a.lesson_id = l.source_id AND a.deleted IS NOT TRUE
    JOIN gorod.mark m ON m.school_id = a.school_id AND m.assignment_id = a.source_id AND m.value_kind = 'numeric'
    WHERE l.school_id = school AND l.date BETWEEN first AND last AND l.teaching_group_id = ANY (groups)
      AND (school = ANY (string_to_array(current_setting('gorod.whole_results', true), ','))
           OR (l.school_id, l.teaching_group_id) IN (SELECT r.school_id, r.key FROM gorod.reached('taught') r))
    GROUP BY l.teaching_group_id
$$;

REVOKE ALL ON FUNCTION gorod.own_pupils(bigint, text, timestamptz), gorod.own_staff(bigint, timestamptz),
    gorod.taught_groups(bigint, timestamptz), gorod.led_pupils(bigint, timestamptz),
    gorod.enter(bigint, timestamptz), gorod.group_means(text, text[], date, date), gorod.mark_counts(text, text[], date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gorod.enter(bigint, timestamptz), gorod.group_means(text, text[], date, date), gorod.mark_counts(text, text[], date, date)
TO gorod_portal;
