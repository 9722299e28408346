-- wzapi, schema 2: one table per kind of row, all of one shape. For an empty database: schema 1 was never released.
--
-- Every primary key begins with controller_id, the tenant boundary and distribution column. There is no sequence,
-- no trigger and no foreign key. Columns in clear hold random ids, keyed hashes, codes and times: never an
-- identifier, a text or a message id. What says something about a person is sealed inside body.

CREATE TABLE wzapi.directory (
    controller_id         uuid NOT NULL,
    key                   bytea NOT NULL,
    version               bigint NOT NULL,
    due_at                timestamptz,
    body                  bytea NOT NULL,
    registered_controller uuid,
    registered_at         timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX directory_due ON wzapi.directory (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.directory IS 'registered controllers; only under the system controller';
COMMENT ON COLUMN wzapi.directory.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.directory.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.directory.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.directory.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.directory.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.directory.registered_controller IS 'the controller that is registered';
COMMENT ON COLUMN wzapi.directory.registered_at IS 'when it was registered';

CREATE TABLE wzapi.route (
    controller_id     uuid NOT NULL,
    key               bytea NOT NULL,
    version           bigint NOT NULL,
    due_at            timestamptz,
    body              bytea NOT NULL,
    blind_index       bytea,
    routed_controller uuid,
    sender_id         uuid,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX route_due ON wzapi.route (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.route IS 'which controller and sender a WABA or phone number id belongs to; only under the system controller';
COMMENT ON COLUMN wzapi.route.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.route.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.route.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.route.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.route.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.route.blind_index IS 'keyed hash of the WABA or phone number id';
COMMENT ON COLUMN wzapi.route.routed_controller IS 'the controller it belongs to';
COMMENT ON COLUMN wzapi.route.sender_id IS 'the sender, for a phone number id';

CREATE TABLE wzapi.parked (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    route_index   bytea,
    received_at   timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX parked_due ON wzapi.parked (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.parked IS 'parts of deliveries that no route claims yet; only under the system controller';
COMMENT ON COLUMN wzapi.parked.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.parked.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.parked.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.parked.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.parked.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.parked.route_index IS 'keyed hash of the route that would claim it';
COMMENT ON COLUMN wzapi.parked.received_at IS 'when it arrived';

CREATE TABLE wzapi.epoch (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    epoch         bigint,
    began_at      timestamptz,
    stage         text,
    PRIMARY KEY (controller_id, key)
) WITH (fillfactor = 85);
CREATE INDEX epoch_due ON wzapi.epoch (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.epoch IS 'the wrapping key in use, the ones before it, and a rotation under way; only under the system controller';
COMMENT ON COLUMN wzapi.epoch.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.epoch.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.epoch.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.epoch.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.epoch.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.epoch.epoch IS 'number of the epoch';
COMMENT ON COLUMN wzapi.epoch.began_at IS 'when it began';
COMMENT ON COLUMN wzapi.epoch.stage IS 'how far the rotation to it is';

CREATE TABLE wzapi.journal_position (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    journal_id    uuid,
    position      bigint,
    PRIMARY KEY (controller_id, key)
) WITH (fillfactor = 85);
CREATE INDEX journal_position_due ON wzapi.journal_position (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.journal_position IS 'how far the journal was followed; only under the system controller';
COMMENT ON COLUMN wzapi.journal_position.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.journal_position.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.journal_position.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.journal_position.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.journal_position.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.journal_position.journal_id IS 'random id of the journal';
COMMENT ON COLUMN wzapi.journal_position.position IS 'how many of its records are accounted for';

CREATE TABLE wzapi.controller (
    controller_id      uuid NOT NULL,
    key                bytea NOT NULL,
    version            bigint NOT NULL,
    due_at             timestamptz,
    body               bytea NOT NULL,
    registered_at      timestamptz,
    tenant_key_version bigint,
    tenant_key_count   bigint,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX controller_due ON wzapi.controller (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.controller IS 'settings, one row per controller';
COMMENT ON COLUMN wzapi.controller.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.controller.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.controller.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.controller.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.controller.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.controller.registered_at IS 'when the controller was registered';
COMMENT ON COLUMN wzapi.controller.tenant_key_version IS 'the tenant key that wraps new keys';
COMMENT ON COLUMN wzapi.controller.tenant_key_count IS 'tenant keys that wrap anything; more than one during a rotation';

CREATE TABLE wzapi.sender (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    sender_id     uuid,
    registered_at timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX sender_due ON wzapi.sender (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.sender IS 'senders of the controller';
COMMENT ON COLUMN wzapi.sender.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.sender.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.sender.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.sender.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.sender.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.sender.sender_id IS 'the sender';
COMMENT ON COLUMN wzapi.sender.registered_at IS 'when it was registered';

CREATE TABLE wzapi.hold_set (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    hold_count    bigint,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX hold_set_due ON wzapi.hold_set (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.hold_set IS 'the legal holds in force';
COMMENT ON COLUMN wzapi.hold_set.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.hold_set.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.hold_set.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.hold_set.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.hold_set.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.hold_set.hold_count IS 'how many holds are in force';

CREATE TABLE wzapi.sweep (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    began_at      timestamptz,
    ended_at      timestamptz,
    leased_until  timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX sweep_due ON wzapi.sweep (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.sweep IS 'how far the sweep came, and who is at it';
COMMENT ON COLUMN wzapi.sweep.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.sweep.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.sweep.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.sweep.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.sweep.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.sweep.began_at IS 'when the run began';
COMMENT ON COLUMN wzapi.sweep.ended_at IS 'when the last run came to its end';
COMMENT ON COLUMN wzapi.sweep.leased_until IS 'until when a worker is at it';

CREATE TABLE wzapi.erasure (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    case_id       uuid,
    subject_id    uuid,
    stage         text,
    requested_at  timestamptz,
    closed_at     timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX erasure_due ON wzapi.erasure (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.erasure IS 'erasures of persons';
COMMENT ON COLUMN wzapi.erasure.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.erasure.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.erasure.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.erasure.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.erasure.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.erasure.case_id IS 'the case';
COMMENT ON COLUMN wzapi.erasure.subject_id IS 'the person';
COMMENT ON COLUMN wzapi.erasure.stage IS 'removing, outside or closed';
COMMENT ON COLUMN wzapi.erasure.requested_at IS 'when it was asked for';
COMMENT ON COLUMN wzapi.erasure.closed_at IS 'when it was closed';

CREATE TABLE wzapi.tenant_key (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    key_version   bigint,
    created_at    timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX tenant_key_due ON wzapi.tenant_key (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.tenant_key IS 'tenant keys, wrapped by the key provider';
COMMENT ON COLUMN wzapi.tenant_key.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.tenant_key.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.tenant_key.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.tenant_key.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.tenant_key.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.tenant_key.key_version IS 'version of the key';
COMMENT ON COLUMN wzapi.tenant_key.created_at IS 'when it was made';

CREATE TABLE wzapi.index_key (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    key_version   bigint,
    created_at    timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX index_key_due ON wzapi.index_key (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.index_key IS 'keys of blind indexes, wrapped by a tenant key';
COMMENT ON COLUMN wzapi.index_key.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.index_key.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.index_key.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.index_key.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.index_key.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.index_key.key_version IS 'version of the key';
COMMENT ON COLUMN wzapi.index_key.created_at IS 'when it was made';

CREATE TABLE wzapi.data_key (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    subject_id    uuid,
    category      text,
    cohort        bigint,
    key_version   bigint,
    created_at    timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX data_key_due ON wzapi.data_key (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.data_key IS 'data keys of one owner, category and month, wrapped by a tenant key';
COMMENT ON COLUMN wzapi.data_key.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.data_key.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.data_key.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.data_key.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.data_key.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.data_key.subject_id IS 'the person; null for the controller';
COMMENT ON COLUMN wzapi.data_key.category IS 'data category, a name of the policy';
COMMENT ON COLUMN wzapi.data_key.cohort IS 'month of collection, counted from January 1970';
COMMENT ON COLUMN wzapi.data_key.key_version IS 'version of the key that seals';
COMMENT ON COLUMN wzapi.data_key.created_at IS 'when that version was made';

CREATE TABLE wzapi.log_key (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    shard         bigint,
    key_version   bigint,
    created_at    timestamptz,
    retired_at    timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX log_key_due ON wzapi.log_key (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.log_key IS 'signing keys of logs, wrapped by a tenant key';
COMMENT ON COLUMN wzapi.log_key.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.log_key.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.log_key.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.log_key.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.log_key.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.log_key.shard IS 'shard of the controller''s log';
COMMENT ON COLUMN wzapi.log_key.key_version IS 'version of the key';
COMMENT ON COLUMN wzapi.log_key.created_at IS 'when it was made';
COMMENT ON COLUMN wzapi.log_key.retired_at IS 'when another one took over';

CREATE TABLE wzapi.identifier (
    controller_id     uuid NOT NULL,
    key               bytea NOT NULL,
    version           bigint NOT NULL,
    due_at            timestamptz,
    body              bytea NOT NULL,
    blind_index       bytea,
    subject_id        uuid,
    kind              text,
    index_key_version bigint,
    last_granted_at   timestamptz,
    last_denied_at    timestamptz,
    PRIMARY KEY (controller_id, key)
) WITH (fillfactor = 85);
CREATE INDEX identifier_due ON wzapi.identifier (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.identifier IS 'what the send gate reads, one row per identifier';
COMMENT ON COLUMN wzapi.identifier.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.identifier.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.identifier.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.identifier.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.identifier.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.identifier.blind_index IS 'keyed hash of the identifier';
COMMENT ON COLUMN wzapi.identifier.subject_id IS 'the person';
COMMENT ON COLUMN wzapi.identifier.kind IS 'phone, bsuid or email';
COMMENT ON COLUMN wzapi.identifier.index_key_version IS 'the index key under which it is filed';
COMMENT ON COLUMN wzapi.identifier.last_granted_at IS 'latest grant over all scopes, imported ones included';
COMMENT ON COLUMN wzapi.identifier.last_denied_at IS 'latest denial or platform stop over all scopes';

CREATE TABLE wzapi.subject (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    subject_id    uuid,
    changed_at    timestamptz,
    merged_into   uuid,
    PRIMARY KEY (controller_id, key)
) WITH (fillfactor = 85);
CREATE INDEX subject_due ON wzapi.subject (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.subject IS 'data subjects and the identifiers they go by';
COMMENT ON COLUMN wzapi.subject.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.subject.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.subject.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.subject.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.subject.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.subject.subject_id IS 'the person';
COMMENT ON COLUMN wzapi.subject.changed_at IS 'when consent or aliases last changed';
COMMENT ON COLUMN wzapi.subject.merged_into IS 'the person that this one turned out to be';

CREATE TABLE wzapi.consent_event (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    subject_id    uuid,
    act           text,
    purpose       text,
    effective_at  timestamptz,
    quarantine    text,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX consent_event_due ON wzapi.consent_event (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.consent_event IS 'acts of consent, refusal and withdrawal';
COMMENT ON COLUMN wzapi.consent_event.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.consent_event.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.consent_event.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.consent_event.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.consent_event.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.consent_event.subject_id IS 'the person';
COMMENT ON COLUMN wzapi.consent_event.act IS 'what happened';
COMMENT ON COLUMN wzapi.consent_event.purpose IS 'the purpose, or * for all, or *marketing for all that is marketing';
COMMENT ON COLUMN wzapi.consent_event.effective_at IS 'the earlier of act and record';
COMMENT ON COLUMN wzapi.consent_event.quarantine IS 'why it does not count, if it does not';

CREATE TABLE wzapi.permit (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    subject_id    uuid,
    sender_id     uuid,
    purpose       text,
    category      text,
    redeemed_at   timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX permit_due ON wzapi.permit (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.permit IS 'messages sent under a permit';
COMMENT ON COLUMN wzapi.permit.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.permit.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.permit.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.permit.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.permit.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.permit.subject_id IS 'the recipient';
COMMENT ON COLUMN wzapi.permit.sender_id IS 'the sender';
COMMENT ON COLUMN wzapi.permit.purpose IS 'the purpose, a name of the policy';
COMMENT ON COLUMN wzapi.permit.category IS 'the message category';
COMMENT ON COLUMN wzapi.permit.redeemed_at IS 'when the permit was redeemed';

CREATE TABLE wzapi.record (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    subject_id    uuid,
    category      text,
    cohort        bigint,
    record_id     uuid,
    collected_at  timestamptz,
    changed_at    timestamptz,
    revision      bigint,
    restricted_at timestamptz,
    PRIMARY KEY (controller_id, key)
) WITH (fillfactor = 85);
CREATE INDEX record_due ON wzapi.record (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.record IS 'records of personal data';
COMMENT ON COLUMN wzapi.record.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.record.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.record.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.record.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.record.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.record.subject_id IS 'the person';
COMMENT ON COLUMN wzapi.record.category IS 'data category, a name of the policy';
COMMENT ON COLUMN wzapi.record.cohort IS 'month of collection, counted from January 1970';
COMMENT ON COLUMN wzapi.record.record_id IS 'the record';
COMMENT ON COLUMN wzapi.record.collected_at IS 'when it was collected';
COMMENT ON COLUMN wzapi.record.changed_at IS 'when its present value was stored';
COMMENT ON COLUMN wzapi.record.revision IS 'how many values it had before';
COMMENT ON COLUMN wzapi.record.restricted_at IS 'since when it is restricted, if it is';

CREATE TABLE wzapi.record_revision (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    subject_id    uuid,
    category      text,
    cohort        bigint,
    record_id     uuid,
    revision      bigint,
    valid_from    timestamptz,
    valid_until   timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX record_revision_due ON wzapi.record_revision (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.record_revision IS 'earlier values of records';
COMMENT ON COLUMN wzapi.record_revision.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.record_revision.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.record_revision.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.record_revision.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.record_revision.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.record_revision.subject_id IS 'the person';
COMMENT ON COLUMN wzapi.record_revision.category IS 'data category, a name of the policy';
COMMENT ON COLUMN wzapi.record_revision.cohort IS 'month of collection, counted from January 1970';
COMMENT ON COLUMN wzapi.record_revision.record_id IS 'the record';
COMMENT ON COLUMN wzapi.record_revision.revision IS '0 for the value that was collected, one more for each later one';
COMMENT ON COLUMN wzapi.record_revision.valid_from IS 'since when it was the value';
COMMENT ON COLUMN wzapi.record_revision.valid_until IS 'until when';

CREATE TABLE wzapi.review (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    subject_id    uuid,
    question      text,
    opened_at     timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX review_due ON wzapi.review (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.review IS 'what waits for a person to decide';
COMMENT ON COLUMN wzapi.review.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.review.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.review.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.review.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.review.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.review.subject_id IS 'whom it is about';
COMMENT ON COLUMN wzapi.review.question IS 'what is to be decided';
COMMENT ON COLUMN wzapi.review.opened_at IS 'since when';

CREATE TABLE wzapi.source_event (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    seen_at       timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX source_event_due ON wzapi.source_event (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.source_event IS 'source events that were taken in';
COMMENT ON COLUMN wzapi.source_event.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.source_event.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.source_event.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.source_event.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.source_event.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.source_event.seen_at IS 'when';

CREATE TABLE wzapi.unrecognised (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    received_at   timestamptz,
    reason        text,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX unrecognised_due ON wzapi.unrecognised (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.unrecognised IS 'webhook elements kept because they were not recognised';
COMMENT ON COLUMN wzapi.unrecognised.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.unrecognised.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.unrecognised.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.unrecognised.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.unrecognised.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.unrecognised.received_at IS 'when it arrived';
COMMENT ON COLUMN wzapi.unrecognised.reason IS 'why it was not recognised, a word of the parser';

CREATE TABLE wzapi.record_of_category (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    category      text,
    cohort        bigint,
    subject_id    uuid,
    record_id     uuid,
    collected_at  timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX record_of_category_due ON wzapi.record_of_category (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.record_of_category IS 'where the records of a category are: the index by category';
COMMENT ON COLUMN wzapi.record_of_category.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.record_of_category.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.record_of_category.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.record_of_category.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.record_of_category.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.record_of_category.category IS 'data category, a name of the policy';
COMMENT ON COLUMN wzapi.record_of_category.cohort IS 'month of collection, counted from January 1970';
COMMENT ON COLUMN wzapi.record_of_category.subject_id IS 'the person';
COMMENT ON COLUMN wzapi.record_of_category.record_id IS 'the record';
COMMENT ON COLUMN wzapi.record_of_category.collected_at IS 'when the record was collected';

CREATE TABLE wzapi.log_head (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    shard         bigint,
    generation    bigint,
    log_id        uuid,
    size          bigint,
    PRIMARY KEY (controller_id, key)
) WITH (fillfactor = 85);
CREATE INDEX log_head_due ON wzapi.log_head (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.log_head IS 'heads of logs';
COMMENT ON COLUMN wzapi.log_head.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.log_head.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.log_head.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.log_head.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.log_head.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.log_head.shard IS 'shard of the controller''s log';
COMMENT ON COLUMN wzapi.log_head.generation IS 'how many logs of the shard were closed before it';
COMMENT ON COLUMN wzapi.log_head.log_id IS 'random id of the log';
COMMENT ON COLUMN wzapi.log_head.size IS 'number of entries';

CREATE TABLE wzapi.log_leaf (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    shard         bigint,
    generation    bigint,
    log_index     bigint,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX log_leaf_due ON wzapi.log_leaf (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.log_leaf IS 'entries of logs: blinded commitments';
COMMENT ON COLUMN wzapi.log_leaf.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.log_leaf.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.log_leaf.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.log_leaf.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.log_leaf.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.log_leaf.shard IS 'shard of the controller''s log';
COMMENT ON COLUMN wzapi.log_leaf.generation IS 'how many logs of the shard were closed before it';
COMMENT ON COLUMN wzapi.log_leaf.log_index IS 'index in the log';

CREATE TABLE wzapi.entry_body (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    subject_id    uuid,
    shard         bigint,
    generation    bigint,
    log_index     bigint,
    category      text,
    certificate   uuid,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX entry_body_due ON wzapi.entry_body (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.entry_body IS 'bodies of log entries, sealed, or what is left of them';
COMMENT ON COLUMN wzapi.entry_body.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.entry_body.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.entry_body.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.entry_body.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.entry_body.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.entry_body.subject_id IS 'whom the entry is about; null for the controller';
COMMENT ON COLUMN wzapi.entry_body.shard IS 'shard of the controller''s log';
COMMENT ON COLUMN wzapi.entry_body.generation IS 'how many logs of the shard were closed before it';
COMMENT ON COLUMN wzapi.entry_body.log_index IS 'index in the log';
COMMENT ON COLUMN wzapi.entry_body.category IS 'data category whose key seals the body';
COMMENT ON COLUMN wzapi.entry_body.certificate IS 'the entry that certifies its erasure, if it was erased';

CREATE TABLE wzapi.checkpoint (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    shard         bigint,
    generation    bigint,
    tiled_size    bigint,
    signed_size   bigint,
    signed_at     timestamptz,
    PRIMARY KEY (controller_id, key)
) WITH (fillfactor = 85);
CREATE INDEX checkpoint_due ON wzapi.checkpoint (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.checkpoint IS 'how far the tiles of each log are made, and the last checkpoint that it signed';
COMMENT ON COLUMN wzapi.checkpoint.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.checkpoint.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.checkpoint.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.checkpoint.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.checkpoint.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.checkpoint.shard IS 'shard of the controller''s log';
COMMENT ON COLUMN wzapi.checkpoint.generation IS 'how many logs of the shard were closed before it';
COMMENT ON COLUMN wzapi.checkpoint.tiled_size IS 'how many entries the tiles cover';
COMMENT ON COLUMN wzapi.checkpoint.signed_size IS 'size of the tree that the checkpoint is about';
COMMENT ON COLUMN wzapi.checkpoint.signed_at IS 'when it was signed';

CREATE TABLE wzapi.log_tile (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    shard         bigint,
    generation    bigint,
    level         bigint,
    tile_index    bigint,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX log_tile_due ON wzapi.log_tile (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.log_tile IS 'full tiles of the trees of logs';
COMMENT ON COLUMN wzapi.log_tile.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.log_tile.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.log_tile.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.log_tile.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.log_tile.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.log_tile.shard IS 'shard of the controller''s log';
COMMENT ON COLUMN wzapi.log_tile.generation IS 'how many logs of the shard were closed before it';
COMMENT ON COLUMN wzapi.log_tile.level IS '0 for the hashes of entries';
COMMENT ON COLUMN wzapi.log_tile.tile_index IS 'place in the level';

CREATE TABLE wzapi.closed_log (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    shard         bigint,
    generation    bigint,
    log_id        uuid,
    size          bigint,
    closed_at     timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX closed_log_due ON wzapi.closed_log (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.closed_log IS 'last heads of logs that were closed';
COMMENT ON COLUMN wzapi.closed_log.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.closed_log.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.closed_log.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.closed_log.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.closed_log.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.closed_log.shard IS 'shard of the controller''s log';
COMMENT ON COLUMN wzapi.closed_log.generation IS 'how many logs of the shard were closed before it';
COMMENT ON COLUMN wzapi.closed_log.log_id IS 'random id of the log';
COMMENT ON COLUMN wzapi.closed_log.size IS 'number of entries';
COMMENT ON COLUMN wzapi.closed_log.closed_at IS 'when it was closed';

CREATE TABLE wzapi.changeset (
    controller_id uuid NOT NULL,
    key           bytea NOT NULL,
    version       bigint NOT NULL,
    due_at        timestamptz,
    body          bytea NOT NULL,
    committed_at  timestamptz,
    PRIMARY KEY (controller_id, key)
);
CREATE INDEX changeset_due ON wzapi.changeset (controller_id, due_at, key) WHERE due_at IS NOT NULL;
COMMENT ON TABLE wzapi.changeset IS 'records of committed changesets, kept for a day';
COMMENT ON COLUMN wzapi.changeset.controller_id IS 'whose row it is; the distribution column';
COMMENT ON COLUMN wzapi.changeset.key IS 'owner (16 bytes, zero for the controller) and kind (1 byte), then the parts of the key; in byte order';
COMMENT ON COLUMN wzapi.changeset.version IS 'random, drawn anew by every changeset that writes the row';
COMMENT ON COLUMN wzapi.changeset.due_at IS 'when somebody has to look at the row again';
COMMENT ON COLUMN wzapi.changeset.body IS 'version byte and fields, see docs/formats/rows.md';
COMMENT ON COLUMN wzapi.changeset.committed_at IS 'the caller''s time';
