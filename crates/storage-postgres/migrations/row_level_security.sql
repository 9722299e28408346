-- A second wall between controllers, optional: apply by hand, as the owner of the tables, after the migrations.
-- Then connect with Config::row_level_security(true) as a role that is neither superuser nor BYPASSRLS. A
-- statement sees and writes the rows of the controller that its own transaction named, and no others, whatever its
-- WHERE clause says; without a name it sees nothing.

ALTER TABLE wzapi.directory ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.directory FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.directory
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.route ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.route FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.route
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.parked ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.parked FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.parked
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.epoch ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.epoch FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.epoch
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.journal_position ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.journal_position FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.journal_position
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.controller ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.controller FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.controller
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.sender ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.sender FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.sender
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.hold_set ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.hold_set FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.hold_set
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.sweep ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.sweep FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.sweep
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.erasure ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.erasure FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.erasure
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.tenant_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.tenant_key FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.tenant_key
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.index_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.index_key FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.index_key
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.data_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.data_key FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.data_key
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.log_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.log_key FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.log_key
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.identifier ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.identifier FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.identifier
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.subject ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.subject FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.subject
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.consent_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.consent_event FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.consent_event
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.permit ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.permit FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.permit
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.record ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.record FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.record
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.record_revision ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.record_revision FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.record_revision
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.review ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.review FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.review
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.source_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.source_event FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.source_event
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.unrecognised ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.unrecognised FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.unrecognised
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.record_of_category ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.record_of_category FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.record_of_category
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.log_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.log_head FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.log_head
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.log_leaf ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.log_leaf FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.log_leaf
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.entry_body ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.entry_body FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.entry_body
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.checkpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.checkpoint FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.checkpoint
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.log_tile ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.log_tile FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.log_tile
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.closed_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.closed_log FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.closed_log
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);

ALTER TABLE wzapi.changeset ENABLE ROW LEVEL SECURITY;
ALTER TABLE wzapi.changeset FORCE ROW LEVEL SECURITY;
CREATE POLICY one_controller ON wzapi.changeset
    USING (controller_id = nullif(current_setting('wzapi.controller_id', true), '')::uuid);
