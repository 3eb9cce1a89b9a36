-- Read rights for the agent on a NetSchool database in PostgreSQL, and nothing else. Право чтения базы NetSchool для агента, и только оно.
--
-- As a superuser, in the NetSchool database / от имени суперпользователя, в базе NetSchool:
--     psql -d netschool -f postgres-readonly.sql
--     psql -d netschool -c '\password gorod_agent'          -- asks for the password unseen / спросит пароль, не показывая его
-- Another name of the login: -v login=NAME. Another schema: -v schema=NAME. It may be run again, for example after an update of NetSchool.
--
-- With -v strict=1 it also takes from PUBLIC the rights to make temporary tables in this database and objects in the schema, which
-- PostgreSQL gives everybody by default. Do that only where NetSchool works as the owner of its tables: another login would lose them too.

\set ON_ERROR_STOP on
\if :{?login}
\else
\set login gorod_agent
\endif
\if :{?schema}
\else
\set schema public
\endif
\if :{?strict}
\else
\set strict 0
\endif

SELECT format('CREATE ROLE %I', :'login') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'login') \gexec
ALTER ROLE :"login" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS;
ALTER ROLE :"login" IN DATABASE :"DBNAME" SET default_transaction_read_only = on;

GRANT CONNECT ON DATABASE :"DBNAME" TO :"login";
GRANT USAGE ON SCHEMA :"schema" TO :"login";
GRANT SELECT ON ALL TABLES IN SCHEMA :"schema" TO :"login";

-- Tables that NetSchool's updates will make.
SELECT DISTINCT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT ON TABLES TO %I', tableowner, schemaname, :'login')
FROM pg_tables WHERE schemaname = :'schema' \gexec

\if :strict
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;
REVOKE CREATE ON SCHEMA :"schema" FROM PUBLIC;
\endif
