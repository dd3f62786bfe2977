-- Runs once, when the database server makes its data: the secretariat's registry, a database and a role of its own. Neither
-- role may enter the other's database.
DO $$ BEGIN EXECUTE format('CREATE ROLE registry LOGIN PASSWORD %L', pg_read_file('/srv/database/registry-password')); END $$;
CREATE DATABASE registry OWNER registry;
REVOKE CONNECT ON DATABASE registry FROM PUBLIC;
REVOKE CONNECT ON DATABASE bureaunet FROM PUBLIC;
