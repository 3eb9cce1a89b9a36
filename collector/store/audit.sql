-- The record of what people did. Run after every migration by the owner of the tables; safe to repeat.
--
-- The trigger numbers each row and sets its hash over the hash before it, whatever the writer says: a program that may write here cannot
-- bend the chain. Its lock lasts until the writer commits, so that the order of numbers is the order of the chain. What is hashed is
-- written down once more, in Python, in audit.py; `gorod-collector audit verify` compares both.

CREATE OR REPLACE FUNCTION gorod.chain_audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before gorod.audit%ROWTYPE;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('gorod audit'));
    SELECT * INTO before FROM gorod.audit ORDER BY number DESC LIMIT 1;
    NEW.number := coalesce(before.number, 0) + 1;
    NEW.at := date_trunc('milliseconds', NEW.at);
    NEW.hash := sha256(coalesce(before.hash, ''::bytea) || convert_to(concat_ws(E'\n',
        NEW.number, (extract(epoch FROM NEW.at) * 1000)::bigint, octet_length(NEW.kind), NEW.kind, coalesce(NEW.actor::text, '-'),
        octet_length(NEW.subject), NEW.subject, octet_length(NEW.school), NEW.school, octet_length(NEW.details), NEW.details), 'UTF8'));
    RETURN NEW;
END
$$;

DROP TRIGGER IF EXISTS chain ON gorod.audit;
CREATE TRIGGER chain BEFORE INSERT ON gorod.audit FOR EACH ROW EXECUTE FUNCTION gorod.chain_audit();

REVOKE ALL ON FUNCTION gorod.chain_audit() FROM PUBLIC;
GRANT SELECT ON gorod.audit TO gorod_portal, gorod_jobs;
GRANT INSERT (at, kind, actor, subject, school, details) ON gorod.audit TO gorod_portal, gorod_ingest, gorod_jobs;
