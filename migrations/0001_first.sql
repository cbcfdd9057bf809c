-- The tables of Flagstaff. The six of the founding design keep their plural names; ours are singular.
-- Every constraint is named: the code matches on the names. Needs PostgreSQL 14 or later, no extension.

-- One row: the head of the installation's history. Its lock is what makes every write serial.
create table head (
    only_row boolean not null default true constraint head_pkey primary key,
    epoch bigint not null,
    revision bigint not null,
    hash bytea not null,
    at timestamptz not null,
    constraint head_one_row check (only_row)
) with (fillfactor = 50);

-- One row: what the installation is.
create table installation (
    only_row boolean not null default true constraint installation_pkey primary key,
    id uuid not null,
    -- names the secrets key that sealed our secrets; null until one was made
    secrets_id text,
    created_at timestamptz not null default clock_timestamp(),
    constraint installation_one_row check (only_row)
);

create function set_updated_at() returns trigger language plpgsql as $$
begin
    -- A writer that sets the time itself (the revision's) keeps it.
    if new.updated_at is not distinct from old.updated_at then
        new.updated_at := clock_timestamp();
    end if;
    return new;
end
$$;

create table project (
    id uuid constraint project_pkey primary key,
    key text not null constraint project_key_unique unique,
    name text not null,
    description text not null default '',
    default_using_environment_id boolean not null default false,
    default_using_mobile_key boolean not null default true,
    archived boolean not null default false,
    last_epoch bigint not null,
    last_revision bigint not null,
    created_by text not null,
    updated_by text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint project_key_form check (key ~ '^[A-Za-z0-9._-]+$' and length(key) <= 256)
);

create table environments (
    id uuid constraint environments_pkey primary key,
    project_id uuid not null constraint environments_project_fkey references project (id),
    key text not null,
    name text not null,
    color text not null default '',
    sort_order integer not null default 0,
    protected boolean not null default false,
    comment_required boolean not null default false,
    minimum_role text,
    secure_mode boolean not null default false,
    -- the highest version ever imported here: client-side wires count from it
    version_base bigint not null default 0,
    -- production, staging, development; null where the key says it
    class text,
    archived boolean not null default false,
    last_epoch bigint not null,
    last_revision bigint not null,
    created_by text not null,
    updated_by text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint environments_key_unique unique (project_id, key),
    constraint environments_key_form check (key ~ '^[A-Za-z0-9._-]+$' and length(key) <= 256)
);

create table feature_flags (
    id uuid constraint feature_flags_pkey primary key,
    project_id uuid not null constraint feature_flags_project_fkey references project (id),
    key text not null,
    name text not null,
    description text not null default '',
    type text not null,
    -- [{value, name, description, placeholder}]: the author's text, so that 1.0 stays 1.0
    variations json not null,
    flag_version bigint not null,
    tags text[] not null default '{}',
    owner text,
    temporary boolean not null default true,
    using_environment_id boolean not null default false,
    using_mobile_key boolean not null default true,
    metadata json not null default '{}',
    value_schema json,
    archived boolean not null default false,
    last_epoch bigint not null,
    last_revision bigint not null,
    created_by text not null,
    updated_by text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- archived flags keep their row, so a key is never used twice
    constraint feature_flags_key_unique unique (project_id, key),
    constraint feature_flags_key_form check (key ~ '^[A-Za-z0-9._-]+$' and length(key) <= 256),
    constraint feature_flags_type_known check (type in ('boolean', 'string', 'number', 'json')),
    constraint feature_flags_version_positive check (flag_version > 0)
);

create index feature_flags_tags on feature_flags using gin (tags);
create index feature_flags_archived on feature_flags (project_id, archived, key);

create table feature_flag_configs (
    id uuid constraint feature_flag_configs_pkey primary key,
    flag_id uuid not null constraint feature_flag_configs_flag_fkey references feature_flags (id),
    environment_id uuid not null constraint feature_flag_configs_environment_fkey references environments (id),
    version bigint not null,
    salt text not null,
    -- as it was written; config is the same for the indexes and for queries
    document json not null,
    config jsonb not null generated always as (document::jsonb) stored,
    enabled boolean not null generated always as (coalesce((document ->> 'on')::boolean, false)) stored,
    -- members of a client payload's entry that we do not know, in order
    entry_extra json,
    last_epoch bigint not null,
    last_revision bigint not null,
    created_by text not null,
    updated_by text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint feature_flag_configs_place_unique unique (flag_id, environment_id),
    constraint feature_flag_configs_version_positive check (version > 0)
);

create index feature_flag_configs_config on feature_flag_configs using gin (config jsonb_path_ops);
create index feature_flag_configs_environment on feature_flag_configs (environment_id, enabled);

create table user_segments (
    id uuid constraint user_segments_pkey primary key,
    environment_id uuid not null constraint user_segments_environment_fkey references environments (id),
    key text not null,
    name text not null,
    description text not null default '',
    tags text[] not null default '{}',
    version bigint not null,
    salt text not null,
    document json not null,
    config jsonb not null generated always as (document::jsonb) stored,
    archived boolean not null default false,
    last_epoch bigint not null,
    last_revision bigint not null,
    created_by text not null,
    updated_by text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint user_segments_key_unique unique (environment_id, key),
    constraint user_segments_key_form check (key ~ '^[A-Za-z0-9._-]+$' and length(key) <= 256),
    constraint user_segments_version_positive check (version > 0)
);

create index user_segments_config on user_segments using gin (config jsonb_path_ops);

-- Which flags wait for which, in each environment: written by the write path from the documents,
-- never by hand; `flagstaffd check` compares.
create table flag_prerequisites (
    environment_id uuid not null constraint flag_prerequisites_environment_fkey references environments (id),
    flag_id uuid not null constraint flag_prerequisites_flag_fkey references feature_flags (id),
    prerequisite_flag_id uuid not null
        constraint flag_prerequisites_prerequisite_fkey references feature_flags (id),
    variation integer not null,
    ordinal integer not null,
    constraint flag_prerequisites_pkey primary key (environment_id, flag_id, prerequisite_flag_id),
    constraint flag_prerequisites_not_itself check (flag_id <> prerequisite_flag_id)
);

create index flag_prerequisites_dependants on flag_prerequisites (prerequisite_flag_id, environment_id);

-- Who may do what.
create table role_binding (
    id uuid constraint role_binding_pkey primary key,
    subject text not null,
    role text not null,
    project text not null,
    environment text not null,
    constraint role_binding_place_unique unique (subject, project, environment),
    constraint role_binding_role_known check (role in ('auditor', 'viewer', 'editor', 'admin', 'owner'))
);

create table token (
    id uuid constraint token_pkey primary key,
    kind text not null,
    name text not null,
    principal text not null,
    hash text not null constraint token_hash_unique unique,
    prefix text not null,
    last_four text not null,
    role text,
    expires_at timestamptz,
    revoked boolean not null default false,
    constraint token_kind_known check (kind in ('personal', 'service', 'bootstrap'))
);

-- Two racing daemons make one bootstrap token.
create unique index token_one_bootstrap on token (kind) where kind = 'bootstrap' and not revoked;

create table sdk_credential (
    id uuid constraint sdk_credential_pkey primary key,
    environment_id uuid not null constraint sdk_credential_environment_fkey references environments (id),
    kind text not null,
    hash text not null constraint sdk_credential_hash_unique unique,
    sealed text,
    public text,
    masked text not null,
    expires_at timestamptz,
    revoked boolean not null default false,
    constraint sdk_credential_kind_known check (kind in ('server', 'mobile', 'client-side-id'))
);

create index sdk_credential_environment on sdk_credential (environment_id);

-- The history. One row a committed change, chained by hash, and one row for each entity it touched.
create table revision (
    number bigint constraint revision_pkey primary key,
    epoch bigint not null,
    at timestamptz not null,
    kind text not null,
    actor text not null,
    credential text not null,
    source text not null,
    comment text,
    request_id text,
    previous_hash bytea not null,
    hash bytea not null constraint revision_hash_unique unique,
    constraint revision_hash_length check (octet_length(hash) = 32 and octet_length(previous_hash) = 32)
);

create index revision_at on revision (at);
create index revision_actor on revision (actor, number desc);

create table feature_flag_audit_log (
    revision bigint not null constraint feature_flag_audit_log_revision_fkey references revision (number),
    ordinal integer not null,
    entity_kind text not null,
    entity_id uuid not null,
    key text not null,
    project text,
    environment text,
    action text not null,
    -- the whole row as text: the newest one at or before a revision is the state at that revision
    before text,
    after text,
    salt bytea not null,
    digest bytea not null,
    constraint feature_flag_audit_log_pkey primary key (revision, ordinal)
);

create index feature_flag_audit_log_entity
    on feature_flag_audit_log (entity_kind, entity_id, revision desc);
create index feature_flag_audit_log_key on feature_flag_audit_log (project, key, revision desc);
create index feature_flag_audit_log_environment on feature_flag_audit_log (project, environment, revision desc);

-- Append-only, also for the owner of the tables (ENABLE ALWAYS: not even session_replication_role helps).
create function refuse_rewrite() returns trigger language plpgsql as $$
begin
    raise exception 'the history is append-only: % on % is refused', tg_op, tg_table_name
        using errcode = 'insufficient_privilege';
end
$$;

create trigger revision_append_only before update or delete on revision
    for each row execute function refuse_rewrite();
create trigger revision_no_truncate before truncate on revision
    for each statement execute function refuse_rewrite();
create trigger feature_flag_audit_log_append_only before update or delete on feature_flag_audit_log
    for each row execute function refuse_rewrite();
create trigger feature_flag_audit_log_no_truncate before truncate on feature_flag_audit_log
    for each statement execute function refuse_rewrite();
alter table revision enable always trigger revision_append_only;
alter table revision enable always trigger revision_no_truncate;
alter table feature_flag_audit_log enable always trigger feature_flag_audit_log_append_only;
alter table feature_flag_audit_log enable always trigger feature_flag_audit_log_no_truncate;

create trigger project_updated_at before update on project
    for each row execute function set_updated_at();
create trigger environments_updated_at before update on environments
    for each row execute function set_updated_at();
create trigger feature_flags_updated_at before update on feature_flags
    for each row execute function set_updated_at();
create trigger feature_flag_configs_updated_at before update on feature_flag_configs
    for each row execute function set_updated_at();
create trigger user_segments_updated_at before update on user_segments
    for each row execute function set_updated_at();

-- Answers to writes that carried an Idempotency-Key, for 24 hours.
create table idempotency_key (
    principal text not null,
    key text not null,
    request_hash bytea not null,
    -- null where the key was burned before the write came: a late original is refused
    revision bigint,
    status integer,
    headers text,
    body text,
    created_at timestamptz not null default clock_timestamp(),
    constraint idempotency_key_pkey primary key (principal, key)
);

create index idempotency_key_created on idempotency_key (created_at);

-- Denials, log-ins and reads of secrets; unauthenticated failures aggregated.
create table access_log (
    id bigint generated always as identity constraint access_log_pkey primary key,
    at timestamptz not null default clock_timestamp(),
    principal text not null,
    credential text not null,
    action text not null,
    resource text not null,
    because text not null,
    request_id text,
    count integer not null default 1
);

create index access_log_at on access_log (at);

-- Daemons on this database, by heartbeat: what `GET /api/status` shows.
create table daemon (
    id uuid constraint daemon_pkey primary key,
    name text not null,
    version text not null,
    address text not null,
    epoch bigint not null,
    revision bigint not null,
    clients json not null default '[]',
    started_at timestamptz not null,
    seen_at timestamptz not null
);

-- Backups asked for or scheduled: a queue that every daemon may work on.
create table backup_job (
    id uuid constraint backup_job_pkey primary key,
    state text not null default 'queued',
    requested_by text not null,
    requested_at timestamptz not null default clock_timestamp(),
    run_after timestamptz not null default clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    attempts integer not null default 0,
    file text,
    bytes bigint,
    sha256 text,
    epoch bigint,
    revision bigint,
    error text,
    constraint backup_job_state_known check (state in ('queued', 'running', 'done', 'failed'))
);

create index backup_job_queue on backup_job (run_after) where state = 'queued';
-- Of two daemons that find the scheduled backup due at once, one asks for it.
create unique index backup_job_schedule_unique on backup_job (requested_by)
    where requested_by = 'schedule' and state in ('queued', 'running');
